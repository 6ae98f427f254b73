//! Every component that this binary ships with. A component that is not named here is not linked, and therefore not registered.

use add_task as _;
use artifact_summary as _;
use assign_tasks as _;
use consumer as _;
use example as _;
use file_lookup as _;
use forward as _;
use last_updated as _;
use next_task_owner as _;
use notify_people as _;
use phase_milestone as _;
use shell as _;
use webhook_in as _;

//! Recorded actions, and the platform's recorded answers.

use add_task as _;

circuits::replay_dir!("tests/recorded", "add_task");

//! Recorded actions, and the platform's recorded answers.

use add_task as _;

circuits_testing::replay_dir!("tests/recorded", "add_task");

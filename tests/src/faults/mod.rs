//! Proof by breakage: a runner in a separate process handles a stream of actions while the runner, its broker or the
//! connection between them is killed, stopped and started. Then the history of every message is compared with the rules
//! of delivery.

mod diary;
mod driver;
mod tally;

pub use diary::{Diary, Line, Step};
pub use driver::{Fault, Story};
pub use tally::{Entry, Known, Tally};

/// Makes the tests of one broker: each way to reply, each fault in turn.
#[macro_export]
macro_rules! faults {
    ($on:expr, $runner:expr) => {
        #[tokio::test(flavor = "multi_thread")]
        async fn confirmed_replies_through_every_fault() {
            $crate::faults::Story::new($on, $runner, "confirmed").play().await;
        }

        #[tokio::test(flavor = "multi_thread")]
        async fn transactions_through_every_fault() {
            $crate::faults::Story::new($on, $runner, "transaction").play().await;
        }
    };
}

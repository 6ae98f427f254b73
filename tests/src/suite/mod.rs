//! The end-to-end tests, each written once for every broker.

mod bad_input;
mod delivery;
mod failures;
mod functions;
mod process;
mod refusals;
mod selftest;
mod waiting;

pub use bad_input::{
    a_reply_that_may_not_be_sent, broken_messages_are_answered, headers_that_lack, large_messages,
};
pub use delivery::{
    every_outcome_is_answered_once, one_incident_in_order_others_beside_it, reports_come_before_the_answer,
    transactions_answer_once,
};
pub use failures::{a_restarted_broker_loses_and_doubles_nothing, a_silent_broker_is_noticed};
pub use functions::functions_are_answered_with_their_results;
pub use process::{Process, a_killed_runner_answers_once, sigterm_finishes_what_runs_and_leaves_the_rest};
pub use refusals::{certificates_that_do_not_hold, wrong_password_and_forbidden_queue};
pub use selftest::the_selftest_sends_an_action_of_its_own;
pub use waiting::what_waits_stays_with_the_broker;

/// Makes a test of each function of the suite for one broker.
#[macro_export]
macro_rules! end_to_end {
    ($on:expr, $runner:expr) => {
        $crate::end_to_end! { @each $on;
            every_outcome_is_answered_once one_incident_in_order_others_beside_it transactions_answer_once
            reports_come_before_the_answer functions_are_answered_with_their_results
            broken_messages_are_answered headers_that_lack large_messages a_reply_that_may_not_be_sent
            a_restarted_broker_loses_and_doubles_nothing a_silent_broker_is_noticed what_waits_stays_with_the_broker
            certificates_that_do_not_hold wrong_password_and_forbidden_queue the_selftest_sends_an_action_of_its_own
        }

        #[tokio::test(flavor = "multi_thread")]
        async fn a_killed_runner_answers_once() {
            $crate::suite::a_killed_runner_answers_once($on, $runner).await;
        }

        #[tokio::test(flavor = "multi_thread")]
        async fn sigterm_finishes_what_runs_and_leaves_the_rest() {
            $crate::suite::sigterm_finishes_what_runs_and_leaves_the_rest($on, $runner).await;
        }
    };
    (@each $on:expr; $($name:ident)*) => {$(
        #[tokio::test(flavor = "multi_thread")]
        async fn $name() {
            $crate::suite::$name($on).await;
        }
    )*};
}

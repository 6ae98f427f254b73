//! What handles an action: any `async fn(Arc<State>, Action) -> Result<Reply>`, and one file for each combinator that
//! wraps one. Combinators are free functions that nest outermost first.
//!
//! An action that waits in one takes no worker, and about 9 KB besides its message: 100,000 waiting actions of 4 KB, each on an
//! incident of its own, take 1.3 GB (`cargo bench -p circuits-benches --bench waiting`). The broker hands out no more than
//! `stomp_prefetch_limit` of them per destination.

mod background;
mod concurrency;
mod debounce;
mod defer;
mod gate;
#[cfg(test)]
mod nesting_tests;
mod once_per;
mod rate_limit;
mod retry;
mod room;
mod timeout;
#[cfg(test)]
pub(crate) mod trial;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

pub use background::{Background, background};
pub use concurrency::{Concurrency, concurrency};
pub use debounce::{Debounce, debounce};
pub use defer::{Defer, defer};
pub use once_per::{OncePer, once_per};
pub use rate_limit::{RateLimit, rate_limit};
pub use retry::{Policy, Retry, retry};
pub(crate) use timeout::timed_out;
pub use timeout::{Timeout, timeout};

use tokio::time::Instant;

use crate::{Action, Reply, Result};

/// The future of one handler run.
pub type HandlerFuture = Pin<Box<dyn Future<Output = Result<Reply>> + Send>>;

/// Handles the actions of a rule.
///
/// Every `async fn name(self: Arc<Self>, action: Action) -> circuits::Result<Reply>` is one, and where no state is needed
/// every `async fn name(action: Action) -> circuits::Result<Reply>`. Implement it by hand only to write a combinator.
///
/// `Form` tells the two forms apart and is always inferred.
#[diagnostic::on_unimplemented(
    message = "this is not a handler for a component whose state is `{S}`",
    label = "expected `async fn(Arc<{S}>, Action) -> circuits::Result<Reply>`",
    note = "a handler takes the component's state as `Arc<{S}>` (a method: `self: Arc<Self>`) and the `Action`, in this order; \
            without state it takes the `Action` alone",
    note = "it is `async`, returns `circuits::Result<Reply>`, and holds no `Rc`, `RefCell` borrow or lock guard across an `.await`"
)]
pub trait Handler<S, Form>: Send + Sync + 'static {
    /// Runs the handler for one action.
    fn call(&self, state: Arc<S>, action: Action) -> HandlerFuture;

    /// What an action does with its seat while this handles it. A combinator returns the most that it or the handler inside
    /// does: the combinators around it, and how many messages the broker is asked for, depend on that.
    fn seating(&self) -> Seating {
        Seating::Stays
    }

    /// The combinators around the handler, outermost first, for people: `debounce 2s newest`.
    fn combinators(&self) -> Vec<String> {
        Vec::new()
    }
}

/// What an action does with its *seat*, which is its lane (the order of its incident's actions) and a worker, while a handler
/// handles it. Later variants include the earlier ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Seating {
    /// It keeps lane and worker to the end.
    #[default]
    Stays,
    /// It may wait without a worker and keep its lane: later actions of the incident wait behind it.
    WaitsInLane,
    /// It may leave its lane too: later actions of the incident go on meanwhile.
    LeavesLane,
}

/// The combinators around a handler with one more outside.
fn around<S, Form>(inner: &impl Handler<S, Form>, outside: String) -> Vec<String> {
    let mut all = inner.combinators();
    all.insert(0, outside);
    all
}

/// A moment later by `wait`; by thirty years if the clock does not reach that far.
fn later(now: Instant, wait: Duration) -> Instant {
    const LONGEST: Duration = Duration::from_secs(30 * 365 * 86_400);
    now + wait.min(LONGEST)
}

/// The reply to an action in whose place another one is handled.
fn superseded(action: &Action) -> Reply {
    let rule = action.rule().map_or_else(String::new, |rule| format!(" \"{rule}\""));
    Reply::completed(format!(
        "Superseded: a newer{rule} action came while this one waited, and is handled instead"
    ))
}

/// The form `async fn(Arc<State>, Action)`.
#[derive(Debug)]
pub enum WithState {}

/// The form `async fn(Action)`.
#[derive(Debug)]
pub enum Stateless {}

impl<S, F, Fut> Handler<S, WithState> for F
where
    F: Fn(Arc<S>, Action) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<Reply>> + Send + 'static,
{
    fn call(&self, state: Arc<S>, action: Action) -> HandlerFuture {
        Box::pin(self(state, action))
    }
}

impl<S, F, Fut> Handler<S, Stateless> for F
where
    F: Fn(Action) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<Reply>> + Send + 'static,
{
    fn call(&self, _state: Arc<S>, action: Action) -> HandlerFuture {
        Box::pin(self(action))
    }
}

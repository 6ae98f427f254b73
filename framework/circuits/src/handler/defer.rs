//! Runs a handler some time after its action came.

use std::sync::Arc;
use std::time::Duration;

use super::room::{Room, Waited};
use super::{Handler, HandlerFuture, Seating, superseded};
use crate::Action;
use crate::delivery::lanes::LaneKey;

/// A handler that starts later; made by [`defer`].
#[derive(Debug)]
pub struct Defer<H> {
    delay: Duration,
    room: Arc<Room<LaneKey>>,
    inner: Arc<H>,
}

/// Runs `handler` when `delay` has passed since the action's turn came. Meanwhile other actions of the incident go on;
/// deferred ones of one incident keep their order among themselves.
///
/// * Acknowledgement: after the handler's reply, as for every action; while it waits the message is un-acknowledged.
/// * Disconnect: the wait goes on; the message's redelivery is recognised and only renews its acknowledgement.
/// * Shutdown: a waiting action is given back to the broker at once, unanswered, and the next runner starts its wait again.
/// * Redelivery after a crash: the delay starts again.
/// * Error: that of the handler.
pub fn defer<H>(delay: Duration, handler: H) -> Defer<H> {
    Defer { delay, room: Arc::default(), inner: Arc::new(handler) }
}

impl<S: Send + Sync + 'static, Form, H: Handler<S, Form>> Handler<S, Form> for Defer<H> {
    fn call(&self, state: Arc<S>, action: Action) -> HandlerFuture {
        let Self { delay, room, inner } = self;
        let (delay, room, inner) = (*delay, Arc::clone(room), Arc::clone(inner));
        Box::pin(async move {
            let seat = action.seat();
            match room.wait(seat.lane().clone(), seat, |_, now| super::later(now, delay)).await {
                Waited::Due => inner.call(state, action).await,
                Waited::Superseded => Ok(superseded(&action)),
            }
        })
    }

    fn seating(&self) -> Seating {
        Seating::LeavesLane
    }

    fn combinators(&self) -> Vec<String> {
        super::around(&*self.inner, format!("defer {:?}", self.delay))
    }
}

#[cfg(test)]
mod tests {
    use super::defer;
    use crate::handler::trial::{Log, Trial, ms};

    #[tokio::test]
    async fn runs_after_the_delay_in_order_of_arrival_and_blocks_nobody() {
        let trial = Trial::new(1, defer(ms(500), Log::slow)).await;
        trial.arrives("a", 1);
        trial.arrives("b", 1);
        trial.arrives("other", 2);
        assert_eq!(
            trial.end().await,
            [
                "500 a runs",
                "600 a ends",
                "600 a = worked",
                "600 other runs",
                "700 other ends",
                "700 other = worked",
                "700 b runs",
                "800 b ends",
                "800 b = worked"
            ]
        );
    }

    #[tokio::test]
    async fn what_waits_goes_back_to_the_broker_when_the_runner_stops() {
        let trial = Trial::new(1, defer(ms(500), Log::work)).await;
        trial.arrives("a", 1);
        trial.pass(100).await;
        trial.stop();
        assert_eq!(trial.end().await, ["100 a stays with the broker"]);
    }
}

//! Runs a handler some time after its action came.

use std::sync::Arc;
use std::time::Duration;

use super::room::{Room, Waited};
use super::{Handler, HandlerFuture, superseded};
use crate::Action;
use crate::lanes::LaneKey;

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
/// * Shutdown: what waits is given back to the broker at once, unanswered, and the next runner waits anew.
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
            match room.wait(seat.lane().clone(), seat, |_, now| now + delay).await {
                Waited::Due => inner.call(state, action).await,
                Waited::Superseded => Ok(superseded(&action)),
            }
        })
    }

    fn waits(&self) -> bool {
        true
    }
}

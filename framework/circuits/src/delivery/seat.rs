//! Where an action sits while its handler runs: in its lane and at a worker. Combinators leave the seat to wait, so that
//! what waits occupies neither.

use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use crate::delivery::attempt::Attempt;
use crate::delivery::headroom::Headroom;
use crate::delivery::lanes::{LaneKey, Lanes, Ticket, Turn};

/// The seat of one action.
pub(crate) struct Seat {
    lanes: Lanes,
    key: LaneKey,
    headroom: Arc<Headroom>,
    attempt: Attempt,
    turn: Mutex<Option<Turn>>,
    state: watch::Sender<State>,
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    /// At work since then.
    Taken(Instant),
    /// Waiting, or at work in the background.
    Left,
    /// Waiting when the runner stopped: the message stays with the broker.
    Abandoned,
    /// Handled.
    Done,
}

impl Seat {
    pub(crate) fn new(
        lanes: Lanes,
        key: LaneKey,
        headroom: Arc<Headroom>,
        turn: Turn,
        attempt: Attempt,
    ) -> Arc<Self> {
        let state = watch::Sender::new(State::Taken(Instant::now()));
        Arc::new(Self { lanes, key, headroom, attempt, turn: Mutex::new(Some(turn)), state })
    }

    /// Notes in the journal that the rule's handler is about to run. As long as the journal cannot, nothing runs: a message
    /// that ends the process could not be told from others afterwards.
    pub(crate) async fn start(&self, rule: Option<&str>) {
        self.attempt.of_rule(rule);
        self.count().await;
    }

    /// Takes the attempt back that a stop of the runner interrupts: the message did nothing wrong.
    pub(crate) async fn release(&self) {
        self.attempt.release().await;
    }

    /// The lane the action belongs to.
    pub(crate) fn lane(&self) -> &LaneKey {
        &self.key
    }

    /// Leaves lane and worker to others, until [`sit`](Self::sit) or for all the rest of the work.
    pub(crate) fn leave(&self) {
        self.now(State::Left);
        drop(self.turn().take());
    }

    /// Leaves lane and worker to others when the action is handled.
    pub(crate) fn done(&self) {
        self.now(State::Done);
        drop(self.turn().take());
    }

    /// A place at the end of the action's lane.
    pub(crate) fn ticket(&self) -> Ticket {
        self.lanes.ticket(&self.key)
    }

    /// Whether a worker is at it, and it does not wait.
    pub(crate) fn is_at_work(&self) -> bool {
        matches!(*self.state.borrow(), State::Taken(_))
    }

    /// Takes the seat again when the ticket's turn has come.
    pub(crate) async fn sit(&self, ticket: Ticket) {
        match ticket.turn().await {
            Some(turn) => {
                *self.turn() = Some(turn);
                self.count().await;
                self.now(State::Taken(Instant::now()));
            }
            None => self.abandon().await,
        }
    }

    /// Waits for `what` in the seat's lane, so that nothing of the incident overtakes, but gives the worker to others.
    pub(crate) async fn wait_for<T>(&self, what: impl Future<Output = T>) -> T {
        let seated = self.turn().as_mut().map(Turn::release_worker).is_some();
        if !seated {
            // In the background there is no worker to give.
            let outcome = self.unless_stopped(what).await;
            self.count().await;
            return outcome;
        }
        self.now(State::Left);
        let outcome = self.unless_stopped(what).await;
        let Some(worker) = self.lanes.worker().await else { return self.abandon().await };
        if let Some(turn) = self.turn().as_mut() {
            turn.resume(worker);
        }
        self.count().await;
        self.now(State::Taken(Instant::now()));
        outcome
    }

    /// Waits for `what`; never returns once the runner stops. Should the process die meanwhile, this message is not why.
    pub(crate) async fn unless_stopped<T>(&self, what: impl Future<Output = T>) -> T {
        self.or_abandon(async { tokio::join!(self.attempt.release(), what).1 }).await
    }

    async fn count(&self) {
        self.or_abandon(self.attempt.start()).await;
    }

    async fn or_abandon<T>(&self, what: impl Future<Output = T>) -> T {
        tokio::select! {
            biased;
            () = self.lanes.closed() => {}
            outcome = what => return outcome,
        }
        self.abandon().await
    }

    /// Resolves when the action was waiting while the runner stopped.
    pub(crate) async fn abandoned(&self) {
        let _ = self.state.subscribe().wait_for(|state| *state == State::Abandoned).await;
    }

    /// Resolves when the seat has been taken for `limit` without a break; never without a limit.
    pub(crate) async fn overstayed(&self, limit: Option<Duration>) {
        let Some(limit) = limit else { return std::future::pending().await };
        let mut state = self.state.subscribe();
        loop {
            let now = *state.borrow_and_update();
            let changed = state.changed();
            match now {
                State::Taken(since) => tokio::select! {
                    () = tokio::time::sleep_until(since + limit) => return,
                    _ = changed => {}
                },
                // The sender lives as long as this seat does.
                State::Left | State::Abandoned | State::Done => drop(changed.await),
            }
        }
    }

    async fn abandon<T>(&self) -> T {
        self.now(State::Abandoned);
        std::future::pending().await
    }

    fn now(&self, state: State) {
        let before = self.state.send_replace(state);
        match (before == State::Left, state == State::Left) {
            (false, true) => self.headroom.enter(),
            (true, false) => self.headroom.leave(),
            _ => {}
        }
    }

    fn turn(&self) -> MutexGuard<'_, Option<Turn>> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.now(State::Done);
    }
}

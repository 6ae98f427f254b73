//! Where an action sits while its handler runs: in its lane and at a worker. Combinators give up the worker or the whole seat
//! to wait, so that a waiting action occupies neither.

use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use super::attempt::Attempt;
use super::headroom::Headroom;
use super::lanes::{LaneKey, Lanes, Ticket, Turn};
use crate::signal::Waiting;

/// The seat of one action.
pub(crate) struct Seat {
    lanes: Lanes,
    key: LaneKey,
    headroom: Arc<Headroom>,
    attempt: Attempt,
    turn: Mutex<Option<Turn>>,
    /// The action needs no seat for the rest of its work.
    in_background: AtomicBool,
    state: watch::Sender<State>,
    /// What it says of its next wait.
    reason: Mutex<Option<Waiting>>,
    waits: OnceLock<Waits>,
    /// What it waits for.
    waiting: Mutex<Option<Waiting>>,
}

/// Is told of each wait.
pub(crate) type Waits = Box<dyn Fn(Waiting) + Send + Sync>;

#[derive(Clone, Copy, PartialEq)]
enum State {
    /// At work since then.
    Taken(Instant),
    /// Waiting, or at work in the background.
    Left,
    /// Waiting when the runner stopped: the message stays with the broker.
    Abandoned,
    /// Waiting when somebody set the action aside: its handler never goes on.
    Aside,
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
        let turn = Mutex::new(Some(turn));
        Arc::new(Self {
            lanes,
            key,
            headroom,
            attempt,
            turn,
            in_background: AtomicBool::new(false),
            state,
            reason: Mutex::new(None),
            waits: OnceLock::new(),
            waiting: Mutex::new(None),
        })
    }

    /// Notes in the journal that the rule's handler is about to run. As long as the journal cannot, nothing runs: otherwise a
    /// message that ends the process could not be distinguished from others afterwards. The handler's time begins here.
    pub(crate) async fn start(&self, rule: Option<&str>) {
        self.attempt.of_rule(rule);
        self.work().await;
    }

    /// Who is told when the action begins to wait.
    pub(crate) fn on_wait(&self, waits: Waits) {
        // A seat is given to one action once.
        let _ = self.waits.set(waits);
    }

    /// What its next wait is for; otherwise nobody says.
    pub(crate) fn will_wait_for(&self, waiting: Waiting) {
        *self.reason.lock().unwrap_or_else(PoisonError::into_inner) = Some(waiting);
    }

    /// Takes back the attempt that a stop of the runner interrupts: the message did nothing wrong.
    pub(crate) async fn release(&self) {
        self.attempt.release().await;
    }

    /// What the action waits for, if it waits and said so.
    pub(crate) fn reason(&self) -> Option<String> {
        let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let in_background =
            || self.in_background.load(Ordering::Relaxed).then(|| "works in the background".to_owned());
        waiting.as_ref().map(|waiting| waiting.reason.clone()).or_else(in_background)
    }

    /// Ends the action's wait for good, so that its handler never goes on. False if it does not wait, or works in the background.
    pub(crate) fn set_aside(&self) -> bool {
        let waits = |state: &mut State| {
            let waits = *state == State::Left && !self.in_background.load(Ordering::Relaxed);
            if waits {
                *state = State::Aside;
            }
            waits
        };
        let aside = self.state.send_if_modified(waits);
        if aside {
            self.headroom.leave();
        }
        aside
    }

    /// The lane the action belongs to.
    pub(crate) fn lane(&self) -> &LaneKey {
        &self.key
    }

    /// Leaves lane and worker to others for the rest of the work.
    pub(crate) fn leave_for_good(&self) {
        self.in_background.store(true, Ordering::Relaxed);
        self.leave();
    }

    /// Leaves lane and worker to others because the action is handled.
    pub(crate) fn done(&self) {
        self.now(State::Done);
        drop(self.turn().take());
    }

    /// A place at the end of the action's lane; `None` for an action in the background, which no longer needs a lane.
    pub(crate) fn ticket(&self) -> Option<Ticket> {
        (!self.in_background.load(Ordering::Relaxed)).then(|| self.lanes.ticket(&self.key))
    }

    /// Whether the action has a worker and does not wait.
    pub(crate) fn is_at_work(&self) -> bool {
        matches!(*self.state.borrow(), State::Taken(_))
    }

    /// Waits for `what` in the seat's lane, so that no action of the incident overtakes it, but gives the worker to others. If
    /// `what` is ready already, nothing is given up.
    pub(crate) async fn wait_in_lane<T>(&self, what: impl Future<Output = T>) -> T {
        let mut what = pin!(what);
        if self.is_at_work()
            && let Some(there) = at_once(what.as_mut()).await
        {
            return there;
        }
        if self.turn().as_mut().map(Turn::release_worker).is_none() {
            // In the background, or cut off while it waited outside its lane.
            return self.wait_outside(async { (what.await, self.ticket()) }).await;
        }
        self.now(State::Left);
        let outcome = self.unless_stopped(what).await;
        let Some(worker) = self.lanes.worker(&self.key).await else { return self.abandon().await };
        if let Some(turn) = self.turn().as_mut() {
            turn.resume(worker);
        }
        self.work().await;
        outcome
    }

    /// Waits for `what` outside the lane, where other actions of the incident go on; then takes the seat again, in the order
    /// of the tickets that come with it.
    pub(crate) async fn wait_outside<T>(&self, what: impl Future<Output = (T, Option<Ticket>)>) -> T {
        self.leave();
        let (outcome, ticket) = self.unless_stopped(what).await;
        match ticket {
            // In the background the action goes on without a seat.
            None => self.count().await,
            Some(ticket) => {
                let Some(turn) = ticket.turn().await else { return self.abandon().await };
                *self.turn() = Some(turn);
                self.work().await;
            }
        }
        outcome
    }

    fn leave(&self) {
        self.now(State::Left);
        drop(self.turn().take());
    }

    /// The handler goes on: the attempt counts again, and its time starts again.
    async fn work(&self) {
        self.count().await;
        if !self.now(State::Taken(Instant::now())) {
            std::future::pending::<()>().await;
        }
    }

    /// Waits for `what`; never returns once the runner stops. Should the process die meanwhile, this message is not why.
    async fn unless_stopped<T>(&self, what: impl Future<Output = T>) -> T {
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

    /// Resolves if the action was waiting when the runner stopped.
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
                State::Left | State::Abandoned | State::Aside | State::Done => drop(changed.await),
            }
        }
    }

    async fn abandon<T>(&self) -> T {
        self.now(State::Abandoned);
        std::future::pending().await
    }

    /// Changes the state. False if the action was set aside, which only its end changes.
    fn now(&self, state: State) -> bool {
        let mut before = State::Done;
        let changed = self.state.send_if_modified(|now| {
            before = *now;
            let changes = before != State::Aside || state == State::Done;
            if changes {
                *now = state;
            }
            changes
        });
        if !changed {
            return false;
        }
        match (before == State::Left, state == State::Left) {
            (false, true) => {
                self.headroom.enter();
                self.tell();
            }
            (true, false) => {
                self.headroom.leave();
                self.waiting.lock().unwrap_or_else(PoisonError::into_inner).take();
            }
            _ => {}
        }
        true
    }

    fn tell(&self) {
        let reason = self.reason.lock().unwrap_or_else(PoisonError::into_inner).take();
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).clone_from(&reason);
        if let Some(waits) = self.waits.get() {
            let some = || Waiting { reason: "its handler waits".to_owned(), until: None };
            waits(reason.unwrap_or_else(some));
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

/// The output of `future` if it is ready at the first poll.
async fn at_once<F: Future + Unpin>(mut future: F) -> Option<F::Output> {
    std::future::poll_fn(|cx| {
        std::task::Poll::Ready(match std::pin::Pin::new(&mut future).poll(cx) {
            std::task::Poll::Ready(output) => Some(output),
            std::task::Poll::Pending => None,
        })
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Reply;
    use crate::journal::{Arrival, Journal, JournalFuture, Outcome, Settlement, Standing};
    use crate::runtime::vitals::Vitals;

    /// Takes 10 s for everything.
    struct Slow;

    fn slowly<'a, T: Send + 'a>(value: T) -> JournalFuture<'a, T> {
        Box::pin(async move {
            tokio::time::sleep(Duration::from_secs(10)).await;
            Ok(value)
        })
    }

    impl Journal for Slow {
        fn begin<'a>(&'a self, arrivals: &'a [Arrival<'a>]) -> JournalFuture<'a, Vec<Standing>> {
            slowly(arrivals.iter().map(|_| Standing::Run { attempt: 1 }).collect())
        }
        fn started<'a>(&'a self, _: &'a str, _: Option<&'a str>, _: Option<i64>) -> JournalFuture<'a, ()> {
            slowly(())
        }
        fn released<'a>(&'a self, _: &'a str) -> JournalFuture<'a, ()> {
            slowly(())
        }
        fn finish<'a>(&'a self, _: &'a str, _: &'a Reply, _: Outcome) -> JournalFuture<'a, ()> {
            slowly(())
        }
        fn settled<'a>(&'a self, _: &'a str, _: Settlement) -> JournalFuture<'a, ()> {
            slowly(())
        }
    }

    /// A seat on its own, whose action is at work.
    async fn seat(lanes: &Lanes) -> Arc<Seat> {
        let key = lanes.key("q", None);
        let turn = lanes.ticket(&key).turn().await.unwrap();
        let attempt = Attempt::new(Arc::new(Slow), Arc::new(Vitals::new()), "a".to_owned(), None);
        Seat::new(lanes.clone(), key, Arc::new(Headroom::new("q", u32::MAX)), turn, attempt)
    }

    #[tokio::test(start_paused = true)]
    async fn only_what_waits_is_set_aside_and_it_never_goes_on() {
        let lanes = Lanes::new(1);
        let seat = seat(&lanes).await;
        assert!(!seat.set_aside(), "it is at work");
        seat.will_wait_for(Waiting { reason: "for dawn".to_owned(), until: None });
        let (wake, woken) = tokio::sync::oneshot::channel::<()>();
        let going_on = tokio::spawn({
            let seat = Arc::clone(&seat);
            async move { seat.wait_outside(async { (woken.await, seat.ticket()) }).await }
        });
        tokio::task::yield_now().await;
        assert_eq!(seat.reason().as_deref(), Some("for dawn"));
        assert!(seat.set_aside() && !seat.set_aside(), "once");
        wake.send(()).unwrap();
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert!(!going_on.is_finished() && !seat.is_at_work());
        going_on.abort();
        assert!(going_on.await.unwrap_err().is_cancelled());
        seat.done();
        seat.leave_for_good();
        assert!(!seat.set_aside(), "it works in the background");
    }

    #[tokio::test(start_paused = true)]
    async fn the_time_of_a_handler_begins_when_it_starts_and_not_while_the_journal_stalls() {
        let seat = seat(&Lanes::new(1)).await;
        let begun = Instant::now();
        seat.start(None).await;
        assert_eq!(begun.elapsed().as_secs(), 10);
        seat.overstayed(Some(Duration::from_secs(1))).await;
        assert_eq!(begun.elapsed().as_secs(), 11);
    }
}

//! What an operator may do to a runner at work: pause a destination, set an action aside; and what that never does to an action.

use std::sync::Arc;

use circuits::store::{MemoryStore, Store};
use circuits::{Health, HeldState, NotSetAside, Runner, Signal, Steering};
use circuits_sandbox::Status;
use circuits_tests::probe::{DESTINATION, PROBE, Probe};
use circuits_tests::world::{On, Running, World};

/// A runner at work, and the handles on it.
async fn run(
    world: &World,
    probe: &Probe,
    resilient: &str,
    store: &Arc<dyn Store>,
) -> (Running, Steering, Health) {
    let config = world.config(probe, resilient);
    let runner = Runner::with_components(config, &[&PROBE], |_| {}).await.unwrap();
    let runner = runner.store(Arc::clone(store));
    let (steering, health) = (runner.steering(), runner.health());
    let mut running = Running::of(runner);
    running.until(|signal| matches!(signal, Signal::DestinationSubscribed(_))).await;
    (running, steering, health)
}

fn store() -> Arc<dyn Store> {
    Arc::new(MemoryStore::default())
}

/// The id of the only action in this state, once there is one.
async fn only(health: &Health, state: HeldState) -> String {
    loop {
        let held: Vec<_> = health.held().into_iter().filter(|one| one.state() == state).collect();
        if let [one] = &held[..] {
            return one.message_id().to_owned();
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_paused_destination_what_runs_finishes_and_the_rest_waits_for_its_end() {
    let (world, probe) = (World::start(On::Sandbox).await, Probe::new("paused"));
    let (running, steering, health) = run(&world, &probe, "", &store()).await;
    let at_work = world.fire("Gate", world.incident()).await;
    probe.begun(1).await;
    steering.pause(DESTINATION, "ada").await.unwrap();
    let held = world.fire("Echo", world.incident()).await;
    only(&health, HeldState::Queued).await;
    probe.gate.add_permits(1);
    assert_eq!(world.settled(at_work).await.status, Status::Completed);
    let report = health.report();
    assert_eq!((report.queued, report.paused[DESTINATION].by.as_str(), probe.runs().len()), (1, "ada", 1));
    assert!(report.is_live() && report.is_ready());
    steering.resume(DESTINATION, "ada").await.unwrap();
    assert_eq!(world.settled(held).await.status, Status::Completed);
    assert!(health.report().paused.is_empty());
    running.stop().await.unwrap();
    probe.assert_nothing_ran_twice();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_outlives_the_runner_and_loses_nothing() {
    let (world, probe, store) = (World::start(On::Sandbox).await, Probe::new("pause outlives"), store());
    let (running, steering, health) = run(&world, &probe, "stomp_prefetch_limit=2", &store).await;
    steering.pause(DESTINATION, "ada").await.unwrap();
    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.push(world.fire("Echo", world.incident()).await);
    }
    while health.report().queued < 2 {
        tokio::task::yield_now().await;
    }
    running.stop().await.unwrap();
    assert!(world.has_left_over().await, "what was held stays with the broker");
    let (running, steering, health) = run(&world, &probe, "", &store).await;
    while health.report().queued < 5 {
        tokio::task::yield_now().await;
    }
    assert_eq!((steering.paused()[DESTINATION].by.as_str(), probe.runs().len()), ("ada", 0));
    steering.resume(DESTINATION, "bob").await.unwrap();
    for id in ids {
        assert_eq!(world.settled(id).await.status, Status::Completed);
    }
    running.stop().await.unwrap();
    assert!(!world.has_left_over().await);
    probe.assert_nothing_ran_twice();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_action_that_is_queued_or_waits_is_answered_when_it_is_set_aside() {
    let (world, probe) = (World::start(On::Sandbox).await, Probe::new("aside"));
    let (running, steering, health) = run(&world, &probe, "[probe]\nwait_ms=3600000", &store()).await;
    let incident = world.incident();
    let at_work = world.fire("Gate", incident).await;
    probe.begun(1).await;
    let behind = world.fire("Echo", incident).await;
    let queued = only(&health, HeldState::Queued).await;
    let deferred = world.fire("Defer", world.incident()).await;
    let waiting = only(&health, HeldState::Waiting).await;
    let works = only(&health, HeldState::Running).await;
    assert_eq!(steering.set_aside(&works, "ada"), Err(NotSetAside::AtWork));
    for (id, invocation) in [(queued, behind), (waiting, deferred)] {
        steering.set_aside(&id, "the account ada").unwrap();
        let answered = world.settled(invocation).await;
        assert_eq!(answered.status, Status::Error);
        let said = answered.text();
        assert!(said.contains("Set aside by the account ada: the action was not handled"), "{said}");
        assert_eq!(steering.set_aside(&id, "ada"), Err(NotSetAside::Gone));
    }
    probe.gate.add_permits(1);
    assert_eq!(world.settled(at_work).await.status, Status::Completed);
    let after = world.fire("Echo", incident).await;
    assert_eq!(world.settled(after).await.status, Status::Completed, "the incident's lane is free");
    running.stop().await.unwrap();
    assert_eq!(probe.runs().len(), 2);
    assert!(!world.has_left_over().await, "they are acknowledged");
}

//! What happens to good messages.

use std::collections::BTreeSet;

use circuits_sandbox::Status;

use crate::probe::Probe;
use crate::world::{On, World};

/// A handler's text, error, panic and silence each become one reply; a rule without a handler gets one too.
pub async fn every_outcome_is_answered_once(on: On) {
    let world = World::start(on).await;
    let probe = Probe::new("outcomes");
    let runner = world.run(&probe, "").await;
    let incident = world.incident();
    for (rule, status, text) in [
        ("Echo", Status::Completed, format!("echo {incident}")),
        ("Fail", Status::Error, "the ticket system is down".to_owned()),
        ("Panic", Status::Error, "The handler panicked: index out of range".to_owned()),
        ("Nobody", Status::Error, "No handler for the rule `Nobody`".to_owned()),
    ] {
        let id = world.fire(rule, incident).await;
        let invocation = world.settled(id).await;
        assert_eq!(invocation.status, status, "{rule}: {}", invocation.text());
        assert!(invocation.text().contains(&text), "{rule}: {}", invocation.text());
        assert_eq!(invocation.final_replies, 1, "{rule}");
    }
    probe.gate.add_permits(1);
    let id = world.fire("Gate", incident).await;
    assert_eq!(world.settled(id).await.text(), "at the gate\nthrough the gate");
    runner.stop().await.unwrap();
    // The limit has a separate runner: on a slow machine, printing a panic takes longer than the limit.
    let runner = world.run(&probe, "handler_timeout=1").await;
    let id = world.fire("Hang", incident).await;
    let invocation = world.settled(id).await;
    assert_eq!((invocation.status, invocation.final_replies), (Status::Error, 1));
    assert_eq!(invocation.text(), "The handler did not finish within 1 s and was stopped");
    runner.stop().await.unwrap();
    probe.assert_nothing_ran_twice();
}

/// The statuses that a handler reports while it runs reach the analyst before its answer, however many handlers report at once.
pub async fn reports_come_before_the_answer(on: On) {
    let world = World::start(on).await;
    let probe = Probe::new("reports");
    let runner = world.run(&probe, "").await;
    let mut ids = Vec::new();
    for _ in 0..200 {
        ids.push(world.fire("Tell", world.incident()).await);
    }
    for id in ids {
        assert_eq!(world.settled(id).await.text(), "running\ntold");
    }
    runner.stop().await.unwrap();
}

/// While one action of an incident runs, the next one waits, and other incidents continue.
pub async fn one_incident_in_order_others_beside_it(on: On) {
    let world = World::start(on).await;
    let probe = Probe::new("order");
    let runner = world.run(&probe, "").await;
    let (one, other) = (world.incident(), world.incident());
    let mut ids = Vec::new();
    for incident in [one, one, other] {
        ids.push(world.fire("Gate", incident).await);
    }
    // Either incident may be first, but two actions of one incident must not run at the same time.
    let begun: BTreeSet<_> = probe.begun(2).await.into_iter().map(|(incident, _)| incident).collect();
    let both = BTreeSet::from([one, other]);
    assert_eq!(begun, both, "the second action of one incident began before the first ended");
    probe.gate.add_permits(3);
    for id in ids {
        assert_eq!(world.settled(id).await.final_replies, 1);
    }
    let last = probe.runs().last().map(|(incident, _)| *incident);
    assert_eq!((probe.runs().len(), last), (3, Some(one)));
    runner.stop().await.unwrap();
}

/// `reply_mode=transaction` answers and acknowledges in one step.
pub async fn transactions_answer_once(on: On) {
    let world = World::start(on).await;
    let probe = Probe::new("transactions");
    let runner = world.run(&probe, "reply_mode=transaction\nstomp_prefetch_limit=5").await;
    let mut ids = Vec::new();
    for _ in 0..20 {
        let incident = world.incident();
        ids.push(world.fire("Echo", incident).await);
    }
    for id in ids {
        let invocation = world.settled(id).await;
        assert_eq!((invocation.status, invocation.final_replies), (Status::Completed, 1));
    }
    runner.stop().await.unwrap();
    probe.assert_nothing_ran_twice();
}

//! Actions that wait in a combinator stay un-acknowledged through a broken connection and the end of the runner.

use std::collections::BTreeMap;

use circuits::Signal;
use circuits_sandbox::Status;

use crate::probe::Probe;
use crate::world::{On, Running, World};

/// By rule: how many actions are fired, each on a different incident, and how many of them have begun to run when the runner
/// stops. It leaves the waiting ones with the broker.
const WAITING: [(&str, usize, usize); 7] = [
    ("Defer", 2, 0),
    ("Quiet", 2, 0),
    ("Again", 1, 1),
    ("Limited", 2, 1),
    ("Exclusive", 2, 1),
    ("Once", 2, 1),
    ("Background", 2, 2),
];

/// No waiting action is answered or acknowledged before its time, neither when the broker is killed nor when the runner
/// stops. The next runner handles all of them.
pub async fn what_waits_stays_with_the_broker(on: On) {
    let mut world = World::start(on).await;
    let probe = Probe::new("waiting");
    let mut runner = world.run(&probe, "shutdown_timeout=1\n[probe]\nwait_ms=3600000").await;
    let mut waiting = Vec::new();
    let mut done = Vec::new();
    for (rule, count, begun) in WAITING {
        for number in 0..count {
            let incident = world.incident();
            let id = world.fire(rule, incident).await;
            // Fire them one after the other, so that their order is certain.
            started(&mut runner, rule).await;
            let answered = rule == "Limited" && number < begun;
            if answered { &mut done } else { &mut waiting }.push((rule, id));
        }
    }
    let incident = world.incident();
    let mut newest = Vec::new();
    for _ in 0..3 {
        newest.push(world.fire("Newest", incident).await);
        started(&mut runner, "Newest").await;
    }
    for id in newest.drain(..2) {
        let superseded = world.settled(id).await;
        assert_eq!(superseded.status, Status::Completed);
        assert_eq!(
            superseded.text(),
            "Superseded: a newer \"Newest\" action came while this one waited, and is handled instead"
        );
    }
    waiting.extend(newest.into_iter().map(|id| ("Newest", id)));
    let begun: usize = WAITING.iter().map(|(_, _, begun)| begun).sum();
    probe.begun(begun).await;

    world.restart_broker().await;
    runner.until(|signal| matches!(signal, Signal::DestinationSubscribed(_))).await;
    // This one is handled after everything that the broker redelivers.
    let last = world.incident();
    let last = world.fire("Echo", last).await;
    world.settled(last).await;
    assert_eq!(probe.runs().len(), begun + 1, "a redelivered action that waits or runs is not run again");
    runner.stop().await.unwrap();
    for (rule, id) in &waiting {
        let invocation = world.sandbox.invocation(*id).unwrap();
        assert_eq!((invocation.status, invocation.final_replies), (Status::Pending, 0), "{rule}");
    }
    for (rule, id) in done {
        assert_eq!(world.settled(id).await.status, Status::Completed, "{rule}");
    }

    let next = Probe::new("waited");
    next.gate.add_permits(100);
    let runner = world.run(&next, "").await;
    let mut texts: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for (rule, id) in waiting {
        let invocation = world.settled(id).await;
        assert_eq!(invocation.status, Status::Completed, "{rule}: {}", invocation.text());
        assert_eq!(invocation.final_replies, 1, "{rule}");
        texts.entry(rule).or_default().push(invocation.replies.last().unwrap().text().to_owned());
    }
    next.assert_nothing_ran_twice();
    let again =
        texts["Once"].iter().filter(|text| text.contains("so not done again: through the gate")).count();
    assert_eq!(again, 1, "the handler runs for one of the two: {:?}", texts["Once"]);
    runner.stop().await.unwrap();
}

async fn started(runner: &mut Running, wanted: &str) {
    runner.until(|signal| matches!(signal, Signal::ActionStarted(it) if it.about.action.name.as_deref() == Some(wanted))).await;
}

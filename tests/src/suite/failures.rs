//! What happens when the broker or the connection to it breaks.

use circuits::Signal;
use circuits_sandbox::Status;

use crate::probe::Probe;
use crate::world::{On, World};

/// Messages that wait and run while the broker is killed are handled once and answered.
pub async fn a_restarted_broker_loses_and_doubles_nothing(on: On) {
    for mode in ["confirmed", "transaction"] {
        let mut world = World::start(on).await;
        let probe = Probe::new(&format!("restart-{mode}"));
        let mut runner = world.run(&probe, &format!("reply_mode={mode}\nnum_workers=8")).await;
        let mut ids = Vec::new();
        for _ in 0..40 {
            let incident = world.incident();
            ids.push(world.fire("Gate", incident).await);
        }
        probe.gate.add_permits(10);
        probe.begun(18).await;
        world.restart_broker().await;
        probe.gate.add_permits(30);
        runner.until(|signal| matches!(signal, Signal::DestinationSubscribed(_))).await;
        for id in ids {
            let invocation = world.settled(id).await;
            assert_eq!(invocation.status, Status::Completed);
            // If a receipt is lost with the connection, the confirmed mode cannot know that the reply arrived.
            let most = if mode == "transaction" { 1 } else { 2 };
            assert!(
                (1..=most).contains(&invocation.final_replies),
                "{mode}: {} final replies",
                invocation.final_replies
            );
        }
        probe.assert_nothing_ran_twice();
        assert_eq!(probe.runs().len(), 40);
        runner.stop().await.unwrap();
    }
}

/// The runner notices by missing heart-beats that a broker is silent without having closed the connection.
pub async fn a_silent_broker_is_noticed(on: On) {
    let world = World::start(on).await;
    let probe = Probe::new("silent");
    let mut runner = world.run(&probe, "stomp_heartbeat=1").await;
    let incident = world.incident();
    let id = world.fire("Gate", incident).await;
    probe.begun(1).await;
    world.stall(true);
    runner.until(|signal| matches!(signal, Signal::BrokerDisconnected(_))).await;
    world.stall(false);
    runner.until(|signal| matches!(signal, Signal::DestinationSubscribed(_))).await;
    probe.gate.add_permits(1);
    assert_eq!(world.settled(id).await.status, Status::Completed);
    probe.assert_nothing_ran_twice();
    runner.stop().await.unwrap();
}

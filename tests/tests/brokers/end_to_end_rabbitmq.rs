//! The end-to-end suite on RabbitMQ.

use circuits::Signal;
use circuits_sandbox::Status;
use circuits_tests::broker::Kind;
use circuits_tests::probe::Probe;
use circuits_tests::world::{On, World};

circuits_tests::end_to_end!(On::Real(Kind::RabbitMq), env!("CARGO_BIN_EXE_probe-runner"));

/// The app.config is as for ActiveMQ: it names no virtual host, and RabbitMQ has none that is named after its machine.
#[tokio::test(flavor = "multi_thread")]
async fn an_ordinary_app_config_works_before_and_after_a_restart() {
    let mut world = World::start(On::Real(Kind::RabbitMq)).await;
    let probe = Probe::new("ordinary");
    let mut runner = world.run(&probe, "stomp_vhost=").await;
    for restart in [true, false] {
        let incident = world.incident();
        let id = world.fire("Echo", incident).await;
        assert_eq!(world.settled(id).await.status, Status::Completed);
        if restart {
            world.restart_broker().await;
            runner.until(|signal| matches!(signal, Signal::DestinationSubscribed(_))).await;
        }
    }
    runner.stop().await.unwrap();
}

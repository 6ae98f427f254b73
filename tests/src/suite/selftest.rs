//! The self-test on every broker.

use std::sync::Arc;
use std::time::Duration;

use circuits::selftest::{State, run};

use crate::probe::{PROBE, Probe};
use crate::world::{On, World};

/// The self-test's own action goes to the broker and back, twice, if the broker allows that.
pub async fn the_selftest_sends_an_action_of_its_own(on: On) {
    let world = World::start(on).await;
    let probe = Probe::new("selftest");
    let config = Arc::new(world.config(&probe, ""));
    for _ in 0..2 {
        let steps = run(
            Arc::clone(&config),
            &[&PROBE],
            Duration::from_secs(60),
            circuits_deploy::report,
            |_| {},
            |_| {},
        )
        .await;
        let last = steps.last().unwrap();
        assert_eq!(last.name(), "loop-back action", "{steps:?}");
        match (on, last.state()) {
            (On::Sandbox, State::Skipped(_)) | (On::Real(_), State::Passed(_)) => {}
            _ => panic!("{steps:#?}"),
        }
    }
}

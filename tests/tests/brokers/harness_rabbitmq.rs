//! The session on a real RabbitMQ over TLS, and tests that the harness keeps its promises.

use circuits_tests::broker::{Broker, Kind};

#[tokio::test(flavor = "multi_thread")]
async fn the_harness_starts_kills_and_restarts_it() {
    crate::harness::all(Broker::start(Kind::RabbitMq)).await;
}

//! Proof by breakage on RabbitMQ. The long form, by hand:
//! `FAULTS_SCALE=50 cargo nextest run -p circuits-tests --no-capture --test brokers faults_rabbitmq`; a run that failed names its
//! `FAULTS_SEED`.

use circuits_tests::broker::Kind;
use circuits_tests::world::On;

circuits_tests::faults!(On::Real(Kind::RabbitMq), env!("CARGO_BIN_EXE_probe-runner"));

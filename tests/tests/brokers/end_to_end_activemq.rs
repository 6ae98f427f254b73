//! The end-to-end suite on ActiveMQ.

use circuits_tests::broker::Kind;
use circuits_tests::world::On;

circuits_tests::end_to_end!(On::Real(Kind::ActiveMq), env!("CARGO_BIN_EXE_probe-runner"));

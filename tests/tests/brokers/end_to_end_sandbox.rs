//! The end-to-end suite on the sandbox's own broker.

use circuits_tests::world::On;

circuits_tests::end_to_end!(On::Sandbox, env!("CARGO_BIN_EXE_probe-runner"));

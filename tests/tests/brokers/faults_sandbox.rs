//! Proof by breakage on the sandbox. The long form, by hand:
//! `FAULTS_SCALE=50 cargo nextest run -p circuits-tests --no-capture --test brokers faults_sandbox`; a run that failed names its
//! `FAULTS_SEED`.

use circuits_tests::world::On;

circuits_tests::faults!(On::Sandbox, env!("CARGO_BIN_EXE_probe-runner"));

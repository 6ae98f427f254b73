//! The `circuits` command with the probe component linked in, for tests that kill it.

use circuits_tests as _;

fn main() -> std::process::ExitCode {
    circuits_cli::main()
}

//! The `circuits` command with every component of the package `components` linked in.

use std::process::ExitCode;

use components as _;

fn main() -> ExitCode {
    circuits_cli::main()
}

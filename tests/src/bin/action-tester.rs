//! The `action-test` command, for tests of this package.

fn main() -> std::process::ExitCode {
    action_test::main()
}

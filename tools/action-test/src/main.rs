//! The command `action-test`.

fn main() -> std::process::ExitCode {
    action_test::main()
}

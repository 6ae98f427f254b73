//! The `circuits` command.
fn main() {}

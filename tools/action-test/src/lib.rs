//! `action-test`: submits actions to a runner, and shows what it replies. One command from the shell, or a prompt.

mod cli;
mod cmd;
mod exit;
mod link;
mod order;
mod print;
mod session;
mod show;

pub use cli::{check_command_line, main};

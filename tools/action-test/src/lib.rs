//! `action-test`: submits actions to a runner and shows its replies; runs one command from the shell, or a prompt.

mod cli;
mod cmd;
mod exit;
mod link;
mod order;
mod print;
mod session;
mod show;

pub use cli::{check_command_line, main};

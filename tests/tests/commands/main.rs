//! The commands, as a user in a shell or a supervisor meets them.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failure here is a failed test")]

mod action_test;
mod command_line;
mod config_command;
mod customize;
mod definitions;
mod event_log;
mod guide;
mod imports;
mod new_component;
mod selftest;
mod shell_help;
mod status;
mod stomp_off;

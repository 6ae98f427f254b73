//! The shipped components, each on a sandbox with its own definitions, tested by their rules and by recorded messages.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod assign_tasks;
mod last_updated;
mod next_task_owner;
mod notify;
mod originals;
mod phase_milestone;
mod platform;
mod shell;

//! Journals and stores in files.

#![allow(clippy::unwrap_used, reason = "a failure here is a failed test")]

mod killed;
mod open;
mod same_as_memory;
mod store;

//! What holds for the workspace as a whole: its rules, and its documents.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failure here is a failed test")]

mod architecture;
mod book;

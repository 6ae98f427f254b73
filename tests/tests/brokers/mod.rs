//! The session suite, written once for every real broker.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failure here is a failed test")]

pub(crate) mod harness;

//! Custom threat services of a runner, asked by the sandbox as the platform asks them, and by clients that do it wrong.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failure here is a failed test")]

mod desk;
mod peer;
mod requests;
mod scans;

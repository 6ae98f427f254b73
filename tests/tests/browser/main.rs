//! The page in a headless Chromium, on a runner in a process of its own: what operators see and do, and what attackers try.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failure here is a failed test")]

mod browser;
mod desk;
mod live;
mod login;
mod looks;
mod safety;
mod steer;

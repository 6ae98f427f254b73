//! A runner at work on a sandbox: what it survives, and how it stops.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failure here is a failed test")]

mod conflict_torture;
mod interop;
mod journal;
mod long_work;
mod new_rules;
mod no_incident;
mod platform_down;
mod reload;
mod requirements;
mod second_platform;
mod steering;
mod stopping;

//! The sandbox as a platform and a broker see it from outside.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failure here is a failed test")]

mod admin;
mod broker;
mod connect;
mod faults;
mod incidents;
mod objects;
mod rules;
mod session;
mod shapes;
mod start;
mod support;
mod threat;
mod workflows;

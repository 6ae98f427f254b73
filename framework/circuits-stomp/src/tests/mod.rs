//! Sessions against scripted brokers: pipes in memory, bytes written by hand, a clock that stands still.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "test code")]

mod closing;
mod happy;
mod liveness;
mod outage;
mod reconnect;
mod scripted;
mod sending;
mod simulation;
mod subscribing;
mod transactions;
mod virtual_host;

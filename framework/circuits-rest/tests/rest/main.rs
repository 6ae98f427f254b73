//! The client over real HTTPS, against peers that answer as each test says.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failure here is a failed test")]

mod calls;
mod connections;
mod files;
mod login;
mod lookups;
mod network;
mod pages;
mod patch;
mod refusals;
mod renewal;
mod sandbox;
mod support;
mod update;

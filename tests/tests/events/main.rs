//! Events that leave and enter over HTTP: webhooks, subscriptions, deliveries, what is received, and who may
//! call.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failure here is a failed test")]

mod accounts;
mod client_certificates;
mod commands;
mod http;
mod limits;
mod own_store;
mod process;
mod sessions;
mod subscriptions;
mod subscriptions_command;
mod webhooks;

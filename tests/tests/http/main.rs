//! The HTTP side: the JSON API and components, and who may call them; webhooks of other systems; the control queue, which leads to the
//! same routes and steers the runner.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failure here is a failed test")]

mod api;
mod attacks;
mod commander;
mod components;
mod control;
mod desk;
mod steering;
mod webhook_in;

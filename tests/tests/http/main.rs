//! The HTTP side of components: who may call them, that the control queue leads to the same routes, and the webhooks of other
//! systems.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failure here is a failed test")]

mod components;
mod control;
mod desk;
mod webhook_in;

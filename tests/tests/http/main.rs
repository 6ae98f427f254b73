//! The HTTP side: the JSON API and components, who may call them, and that the control queue leads to the same routes.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failure here is a failed test")]

mod api;
mod components;
mod control;
mod desk;

//! The HTTP side of components: who may call them; the control queue, which leads to the same routes and steers the runner.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failure here is a failed test")]

mod components;
mod control;
mod desk;
mod steering;

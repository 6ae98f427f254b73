//! The component with programs and packages that the tests write.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod bounds;
mod files;
mod packages;
mod support;

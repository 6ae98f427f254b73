//! What the end-to-end tests share: certificates, private brokers, a raw STOMP client, a probe component, and a world that
//! joins a platform, a broker and a runner.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test support that fails shall fail its test, loudly")]

pub mod activemq;
pub mod broker;
pub mod certs;
pub mod process;
pub mod rabbitmq;
pub mod raw;

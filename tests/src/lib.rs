//! The parts that the end-to-end tests share: certificates, private brokers, and a raw STOMP client.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "if test support fails, it must fail the test loudly"
)]

mod activemq;
#[cfg(doctest)]
mod book;
pub mod broker;
pub mod certs;
pub mod command;
pub mod eventful;
pub mod faults;
pub mod probe;
pub mod process;
mod rabbitmq;
pub mod raw;
pub mod receiver;
pub mod session_suite;
pub mod suite;
pub mod tester;
pub mod world;

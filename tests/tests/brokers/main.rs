//! The suites that are written once for every broker: the session, a message's way from end to end, and faults.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failure here is a failed test")]

mod end_to_end_activemq;
mod end_to_end_rabbitmq;
mod end_to_end_sandbox;
mod faults_activemq;
mod faults_rabbitmq;
mod faults_sandbox;
mod harness;
mod harness_activemq;
mod harness_rabbitmq;
mod session_activemq;
mod session_rabbitmq;

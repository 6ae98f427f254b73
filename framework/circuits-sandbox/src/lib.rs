//! An embedded platform for local use and tests: a STOMP 1.2 broker over TLS, an HTTPS REST API and a simple rule
//! engine, in this process, on loopback only.
//!
//! It is a test oracle: it shares no code with the client that is tested against it, reads frames with its own reader,
//! and imitates ActiveMQ and the platform where the standards leave room. Tests can switch faults on ([`Faults`]), and
//! they wait for conditions without polling.
//!
//! ```
//! # async fn example() -> circuits_sandbox::Result<()> {
//! use circuits_sandbox::{Rule, Sandbox};
//!
//! let sandbox = Sandbox::builder().rule(Rule::menu_item("Lookup Value").to("filelookup")).start().await?;
//! println!("{}", sandbox.app_config());
//! let id = sandbox.fire("Lookup Value", 2095, serde_json::json!({}))?;
//! let invocation = sandbox.settled(id).await;
//! println!("{}: {}", invocation.status.as_str(), invocation.text());
//! # Ok(())
//! # }
//! ```

mod api_error;
mod broker;
mod builder;
mod certs;
mod clock;
mod core;
mod error;
mod event;
mod faults;
mod invocation;
mod mock;
mod net;
mod platform;
mod request;
mod rest;
mod rule;
mod sandbox;
mod switches;
mod wait;

pub use broker::{Publication, QueueStats};
pub use builder::Builder;
pub use certs::ServerCertificate;
pub use error::{Error, Result};
pub use event::Event;
pub use faults::{Faults, RestFault};
pub use invocation::{Invocation, InvocationId, Reply, Status, StatusMessage};
pub use mock::{Answer, Call, Mock, MockServer};
pub use request::Request;
pub use rule::Rule;
pub use sandbox::{Composed, Credentials, Sandbox, Scan, Target, ThreatSource};

//! A STOMP 1.2 session over verified TLS that survives its broker.
//!
//! [`Session::start`] spawns one task that connects, subscribes, reconnects forever and sets everything up again. Messages
//! arrive in [`Deliveries`]; a [`State`] that callers watch says what the connection is doing. The session never acknowledges
//! by itself: a delivery stays with the broker until its [`AckToken`] is spent.
//!
//! ```no_run
//! use circuits_stomp::{Host, Options, Outgoing, Session, Subscription, Tls};
//!
//! # async fn demo() -> Result<(), circuits_stomp::Error> {
//! let host: Host = "broker.example.com:65001".parse()?;
//! let options = Options::new(vec![host])?.credentials("app", "secret".into()).tls(Tls::cafile("ca.pem"));
//! let (session, mut deliveries) = Session::start(options);
//! session.subscribe(Subscription { destination: "actions.201.greet".into(), prefetch: 10 }).await?;
//! while let Some(delivery) = deliveries.recv().await {
//!     let reply_to = delivery.headers.get("reply-to").unwrap_or("acks.201.greet").to_owned();
//!     session.send(Outgoing { destination: reply_to, headers: vec![], body: "{}".into() }).await?;
//!     session.ack(&delivery.token);
//! }
//! # Ok(())
//! # }
//! ```

mod backoff;
mod codec;
mod connection;
mod connector;
mod delivery;
mod error;
mod event;
mod headers;
mod options;
mod prompt;
mod registry;
mod session;
mod shared;
mod supervisor;
mod tls;
mod turns;
mod virtual_host;

#[cfg(feature = "internals")]
pub mod internals;

#[cfg(test)]
mod tests;

pub use delivery::{AckToken, Deliveries, Delivery, Flaw, Outgoing, Subscription};
pub use error::Error;
pub use event::State;
pub use headers::Headers;
pub use options::{Host, Options};
pub use secrecy::SecretString;
pub use session::Session;
pub use tls::Tls;

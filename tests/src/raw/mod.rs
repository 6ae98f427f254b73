//! A minimal STOMP client in raw bytes over TLS. It shares no code with the client under test, so that the two cannot agree
//! on a mistake. It does what the test asks, and panics when a broker behaves differently.

mod client;
mod frame;
mod probe;

pub use client::{Client, Reader, Writer};
pub use frame::Frame;
pub(crate) use probe::answers;

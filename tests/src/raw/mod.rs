//! A minimal STOMP client in raw bytes over TLS. It shares no code with the client under test, so that the two cannot agree
//! on a mistake; it does what it is told and panics when a broker does otherwise.

mod client;
mod frame;
mod probe;

pub use client::{Client, Reader, Writer};
pub use frame::Frame;
pub(crate) use probe::answers;

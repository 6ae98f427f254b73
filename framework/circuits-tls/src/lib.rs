//! The parts of TLS that REST and STOMP share: one reader of certificate files, and one explanation of failed handshakes.
//!
//! - [`Authorities`] reads the certificates to trust: a file or a directory, in the forms that OpenSSL and Python's `ssl` read.
//! - [`Identity`] reads a client certificate and its key, whatever form the key has.
//! - [`Refusal`] says who refused a connection, why, which setting is wrong and what to do.
//!
//! This crate opens no sockets.

mod authorities;
mod file_error;
mod identity;
mod pem;
mod reason;
mod refusal;
mod trusted;

pub use authorities::Authorities;
pub use file_error::FileError;
pub use identity::Identity;
pub use refusal::{Peer, Refusal};

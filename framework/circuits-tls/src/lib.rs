//! The parts of TLS that REST, STOMP and the HTTP listener share: one reader of certificate files, one explanation of failed
//! handshakes, and what accepts connections.
//!
//! - [`Authorities`] reads the certificates to trust: a file or a directory, in the forms that OpenSSL and Python's `ssl` read.
//! - [`Identity`] reads a client certificate and its key, whatever form the key has.
//! - [`Refusal`] says who refused a connection, why, which setting is wrong and what to do.
//! - [`Acceptor`] is the listener's side of a handshake, and asks for client certificates.
//!
//! This crate opens no sockets.

mod acceptor;
mod authorities;
mod file_error;
mod identity;
mod pem;
mod reason;
mod refusal;
mod trusted;

pub use acceptor::Acceptor;
pub use authorities::Authorities;
pub use file_error::FileError;
pub use identity::Identity;
pub use refusal::{Peer, Refusal};

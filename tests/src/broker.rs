//! A real broker of either kind behind one handle: how to reach it, and how to hurt it.

use std::path::PathBuf;

use tempfile::TempDir;

use crate::certs::{Authority, Flaw};
use crate::process::Server;
use crate::{activemq, rabbitmq};

/// The account that tests use.
pub const USER: &str = "app";
/// Its password.
pub const PASSWORD: &str = "s3cret";
/// A queue that the account may not read.
pub const FORBIDDEN: &str = "secret.queue";

/// Which broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Debian package `activemq`.
    ActiveMq,
    /// Debian package `rabbitmq-server` with its STOMP plugin.
    RabbitMq,
}

/// A private broker on free loopback ports. Dropping it kills it and removes its data.
#[derive(Debug)]
pub struct Broker {
    kind: Kind,
    flaw: Flaw,
    /// Port of STOMP over TLS.
    pub tls_port: u16,
    /// Port of plain STOMP, for readiness only.
    pub plain_port: u16,
    /// The authority that signed the broker's certificate.
    pub authority: Authority,
    server: Option<Server>,
    directory: TempDir,
}

impl Broker {
    /// Starts a broker.
    pub fn start(kind: Kind) -> Self {
        Self::with_certificate(kind, Flaw::None)
    }

    /// Starts a broker whose certificate has this flaw.
    pub fn with_certificate(kind: Kind, flaw: Flaw) -> Self {
        let directory = tempfile::Builder::new().prefix("broker-").tempdir().unwrap();
        let authority = Authority::new(directory.path(), "authority");
        let [tls_port, plain_port] = crate::process::free_ports();
        let mut broker = Self { kind, flaw, tls_port, plain_port, authority, server: None, directory };
        broker.restart();
        broker
    }

    /// Starts it again on the same ports and data.
    pub fn restart(&mut self) {
        self.server = None;
        let certificate = self.authority.server(self.flaw);
        let directory = self.directory.path();
        self.server = Some(match self.kind {
            Kind::ActiveMq => activemq::start(directory, &certificate, self.tls_port, self.plain_port),
            Kind::RabbitMq => rabbitmq::start(directory, &certificate, &self.authority.file, self.tls_port, self.plain_port),
        });
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        self.server = None;
    }

    /// Stops it dead without closing a connection (SIGSTOP).
    pub fn pause(&self) {
        self.server.as_ref().unwrap().signal("STOP");
    }

    /// Ends a [`pause`](Self::pause).
    pub fn resume(&self) {
        self.server.as_ref().unwrap().signal("CONT");
    }

    /// The `stomp_vhost` setting that the broker wants.
    pub fn virtual_host(&self) -> &'static str {
        match self.kind {
            Kind::ActiveMq => "localhost",
            Kind::RabbitMq => "/",
        }
    }

    /// Where the authority's certificate is.
    pub fn ca_file(&self) -> PathBuf {
        self.authority.file.clone()
    }
}

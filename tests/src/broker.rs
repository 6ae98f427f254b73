//! A real broker of either kind behind one handle: how to reach it, and how to disturb it.

use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::certs::{Authority, Certificate, Flaw};
use crate::process::{Server, free_ports, port_is_taken};
use crate::{activemq, rabbitmq, raw};

/// The account that tests use. It may use only queues below `actions.`, `acks.` and `test.`.
pub const USER: &str = "app";
/// Its password.
pub const PASSWORD: &str = "s3cret";
/// A queue that the account may not use.
pub const FORBIDDEN: &str = "secret.queue";

/// How often to try a start if another program takes the port first.
const STARTS: usize = 5;

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
    /// Which broker it is.
    pub kind: Kind,
    /// Port of STOMP over TLS, on 127.0.0.1.
    pub tls_port: u16,
    /// The authority that signed the broker's certificate.
    pub authority: Authority,
    /// Its certificate.
    pub certificate: Certificate,
    password: &'static str,
    server: Option<Server>,
    directory: TempDir,
}

impl Broker {
    /// Starts a broker and waits until it answers.
    pub fn start(kind: Kind) -> Self {
        Self::with_certificate(kind, Flaw::None)
    }

    /// Starts a broker whose certificate has this flaw.
    ///
    /// # Panics
    /// When it does not start; if the broker is not installed, the message names its Debian package.
    pub fn with_certificate(kind: Kind, flaw: Flaw) -> Self {
        Self::with(kind, flaw, PASSWORD)
    }

    /// Starts a broker whose account has another password.
    pub fn with_password(kind: Kind, password: &'static str) -> Self {
        Self::with(kind, Flaw::None, password)
    }

    fn with(kind: Kind, flaw: Flaw, password: &'static str) -> Self {
        let directory = tempfile::Builder::new().prefix("broker-").tempdir().unwrap();
        let authority = Authority::new(directory.path(), "authority");
        let certificate = authority.server(flaw);
        let mut broker =
            Self { kind, tls_port: 0, authority, certificate, password, server: None, directory };
        for attempt in 1.. {
            [broker.tls_port] = free_ports();
            match broker.launch() {
                Ok(()) => break,
                Err(log) if attempt < STARTS && port_is_taken(&log) => {}
                Err(log) => panic!("{log}"),
            }
        }
        broker
    }

    fn launch(&mut self) -> Result<(), String> {
        // An old log that reports a taken port would make every later start fail.
        let _ = std::fs::remove_file(self.directory.path().join(format!("{}.out", self.name())));
        let mut server = Server::start(self.name(), self.command(), self.directory.path());
        server.wait_until(|| raw::answers(self.tls_port, &self.certificate))?;
        self.server = Some(server);
        Ok(())
    }

    fn command(&self) -> std::process::Command {
        let directory = self.directory.path();
        match self.kind {
            Kind::ActiveMq => activemq::command(directory, &self.certificate, self.password, self.tls_port),
            Kind::RabbitMq => rabbitmq::command(
                directory,
                &self.certificate,
                &self.authority.file,
                self.password,
                self.tls_port,
            ),
        }
    }

    fn name(&self) -> &'static str {
        match self.kind {
            Kind::ActiveMq => "activemq",
            Kind::RabbitMq => "rabbitmq",
        }
    }

    /// Starts it again on the same port and data, after [`kill`](Self::kill) or [`stop`](Self::stop).
    pub fn restart(&mut self) {
        self.server = None;
        if let Err(log) = self.launch() {
            panic!("{log}");
        }
    }

    /// Makes the queues that are declared by now survive [`kill`](Self::kill), as older ones do.
    pub fn settle(&self) {
        if self.kind == Kind::RabbitMq {
            rabbitmq::sync_declarations(self.directory.path(), self.tls_port);
        }
    }

    /// `kill -9`. Queues that were declared since [`settle`](Self::settle) may be lost.
    pub fn kill(&mut self) {
        self.server = None;
    }

    /// Stops it properly.
    pub fn stop(&mut self) {
        if let Some(mut server) = self.server.take() {
            server.terminate();
        }
    }

    /// Freezes it without closing a connection (SIGSTOP).
    pub fn pause(&self) {
        self.server.as_ref().unwrap().signal("STOP");
    }

    /// Ends a [`pause`](Self::pause).
    pub fn resume(&self) {
        self.server.as_ref().unwrap().signal("CONT");
    }

    /// The virtual host that the broker wants in CONNECT; `None` if the name of the host is good enough.
    pub fn virtual_host(&self) -> Option<&'static str> {
        match self.kind {
            Kind::ActiveMq => None,
            Kind::RabbitMq => Some("/"),
        }
    }

    /// The file with the authority's certificate.
    pub fn ca_file(&self) -> PathBuf {
        self.authority.file.clone()
    }

    /// The broker's own directory, which exists as long as the broker.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Without this, a test would occasionally fail because another program was given the same port.
    #[test]
    fn a_port_that_is_taken_is_told_from_other_failures() {
        for kind in [Kind::ActiveMq, Kind::RabbitMq] {
            let mut broker = Broker::start(kind);
            broker.stop();
            let _taken = std::net::TcpListener::bind(("127.0.0.1", broker.tls_port)).unwrap();
            let log = broker.launch().unwrap_err();
            assert!(port_is_taken(&log), "{log}");
        }
    }
}

//! The settings of a sandbox, and its start.
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::broker::Broker;
use crate::certs::{ServerCertificate, Tls};
use crate::core::{Core, Post};
use crate::error::{Error, Kind as ErrorKind, Result};
use crate::net::{self, Accept};
use crate::platform::{Cause, Identity, Kind, Platform};
use crate::rule::Rule;
use crate::sandbox::{Endpoints, Sandbox};
use crate::switches::Switches;

/// Configures a [`Sandbox`]. Every setting has a default; [`Builder::start`] starts it.
#[derive(Clone)]
pub struct Builder {
    host: String,
    rest_port: u16,
    stomp_port: u16,
    certificate: ServerCertificate,
    identity: Identity,
    destinations: Vec<String>,
    rules: Vec<Rule>,
    incidents: Vec<Value>,
    external: Option<(u16, PathBuf)>,
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            host: "127.0.0.1".to_owned(),
            rest_port: 0,
            stomp_port: 0,
            certificate: ServerCertificate::default(),
            identity: Identity::generate(),
            destinations: Vec::new(),
            rules: Vec::new(),
            incidents: Vec::new(),
            external: None,
        }
    }
}

impl Builder {
    /// Where to listen: `127.0.0.1` (the default), another loopback address, `::1` or `localhost` (= `127.0.0.1`).
    /// Anything else is refused at the start.
    #[must_use]
    pub fn host(mut self, host: &str) -> Self {
        self.host = host.to_owned();
        self
    }

    /// The port of the REST API; 0, the default, takes a free one.
    #[must_use]
    pub fn rest_port(mut self, port: u16) -> Self {
        self.rest_port = port;
        self
    }

    /// The port of the broker; 0, the default, takes a free one.
    #[must_use]
    pub fn stomp_port(mut self, port: u16) -> Self {
        self.stomp_port = port;
        self
    }

    /// Which server certificate both listeners present; a valid one by default.
    #[must_use]
    pub fn certificate(mut self, certificate: ServerCertificate) -> Self {
        self.certificate = certificate;
        self
    }

    /// The API key account's id and secret, instead of generated ones.
    #[must_use]
    pub fn api_key(mut self, id: &str, secret: &str) -> Self {
        (self.identity.api_key_id, self.identity.api_key_secret) = (id.to_owned(), secret.to_owned());
        self
    }

    /// The user's e-mail address and password, instead of generated ones.
    #[must_use]
    pub fn user(mut self, email: &str, password: &str) -> Self {
        (self.identity.email, self.identity.password) = (email.to_owned(), password.to_owned());
        self
    }

    /// Adds a second organisation (id 202) of this name, in which the Actions module is disabled.
    #[must_use]
    pub fn second_org(mut self, name: &str) -> Self {
        self.identity.second_org = Some(name.to_owned());
        self
    }

    /// Adds a message destination, open to the API key and to the user.
    #[must_use]
    pub fn destination(mut self, programmatic_name: &str) -> Self {
        self.destinations.push(programmatic_name.to_owned());
        self
    }

    /// Adds a rule, and its destinations where they do not exist yet.
    #[must_use]
    pub fn rule(mut self, rule: Rule) -> Self {
        self.rules.push(rule);
        self
    }

    /// Adds an incident of this name, discovered now. Ids go up from 2096; 2095 always exists.
    #[must_use]
    pub fn incident(self, name: &str) -> Self {
        self.incident_with(json!({"name": name}))
    }

    /// Adds an incident with these fields; `discovered_date` defaults to now.
    #[must_use]
    pub fn incident_with(mut self, fields: Value) -> Self {
        self.incidents.push(fields);
        self
    }

    /// Starts only the REST side: messages go over the caller's own broker, which listens on `localhost:port`
    /// with a certificate that the CA in `cafile` signed, and accepts the API key as login.
    ///
    /// The caller carries messages to that broker ([`Sandbox::next_message`], [`Sandbox::compose`]) and its replies
    /// back ([`Sandbox::reply`]).
    #[must_use]
    pub fn external_broker(mut self, port: u16, cafile: impl AsRef<Path>) -> Self {
        self.external = Some((port, cafile.as_ref().to_path_buf()));
        self
    }

    /// Makes the certificates, binds both ports and starts serving.
    ///
    /// # Errors
    /// [`Error::is_not_loopback`] for a host beyond loopback, [`Error::is_listen`] for a port that is taken,
    /// [`Error::is_refused`] for an incident that the platform would refuse; also if certificates cannot be made or
    /// written to a temporary folder.
    pub async fn start(self) -> Result<Sandbox> {
        let ip = net::loopback(&self.host)?;
        let tls = Tls::generate(self.certificate)?;
        let folder = tempfile::Builder::new().prefix("circuits-sandbox-").tempdir();
        let folder = folder.map_err(|source| ErrorKind::Write {
            path: std::env::temp_dir().display().to_string(),
            source,
        })?;
        let ca_file = folder.path().join("ca.pem");
        std::fs::write(&ca_file, &tls.ca_pem)
            .map_err(|source| ErrorKind::Write { path: ca_file.display().to_string(), source })?;

        let (rest, rest_port) = net::listen(ip, self.rest_port).await?;
        let platform = Arc::new(Platform::new(self.identity.clone()));
        let switches = Arc::new(Switches::default());
        let accept =
            Accept { acceptor: tls.acceptor, stop: CancellationToken::new(), tasks: TaskTracker::new() };
        let (outbox, messages) = mpsc::unbounded_channel();
        let (stomp_port, broker) = match &self.external {
            Some((port, _)) => (*port, None),
            None => {
                let (listener, port) = net::listen(ip, self.stomp_port).await?;
                let broker = Broker::new(platform.clone(), switches.clone(), accept.clone(), port);
                broker.serve(listener);
                (port, Some(broker))
            }
        };
        let post = broker.map_or(Post::Outbox(outbox), Post::Broker);
        let core =
            Arc::new(Core { platform, post, switches, requests: Mutex::default(), requested: Notify::new() });
        self.furnish(&core)?;
        crate::rest::serve(core.clone(), accept.clone(), rest);
        let endpoints = Endpoints {
            host: if ip.is_ipv6() { ip.to_string() } else { "localhost".to_owned() },
            rest_port,
            stomp_port,
            ca_pem: tls.ca_pem,
            ca_file,
            stomp_ca_file: self.external.map(|(_, cafile)| cafile),
            _folder: folder,
        };
        Ok(Sandbox::new(core, accept, endpoints, messages))
    }

    /// Adds what the caller asked for. Rules come last, so that none fires for objects that exist from the start.
    fn furnish(&self, core: &Core) -> Result<()> {
        let cause = Cause { account: self.identity.user(), skip: Vec::new() };
        let mut state = core.platform.lock();
        for fields in &self.incidents {
            let mut fields = fields.clone();
            if fields["discovered_date"].is_null() {
                fields["discovered_date"] = crate::clock::now_ms().into();
            }
            let incident =
                state.new_incident(fields, &cause).map_err(|error| Error::refused(error.message))?;
            state.create(Kind::Incident, incident, &cause);
        }
        for name in &self.destinations {
            state.definitions.ensure_destination(name);
        }
        // The ids of later objects do not depend on how many incidents there are.
        state.ids.skip_to(3000);
        for rule in &self.rules {
            state.definitions.add_rule(rule);
        }
        Ok(())
    }
}

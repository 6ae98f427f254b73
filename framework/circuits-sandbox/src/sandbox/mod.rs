//! The running sandbox: where it listens, and what a user does at the platform's screen.
mod actions;
mod objects;
mod queues;
mod threat;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::{Mutex, broadcast, mpsc};
use tokio_util::sync::DropGuard;

use crate::api_error::ApiError;
use crate::broker::Broker;
use crate::builder::Builder;
use crate::core::{Core, Post};
use crate::error::{Error, Result};
use crate::event::Event;
use crate::faults::Faults;
use crate::net::Accept;
use crate::platform::{Cause, Outgoing};

pub use actions::{Composed, Target};
pub use threat::{Scan, ThreatSource};

/// The addresses of a sandbox.
pub(crate) struct Endpoints {
    pub(crate) host: String,
    pub(crate) rest_port: u16,
    pub(crate) stomp_port: u16,
    pub(crate) ca_pem: String,
    pub(crate) ca_file: PathBuf,
    /// Set when the broker is the caller's own.
    pub(crate) stomp_ca_file: Option<PathBuf>,
    /// Contains the CA file; exists as long as the sandbox.
    pub(crate) _folder: tempfile::TempDir,
}

/// The logins that a sandbox accepts, at the broker and at the REST API.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// Id of the API key account.
    pub api_key_id: String,
    /// Its secret.
    pub api_key_secret: String,
    /// The user's e-mail address.
    pub email: String,
    /// The user's password.
    pub password: String,
    /// Password of `admin`, who may use every queue of the broker but not the REST API.
    pub admin_password: String,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (id, email) = (&self.api_key_id, &self.email);
        f.debug_struct("Credentials").field("api_key_id", id).field("email", email).finish_non_exhaustive()
    }
}

/// A running platform on loopback: STOMP broker, REST API and rule engine in this process.
///
/// Dropping it stops everything; [`Sandbox::shutdown`] also waits until it has stopped.
pub struct Sandbox {
    core: Arc<Core>,
    accept: Accept,
    endpoints: Endpoints,
    messages: Mutex<mpsc::UnboundedReceiver<Outgoing>>,
    _stop: DropGuard,
}

impl std::fmt::Debug for Sandbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (url, stomp_port) = (self.url(), self.endpoints.stomp_port);
        f.debug_struct("Sandbox").field("url", &url).field("stomp_port", &stomp_port).finish_non_exhaustive()
    }
}

/// Starting, addresses, ending.
impl Sandbox {
    /// A builder with all defaults, to change and to start.
    #[must_use]
    pub fn builder() -> Builder {
        Builder::default()
    }

    pub(crate) fn new(
        core: Arc<Core>,
        accept: Accept,
        endpoints: Endpoints,
        messages: mpsc::UnboundedReceiver<Outgoing>,
    ) -> Self {
        let stop = accept.stop.clone().drop_guard();
        Self { core, accept, endpoints, messages: Mutex::new(messages), _stop: stop }
    }

    /// The port of the REST API.
    #[must_use]
    pub fn rest_port(&self) -> u16 {
        self.endpoints.rest_port
    }

    /// The port of the broker, or of the external broker if there is one.
    #[must_use]
    pub fn stomp_port(&self) -> u16 {
        self.endpoints.stomp_port
    }

    /// The base of the REST API, such as `https://localhost:4711`.
    #[must_use]
    pub fn url(&self) -> String {
        let host = &self.endpoints.host;
        let host = if host.contains(':') { format!("[{host}]") } else { host.clone() };
        format!("https://{host}:{}", self.endpoints.rest_port)
    }

    /// The CA that signed the server certificate, as PEM.
    #[must_use]
    pub fn ca_pem(&self) -> &str {
        &self.endpoints.ca_pem
    }

    /// The same CA in a file, which exists as long as the sandbox.
    #[must_use]
    pub fn ca_file(&self) -> &Path {
        &self.endpoints.ca_file
    }

    /// The logins it accepts.
    #[must_use]
    pub fn credentials(&self) -> Credentials {
        let identity = self.core.platform.identity.clone();
        Credentials {
            api_key_id: identity.api_key_id,
            api_key_secret: identity.api_key_secret,
            email: identity.email,
            password: identity.password,
            admin_password: identity.admin_password,
        }
    }

    /// Id and name of the organisation.
    #[must_use]
    pub fn org(&self) -> (i64, &str) {
        let identity = &self.core.platform.identity;
        (identity.org_id, &identity.org_name)
    }

    /// A complete `[resilient]` section of an app.config that reaches this sandbox with the API key.
    #[must_use]
    pub fn app_config(&self) -> String {
        let Endpoints { host, rest_port, stomp_port, ca_file, stomp_ca_file, .. } = &self.endpoints;
        let Credentials { api_key_id, api_key_secret, .. } = self.credentials();
        let (_, org) = self.org();
        let mut text = format!(
            "[resilient]\nhost={host}\nport={rest_port}\nstomp_port={stomp_port}\napi_key_id={api_key_id}\n\
             api_key_secret={api_key_secret}\norg={org}\ncafile={}\n",
            ca_file.display()
        );
        if let Some(cafile) = stomp_ca_file {
            text.push_str(&format!("stomp_cafile={}\n", cafile.display()));
        }
        text
    }

    /// The events from now on. A watcher that falls 4,096 events behind loses the oldest ones.
    #[must_use]
    pub fn events(&self) -> broadcast::Receiver<Event> {
        self.core.platform.events.watch()
    }

    /// The fault switches.
    #[must_use]
    pub fn faults(&self) -> Faults {
        let (switches, platform) = (self.core.switches.clone(), self.core.platform.clone());
        Faults { switches, platform, broker: self.broker().ok().cloned() }
    }

    /// Stops listening, cuts all connections and waits until every task has ended.
    pub async fn shutdown(self) {
        self.accept.stop.cancel();
        self.accept.tasks.close();
        self.accept.tasks.wait().await;
    }

    fn broker(&self) -> Result<&Arc<Broker>> {
        match &self.core.post {
            Post::Broker(broker) => Ok(broker),
            Post::Outbox(_) => {
                Err(Error::refused("the sandbox was started for an external broker and has none"))
            }
        }
    }

    /// The user who acts at the screen.
    fn user(&self) -> Cause {
        Cause { account: self.core.platform.identity.user(), skip: Vec::new() }
    }
}

fn refused(error: ApiError) -> Error {
    Error::refused(error.message)
}

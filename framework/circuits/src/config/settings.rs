//! The typed form of `[resilient]`: what the runner itself needs. Defaults and ranges stand in the table of settings.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;

use super::LogLevel;
use super::endpoint::Endpoint;
use super::read;

/// The journal's name where none is set.
pub(super) const JOURNAL: &str = "circuits.journal";
/// What is added to the journal's name for the file of the store.
pub(super) const STORE: &str = ".store";
pub(super) const DAY: Duration = Duration::from_secs(86_400);
pub(super) const MEBIBYTE: u64 = 1 << 20;

/// The settings of the runner, checked. Fields follow the keys of `[resilient]`.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Host of the REST API (`host`, required).
    pub host: String,
    /// Port of the REST API (`port`).
    pub port: u16,
    /// Who logs in, on both REST and STOMP (`api_key_id` and `api_key_secret`, or `email` and `password`; required).
    pub credentials: Credentials,
    /// Organization by name, uuid or cloud account (`org`; `None` is the only one of the user).
    pub org: Option<String>,
    /// What the certificate of the REST API is checked against (`cafile`: a path or `false`).
    pub verify: Verify,
    /// Client certificate for REST (`client_auth_cert` and `client_auth_key`).
    pub client_auth: Option<ClientAuth>,
    /// Proxy for REST (`proxy_host` and its companions; `HTTPS_PROXY` in the environment beats it).
    pub proxy: Option<Proxy>,
    /// Path before every REST path, e.g. `/api/respond` (`resource_prefix`).
    pub resource_prefix: Option<String>,
    /// How long REST answers that seldom change are kept (`cache_ttl`).
    pub cache_ttl: Duration,
    /// Attempts to log in (`max_connection_retries`; `None` is without limit).
    pub max_connection_retries: Option<u32>,
    /// Tries per REST request in all (`request_max_retries`).
    pub request_max_retries: u32,
    /// Pause before the second try of a REST request (`request_retry_delay`).
    pub request_retry_delay: Duration,
    /// Factor on the pause after each further try (`request_retry_backoff`).
    pub request_retry_backoff: u32,
    /// Whether to connect to the broker at all (`stomp`).
    pub stomp: bool,
    /// Brokers, tried in turn (`stomp_hosts`, or the one of `stomp_host` and `stomp_port`). Never empty.
    pub stomp_hosts: Vec<Endpoint>,
    /// Broker port where none is named (`stomp_port`).
    pub stomp_port: u16,
    /// The `host` header of CONNECT (`stomp_vhost`).
    pub stomp_vhost: VirtualHost,
    /// What the broker's certificate is checked against (`stomp_cafile`).
    pub stomp_verify: Verify,
    /// Client certificate for the broker (`stomp_client_auth_cert` and `stomp_client_auth_key`).
    pub stomp_client_auth: Option<ClientAuth>,
    /// Time for TCP, TLS and CONNECT together (`stomp_timeout`).
    pub stomp_timeout: Duration,
    /// Heart-beat offered to the broker (`stomp_heartbeat`; zero is off).
    pub stomp_heartbeat: Duration,
    /// Largest accepted message body (`stomp_max_body`).
    pub stomp_max_body: usize,
    /// How often a reply that the broker refuses is offered again before its message is acknowledged without it
    /// (`stomp_max_retries`; `None` is without end).
    pub stomp_max_retries: Option<u32>,
    /// Messages that the broker may send ahead (`stomp_prefetch_limit`; `None` leaves it to the number of workers).
    pub stomp_prefetch_limit: Option<u32>,
    /// How reply and acknowledgement belong together (`reply_mode`).
    pub reply_mode: ReplyMode,
    /// Handlers running at once (`num_workers`).
    pub num_workers: usize,
    /// Longest run of a handler (`handler_timeout`; `None` means no limit).
    pub handler_timeout: Option<Duration>,
    /// Whether the failure of a function becomes its result, so that the workflow goes on (`trap_exception`).
    pub trap_exception: bool,
    /// Times that the process may die while a message is handled, before it is set aside (`max_attempts`).
    pub max_attempts: u32,
    /// Time for running handlers after SIGTERM (`shutdown_timeout`).
    pub shutdown_timeout: Duration,
    /// Longest time for one step of `circuits selftest` (`selftest_timeout`).
    pub selftest_timeout: Duration,
    /// File in which messages are remembered across restarts (`journal`; `None` is off: then they are remembered in
    /// memory only).
    pub journal: Option<PathBuf>,
    /// How long settled messages stay in the journal (`journal_keep_days`; `None` means forever).
    pub journal_keep: Option<Duration>,
    /// Bytes beyond which the oldest settled messages leave the journal (`journal_max_mb`; `None` means no limit).
    pub journal_max_bytes: Option<u64>,
    /// The kind of store in which side features keep their records (`store`).
    pub store: String,
    /// File of the store, for kinds that have one (`store_file`).
    pub store_file: PathBuf,
    /// Port on which `/healthz` and `/readyz` answer (`health_port`).
    pub health_port: Option<u16>,
    /// Address on which they do (`health_host`).
    pub health_host: String,
    /// Folder in which action messages, replies and REST answers are recorded (`log_http_responses`, which must exist).
    pub log_http_responses: Option<PathBuf>,
    /// Whether `action-test` may submit actions on the test port (`test_actions`).
    pub test_actions: bool,
    /// Address of the test port (`test_host`; beyond loopback only with a `test_token`).
    pub test_host: String,
    /// The test port (`test_port`; 0 is any free one).
    pub test_port: u16,
    /// What a program must send to submit actions on the test port (`test_token`).
    pub test_token: Option<SecretString>,
    /// Files and folders with definitions of webhooks (`webhooks`).
    pub webhooks: Vec<PathBuf>,
    /// Whether others may subscribe to events (`subscriptions`).
    pub subscriptions: bool,
    /// Who is asked before an event goes to a subscriber (`events_policy_url`).
    pub events_policy_url: Option<String>,
    /// How often an event is sent before its subscription is switched off (`events_tries`).
    pub events_tries: u32,
    /// Longest time for one call to a subscriber (`events_timeout`).
    pub events_timeout: Duration,
    /// Events, and deliveries for one target, that may wait (`events_max_waiting`).
    pub events_max_waiting: u64,
    /// Environment variables that subscriptions may use (`events_variables`).
    pub events_variables: Vec<String>,
    /// Certificates to trust besides the system's (`events_cafile`).
    pub events_cafile: Option<PathBuf>,
    /// Whether targets may have link-local addresses (`events_link_local`).
    pub events_link_local: bool,
    /// Port of the HTTP listener (`http_port`).
    pub http_port: Option<u16>,
    /// Address of the HTTP listener (`http_host`).
    pub http_host: String,
    /// Certificate and key of the HTTP listener (`http_cert`, `http_key`).
    pub http_identity: Option<ClientAuth>,
    /// Authorities of the client certificates that count there (`http_client_ca`).
    pub http_client_ca: Option<PathBuf>,
    /// Whether others may reach the HTTP listener without TLS (`http_plain`).
    pub http_plain: bool,
    /// URL under which others reach it (`http_url`; without a `/` at the end).
    pub http_url: Option<String>,
    /// Header that names the user of a request (`http_user_header`).
    pub http_user_header: String,
    /// Kinds of authentication of its callers (`http_auth`); empty for those of [`DEFAULT_AUTH`](crate::account::DEFAULT_AUTH).
    pub http_auth: Vec<String>,
    /// How long a token is good that a caller gets for a password (`http_token_ttl`).
    pub http_token_ttl: Duration,
    /// Proxies that may name the user of a request (`http_trusted_proxies`).
    pub http_trusted_proxies: Vec<IpAddr>,
    /// Components not to load (`noload`).
    pub noload: Vec<String>,
    /// Directory of the log file (`logdir`).
    pub logdir: PathBuf,
    /// Name of the log file (`logfile`).
    pub logfile: String,
    /// What is logged (`loglevel`).
    pub loglevel: LogLevel,
    /// Size at which the log file is rolled over (`log_max_bytes`; 0 is never).
    pub log_max_bytes: u64,
    /// Rolled-over log files that are kept (`log_backup_count`; 0 never rolls over).
    pub log_backup_count: u32,
}

impl Default for Settings {
    /// Every default of app.config. Host and credentials have none and are empty.
    fn default() -> Self {
        read::defaults()
    }
}

/// The most that the default prefetch for work may grow to.
const MOST_PREFETCH: u32 = 2000;

/// How many messages of a destination may wait beside those that are worked on: some megabytes of them.
const ROOM_FOR_WAITING: u32 = 1000;

impl Settings {
    /// The URL under which others reach the HTTP listener, without a `/` at the end; `None` if there is none.
    pub fn http_base(&self) -> Option<String> {
        let port = self.http_port?;
        let scheme = if self.http_identity.is_some() { "https" } else { "http" };
        let host = match self.http_host.parse() {
            // Not one that anybody could call.
            Ok(IpAddr::V4(any)) if any.is_unspecified() => "127.0.0.1".to_owned(),
            Ok(IpAddr::V6(any)) if any.is_unspecified() => "[::1]".to_owned(),
            Ok(IpAddr::V6(other)) => format!("[{other}]"),
            _ => self.http_host.clone(),
        };
        Some(self.http_url.clone().unwrap_or_else(|| format!("{scheme}://{host}:{port}")))
    }

    /// How many un-acknowledged messages the broker may send for a destination: exactly `stomp_prefetch_limit` where it is set.
    /// Otherwise twice the number of workers, so that messages which wait for their incident's turn keep no worker idle (as many as
    /// workers with `reply_mode=transaction`, for what ActiveMQ needs to commit grows with what is un-acknowledged), and where
    /// handlers let messages wait, room for those.
    pub(crate) fn prefetch(&self, waits: bool) -> u32 {
        if let Some(set) = self.stomp_prefetch_limit {
            return set;
        }
        let ahead = match self.reply_mode {
            ReplyMode::Confirmed => 2,
            ReplyMode::Transaction => 1,
        };
        let workers = u32::try_from(self.num_workers).unwrap_or(u32::MAX);
        let work = workers.saturating_mul(ahead).min(MOST_PREFETCH);
        if waits { work.saturating_add(ROOM_FOR_WAITING) } else { work }
    }
}

/// Who logs in.
#[derive(Debug, Clone)]
pub enum Credentials {
    /// `api_key_id` and `api_key_secret`; wins when both pairs are given.
    ApiKey {
        /// The key's id, a uuid.
        id: String,
        /// The key's secret.
        secret: SecretString,
    },
    /// `email` and `password`.
    User {
        /// The user's e-mail address.
        email: String,
        /// The user's password.
        password: SecretString,
    },
}

/// What a server's certificate is checked against.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verify {
    /// The roots of the operating system.
    System,
    /// The certificates in this PEM file.
    CaFile(PathBuf),
    /// Nothing (`cafile=false`): whoever stands between can read the password.
    Off,
}

/// A certificate and its private key, PEM files: those of a client, or of the HTTP listener.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientAuth {
    /// The certificate chain.
    pub cert: PathBuf,
    /// The private key.
    pub key: PathBuf,
}

/// The HTTP proxy in front of the REST API.
#[derive(Debug, Clone)]
pub struct Proxy {
    /// Host, possibly with a scheme in front (`proxy_host`; the scheme's default is https).
    pub host: String,
    /// Port (`proxy_port`; 0, the default, is the scheme's: `None`).
    pub port: Option<u16>,
    /// User name (`proxy_user`).
    pub user: Option<String>,
    /// Password (`proxy_password`).
    pub password: Option<SecretString>,
}

/// The `host` header of the CONNECT frame, with which some brokers choose a virtual host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VirtualHost {
    /// The name of the host that is connected to.
    HostName,
    /// This text.
    Name(String),
    /// No such header (`stomp_vhost=none`).
    Omit,
}

/// How reply and acknowledgement belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ReplyMode {
    /// The acknowledgement leaves after the broker's receipt for the reply.
    #[default]
    Confirmed,
    /// Both travel in one transaction: no reply can be doubled, at a price in throughput.
    Transaction,
}

impl std::fmt::Display for ReplyMode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Confirmed => "confirmed",
            Self::Transaction => "transaction",
        })
    }
}

//! The typed form of `[resilient]`: what the runner itself needs. Every default is written here, once, in `Default`.

use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;

use super::LogLevel;
use super::endpoint::Endpoint;

/// The journal's name where none is set.
pub(super) const JOURNAL: &str = "circuits.journal";
pub(super) const DAY: Duration = Duration::from_secs(86_400);
pub(super) const MEBIBYTE: u64 = 1 << 20;

/// The settings of the runner, checked. Fields follow the keys of `[resilient]`.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Host of the REST API (`host`, required).
    pub host: String,
    /// Port of the REST API (`port`, 1 to 65535, default 443).
    pub port: u16,
    /// Who logs in, on both REST and STOMP (`api_key_id` and `api_key_secret`, or `email` and `password`; required).
    pub credentials: Credentials,
    /// Organization by name, uuid or cloud account (`org`, default none: the only one of the user).
    pub org: Option<String>,
    /// What the certificate of the REST API is checked against (`cafile`: a path or `false`, default the system's roots).
    pub verify: Verify,
    /// Client certificate for REST (`client_auth_cert` and `client_auth_key`, default none).
    pub client_auth: Option<ClientAuth>,
    /// Proxy for REST (`proxy_host` and its companions, default none; `HTTPS_PROXY` in the environment beats it).
    pub proxy: Option<Proxy>,
    /// Path before every REST path, e.g. `/api/respond` (`resource_prefix`, default none).
    pub resource_prefix: Option<String>,
    /// How long REST answers that seldom change are kept (`cache_ttl`, seconds, default 240).
    pub cache_ttl: Duration,
    /// Attempts to log in (`max_connection_retries`; 0 and -1, the default, are unlimited: `None`).
    pub max_connection_retries: Option<u32>,
    /// Tries per REST request in all (`request_max_retries`, 1 to 1000, default 5).
    pub request_max_retries: u32,
    /// Pause before the second try of a REST request (`request_retry_delay`, seconds, default 2).
    pub request_retry_delay: Duration,
    /// Factor on the pause after each further try (`request_retry_backoff`, 1 to 100, default 2).
    pub request_retry_backoff: u32,
    /// Whether to connect to the broker at all (`stomp`, default true).
    pub stomp: bool,
    /// Brokers, tried in turn (`stomp_hosts`, default one: `stomp_host`:`stomp_port`). Never empty.
    pub stomp_hosts: Vec<Endpoint>,
    /// Broker port where none is named (`stomp_port`, 1 to 65535, default 65001).
    pub stomp_port: u16,
    /// The `host` header of CONNECT (`stomp_vhost`, default the host's name, and none where the broker does not know that).
    pub stomp_vhost: VirtualHost,
    /// What the broker's certificate is checked against (`stomp_cafile`, default as `cafile`).
    pub stomp_verify: Verify,
    /// Client certificate for the broker (`stomp_client_auth_cert`/`_key`, default that for REST).
    pub stomp_client_auth: Option<ClientAuth>,
    /// Time for TCP, TLS and CONNECT together (`stomp_timeout`, seconds, default 60; below 30 counts as 45).
    pub stomp_timeout: Duration,
    /// Heart-beat offered to the broker (`stomp_heartbeat`, seconds, default 15; zero is off).
    pub stomp_heartbeat: Duration,
    /// Largest accepted message body (`stomp_max_body`, bytes, 1024 to 1073741824, default 64 MiB).
    pub stomp_max_body: usize,
    /// How often a reply that the broker refuses is offered again before its message is acknowledged without it
    /// (`stomp_max_retries`, default 8, about two minutes; 0 is without end: `None`).
    pub stomp_max_retries: Option<u32>,
    /// Messages that the broker may send ahead (`stomp_prefetch_limit`, 1 to 1,000,000, default none: as
    /// [`prefetch`](Self::prefetch) says).
    pub stomp_prefetch_limit: Option<u32>,
    /// How reply and acknowledgement belong together (`reply_mode`, default `confirmed`).
    pub reply_mode: ReplyMode,
    /// Handlers running at once (`num_workers`, 1 to 2000, default 25).
    pub num_workers: usize,
    /// Longest run of a handler (`handler_timeout`, seconds; 0, the default, is no limit: `None`).
    pub handler_timeout: Option<Duration>,
    /// Whether the failure of a function becomes its result, so that the workflow goes on (`trap_exception`, default false).
    pub trap_exception: bool,
    /// Times that the process may die while a message is handled, before it is set aside (`max_attempts`, 1 to 1000, default 5).
    pub max_attempts: u32,
    /// Time for running handlers after SIGTERM (`shutdown_timeout`, seconds, default 30).
    pub shutdown_timeout: Duration,
    /// Longest time for one step of `circuits selftest` (`selftest_timeout`, seconds, 1 to 3600, default 10).
    pub selftest_timeout: Duration,
    /// File in which messages are remembered across restarts (`journal`: a path or `off`, default `circuits.journal` beside
    /// `logdir`; off is `None`: then they are remembered in memory only).
    pub journal: Option<PathBuf>,
    /// How long settled messages stay in the journal (`journal_keep_days`, 1 to 3650, default 30; 0 is for ever: `None`).
    pub journal_keep: Option<Duration>,
    /// Bytes beyond which the oldest settled messages leave the journal (`journal_max_mb`, MiB, 16 to 1048576, default 1024;
    /// 0 is no limit: `None`).
    pub journal_max_bytes: Option<u64>,
    /// Port on which `/healthz` and `/readyz` answer (`health_port`, 1 to 65535; 0, the default, is none: `None`).
    pub health_port: Option<u16>,
    /// Address on which they do (`health_host`, default 127.0.0.1).
    pub health_host: String,
    /// Folder in which action messages, replies and REST answers are recorded (`log_http_responses`, must exist; default none).
    pub log_http_responses: Option<PathBuf>,
    /// Whether `action-test` may submit actions on the test port (`test_actions`, default false).
    pub test_actions: bool,
    /// Address of the test port (`test_host`, default localhost; beyond loopback only with a `test_token`).
    pub test_host: String,
    /// The test port (`test_port`, 1 to 65535, or 0 for any free one; default 8008).
    pub test_port: u16,
    /// What whoever submits actions on the test port must know (`test_token`, default none).
    pub test_token: Option<SecretString>,
    /// Components not to load (`noload`, comma separated names, default none).
    pub noload: Vec<String>,
    /// Directory of the log file (`logdir`, default `logs`, or `$APP_LOG_DIR` where that is set).
    pub logdir: PathBuf,
    /// Name of the log file (`logfile`, default `app.log`).
    pub logfile: String,
    /// What is logged (`loglevel`, default INFO).
    pub loglevel: LogLevel,
    /// Size at which the log file is rolled over (`log_max_bytes`, bytes: 0 or at least 100000, default 10000000; 0 never).
    pub log_max_bytes: u64,
    /// Rolled-over log files that are kept (`log_backup_count`, default 10; 0 never rolls over).
    pub log_backup_count: u32,
}

impl Default for Settings {
    /// Every default of app.config. Host and credentials have none and are empty.
    fn default() -> Self {
        Self {
            host: String::new(),
            port: 443,
            credentials: Credentials::ApiKey { id: String::new(), secret: SecretString::default() },
            org: None,
            verify: Verify::System,
            client_auth: None,
            proxy: None,
            resource_prefix: None,
            cache_ttl: Duration::from_secs(240),
            max_connection_retries: None,
            request_max_retries: 5,
            request_retry_delay: Duration::from_secs(2),
            request_retry_backoff: 2,
            stomp: true,
            stomp_hosts: Vec::new(),
            stomp_port: 65001,
            stomp_vhost: VirtualHost::HostName,
            stomp_verify: Verify::System,
            stomp_client_auth: None,
            stomp_timeout: Duration::from_secs(60),
            stomp_heartbeat: Duration::from_secs(15),
            stomp_max_body: 64 * 1024 * 1024,
            stomp_max_retries: Some(8),
            stomp_prefetch_limit: None,
            reply_mode: ReplyMode::Confirmed,
            num_workers: 25,
            handler_timeout: None,
            trap_exception: false,
            max_attempts: 5,
            shutdown_timeout: Duration::from_secs(30),
            selftest_timeout: Duration::from_secs(10),
            journal: Some(PathBuf::from(JOURNAL)),
            journal_keep: Some(30 * DAY),
            journal_max_bytes: Some(1024 * MEBIBYTE),
            health_port: None,
            health_host: "127.0.0.1".to_owned(),
            log_http_responses: None,
            test_actions: false,
            test_host: "localhost".to_owned(),
            test_port: 8008,
            test_token: None,
            noload: Vec::new(),
            logdir: PathBuf::from("logs"),
            logfile: "app.log".to_owned(),
            loglevel: LogLevel::Info,
            log_max_bytes: 10_000_000,
            log_backup_count: 10,
        }
    }
}

/// The most that the default prefetch for work may grow to.
const MOST_PREFETCH: u32 = 2000;

/// How many messages of a destination may wait beside those that are worked on: some megabytes of them.
const ROOM_FOR_WAITING: u32 = 1000;

impl Settings {
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

    /// The text that would give this value in app.config, or `None` where leaving the key out is the only way.
    /// Used for the defaults only: keys whose default is another key's value give `None`.
    pub(crate) fn default_text(&self, key: &str) -> Option<String> {
        let seconds = |time: Duration| time.as_secs().to_string();
        Some(match key {
            "port" => self.port.to_string(),
            "proxy_port" => self.proxy.as_ref().and_then(|proxy| proxy.port).unwrap_or(0).to_string(),
            "cache_ttl" => seconds(self.cache_ttl),
            "max_connection_retries" => self.max_connection_retries.map_or(-1, i64::from).to_string(),
            "request_max_retries" => self.request_max_retries.to_string(),
            "request_retry_delay" => seconds(self.request_retry_delay),
            "request_retry_backoff" => self.request_retry_backoff.to_string(),
            "stomp" => self.stomp.to_string(),
            "stomp_port" => self.stomp_port.to_string(),
            "stomp_timeout" => seconds(self.stomp_timeout),
            "stomp_heartbeat" => seconds(self.stomp_heartbeat),
            "stomp_max_body" => self.stomp_max_body.to_string(),
            "stomp_max_retries" => self.stomp_max_retries.unwrap_or(0).to_string(),
            "reply_mode" => self.reply_mode.to_string(),
            "num_workers" => self.num_workers.to_string(),
            "handler_timeout" => seconds(self.handler_timeout.unwrap_or_default()),
            "trap_exception" => self.trap_exception.to_string(),
            "max_attempts" => self.max_attempts.to_string(),
            "shutdown_timeout" => seconds(self.shutdown_timeout),
            "selftest_timeout" => seconds(self.selftest_timeout),
            "journal_keep_days" => {
                (self.journal_keep.unwrap_or_default().as_secs() / DAY.as_secs()).to_string()
            }
            "journal_max_mb" => (self.journal_max_bytes.unwrap_or(0) / MEBIBYTE).to_string(),
            "health_port" => self.health_port.unwrap_or(0).to_string(),
            "health_host" => self.health_host.clone(),
            "test_actions" => self.test_actions.to_string(),
            "test_host" => self.test_host.clone(),
            "test_port" => self.test_port.to_string(),
            "logdir" => self.logdir.display().to_string(),
            "logfile" => self.logfile.clone(),
            "loglevel" => self.loglevel.to_string(),
            "log_max_bytes" => self.log_max_bytes.to_string(),
            "log_backup_count" => self.log_backup_count.to_string(),
            _ => return None,
        })
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

/// A client certificate and its private key, PEM files.
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

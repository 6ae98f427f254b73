//! The keys that app.config may hold in `[resilient]` and `[integrations]`: which of them this runner reads, which
//! environment variable stands above the file, and which it knows only because existing files contain them.

/// One key of `[resilient]` that this runner reads.
#[derive(Debug)]
pub(crate) struct Key {
    pub(crate) name: &'static str,
    /// Environment variable that beats the file.
    pub(crate) env: Option<&'static str>,
    /// Another key whose value is the default of this one.
    pub(crate) same_as: Option<&'static str>,
    /// Never shown.
    pub(crate) secret: bool,
}

const fn key(name: &'static str) -> Key {
    Key { name, env: None, same_as: None, secret: false }
}

impl Key {
    const fn env(mut self, variable: &'static str) -> Self {
        self.env = Some(variable);
        self
    }

    const fn same_as(mut self, other: &'static str) -> Self {
        self.same_as = Some(other);
        self
    }

    const fn secret(mut self) -> Self {
        self.secret = true;
        self
    }
}

/// Every key of `[resilient]` that this runner reads, in the order of the sample file.
pub(crate) const KEYS: &[Key] = &[
    key("host"),
    key("port"),
    key("api_key_id"),
    key("api_key_secret").secret(),
    key("email"),
    key("password").secret(),
    key("org"),
    key("cafile"),
    key("client_auth_cert"),
    key("client_auth_key"),
    key("proxy_host"),
    key("proxy_port"),
    key("proxy_user"),
    key("proxy_password").secret(),
    key("resource_prefix").env("RESOURCE_PREFIX"),
    key("cache_ttl"),
    key("max_connection_retries").env("RESILIENT_MAX_CONNECTION_RETRIES"),
    key("request_max_retries"),
    key("request_retry_delay"),
    key("request_retry_backoff"),
    key("stomp"),
    key("stomp_host").same_as("host"),
    key("stomp_port"),
    key("stomp_hosts"),
    key("stomp_vhost"),
    key("stomp_cafile").same_as("cafile"),
    key("stomp_client_auth_cert").same_as("client_auth_cert"),
    key("stomp_client_auth_key").same_as("client_auth_key"),
    key("stomp_timeout").env("RESILIENT_STOMP_TIMEOUT"),
    key("stomp_heartbeat"),
    key("stomp_max_body"),
    key("stomp_max_retries").env("RESILIENT_STOMP_MAX_RETRIES"),
    key("stomp_prefetch_limit"),
    key("reply_mode"),
    key("num_workers"),
    key("handler_timeout"),
    key("trap_exception"),
    key("max_attempts"),
    key("shutdown_timeout"),
    key("selftest_timeout"),
    key("journal"),
    key("journal_keep_days"),
    key("journal_max_mb"),
    key("health_port"),
    key("health_host"),
    key("log_http_responses"),
    key("test_actions"),
    key("test_host"),
    key("test_port"),
    key("test_token").secret(),
    key("noload"),
    key("logdir"),
    key("logfile"),
    key("loglevel").env("LOGLEVEL"),
    key("log_max_bytes"),
    key("log_backup_count"),
];

/// The environment variable that replaces the default of `logdir`, and is beaten by the file.
pub(crate) const LOG_DIR_VARIABLE: &str = "APP_LOG_DIR";

/// Keys that the Python runner reads and this one does not, with what an operator should know, if anything.
pub(crate) const UNUSED: &[(&str, Option<&str>)] = &[
    ("actions_component", Some("components are linked at compile time")),
    ("componentsdir", Some("components are linked at compile time, no directory is searched for them")),
    ("heartbeat_timeout_threshold", Some("a silent broker is noticed by heart-beats, see stomp_heartbeat")),
    ("ignore_message_failure", Some("a message that cannot be read is always answered and acknowledged")),
    ("low_code_queues_list", None),
    ("multi_org_function_json", Some("multi-tenant mode is not available yet")),
    ("multitenancy", Some("multi-tenant mode is not available yet")),
    ("pam_type", Some("secrets from a password vault are not available yet; use $NAME from the environment")),
    ("no_prompt_password", Some("a missing password is an error, nothing is asked")),
    ("proxy", Some("use proxy_host and proxy_port")),
    ("rc_use_persistent_sessions", None),
    ("resilient_mock", Some("use `circuits run --sandbox` for a platform without a server")),
    ("stomp_max_connection_errors", Some("the connection is re-established for ever")),
    ("stomp_params", Some("use stomp_timeout, stomp_heartbeat and stomp_hosts")),
    ("stomp_timer_interval", None),
    ("stomp_url", Some("use stomp_host and stomp_port")),
    ("ui_lock", None),
];

/// Keys of `[integrations]`, which components read.
pub(crate) const INTEGRATIONS: &[&str] = &["http_proxy", "https_proxy", "timeout", "ui_lock", "verify"];

/// Keys that the framework or the peer's library allow in the section of any component.
pub(crate) const COMPONENT: &[&str] = &[
    "client_auth_cert",
    "client_auth_key",
    "http_proxy",
    "https_proxy",
    "inbound_destination_api_name",
    "polling_interval",
    "polling_lookback",
    "queue",
    "timeout",
    "ui_lock",
    "verify",
];

/// The key of `[resilient]` with this name, if this runner reads it.
pub(crate) fn find(name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.name == name)
}

/// Every name that `[resilient]` may hold without a warning.
pub(crate) fn known() -> impl Iterator<Item = &'static str> {
    KEYS.iter().map(|key| key.name).chain(UNUSED.iter().map(|(name, _)| *name))
}

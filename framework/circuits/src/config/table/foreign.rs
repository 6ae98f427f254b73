//! Keys that are known and are no settings of this runner: the Python runner's, and those of any component.

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
    ("stomp_max_connection_errors", Some("the connection is always re-established")),
    ("stomp_params", Some("use stomp_timeout, stomp_heartbeat and stomp_hosts")),
    ("stomp_timer_interval", None),
    ("stomp_url", Some("use stomp_host and stomp_port")),
    ("ui_lock", None),
];

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

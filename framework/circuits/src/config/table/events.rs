//! Settings of what goes out about actions, and of the HTTP listener.

use super::kind::{Kind, Range};
use super::{Key, key};

pub(super) const KEYS: &[Key] = &[
    key(
        "webhooks",
        Kind::List,
        "Files with definitions of webhooks (YAML or JSON), or folders of such files, separated by commas: calls to other \
         systems when something happens to an action. `circuits config check` checks them.",
    )
    .sample("webhooks.yml"),
    key(
        "subscriptions",
        Kind::Flag,
        "Whether others may subscribe to events, over http_port or with `circuits subscriptions`.",
    )
    .default("false"),
    key(
        "events_policy_url",
        Kind::Text,
        "Who is asked before an event goes to a subscriber: POST <url>/events/<user> with the event; 2xx allows it, 4xx \
         does not, 5xx switches the subscription off.",
    )
    .otherwise("every subscriber gets what matches"),
    key(
        "events_tries",
        Kind::Number(Range::new(1, 50)),
        "How often an event is sent to a subscriber that does not take it, before the subscription is switched off; the \
         pauses grow from 5 s to 30 min.",
    )
    .default("8"),
    key(
        "events_timeout",
        Kind::Seconds(Range::new(1, 300)),
        "Longest time for one call to a subscriber or to events_policy_url.",
    )
    .default("10"),
    key(
        "events_max_waiting",
        Kind::Number(Range::new(100, 10_000_000)),
        "How many events may wait to be passed on, and how many deliveries for one target; what comes beyond that is \
         counted and dropped, and replies never wait for it. As many delivered events are kept, for journal_keep_days at \
         most.",
    )
    .default("100000"),
    key(
        "events_variables",
        Kind::List,
        "Environment variables that a subscription may name as `${NAME}` in its credentials, separated by commas. A \
         subscriber chooses where they are sent, so name none that only the runner should know.",
    ),
    key(
        "events_cafile",
        Kind::Path,
        "PEM file of further certificates to trust when webhooks and subscribers are called over HTTPS.",
    ),
    key(
        "events_link_local",
        Kind::Flag,
        "Whether webhooks and subscribers may be at link-local addresses and at those of cloud metadata services.",
    )
    .default("false"),
    key(
        "http_port",
        Kind::Number(Range::new(1, 65_535).zero("none")),
        "Port on which subscriptions (/eventmatch), events from outside (/receive), answers to callbacks (/tmp) and logins \
         (/management/auth, /management/session) are taken over HTTP; /healthz and /readyz answer there, too.",
    )
    .default("0"),
    key(
        "http_host",
        Kind::Host,
        "Address of http_port. Beyond this machine (0.0.0.0, for instance) it wants http_cert and an account.",
    )
    .default("127.0.0.1"),
    key(
        "http_cert",
        Kind::Path,
        "Certificate of http_port, with those that it depends on (PEM): then it speaks TLS. It is read again when the file \
         changes.",
    ),
    key("http_key", Kind::Path, "Private key of http_cert (PEM)."),
    key(
        "http_client_ca",
        Kind::Path,
        "Certificates of the authorities whose client certificates count (PEM): then http_port asks for one, and takes callers \
         without, too. It is read again when the file changes. See client_cert in http_auth.",
    ),
    key(
        "http_plain",
        Kind::Flag,
        "Whether http_port may be reached from other machines without TLS, because something in between encrypts. Passwords \
         and tokens are readable on the way.",
    )
    .default("false"),
    key(
        "http_url",
        Kind::Text,
        "URL under which others reach http_port, for instance through a proxy: callback_url begins with it.",
    )
    .otherwise("http or https, http_host and http_port"),
    key(
        "http_user_header",
        Kind::Text,
        "Header in which a proxy names the user of a request to http_port: as long as there is no account one on this \
         machine, with `trusted_header` in http_auth one of http_trusted_proxies.",
    )
    .default("Http-Remote-User"),
    key(
        "http_auth",
        Kind::List,
        "How callers of http_port say who they are, once `circuits account add` has made an account. basic: name and \
         password. token: what `POST /management/auth` or `circuits account token` gives. session: the \
         cookie that `POST /management/session` gives a browser. client_cert: a client certificate whose common name is the account's (http_client_ca). trusted_header: http_user_header. `circuits \
         list` names further kinds that are linked.",
    )
    .otherwise("basic, session, token"),
    key(
        "http_token_ttl",
        Kind::Seconds(Range::new(1, 31_536_000)),
        "Seconds for which a token of `POST /management/auth` or `POST /management/session` is good.",
    )
    .default("3600"),
    key(
        "http_trusted_proxies",
        Kind::List,
        "Addresses of the proxies whose http_user_header is believed.",
    )
    .default("127.0.0.1, ::1"),
];

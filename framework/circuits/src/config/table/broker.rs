//! Settings of the connection to the message broker.

use super::kind::{Kind, Range};
use super::{Key, key};

pub(super) const KEYS: &[Key] = &[
    key(
        "stomp",
        Kind::Flag,
        "Whether to connect to the broker at all. With `false` a runner has its timers and the test port alone.",
    )
    .default("true"),
    key("stomp_host", Kind::Host, "Host of the broker. On CP4S it is not the platform's.")
        .same_as("host")
        .sample("resilient.example.com"),
    key("stomp_port", Kind::Number(Range::new(1, 65_535)), "Port of the broker; 443 on CP4S.").default("65001"),
    key(
        "stomp_hosts",
        Kind::List,
        "Several brokers, tried in turn: host or host:port, separated by commas. Takes the place of stomp_host.",
    ),
    key("stomp_vhost", Kind::Text, "Virtual host named to the broker, or `none` to name none.")
        .otherwise("the name of the host; a broker that does not know a virtual host of that name (RabbitMQ) is asked for its default one"),
    key("stomp_cafile", Kind::Path, "As cafile, for the broker.").same_as("cafile"),
    key("stomp_client_auth_cert", Kind::Path, "As client_auth_cert, for the broker.").same_as("client_auth_cert"),
    key("stomp_client_auth_key", Kind::Path, "As client_auth_key, for the broker.").same_as("client_auth_key"),
    key(
        "stomp_timeout",
        Kind::Seconds(Range::new(0, 86_400)),
        "Seconds for connecting, TLS and login together; below 30 counts as 45.",
    )
    .default("60")
    .env("RESILIENT_STOMP_TIMEOUT"),
    key(
        "stomp_heartbeat",
        Kind::Seconds(Range::new(1, 3600).zero("off")),
        "Seconds between heart-beats, by which a dead connection is noticed.",
    )
    .default("15"),
    key(
        "stomp_max_body",
        Kind::Number(Range::new(1024, 1 << 30)),
        "Largest message that is accepted, in bytes.",
    )
    .default("67108864"),
    key(
        "stomp_max_retries",
        Kind::Number(Range::new(1, i32::MAX as i64).zero("without end")),
        "How often a reply that the broker refuses is offered again, at growing distances, before its message is \
         acknowledged without it; 8 take two minutes.",
    )
    .default("8")
    .env("RESILIENT_STOMP_MAX_RETRIES"),
    key(
        "stomp_prefetch_limit",
        // The Python runner's limit of 2000 would be too small for actions that wait for hours.
        Kind::Number(
            Range::new(1, 1_000_000).words("stomp_prefetch_limit must be in the range 1 <= 1000000"),
        ),
        "Messages that the broker may send before the first is acknowledged.",
    )
    .otherwise(
        "twice num_workers, once with reply_mode=transaction, and 1000 more where handlers let messages wait: defer, \
         debounce, rate_limit and the like",
    )
    .sample("25"),
];

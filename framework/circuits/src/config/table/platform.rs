//! Settings of the REST session: where the platform is, as whom to log in, and how patient to be.

use super::kind::{Kind, Range};
use super::{Key, key};

const ANYTHING: i64 = i32::MAX as i64;

pub(super) const KEYS: &[Key] = &[
    key("host", Kind::Host, "Host name of the platform's REST API.")
        .otherwise("none; it has to be set").given("resilient.example.com"),
    key("port", Kind::Number(Range::new(1, 65_535)), "Port of the REST API.").default("443"),
    key(
        "api_key_id",
        Kind::Text,
        "Id of the API key to log in with; preferred to a user, and it wins if both pairs are set.",
    )
    .given("$RESILIENT_API_KEY_ID"),
    key("api_key_secret", Kind::Text, "The API key's secret.").secret().given("$RESILIENT_API_KEY_SECRET"),
    key(
        "email",
        Kind::Text,
        "E-mail address of the user to log in as, instead of an API key; the platform calls this deprecated.",
    ),
    key("password", Kind::Text, "The user's password.").secret(),
    key(
        "org",
        Kind::Text,
        "Organization: its name, uuid or cloud account. May be left out if the account is a member of one only.",
    )
    .sample("My Org"),
    key(
        "cafile",
        Kind::Path,
        "Certificates to trust: a file (PEM or DER), or a directory made by `openssl rehash`. `false` turns the check off: \
         whoever stands between can then read the password, so keep that for experiments. Name the certificate of the \
         authority that issued the server's. A self-signed server needs no more than what it shows; if a server does not \
         show its root, `circuits selftest` names the certificate to append. To save what a server shows:\n    \
         openssl s_client -connect resilient.example.com:443 -showcerts < /dev/null 2> /dev/null | sed -n '/BEGIN CERT/,/END CERT/p' > ~/.resilient/cert.cer",
    )
    .otherwise("those of the operating system"),
    key(
        "client_auth_cert",
        Kind::Path,
        "Client certificate with its chain, a PEM file. Needs client_auth_key, and the other way round; both may name one file.",
    ),
    key("client_auth_key", Kind::Path, "Private key of the client certificate without a password (PKCS#8, PKCS#1 or SEC1), a PEM file."),
    key(
        "proxy_host",
        Kind::Host,
        "HTTP proxy for REST, e.g. proxy_host=http://proxy.example.com; without a scheme it is spoken to in TLS (https://). \
         HTTPS_PROXY, ALL_PROXY and NO_PROXY in the environment beat it.",
    ),
    key("proxy_port", Kind::Number(Range::new(1, 65_535).zero("the scheme's own")), "Port of the proxy.")
        .default("0"),
    key("proxy_user", Kind::Text, "User name for the proxy."),
    key("proxy_password", Kind::Text, "Password for the proxy.").secret(),
    key("resource_prefix", Kind::Text, "Path before every REST path, e.g. /api/respond on CP4S.")
        .env("RESOURCE_PREFIX"),
    key(
        "cache_ttl",
        Kind::Seconds(Range::new(0, 86_400)),
        "Seconds for which REST answers that seldom change are kept.",
    )
    .default("240"),
    key(
        "max_connection_retries",
        Kind::Number(Range::new(-1, ANYTHING)),
        "Attempts to log in at start; 0 and -1 are without limit.",
    )
    .default("-1")
    .env("RESILIENT_MAX_CONNECTION_RETRIES"),
    key("request_max_retries", Kind::Number(Range::new(1, 1000)), "Tries of one REST request in all.")
        .default("5"),
    key(
        "request_retry_delay",
        Kind::Seconds(Range::new(0, 3600)),
        "Seconds before the second try of a REST request.",
    )
    .default("2"),
    key(
        "request_retry_backoff",
        Kind::Number(Range::new(1, 100)),
        "Factor by which the pause grows after each further try.",
    )
    .default("2"),
];

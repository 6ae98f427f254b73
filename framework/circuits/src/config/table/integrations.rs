//! Settings of `[integrations]`: for all components that call other services, if they read it.

use super::kind::Kind;
use super::{Key, key};

pub(super) const KEYS: &[Key] = &[
    key("http_proxy", Kind::Text, "Proxy for calls over HTTP."),
    key("https_proxy", Kind::Text, "Proxy for calls over HTTPS."),
    key("timeout", Kind::Text, "Seconds for one such call.").sample("30"),
    key("verify", Kind::Text, "true, false, or a PEM file of certificates to trust.").sample("true"),
];

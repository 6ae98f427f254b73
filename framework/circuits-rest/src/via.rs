//! The proxy on the way to the platform: which one it is, which setting names it, and what its failures mean.

use std::fmt;

use circuits_tls::{Peer, Refusal};

use crate::{Error, Options, error::Kind, no_proxy};

/// The proxy that is in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Via {
    scheme: String,
    /// Host and port, as written.
    place: String,
    setting: &'static str,
    authenticates: bool,
}

impl Via {
    /// The proxy for `options`: the environment beats the file, and `NO_PROXY` beats both.
    ///
    /// # Errors
    /// It speaks something other than HTTP.
    pub(crate) fn of(options: &Options) -> Result<Option<Self>, Error> {
        if no_proxy::covers(&options.host, options.port) {
            return Ok(None);
        }
        let via = match environment() {
            Some((name, value)) => Self::parse(name, &value, false),
            None => match &options.proxy {
                Some(proxy) => Self::parse("proxy_host", proxy.url(), proxy.credentials.is_some()),
                None => return Ok(None),
            },
        };
        if matches!(via.scheme.as_str(), "http" | "https") {
            return Ok(Some(via));
        }
        let text = format!("{} names a proxy for {}, which is not supported", via.setting, via.scheme);
        Err(Error::new(Kind::Invalid, text).hint(format!(
            "name an HTTP proxy: {}=http://{}",
            via.setting,
            via.bare()
        )))
    }

    /// Reads `scheme://user:password@host:port`, all but the host optional, and forgets the credentials.
    fn parse(setting: &'static str, url: &str, authenticates: bool) -> Self {
        // Curl and most others take a proxy without a scheme as a plain one.
        let (scheme, rest) = url.split_once("://").unwrap_or(("http", url));
        let (login, place) =
            rest.rsplit_once('@').map_or((None, rest), |(login, place)| (Some(login), place));
        Self {
            scheme: scheme.to_ascii_lowercase(),
            place: place.split('/').next().unwrap_or_default().to_owned(),
            setting,
            authenticates: authenticates || login.is_some(),
        }
    }

    /// Whether a setting in the file names it, not the environment.
    pub(crate) fn is_configured(&self) -> bool {
        self.setting == "proxy_host"
    }

    /// What to write after the scheme: the file keeps the port in a key of its own.
    fn bare(&self) -> &str {
        if self.is_configured() { self.host() } else { &self.place }
    }

    /// Where host and port of the proxy are set.
    fn settings(&self) -> &'static str {
        if self.is_configured() { "`proxy_host` and `proxy_port`" } else { self.setting }
    }

    /// The hint for a proxy that is spoken to without TLS.
    fn plain(&self) -> String {
        format!(
            "if it is an ordinary proxy, which is spoken to without TLS, write {}=http://{}",
            self.setting,
            self.bare()
        )
    }

    /// What a failure on the way to the proxy or with it means; `target` is what it was asked for.
    pub(crate) fn explain(&self, cause: &str, target: &str) -> Error {
        let lower = cause.to_ascii_lowercase();
        let refused = |text: String, hint: String| Error::new(Kind::Connect, text).hint(hint);
        let settings = self.settings();
        let error = if lower.contains("proxy authorization required") {
            let hint = match (self.is_configured(), self.authenticates) {
                (true, false) => "set `proxy_user` and `proxy_password`".to_owned(),
                (true, true) => "correct `proxy_user` and `proxy_password`".to_owned(),
                (false, _) => format!(
                    "write user and password into {}: {}://user:password@{}",
                    self.setting, self.scheme, self.place
                ),
            };
            let what = if self.authenticates { "does not accept the login" } else { "wants a login" };
            refused(format!("{self} refused: it {what} (407)"), hint)
        } else if lower.contains("tunnel error: unsuccessful") {
            refused(
                format!("{self} refused to connect to {target}"),
                "have the proxy allow CONNECT to it, or name the platform in NO_PROXY to reach it directly"
                    .to_owned(),
            )
        } else if let Some(refusal) = Refusal::explain(cause, &Peer::proxy(self.host(), settings)) {
            let kind = if refusal.is_certificate() { Kind::Certificate } else { Kind::Tls };
            if refusal.is_not_tls() {
                Error::new(kind, format!("{self} does not speak TLS")).hint(self.plain())
            } else {
                Error::new(kind, format!("{self}: {}", refusal.text())).hint(refusal.cure())
            }
        } else if lower.contains("failed to create underlying connection") {
            let cause = cause.rsplit(": ").next().unwrap_or(cause);
            refused(format!("{self} cannot be reached: {cause}"), format!("check {settings}"))
        } else {
            let hint = if self.scheme == "https" {
                self.plain()
            } else {
                format!(
                    "check {settings}; a proxy that wants TLS is written {}=https://{}",
                    self.setting,
                    self.bare()
                )
            };
            refused(
                format!("{self} ended the connection instead of opening a way to {target} ({cause})"),
                hint,
            )
        };
        error.by_proxy()
    }

    /// The error for a connection that was not made in time, when nothing shows where it got stuck.
    pub(crate) fn silent(&self, limit: std::time::Duration) -> Error {
        let hint = match self.scheme.as_str() {
            "https" => format!("check {}; {}", self.settings(), self.plain()),
            _ => format!("check {}, and whether the proxy reaches the platform", self.settings()),
        };
        Error::new(Kind::Connect, format!("no connection through {self} within {limit:?}"))
            .hint(hint)
            .by_proxy()
    }

    fn host(&self) -> &str {
        match self.place.rsplit_once(':') {
            // Not the last group of an address in brackets.
            Some((host, port)) if port.bytes().all(|digit| digit.is_ascii_digit()) => host,
            _ => &self.place,
        }
    }
}

impl fmt::Display for Via {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the proxy {}://{} ({})", self.scheme, self.place, self.setting)
    }
}

/// What the environment says. Only what applies to HTTPS counts; the platform is never spoken to without TLS.
fn environment() -> Option<(&'static str, String)> {
    ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"]
        .into_iter()
        .find_map(|name| Some((name, std::env::var(name).ok().filter(|value| !value.is_empty())?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_is_named_without_its_credentials() {
        let table = [
            ("http://px:3128", "the proxy http://px:3128 (HTTPS_PROXY)"),
            ("px:3128", "the proxy http://px:3128 (HTTPS_PROXY)"),
            ("https://user:p@ss@px/", "the proxy https://px (HTTPS_PROXY)"),
            ("HTTP://[::1]:1", "the proxy http://[::1]:1 (HTTPS_PROXY)"),
        ];
        for (url, shown) in table {
            assert_eq!(Via::parse("HTTPS_PROXY", url, false).to_string(), shown);
        }
    }

    #[test]
    fn each_failure_names_the_proxy_and_its_setting() {
        let file = |url| Via::parse("proxy_host", url, false);
        let env = |url| Via::parse("HTTPS_PROXY", url, false);
        let tls = "tunnel error: failed to create underlying connection: error:0A00010B:SSL routines::wrong version number";
        let table = [
            (
                file("https://px:3128"),
                tls,
                "https://px:3128 (proxy_host) does not speak TLS",
                "proxy_host=http://px",
            ),
            (env("https://px:3128"), tls, "(HTTPS_PROXY) does not speak TLS", "HTTPS_PROXY=http://px:3128"),
            (
                file("http://px:1"),
                "tunnel error: proxy authorization required",
                "wants a login (407)",
                "set `proxy_user`",
            ),
            (
                env("http://u:p@px:1"),
                "tunnel error: proxy authorization required",
                "not accept the login",
                "http://user:password@px:1",
            ),
            (
                file("https://[::1]"),
                tls,
                "https://[::1] (proxy_host) does not speak TLS",
                "proxy_host=http://[::1]",
            ),
            (file("http://px:1"), "tunnel error: unsuccessful", "refused to connect to soar:443", "NO_PROXY"),
            (
                file("http://px:1"),
                "tunnel error: failed to create underlying connection: tcp connect error: Connection refused (os error 111)",
                "cannot be reached: Connection refused",
                "`proxy_host` and `proxy_port`",
            ),
            (
                file("http://px:1"),
                "tunnel error: unexpected end of file",
                "ended the connection",
                "proxy_host=https://px",
            ),
            (
                file("https://px:1"),
                "tunnel error: failed to create underlying connection: certificate verify failed (hostname mismatch)",
                "the certificate of the proxy was issued for another host name than px",
                "`proxy_host`",
            ),
        ];
        for (via, cause, text, hint) in table {
            let error = via.explain(cause, "soar:443");
            assert!(error.is_proxy() && error.message().contains(text), "{error}");
            assert!(error.hints()[0].contains(hint), "{error}");
        }
    }
}

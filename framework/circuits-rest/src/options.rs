//! Where the platform is, as whom to log in and how patient to be. Every default is written here once.

use std::{fmt, path::PathBuf, sync::Arc, time::Duration};

use secrecy::SecretString;

use crate::{Answer, RetryPolicy, answer::Tap, secret::Hook};

/// What [`Client::connect`](crate::Client::connect) needs to know.
///
/// ```
/// use circuits_rest::{Credentials, Options};
///
/// let options = Options::new("soar.example.com", 443)
///     .credentials(Credentials::ApiKey { id: "0f2c".into(), secret: "s3cret".to_owned().into() })
///     .org(Some("Example Org".into()));
/// assert!(!format!("{options:?}").contains("s3cret"));
/// ```
#[derive(Clone)]
pub struct Options {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) credentials: Option<Credentials>,
    pub(crate) org: Option<String>,
    pub(crate) verify: Verify,
    pub(crate) client_certificate: Option<(PathBuf, PathBuf)>,
    pub(crate) resource_prefix: Option<String>,
    pub(crate) proxy: Option<Proxy>,
    pub(crate) timeout: Duration,
    pub(crate) retry: RetryPolicy,
    pub(crate) login_tries: Option<u32>,
    pub(crate) conflict_tries: u32,
    pub(crate) cache_ttl: Duration,
    pub(crate) patience: Duration,
    pub(crate) user_agent: String,
    pub(crate) on_secret: Option<Hook>,
    pub(crate) tap: Tap,
}

/// How to log in. The platform calls user accounts for integrations deprecated; both work.
#[derive(Clone, Debug)]
pub enum Credentials {
    /// An API key account: HTTP Basic on each request, no session cookies.
    ApiKey {
        /// The key's id.
        id: String,
        /// The key's secret.
        secret: SecretString,
    },
    /// A user account: a session with a CSRF token and a cookie.
    User {
        /// The user's e-mail address.
        email: String,
        /// The user's password.
        password: SecretString,
    },
}

/// How the platform's certificate is checked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Verify {
    /// Against the system's certificate authorities.
    #[default]
    System,
    /// Against the authorities in this file or directory alone, one or several (`cafile`), in the forms that
    /// [`circuits_tls::Authorities`] reads.
    CaFile(PathBuf),
    /// Not at all (`cafile=false`): anybody on the way can read the credentials. Each connect logs a warning.
    Off,
}

/// An HTTP proxy on the way to the platform. `HTTPS_PROXY` or `ALL_PROXY` in the environment replaces it, and hosts in
/// `NO_PROXY` are reached directly: `*`, names with their subdomains (`example.com`, `.example.com`, `*.example.com`),
/// addresses and networks (`10.0.0.0/8`), names and addresses also with a port (`soar.example.com:8443`).
#[derive(Clone, Debug)]
pub struct Proxy {
    pub(crate) url: String,
    pub(crate) credentials: Option<(String, SecretString)>,
}

impl Proxy {
    /// A proxy at `host` and `port` (0: the scheme's own port). `host` may begin with `http://` or `https://`; without a
    /// scheme it is `https://`, as in the reference client.
    pub fn new(host: &str, port: u16) -> Self {
        let (scheme, rest) = host.split_once("://").unwrap_or(("https", host));
        let rest = rest.trim_end_matches('/');
        let url = if port == 0 { format!("{scheme}://{rest}") } else { format!("{scheme}://{rest}:{port}") };
        Self { url, credentials: None }
    }

    /// Sends these credentials to the proxy (HTTP Basic).
    #[must_use]
    pub fn credentials(mut self, user: impl Into<String>, password: SecretString) -> Self {
        self.credentials = Some((user.into(), password));
        self
    }

    /// The proxy's URL without credentials.
    pub fn url(&self) -> &str {
        &self.url
    }
}

impl Options {
    /// A platform at `host` and `port` (usually 443). `host` is a name or an address, without a scheme.
    pub fn new(host: impl Into<String>, port: u16) -> Self {
        Self {
            host: host.into(),
            port,
            credentials: None,
            org: None,
            verify: Verify::System,
            client_certificate: None,
            resource_prefix: None,
            proxy: None,
            timeout: Duration::from_secs(30),
            retry: RetryPolicy::default(),
            login_tries: None,
            conflict_tries: 100,
            cache_ttl: Duration::from_secs(240),
            patience: Duration::from_secs(300),
            user_agent: concat!("circuits/", env!("CARGO_PKG_VERSION")).to_owned(),
            on_secret: None,
            tap: Tap::default(),
        }
    }

    /// The account to log in with. Required.
    #[must_use]
    pub fn credentials(mut self, credentials: Credentials) -> Self {
        self.credentials = Some(credentials);
        self
    }

    /// The organisation: its cloud account, its uuid or its name, looked for in this order. Without one the account must
    /// belong to exactly one organisation.
    #[must_use]
    pub fn org(mut self, org: Option<String>) -> Self {
        self.org = org.filter(|org| !org.is_empty());
        self
    }

    /// How the certificate is checked. Default [`Verify::System`].
    #[must_use]
    pub fn verify(mut self, verify: Verify) -> Self {
        self.verify = verify;
        self
    }

    /// A certificate with its chain and its key to show to the platform (`client_auth_cert`, `client_auth_key`), in the forms
    /// that [`circuits_tls::Identity`] reads.
    #[must_use]
    pub fn client_certificate(mut self, cert: PathBuf, key: PathBuf) -> Self {
        self.client_certificate = Some((cert, key));
        self
    }

    /// A path in front of `/rest` (`resource_prefix`), such as `/api/respond`.
    #[must_use]
    pub fn resource_prefix(mut self, prefix: Option<String>) -> Self {
        self.resource_prefix = prefix.filter(|prefix| !prefix.is_empty());
        self
    }

    /// A proxy on the way. See [`Proxy`] for what the environment changes.
    #[must_use]
    pub fn proxy(mut self, proxy: Proxy) -> Self {
        self.proxy = Some(proxy);
        self
    }

    /// The longest that one try of a call may take, from connecting to the last byte of the answer. Default 30 s, the
    /// figure that the reference client gives its integrations: longer than a slow platform takes for a large incident, short
    /// enough that a stalled one frees the worker. For streamed files it limits silence instead of the whole transfer.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// When and how often failed calls are repeated.
    #[must_use]
    pub fn retry(mut self, retry: RetryPolicy) -> Self {
        self.retry = retry;
        self
    }

    /// Tries of the first login (`max_connection_retries`); `None`, the default, for no limit. Wrong credentials, a
    /// certificate that does not verify and organisation errors end it at once whatever the number.
    #[must_use]
    pub fn login_tries(mut self, tries: Option<u32>) -> Self {
        self.login_tries = tries;
        self
    }

    /// How often [`Rest::update`](crate::Rest::update) and [`Rest::patch_with`](crate::Rest::patch_with) write before they
    /// give up on conflicts. Default 100: with a hundred writers that never rest, one try in four to seven gets through, so
    /// with 20 tries about one change in a hundred fails, and with 100 tries not one in a million. An action's deadline ends
    /// the tries earlier. 0 counts as 1.
    #[must_use]
    pub fn conflict_tries(mut self, tries: u32) -> Self {
        self.conflict_tries = tries;
        self
    }

    /// How long [`Rest::cached`](crate::Rest::cached) and the lookups remember (`cache_ttl`). Default 240 s.
    #[must_use]
    pub fn cache_ttl(mut self, ttl: Duration) -> Self {
        self.cache_ttl = ttl;
        self
    }

    /// How long a call that has not been sent waits for a platform that does not answer. Default 300 s: a restart of the
    /// platform fits in, and the action is answered while somebody may still be watching. After three failures in a row, of
    /// any calls, all calls wait except one, which probes at the pace of [`RetryPolicy`].
    #[must_use]
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// The `User-Agent` header. Default `circuits/<version>`.
    #[must_use]
    pub fn user_agent(mut self, user_agent: impl Into<String>) -> Self {
        self.user_agent = user_agent.into();
        self
    }

    /// Called with each secret that the session holds (password or key, their Basic form, CSRF token, cookies) as soon as
    /// it is known, so that a log redactor can hide it. Called on the task of the request: it must not block.
    #[must_use]
    pub fn on_secret(mut self, hook: impl Fn(&str) + Send + Sync + 'static) -> Self {
        self.on_secret = Some(Arc::new(hook));
        self
    }

    /// Called with each answer of the platform, also to a login. Called on the task of the request: it must not block.
    #[must_use]
    pub fn on_answer(mut self, hook: impl Fn(&Answer<'_>) + Send + Sync + 'static) -> Self {
        self.tap = Tap(Some(Arc::new(hook)));
        self
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // SecretString hides itself; the hook has nothing to show.
        f.debug_struct("Options")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("credentials", &self.credentials)
            .field("org", &self.org)
            .field("verify", &self.verify)
            .field("client_certificate", &self.client_certificate)
            .field("resource_prefix", &self.resource_prefix)
            .field("proxy", &self.proxy)
            .field("timeout", &self.timeout)
            .field("retry", &self.retry)
            .field("login_tries", &self.login_tries)
            .field("conflict_tries", &self.conflict_tries)
            .field("cache_ttl", &self.cache_ttl)
            .field("patience", &self.patience)
            .field("user_agent", &self.user_agent)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proxy_urls_are_formed_as_the_peer_does() {
        assert_eq!(Proxy::new("http://resilientproxy.com", 4443).url(), "http://resilientproxy.com:4443");
        assert_eq!(Proxy::new("resilientproxy.com", 4443).url(), "https://resilientproxy.com:4443");
        assert_eq!(Proxy::new("http://resilientproxy.com/", 0).url(), "http://resilientproxy.com");
    }

    #[test]
    fn debug_shows_no_secret() {
        let options = Options::new("soar.example.com", 443)
            .credentials(Credentials::User {
                email: "a@example.com".into(),
                password: "hunter22".to_owned().into(),
            })
            .proxy(Proxy::new("proxy", 3128).credentials("p", "proxypass".to_owned().into()));
        let text = format!("{options:?}");
        assert!(text.contains("soar.example.com") && text.contains("a@example.com"), "{text}");
        assert!(!text.contains("hunter22") && !text.contains("proxypass"), "{text}");
    }
}

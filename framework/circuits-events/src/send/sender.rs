//! The HTTP client that makes the calls, set up once for all receivers.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use reqwest::{Certificate, Client, redirect, tls};

use super::addresses::{AddressPolicy, Resolver};
use super::failure::{CONNECT, Failure};
use super::{Attempt, Call, Outcome, SetupError, body, redirect as redirected};

/// Receivers close idle connections, many after 20 s. A delivery that crosses with the close may or may not
/// have arrived, so we drop ours earlier.
const IDLE: Duration = Duration::from_secs(15);
/// Idle connections that are kept for each receiver.
const IDLE_CONNECTIONS: usize = 4;

/// How a [`Sender`] is set up.
#[derive(Clone, Debug)]
pub struct SenderOptions {
    /// Whether link-local addresses and the metadata services of clouds may be called. By default they may
    /// not: a receiver that somebody sets up could make the runner fetch or change what is meant for this
    /// machine only.
    pub allow_link_local: bool,
    /// A PEM file with certificates of authorities to trust besides those of the system, for receivers
    /// inside. It replaces none, because other receivers are outside.
    pub cafile: Option<PathBuf>,
    /// What the header `User-Agent` says.
    pub user_agent: String,
}

impl Default for SenderOptions {
    fn default() -> Self {
        Self {
            allow_link_local: false,
            cafile: None,
            user_agent: concat!("circuits/", env!("CARGO_PKG_VERSION")).to_owned(),
        }
    }
}

/// Makes calls to receivers. Its clones share one pool of connections.
#[derive(Clone, Debug)]
pub struct Sender {
    client: Client,
    policy: AddressPolicy,
}

impl Sender {
    /// A sender with its own pool of connections. It reads `cafile` now.
    ///
    /// # Errors
    /// `cafile` cannot be read, is not PEM or holds no certificate; or the user agent cannot be a header.
    pub fn new(options: SenderOptions) -> Result<Self, SetupError> {
        let policy = AddressPolicy { allow_link_local: options.allow_link_local };
        let mut builder = Client::builder()
            .user_agent(options.user_agent)
            .tls_version_min(tls::Version::TLS_1_2)
            .redirect(redirect::Policy::none())
            // A proxy would look names up itself, where the rule for addresses does not reach. The one in the
            // environment is meant for the platform.
            .no_proxy()
            .dns_resolver(Resolver(policy))
            // A small answer that unpacks to a large one gains nothing.
            .no_gzip()
            .connect_timeout(CONNECT)
            .pool_max_idle_per_host(IDLE_CONNECTIONS)
            .pool_idle_timeout(IDLE);
        if let Some(cafile) = &options.cafile {
            builder = builder.tls_certs_merge(authorities(cafile)?);
        }
        let client = builder.build().map_err(|error| {
            SetupError::new(
                "the HTTP client for deliveries cannot be set up: check the user agent and events_cafile",
            )
            .source_is(error)
        })?;
        Ok(Self { client, policy })
    }

    /// Makes a call and waits for its end, which comes when its time is up at the latest.
    pub async fn send(&self, call: Call<'_>) -> Attempt {
        let started = Instant::now();
        let (status, text, outcome) = match self.exchange(call).await {
            Ok((status, text, outcome)) => (Some(status), text, outcome),
            Err(failure) => (None, failure.text, failure.outcome),
        };
        Attempt { status, text, took: started.elapsed(), outcome }
    }

    async fn exchange(&self, call: Call<'_>) -> Result<(u16, String, Outcome), Failure> {
        let place = call.place();
        if !matches!(call.url.scheme(), "http" | "https") {
            let scheme = call.url.scheme();
            return Err(Failure::refused(format!(
                "{place}: the address must begin with http or https, not {scheme}"
            )));
        }
        self.policy.check(call.url).map_err(|refused| Failure::refused(format!("{place}: {refused}")))?;
        let headers = call.headers(Timestamp::now().as_second())?;
        let Call { method, url, body, timeout, .. } = call;
        let mut request = self.client.request(method, url.clone()).headers(headers).timeout(timeout);
        if let Some(body) = body {
            request = request.body(body);
        }
        let sent = request.send().await;
        let mut response = sent.map_err(|error| Failure::explain(error, &place, timeout))?;
        let status = response.status();
        let outcome = Outcome::of(status, response.headers(), Timestamp::now());
        let text = if status.is_redirection() {
            redirected::words(url, &place, status.as_u16(), response.headers())
        } else {
            match body::read(&mut response).await {
                empty if empty.is_empty() && !status.is_success() => format!("{place} answered {status}"),
                text => text,
            }
        };
        Ok((status.as_u16(), text, outcome))
    }
}

fn authorities(cafile: &Path) -> Result<Vec<Certificate>, SetupError> {
    let shown = cafile.display();
    let pem = std::fs::read(cafile).map_err(|error| {
        SetupError::new(format!("the certificate file {shown} cannot be read ({error}): check `cafile`"))
            .source_is(error)
    })?;
    let unusable = || {
        format!(
            "the certificate file {shown} holds no usable certificate: it must be PEM (blocks that begin \
             with -----BEGIN CERTIFICATE-----)"
        )
    };
    let certificates =
        Certificate::from_pem_bundle(&pem).map_err(|error| SetupError::new(unusable()).source_is(error))?;
    if certificates.is_empty() { Err(SetupError::new(unusable())) } else { Ok(certificates) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_certificates_that_cannot_be_used_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let damaged = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        let table = [
            (folder.path().join("none.pem"), "No such file"),
            (file("empty.pem", ""), "no usable certificate"),
            (file("damaged.pem", damaged), "no usable certificate"),
        ];
        for (cafile, expected) in table {
            let options = SenderOptions { cafile: Some(cafile.clone()), ..SenderOptions::default() };
            let error = Sender::new(options).unwrap_err().to_string();
            assert!(error.contains(expected) && error.contains(&cafile.display().to_string()), "{error}");
        }
    }

    #[test]
    fn a_user_agent_that_cannot_be_a_header_is_refused() {
        let options = SenderOptions { user_agent: "a\nb".to_owned(), ..SenderOptions::default() };
        assert!(Sender::new(options).unwrap_err().to_string().contains("user agent"));
    }
}

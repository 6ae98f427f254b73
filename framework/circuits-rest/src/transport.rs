//! The HTTP client underneath: TLS as the options want it, proxies, pooling, and what its errors mean in our terms.

use std::{error::Error as StdError, path::Path, time::Duration};

use reqwest::{Certificate, ClientBuilder, Identity, redirect, tls};
use secrecy::ExposeSecret;

use crate::{Error, Options, Proxy, Verify, error::Kind, no_proxy, retry::Failure};

/// The platform's servlet container closes idle connections after 20 s. A request that meets the close half way may or
/// may not have arrived, so ours are dropped before.
const IDLE: Duration = Duration::from_secs(15);

/// The HTTP client for `options`.
pub(crate) async fn build(options: &Options) -> Result<reqwest::Client, Error> {
    let mut builder = ClientBuilder::new()
        .user_agent(&options.user_agent)
        .https_only(true)
        .tls_version_min(tls::Version::TLS_1_2)
        // A redirect would carry the session and the token to wherever it points.
        .redirect(redirect::Policy::none())
        .connect_timeout(options.timeout.min(Duration::from_secs(10)))
        .pool_idle_timeout(IDLE)
        .tcp_keepalive(Duration::from_secs(30));
    match &options.verify {
        Verify::System => {}
        Verify::CaFile(path) => builder = builder.tls_certs_only(authorities(path).await?),
        Verify::Off => {
            tracing::warn!(
                host = %options.host,
                "The platform's certificate is NOT verified (cafile=false): anybody on the way can read the credentials."
            );
            builder = builder.tls_danger_accept_invalid_certs(true).tls_danger_accept_invalid_hostnames(true);
        }
    }
    if let Some((cert, key)) = &options.client_certificate {
        builder = builder.identity(identity(cert, key).await?);
    }
    // There is one platform and no redirect, so that the look at its name can be taken once for all.
    if no_proxy::covers(&options.host, options.port) {
        builder = builder.no_proxy();
    } else if let Some(proxy) = options.proxy.as_ref().filter(|_| !environment_names_a_proxy()) {
        builder = builder.proxy(to_reqwest(proxy)?);
    }
    builder.build().map_err(|error| invalid("the HTTP client cannot be set up", error))
}

/// The environment beats the file. Only what applies to HTTPS counts; the platform is never spoken to without TLS.
fn environment_names_a_proxy() -> bool {
    ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"]
        .iter()
        .any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()))
}

fn to_reqwest(proxy: &Proxy) -> Result<reqwest::Proxy, Error> {
    let made = reqwest::Proxy::https(proxy.url())
        .map_err(|error| invalid(&format!("the proxy '{}' is not a URL", proxy.url()), error))?;
    Ok(match &proxy.credentials {
        Some((user, password)) => made.basic_auth(user, password.expose_secret()),
        None => made,
    })
}

async fn authorities(path: &Path) -> Result<Vec<Certificate>, Error> {
    let pem = read(path, "CA file").await?;
    let found = Certificate::from_pem_bundle(&pem).map_err(|error| unusable(path, "CA file", error))?;
    if found.is_empty() {
        return Err(Error::new(Kind::CaFile, format!("the CA file {} holds no certificate", path.display()))
            .hint("it must be PEM: blocks that begin with -----BEGIN CERTIFICATE-----"));
    }
    Ok(found)
}

async fn identity(cert: &Path, key: &Path) -> Result<Identity, Error> {
    let (chain, secret) =
        (read(cert, "client certificate").await?, read(key, "client certificate's key").await?);
    Identity::from_pkcs8_pem(&chain, &secret).map_err(|error| {
        unusable(key, "client certificate or key", error)
            .hint("the key must be PKCS#8 without a password: openssl pkcs8 -topk8 -nocrypt -in key.pem")
    })
}

async fn read(path: &Path, what: &str) -> Result<Vec<u8>, Error> {
    tokio::fs::read(path).await.map_err(|error| {
        Error::new(Kind::CaFile, format!("cannot read the {what} {}: {error}", path.display()))
            .source_is(error)
    })
}

fn unusable(path: &Path, what: &str, error: reqwest::Error) -> Error {
    Error::new(Kind::CaFile, format!("the {what} {} is unusable: {}", path.display(), reason(&error)))
        .source_is(error.without_url())
}

fn invalid(what: &str, error: reqwest::Error) -> Error {
    Error::new(Kind::Invalid, format!("{what}: {}", reason(&error))).source_is(error.without_url())
}

/// What a failed try means: for the reader, and for whether it may be repeated.
pub(crate) fn explain(error: reqwest::Error) -> (Error, Failure) {
    let text = reason(&error);
    let lower = text.to_ascii_lowercase();
    let (kind, failure) = if lower.contains("certificate") {
        (Kind::Certificate, Failure::Permanent)
    } else if error.is_builder() {
        (Kind::Invalid, Failure::Permanent)
    } else if error.is_timeout() && error.is_connect() {
        (Kind::Connect, Failure::NotSent)
    } else if error.is_timeout() {
        (Kind::Timeout, Failure::TimedOut)
    } else if is_tls(&lower) {
        (Kind::Tls, Failure::Permanent)
    } else if error.is_connect() {
        (Kind::Connect, Failure::NotSent)
    } else {
        (Kind::Lost, Failure::Lost)
    };
    let explained = Error::new(kind, text).source_is(error.without_url());
    let explained = match hint(kind, &lower) {
        Some(hint) => explained.hint(hint),
        None => explained,
    };
    (explained, failure)
}

/// TLS errors that do not come from a connection that merely broke off during the handshake.
fn is_tls(text: &str) -> bool {
    (text.contains("ssl routines") || text.contains("tls") || text.contains("ssl error"))
        && !text.contains("unexpected eof")
        && !text.contains("reset by peer")
}

fn hint(kind: Kind, text: &str) -> Option<&'static str> {
    Some(match kind {
        Kind::Certificate if text.contains("hostname mismatch") || text.contains("ip address mismatch") => {
            "the certificate is not for this host: use the name that stands in the certificate"
        }
        Kind::Certificate if text.contains("expired") => {
            "the platform's certificate has expired: it must be renewed there"
        }
        Kind::Certificate if text.contains("verify failed") => {
            "the authority that signed the platform's certificate is not trusted: name its PEM file as `cafile`"
        }
        Kind::Certificate => "the platform did not accept the client certificate: see `client_auth_cert`",
        Kind::Tls if text.contains("wrong version number") => {
            "this port does not speak TLS: check `host` and `port`"
        }
        Kind::Tls if text.contains("protocol version") || text.contains("unsupported protocol") => {
            "the platform offers no TLS 1.2 or newer; older versions are not spoken"
        }
        Kind::Connect if text.contains("proxy") || text.contains("tunnel") => {
            "the proxy refused: check the proxy settings, HTTPS_PROXY and NO_PROXY"
        }
        Kind::Connect => "check `host`, `port` and the way there",
        _ => return None,
    })
}

/// The causes of an error in one line, without the wrappers that say nothing and OpenSSL's source lines.
fn reason(error: &(dyn StdError + 'static)) -> String {
    let mut parts: Vec<String> = Vec::new();
    let mut cause = error.source();
    if cause.is_none() {
        return error.to_string();
    }
    while let Some(error) = cause {
        let text = error.to_string();
        if !text.starts_with("client error (") && !parts.iter().any(|part| part.contains(&text)) {
            parts.push(text);
        }
        cause = error.source();
    }
    let line = parts.join(": ");
    match line.split_once("certificate verify failed") {
        Some((_, rest)) => {
            let why = rest.rfind('(').map_or("", |at| &rest[at..]);
            format!("certificate verify failed {why}").trim_end().to_owned()
        }
        None => line,
    }
}

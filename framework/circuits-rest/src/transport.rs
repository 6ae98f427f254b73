//! The HTTP client underneath: TLS as the options want it, proxies, pooling.

use std::{path::Path, time::Duration};

use circuits_tls::{Authorities, FileError};
use reqwest::{Certificate, ClientBuilder, Identity, redirect, tls};
use secrecy::ExposeSecret;

use crate::{
    Error, Options, Proxy, Verify,
    error::Kind,
    way::{Way, reason},
};

/// The platform's servlet container closes idle connections after 20 s. A request that crosses with the close may or may not
/// have arrived, so we drop our idle connections earlier.
const IDLE: Duration = Duration::from_secs(15);

/// The HTTP client for `options`, and the way that it takes.
pub(crate) async fn build(options: &Options) -> Result<(reqwest::Client, Way), Error> {
    let way = Way::new(options)?;
    let mut builder = ClientBuilder::new()
        .user_agent(&options.user_agent)
        .https_only(true)
        .tls_version_min(tls::Version::TLS_1_2)
        // A redirect would carry the session and the token to wherever it points.
        .redirect(redirect::Policy::none())
        .connect_timeout(way.connect_timeout())
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
    // There is one platform and no redirect, so we need to look at its name only once.
    builder = match (way.via(), &options.proxy) {
        (None, _) => builder.no_proxy(),
        (Some(via), Some(proxy)) if via.is_configured() => builder.proxy(to_reqwest(proxy)?),
        // The client reads the environment itself.
        _ => builder,
    };
    let http = builder.build().map_err(|error| invalid("the HTTP client cannot be set up", error))?;
    Ok((http, way))
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
    let read = Authorities::load(path).await.map_err(|error| unusable(error, "`cafile`"))?;
    let certificates: Result<_, _> = read.der().map(|der| Certificate::from_der(&der)).collect();
    certificates.map_err(|error| invalid("the certificates of `cafile` cannot be used", error))
}

async fn identity(cert: &Path, key: &Path) -> Result<Identity, Error> {
    let read = circuits_tls::Identity::load(cert, key);
    let read = read.await.map_err(|error| unusable(error, "`client_auth_cert` and `client_auth_key`"))?;
    Identity::from_pkcs8_pem(read.chain(), read.key())
        .map_err(|error| invalid("the client certificate cannot be used", error))
}

fn unusable(error: FileError, setting: &str) -> Error {
    Error::new(Kind::CaFile, error.text()).hint(format!("{} ({setting})", error.cure())).source_is(error)
}

fn invalid(what: &str, error: reqwest::Error) -> Error {
    Error::new(Kind::Invalid, format!("{what}: {}", reason(&error))).source_is(error.without_url())
}

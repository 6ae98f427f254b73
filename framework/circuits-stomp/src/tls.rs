//! TLS: whom to trust, who we are, and errors that say what to do. No byte of STOMP leaves before the broker's chain and
//! host name were verified.

use std::path::{Path, PathBuf};

use native_tls::{Certificate, Identity, Protocol};
use tokio_native_tls::{TlsConnector, TlsStream};

use crate::error::{Error, Kind};
use crate::options::Host;

/// Whom to trust and who we are. Files are read at each connect, so a renewed certificate is picked up by itself.
#[derive(Clone, Debug)]
pub struct Tls {
    trust: Trust,
    identity: Option<(PathBuf, PathBuf)>,
}

#[derive(Clone, Debug)]
enum Trust {
    System,
    File(PathBuf),
    Anyone,
}

impl Tls {
    /// Trusts the system's root certificates.
    pub fn system() -> Self {
        Self { trust: Trust::System, identity: None }
    }

    /// Trusts the PEM certificates in this file and no others; it may hold several.
    pub fn cafile(path: impl Into<PathBuf>) -> Self {
        Self { trust: Trust::File(path.into()), identity: None }
    }

    /// Trusts whoever answers. The connection is encrypted but anyone on the way can read it, passcode included; each
    /// connect logs a warning.
    pub fn insecure() -> Self {
        Self { trust: Trust::Anyone, identity: None }
    }

    /// Shows a client certificate: a PEM file with the certificate and its chain, and a PEM file with the PKCS#8 key
    /// (`BEGIN PRIVATE KEY`, not encrypted).
    #[must_use]
    pub fn identity(self, cert: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        Self { identity: Some((cert.into(), key.into())), ..self }
    }

    pub(crate) async fn connector(&self) -> Result<TlsConnector, Error> {
        let mut builder = native_tls::TlsConnector::builder();
        builder.min_protocol_version(Some(Protocol::Tlsv12));
        match &self.trust {
            Trust::System => {}
            Trust::File(path) => {
                builder.disable_built_in_roots(true);
                for certificate in certificates(path).await? {
                    builder.add_root_certificate(certificate);
                }
            }
            Trust::Anyone => {
                builder.danger_accept_invalid_certs(true).danger_accept_invalid_hostnames(true);
            }
        }
        if let Some((cert, key)) = &self.identity {
            builder.identity(identity(cert, key).await?);
        }
        let connector = builder.build().map_err(|error| match &self.identity {
            // Certificate and key are first held against each other here.
            Some((cert, key)) => Error::new(
                Kind::Identity,
                format!(
                    "the client certificate {} and the key {} cannot be used together: {error}",
                    cert.display(),
                    key.display()
                ),
            ),
            None => Error::unreachable(format!("TLS cannot be set up on this machine: {error}")),
        })?;
        Ok(connector.into())
    }

    /// Shakes hands over `stream`; the name in the certificate must be that of `host`.
    pub(crate) async fn handshake<S>(
        &self,
        connector: &TlsConnector,
        host: &Host,
        stream: S,
    ) -> Result<TlsStream<S>, Error>
    where
        S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
    {
        if matches!(self.trust, Trust::Anyone) {
            tracing::warn!(
                %host,
                "The broker's certificate is NOT verified: anyone between here and the broker can read the password and \
                 forge messages. Set cafile to the broker's CA certificate."
            );
        }
        connector.connect(&host.name, stream).await.map_err(|error| self.explain(host, &error.to_string()))
    }

    fn explain(&self, host: &Host, cause: &str) -> Error {
        let low = cause.to_ascii_lowercase();
        let trusted = match &self.trust {
            Trust::File(path) => format!("the certificates in {}", path.display()),
            Trust::System | Trust::Anyone => "this system's root certificates".to_owned(),
        };
        let (kind, cure) = if let Some(error) = refused_by_broker(host, &low) {
            return error;
        } else if low.contains("hostname mismatch") || low.contains("ip address mismatch") {
            (
                Kind::Certificate,
                format!(
                    "the certificate was issued for another host name; connect under a name that it carries, or renew it \
                     with {:?} as subject alternative name",
                    host.name
                ),
            )
        } else if low.contains("expired") {
            (
                Kind::Certificate,
                "the certificate has expired; renew it on the broker (and check this machine's clock)"
                    .to_owned(),
            )
        } else if low.contains("not yet valid") {
            (Kind::Certificate, "the certificate is not valid yet; check the clocks".to_owned())
        } else if low.contains("certificate") {
            (
                Kind::Certificate,
                format!(
                    "the broker's certificate is not issued by {trusted}; set cafile to the broker's CA certificate (PEM)"
                ),
            )
        } else if low.contains("protocol version") || low.contains("unsupported protocol") {
            (
                Kind::Unreachable,
                "the broker offers nothing newer than TLS 1.1; at least TLS 1.2 is needed".to_owned(),
            )
        } else {
            (Kind::Unreachable, "is this the broker's TLS port (stomp+ssl)?".to_owned())
        };
        Error::new(kind, format!("TLS with {host} failed: {cure} [{cause}]"))
    }
}

/// The error behind a TLS alert about our own certificate. With TLS 1.3 it arrives only after the handshake, as a read error.
pub(crate) fn refused_by_broker(host: &Host, cause: &str) -> Option<Error> {
    let low = cause.to_ascii_lowercase();
    let about_us = low.contains("alert")
        && (low.contains("certificate") || low.contains("unknown ca") || low.contains("access denied"));
    about_us.then(|| {
        Error::new(
            Kind::Certificate,
            format!(
                "{host} refused our client certificate, or asks for one and got none: set client certificate and key to a \
                 pair that the broker trusts [{cause}]"
            ),
        )
    })
}

async fn certificates(path: &Path) -> Result<Vec<Certificate>, Error> {
    let wrong = |why: String| {
        Error::new(
            Kind::CaFile,
            format!("the certificate file {} {why} (cafile names a PEM file)", path.display()),
        )
    };
    let pem = tokio::fs::read(path).await.map_err(|error| wrong(format!("cannot be read: {error}")))?;
    let found =
        Certificate::stack_from_pem(&pem).map_err(|error| wrong(format!("cannot be understood: {error}")))?;
    if found.is_empty() {
        return Err(wrong("holds no certificate".to_owned()));
    }
    Ok(found)
}

async fn identity(cert: &Path, key: &Path) -> Result<Identity, Error> {
    let read = async |what: &str, path: &Path| {
        tokio::fs::read(path).await.map_err(|error| {
            Error::new(
                Kind::Identity,
                format!("the client {what} {} cannot be read: {error}", path.display()),
            )
        })
    };
    let (chain, secret) = (read("certificate", cert).await?, read("key", key).await?);
    let text = String::from_utf8_lossy(&secret);
    let convert = if text.contains("BEGIN ENCRYPTED PRIVATE KEY") || text.contains("Proc-Type: 4,ENCRYPTED") {
        Some("is encrypted; decrypt it")
    } else if text.contains("BEGIN RSA PRIVATE KEY") || text.contains("BEGIN EC PRIVATE KEY") {
        Some("is not PKCS#8; convert it")
    } else {
        None
    };
    if let Some(what) = convert {
        let path = key.display();
        return Err(Error::new(
            Kind::Identity,
            format!(
                "the client key {path} {what}: openssl pkcs8 -topk8 -nocrypt -in {path} -out key.pkcs8.pem"
            ),
        ));
    }
    Identity::from_pkcs8(&chain, &secret).map_err(|error| {
        Error::new(
            Kind::Identity,
            format!(
                "the client certificate {} with the key {} cannot be used: {error} (both must be PEM, the key PKCS#8: \
                 BEGIN PRIVATE KEY)",
                cert.display(),
                key.display()
            ),
        )
    })
}

//! TLS: whom to trust, who we are, and errors that say what to do. No byte of STOMP leaves before the broker's chain and
//! host name have been verified.

use std::path::{Path, PathBuf};

use circuits_tls::{Authorities, FileError, Peer, Refusal};
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

    /// Trusts the certificates in this file or directory and no others, in the forms that [`Authorities`] reads.
    pub fn cafile(path: impl Into<PathBuf>) -> Self {
        Self { trust: Trust::File(path.into()), identity: None }
    }

    /// Trusts any broker that answers. The connection is encrypted, but anyone who intercepts it can read it, passcode
    /// included; each connect logs a warning.
    pub fn insecure() -> Self {
        Self { trust: Trust::Anyone, identity: None }
    }

    /// Shows a client certificate: a file with the certificate and its chain, and a file with its key, in the forms that
    /// [`circuits_tls::Identity`] reads.
    #[must_use]
    pub fn identity(self, cert: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        Self { identity: Some((cert.into(), key.into())), ..self }
    }

    /// Reads the files and checks that certificate and key belong together, as each connect does.
    ///
    /// # Errors
    /// A fault that makes every connect fail, whatever the broker.
    pub async fn check(&self) -> Result<(), Error> {
        self.connector().await.map(drop)
    }

    pub(crate) async fn connector(&self) -> Result<TlsConnector, Error> {
        let mut builder = native_tls::TlsConnector::builder();
        builder.min_protocol_version(Some(Protocol::Tlsv12));
        match &self.trust {
            Trust::System => {}
            Trust::File(path) => {
                builder.disable_built_in_roots(true);
                let authorities =
                    Authorities::load(path).await.map_err(|error| unusable(Kind::CaFile, &error))?;
                for der in authorities.der() {
                    builder
                        .add_root_certificate(Certificate::from_der(&der).map_err(|error| set_up(&error))?);
                }
            }
            Trust::Anyone => {
                builder.danger_accept_invalid_certs(true).danger_accept_invalid_hostnames(true);
            }
        }
        if let Some((cert, key)) = &self.identity {
            builder.identity(identity(cert, key).await?);
        }
        let connector = builder.build().map_err(|error| set_up(&error))?;
        Ok(connector.into())
    }

    /// Does the handshake over `stream`; the name in the certificate must be that of `host`.
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
        let trusted = match &self.trust {
            Trust::File(path) => Some(path.as_path()),
            Trust::System | Trust::Anyone => None,
        };
        let peer = Peer::broker(&host.name).trusting(trusted).showing_identity(self.identity.is_some());
        match Refusal::explain(cause, &peer) {
            Some(refusal) => refused(host, cause, &refusal),
            None => Error::unreachable(format!(
                "TLS with {host} failed: is this the broker's TLS port (stomp+ssl)? [{cause}]"
            )),
        }
    }
}

/// The error behind a TLS alert about our own certificate. With TLS 1.3 it arrives only after the handshake, as a read error.
pub(crate) fn refused_by_broker(host: &Host, cause: &str) -> Option<Error> {
    let refusal = Refusal::explain(cause, &Peer::broker(&host.name)).filter(Refusal::is_identity)?;
    Some(refused(host, cause, &refusal))
}

fn refused(host: &Host, cause: &str, refusal: &Refusal) -> Error {
    let kind = if refusal.is_certificate() { Kind::Certificate } else { Kind::Unreachable };
    Error::new(kind, format!("TLS with {host} failed: {}; {} [{cause}]", refusal.text(), refusal.cure()))
}

fn unusable(kind: Kind, error: &FileError) -> Error {
    Error::new(kind, error.to_string())
}

fn set_up(error: &native_tls::Error) -> Error {
    Error::unreachable(format!("TLS cannot be set up on this machine: {error}"))
}

async fn identity(cert: &Path, key: &Path) -> Result<Identity, Error> {
    let read =
        circuits_tls::Identity::load(cert, key).await.map_err(|error| unusable(Kind::Identity, &error))?;
    Identity::from_pkcs8(read.chain(), read.key()).map_err(|error| {
        Error::new(
            Kind::Identity,
            format!(
                "the client certificate {} with the key {} cannot be used: {error}",
                cert.display(),
                key.display()
            ),
        )
    })
}

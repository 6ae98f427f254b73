//! TLS of the listener. Its certificate, and the authorities of client certificates, are read again when one of the files changes,
//! so that a renewal needs no restart.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use circuits::Error;
use circuits::config::{ClientAuth, Settings};
use circuits_tls::{Acceptor, Authorities, Identity};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tracing::{error, info};

/// How often the files are looked at, at most.
const LOOK: Duration = Duration::from_secs(1);
/// How long a client may take for its part of the handshake.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// Cheap to clone.
#[derive(Clone)]
pub(crate) struct Tls(Arc<Inner>);

struct Inner {
    files: Files,
    current: Mutex<Current>,
}

struct Current {
    acceptor: Acceptor,
    stamps: Vec<Stamp>,
    looked: Instant,
}

/// What of a file shows that it has changed.
type Stamp = Option<(SystemTime, u64)>;

impl Tls {
    /// `None` if the listener has no certificate.
    ///
    /// # Errors
    /// When a file cannot be read, or certificate and key do not belong together; each with the setting and the cure.
    pub(crate) fn read(settings: &Settings) -> circuits::Result<Option<Self>> {
        let Some(identity) = settings.http_identity.clone() else { return Ok(None) };
        let files = Files { identity, clients: settings.http_client_ca.clone() };
        let stamps = files.stamps();
        let acceptor = files.acceptor()?;
        let current = Mutex::new(Current { acceptor, stamps, looked: Instant::now() });
        Ok(Some(Self(Arc::new(Inner { files, current }))))
    }

    /// Shakes hands with a client; the common names are those of the certificate that it showed.
    pub(crate) async fn accept(
        &self,
        stream: TcpStream,
    ) -> Result<(impl AsyncRead + AsyncWrite + Unpin + use<>, Option<Vec<String>>), String> {
        let acceptor = self.acceptor();
        match tokio::time::timeout(HANDSHAKE, acceptor.accept(stream)).await {
            Ok(accepted) => accepted,
            Err(_) => Err("the client took too long for the handshake".to_owned()),
        }
    }

    fn acceptor(&self) -> Acceptor {
        let Inner { files, current } = &*self.0;
        let mut current = current.lock().unwrap_or_else(PoisonError::into_inner);
        if current.looked.elapsed() >= LOOK {
            current.looked = Instant::now();
            let stamps = files.stamps();
            if stamps != current.stamps {
                current.stamps = stamps;
                match files.acceptor() {
                    Ok(acceptor) => {
                        info!("The certificates of http_port were read again");
                        current.acceptor = acceptor;
                    }
                    // Half a renewal, perhaps: the other file changes next.
                    Err(error) => error!(%error, "http_port keeps the certificates that it has"),
                }
            }
        }
        current.acceptor.clone()
    }
}

/// Where the certificates are.
struct Files {
    identity: ClientAuth,
    clients: Option<PathBuf>,
}

impl Files {
    fn stamps(&self) -> Vec<Stamp> {
        let stamp = |path: &PathBuf| {
            let metadata = std::fs::metadata(path).ok()?;
            Some((metadata.modified().ok()?, metadata.len()))
        };
        [&self.identity.cert, &self.identity.key].into_iter().chain(&self.clients).map(stamp).collect()
    }

    fn acceptor(&self) -> circuits::Result<Acceptor> {
        let ClientAuth { cert, key } = &self.identity;
        let wrong = |error: &dyn std::fmt::Display| {
            Error::new(format_args!(
                "http_cert = `{}`, http_key = `{}`: {error}",
                cert.display(),
                key.display()
            ))
        };
        let identity = Identity::read(cert, key).map_err(|error| wrong(&error))?;
        let clients = self.clients.as_ref().map(|path| {
            let wrong = |error| Error::new(format_args!("http_client_ca = `{}`: {error}", path.display()));
            Authorities::read(path).map_err(wrong)
        });
        Acceptor::new(&identity, clients.transpose()?.as_ref()).map_err(|error| wrong(&error))
    }
}

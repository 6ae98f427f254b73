//! TLS of the listener. The certificate is read again when one of its files changes, so that a renewal needs no restart.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use circuits::Error;
use circuits::config::ClientAuth;
use circuits_tls::Identity;
use tokio::net::TcpStream;
use tokio_native_tls::native_tls::{self, Protocol};
use tokio_native_tls::{TlsAcceptor, TlsStream};
use tracing::{error, info};

/// How often the files are looked at, at most.
const LOOK: Duration = Duration::from_secs(1);
/// How long a client may take for its part of the handshake.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// Cheap to clone.
#[derive(Clone)]
pub(crate) struct Tls(Arc<Inner>);

struct Inner {
    cert: PathBuf,
    key: PathBuf,
    current: Mutex<Current>,
}

struct Current {
    acceptor: TlsAcceptor,
    files: Vec<Stamp>,
    looked: Instant,
}

/// What of a file shows that it has changed.
type Stamp = Option<(SystemTime, u64)>;

impl Tls {
    /// # Errors
    /// When a file cannot be read, or the two do not belong together; each with the setting and the cure.
    pub(crate) fn read(identity: &ClientAuth) -> circuits::Result<Self> {
        let ClientAuth { cert, key } = identity.clone();
        let files = stamps(&cert, &key);
        let acceptor = acceptor(&cert, &key)?;
        let current = Mutex::new(Current { acceptor, files, looked: Instant::now() });
        Ok(Self(Arc::new(Inner { cert, key, current })))
    }

    /// Shakes hands with a client.
    pub(crate) async fn accept(&self, stream: TcpStream) -> Result<TlsStream<TcpStream>, String> {
        let acceptor = self.acceptor();
        match tokio::time::timeout(HANDSHAKE, acceptor.accept(stream)).await {
            Ok(accepted) => accepted.map_err(|error| error.to_string()),
            Err(_) => Err("the client took too long for the handshake".to_owned()),
        }
    }

    fn acceptor(&self) -> TlsAcceptor {
        let Inner { cert, key, current } = &*self.0;
        let mut current = current.lock().unwrap_or_else(PoisonError::into_inner);
        if current.looked.elapsed() >= LOOK {
            current.looked = Instant::now();
            let files = stamps(cert, key);
            if files != current.files {
                current.files = files;
                match acceptor(cert, key) {
                    Ok(acceptor) => {
                        info!(cert = %cert.display(), "The certificate of http_port was read again");
                        current.acceptor = acceptor;
                    }
                    // Half a renewal, perhaps: the other file changes next.
                    Err(error) => error!(%error, "http_port keeps the certificate that it has"),
                }
            }
        }
        current.acceptor.clone()
    }
}

fn stamps(cert: &Path, key: &Path) -> Vec<Stamp> {
    let stamp = |path: &Path| {
        let metadata = std::fs::metadata(path).ok()?;
        Some((metadata.modified().ok()?, metadata.len()))
    };
    [cert, key].map(stamp).to_vec()
}

fn acceptor(cert: &Path, key: &Path) -> circuits::Result<TlsAcceptor> {
    let wrong = |error: &dyn std::fmt::Display| {
        Error::new(format_args!("http_cert = `{}`, http_key = `{}`: {error}", cert.display(), key.display()))
    };
    let read = Identity::read(cert, key).map_err(|error| wrong(&error))?;
    let identity =
        native_tls::Identity::from_pkcs8(read.chain(), read.key()).map_err(|error| wrong(&error))?;
    let built =
        native_tls::TlsAcceptor::builder(identity).min_protocol_version(Some(Protocol::Tlsv12)).build();
    Ok(built.map_err(|error| wrong(&error))?.into())
}

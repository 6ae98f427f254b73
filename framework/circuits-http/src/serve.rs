//! Accepts connections and serves them until the runner stops; then lets requests that are under way finish.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use circuits::account::ClientCertificate;
use circuits::extension::Context;
use circuits::web::Web;
use http::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, info, warn};

use crate::answer::answer;
use crate::gate::Gate;
use crate::origin::Known;
use crate::tls::Tls;

/// How many connections are served at a time; further ones wait in the system's queue.
const CONNECTIONS: usize = 256;
/// How long a client may take to send the head of a request; it also ends a connection that is kept open and idle.
const HEAD_TIMEOUT: Duration = Duration::from_secs(15);
/// Bytes of a request's head.
const HEAD: usize = 32 * 1024;
/// How long requests under way may take at the end.
const GRACE: Duration = Duration::from_secs(4);
/// The pause after the system would not accept a connection, usually for want of file descriptors.
const PAUSE: Duration = Duration::from_millis(200);

/// What each request passes on its way in.
pub(crate) struct Inside {
    pub(crate) known: Known,
    pub(crate) gate: Gate,
    pub(crate) tls: Option<Tls>,
}

pub(crate) async fn serve(listener: TcpListener, inside: Inside, context: &Context) {
    if let Ok(address) = listener.local_addr() {
        let scheme = if inside.tls.is_some() { "https" } else { "http" };
        info!("Listening for HTTP requests on {scheme}://{address}");
    }
    let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
    let inside = Arc::new(inside);
    let room = Arc::new(Semaphore::new(CONNECTIONS));
    let mut stopped = pin!(context.stopped());
    loop {
        // The semaphore is never closed.
        let Ok(place) = Arc::clone(&room).acquire_owned().await else { return };
        let accepted = tokio::select! {
            () = &mut stopped => break,
            accepted = listener.accept() => accepted,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                warn!(%error, "A connection to http_port could not be accepted");
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        let (web, inside, stop): (Web, _, _) = (context.web().clone(), Arc::clone(&inside), stop.clone());
        tasks.spawn(async move {
            let _place = place;
            let Some(tls) = inside.tls.clone() else {
                return converse(stream, web, inside, Client { peer, certificate: None }, stop).await;
            };
            match tls.accept(stream).await {
                Ok((stream, names)) => {
                    let certificate = names.map(|common_names| ClientCertificate { common_names });
                    converse(stream, web, inside, Client { peer, certificate }, stop).await;
                }
                Err(error) => debug!(%error, %peer, "A TLS handshake on http_port failed"),
            }
        });
    }
    drop(listener);
    stop.cancel();
    tasks.close();
    if tokio::time::timeout(GRACE, tasks.wait()).await.is_err() {
        warn!("Some HTTP requests did not end within {} s and are dropped", GRACE.as_secs());
    }
}

/// Who is at the other end of a connection.
struct Client {
    peer: SocketAddr,
    certificate: Option<ClientCertificate>,
}

/// Serves one connection until it ends, or until the request that is under way at the stop is answered.
async fn converse(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    web: Web,
    inside: Arc<Inside>,
    client: Client,
    stop: CancellationToken,
) {
    let service = service_fn(move |mut request: Request<Incoming>| {
        let (web, inside) = (web.clone(), Arc::clone(&inside));
        let _ = client.certificate.clone().map(|shown| request.extensions_mut().insert(shown));
        async move { Ok::<_, Infallible>(answer(&web, &inside, client.peer, request).await) }
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(HEAD)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        debug!(%error, "A connection to http_port ended early");
    }
}

//! Listening on loopback only, and the accept loop that both listeners share.
use std::future::Future;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio_native_tls::{TlsAcceptor, TlsStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::error::{Kind, Result};
use crate::switches::Switches;

/// The loopback address that `host` names, without asking any resolver.
pub(crate) fn loopback(host: &str) -> Result<IpAddr> {
    if host.eq_ignore_ascii_case("localhost") {
        return Ok(Ipv4Addr::LOCALHOST.into());
    }
    host.trim_matches(['[', ']'])
        .parse::<IpAddr>()
        .ok()
        .filter(IpAddr::is_loopback)
        .ok_or_else(|| Kind::NotLoopback(host.to_owned()).into())
}

pub(crate) async fn listen(ip: IpAddr, port: u16) -> Result<(TcpListener, u16)> {
    let address = SocketAddr::new(ip, port);
    let fail = |source| Kind::Listen { address: address.to_string(), source };
    let listener = TcpListener::bind(address).await.map_err(fail)?;
    let port = listener.local_addr().map_err(fail)?.port();
    Ok((listener, port))
}

/// What an accept loop needs besides the listener.
#[derive(Clone)]
pub(crate) struct Accept {
    pub(crate) acceptor: TlsAcceptor,
    pub(crate) stop: CancellationToken,
    pub(crate) tasks: TaskTracker,
}

impl Accept {
    /// Accepts until `stop`. Every connection has its own task, so a slow handshake delays no other connection.
    ///
    /// `switches` is given for the broker's listener only: refusing and stalling are faults of the broker.
    pub(crate) fn spawn<F, Fut>(
        self,
        listener: TcpListener,
        switches: Option<std::sync::Arc<Switches>>,
        serve: F,
    ) where
        F: Fn(TlsStream<TcpStream>) -> Fut + Clone + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let tasks = self.tasks.clone();
        tasks.spawn(async move {
            loop {
                let accepted = tokio::select! {
                    () = self.stop.cancelled() => return,
                    accepted = listener.accept() => accepted,
                };
                let tcp = match accepted {
                    Ok((tcp, _)) => tcp,
                    Err(error) => {
                        tracing::warn!(%error, "The sandbox could not accept a connection; it tries again.");
                        // Too many open files: trying at once would spin until one is closed.
                        tokio::time::sleep(Duration::from_millis(50)).await;
                        continue;
                    }
                };
                if switches.as_ref().is_some_and(|switches| switches.refusing()) {
                    continue;
                }
                // An ACK and a SEND are two small writes; Nagle would hold the second back for 40 ms.
                let _ = tcp.set_nodelay(true);
                let (accept, serve, switches) = (self.clone(), serve.clone(), switches.clone());
                self.tasks.spawn(async move {
                    let handshake = async {
                        if let Some(switches) = &switches {
                            switches.flowing().await;
                        }
                        accept.acceptor.accept(tcp).await
                    };
                    let tls = tokio::select! {
                        () = accept.stop.cancelled() => return,
                        tls = handshake => tls,
                    };
                    match tls {
                        Ok(tls) => serve(tls).await,
                        Err(error) => tracing::debug!(%error, "A client broke off the TLS handshake."),
                    }
                });
            }
        });
    }
}

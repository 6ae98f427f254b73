//! The test port: `action-test` and the Python client's `res-action-test` submit actions here and get the replies that the
//! platform would have got.
//!
//! The protocol is that of the Python client, plain TCP. Client to runner: `u32be` length of what follows, `u32be` number of
//! the action, `<destination> <JSON>`. Runner to client: `u32be` length, text. With a `test_token` the first frame must be
//! `token <the token>`.

mod conversation;

use std::net::SocketAddr;

use anyhow::{Context as _, bail};
use circuits::Submitter;
use circuits::config::{Config, Settings};
use circuits::extension::{Context, Extension, ExtensionFuture, Opened};
use secrecy::SecretString;
use tokio::net::{TcpListener, lookup_host};
use tracing::{info, warn};

use conversation::Conversation;

circuits::register! {
    Extension::new("test_port", |config| Box::pin(open(config)))
        .version(env!("CARGO_PKG_VERSION"))
        .about("takes actions from `action-test` (test_actions)")
}

async fn open(config: &Config) -> circuits::Result<Option<Box<dyn Opened>>> {
    let port = TestPort::bind(config.settings()).await;
    let port = port.map_err(|error| circuits::Error::new(format_args!("{error:#}")))?;
    Ok(port.map(|port| Box::new(port) as _))
}

/// The test port before a runner serves it.
#[derive(Debug)]
struct TestPort {
    listener: TcpListener,
    token: Option<SecretString>,
    max_frame: usize,
}

impl TestPort {
    /// Listens on the port of the settings, if test actions are on.
    ///
    /// # Errors
    /// When it cannot listen there, or anybody on the network could reach the port without a token.
    async fn bind(settings: &Settings) -> anyhow::Result<Option<Self>> {
        if !settings.test_actions {
            return Ok(None);
        }
        let (host, port) = (settings.test_host.as_str(), settings.test_port);
        let found = lookup_host((host, port)).await;
        let mut addresses: Vec<SocketAddr> = found
            .with_context(|| format!("test_host: {host} is neither an address nor a known name"))?
            .collect();
        let token = settings.test_token.clone();
        if token.is_none() && addresses.iter().any(|address| !address.ip().is_loopback()) {
            bail!(
                "test_host: {host} is not loopback, so anybody on the network could submit actions. Set test_token, or \
                 test_host=localhost"
            );
        }
        // The Python tool knows no IPv6.
        addresses.sort_by_key(SocketAddr::is_ipv6);
        let listener = TcpListener::bind(&*addresses).await.with_context(|| {
            format!("test_port: cannot listen on {host}:{port}. Name a free port of this machine")
        })?;
        let address = listener.local_addr()?;
        if token.is_some() {
            info!("Test actions are accepted on {address} from everybody who knows test_token");
        } else {
            warn!(
                "Test actions are accepted on {address} from every user of this machine; set test_token to keep others out"
            );
        }
        Ok(Some(Self { listener, token, max_frame: settings.stomp_max_body }))
    }

    /// Hands submitted actions to a runner, until it is dropped.
    async fn serve(self, submitter: Submitter) {
        // When this set is dropped, all conversations end.
        let mut conversations = tokio::task::JoinSet::new();
        // The listener is dropped first: a tool that has lost its connection must not find an open port that nobody serves.
        let listener = self.listener;
        loop {
            let (stream, peer) = match listener.accept().await {
                Ok(accepted) => accepted,
                Err(error) => {
                    warn!(%error, "The test port could not accept a connection");
                    // For instance out of file descriptors: give other connections time to end.
                    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                    continue;
                }
            };
            info!(%peer, "A test tool has connected");
            while conversations.try_join_next().is_some() {}
            let token = self.token.clone();
            let conversation = Conversation::new(stream, submitter.clone(), token, self.max_frame);
            conversations.spawn(conversation.run());
        }
    }
}

impl Opened for TestPort {
    fn run(self: Box<Self>, context: Context) -> ExtensionFuture<'static, ()> {
        Box::pin(async move {
            tokio::select! {
                () = self.serve(context.submitter().clone()) => {}
                () = context.stopped() => {}
            }
        })
    }
}

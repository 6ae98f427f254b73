//! The HTTP side of the runner: one listener, on which other extensions mount their routes.
//!
//! It is off unless `http_port` is set, and listens on 127.0.0.1 only. It reads each request within bounds of size and time
//! and hands it to whoever mounted its path ([`circuits::web`]).

mod answer;
mod origin;
mod serve;

use std::net::{Ipv4Addr, SocketAddr};

use circuits::Error;
use circuits::config::Config;
use circuits::extension::{Context, Extension, ExtensionFuture, Opened};
use tokio::net::TcpListener;

circuits::register! {
    Extension::new("http", |config| Box::pin(open(config)))
        .version(env!("CARGO_PKG_VERSION"))
        .about("answers HTTP requests for other extensions (http_port)")
}

async fn open(config: &Config) -> circuits::Result<Option<Box<dyn Opened>>> {
    let Some(port) = config.settings().http_port else { return Ok(None) };
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let listener = TcpListener::bind(address).await.map_err(|error| {
        Error::new(format_args!(
            "http_port: cannot listen on {address}: {error}. Name a free port, or end the program that has it"
        ))
    })?;
    let known = origin::Known::new(config.settings().http_url.as_deref());
    Ok(Some(Box::new(Http { listener, known })))
}

/// A listener that waits for the runner.
struct Http {
    listener: TcpListener,
    known: origin::Known,
}

impl Opened for Http {
    fn run(self: Box<Self>, context: Context) -> ExtensionFuture<'static, ()> {
        Box::pin(async move { serve::serve(self.listener, self.known, &context).await })
    }
}

//! The HTTP side of the runner: one listener, on which other extensions mount their routes.
//!
//! It is off unless `http_port` is set, and listens on 127.0.0.1 only. It reads each request within bounds of size and time, finds
//! out who calls, and hands it to whoever mounted its path ([`circuits::web`]).

mod answer;
mod gate;
mod origin;
mod serve;

use std::net::{Ipv4Addr, SocketAddr};

use circuits::Error;
use circuits::account::check_auth;
use circuits::config::Config;
use circuits::extension::{Context, Extension, ExtensionFuture, Findings, Opened};
use tokio::net::TcpListener;
use tracing::error;

use gate::Gate;
use serve::Inside;

circuits::register! {
    Extension::new("http", |config| Box::pin(open(config)))
        .version(env!("CARGO_PKG_VERSION"))
        .about("answers HTTP requests for other extensions (http_port)")
        .check(check)
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
    check_auth(config)?;
    Ok(Some(Box::new(Http { listener, known, config: config.clone() })))
}

fn check(config: &Config) -> Findings {
    let faults = check_auth(config).err().map(|error| error.to_string());
    Findings { faults: faults.into_iter().collect(), ..Findings::default() }
}

/// A listener that waits for the runner.
struct Http {
    listener: TcpListener,
    known: origin::Known,
    config: Config,
}

impl Opened for Http {
    fn run(self: Box<Self>, context: Context) -> ExtensionFuture<'static, ()> {
        Box::pin(async move {
            let Self { listener, known, config } = *self;
            match Gate::new(&config, context.accounts()) {
                Ok(gate) => serve::serve(listener, Inside { known, gate }, &context).await,
                Err(error) => error!(%error, "The HTTP listener cannot tell who calls, so it lets nobody in"),
            }
        })
    }
}

//! The HTTP side of the runner: one listener, on which other extensions mount their routes.
//!
//! It is off unless `http_port` is set, and listens on 127.0.0.1 unless told otherwise. It speaks TLS with the operator's
//! certificate, reads each request within bounds of size and time, finds out who calls, and hands it to whoever mounted its path
//! ([`circuits::web`]).

mod answer;
mod gate;
mod origin;
mod serve;
mod tls;

use std::net::IpAddr;

use circuits::Error;
use circuits::account::{CLIENT_CERT, chosen_auth};
use circuits::config::Config;
use circuits::extension::{Context, Extension, ExtensionFuture, Findings, Opened};
use tokio::net::TcpListener;
use tracing::error;

use gate::Gate;
use serve::Inside;
use tls::Tls;

circuits::register! {
    Extension::new("http", |config| Box::pin(open(config)))
        .version(env!("CARGO_PKG_VERSION"))
        .about("answers HTTP requests for other extensions (http_port)")
        .check(check)
}

async fn open(config: &Config) -> circuits::Result<Option<Box<dyn Opened>>> {
    let settings = config.settings();
    let Some(port) = settings.http_port else { return Ok(None) };
    let tls = ready(config).map_err(|faults| Error::new(faults.join("\n")))?;
    let address = (settings.http_host.as_str(), port);
    let listener = TcpListener::bind(address).await.map_err(|error| {
        Error::new(format_args!(
            "http_port: cannot listen on {}:{port}: {error}. Name a free port, and an address of this machine with http_host=",
            settings.http_host
        ))
    })?;
    let known = origin::Known::new(&settings.http_host, settings.http_url.as_deref());
    Ok(Some(Box::new(Http { listener, known, tls, config: config.clone() })))
}

/// The certificate, if there is to be one; or all that the settings and the files show to be wrong.
fn ready(config: &Config) -> Result<Option<Tls>, Vec<String>> {
    let settings = config.settings();
    let mut faults: Vec<_> = chosen_auth(config).err().map(|error| error.to_string()).into_iter().collect();
    let tls = settings.http_identity.is_some();
    let host = settings.http_host.as_str();
    let local =
        host.eq_ignore_ascii_case("localhost") || host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback());
    if !local && !tls && !settings.http_plain {
        faults.push(format!(
            "[resilient] http_host={host}: whoever is on the way could read passwords and tokens. Set http_cert= and http_key=, or \
             http_plain=true where something in between encrypts"
        ));
    }
    if settings.http_client_ca.is_some() && !tls {
        faults.push(
            "[resilient] http_client_ca: only TLS has client certificates. Set http_cert= and http_key="
                .to_owned(),
        );
    }
    if settings.http_auth.iter().any(|kind| kind == CLIENT_CERT) && settings.http_client_ca.is_none() {
        faults.push(format!(
            "[resilient] http_auth={CLIENT_CERT}: no client certificate counts. Name the authorities that issue them with \
             http_client_ca=, and set http_cert= and http_key="
        ));
    }
    match Tls::read(settings) {
        Ok(tls) if faults.is_empty() => return Ok(tls),
        Ok(_) => {}
        Err(error) => faults.push(error.to_string()),
    }
    Err(faults)
}

fn check(config: &Config) -> Findings {
    let faults = config.settings().http_port.and_then(|_| ready(config).err()).unwrap_or_default();
    Findings { faults, ..Findings::default() }
}

/// A listener that waits for the runner.
struct Http {
    listener: TcpListener,
    known: origin::Known,
    tls: Option<Tls>,
    config: Config,
}

impl Opened for Http {
    fn run(self: Box<Self>, context: Context) -> ExtensionFuture<'static, ()> {
        Box::pin(async move {
            let Self { listener, known, tls, config } = *self;
            match Gate::new(&config, context.accounts()) {
                Ok(gate) => serve::serve(listener, Inside { known, gate, tls }, &context).await,
                Err(error) => error!(%error, "The HTTP listener cannot tell who calls, so it lets nobody in"),
            }
        })
    }
}

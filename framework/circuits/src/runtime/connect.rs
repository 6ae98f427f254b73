//! Turns the settings of app.config into the options of the two network crates, and logs in with them.

use std::sync::Arc;

use circuits_rest::{Client, Rest, RetryPolicy};
use circuits_stomp::{Host, Tls};

use crate::RunError;
use crate::config::{Config, Credentials, Settings, Verify, VirtualHost};
use crate::recording::Recorder;

/// Logs in to the platform that `config` names, for work outside a handler: the client carries no context token.
///
/// If `max_connection_retries` is unlimited, it makes three tries, because somebody waits for the answer. `on_secret` is
/// called with every secret that the login brings, so that a log can hide them.
///
/// # Errors
/// The REST kinds of [`RunError`].
pub async fn login(
    config: &Config,
    on_secret: impl Fn(&str) + Send + Sync + 'static,
) -> Result<Rest, RunError> {
    let settings = config.settings();
    let tries = settings.max_connection_retries.unwrap_or(LOGIN_TRIES);
    let options = rest_options(settings, on_secret).login_tries(Some(tries));
    Ok(Client::connect(options).await.map_err(RunError::rest)?.with_token(None))
}

/// How many tries a login gets that somebody waits for.
const LOGIN_TRIES: u32 = 3;

/// Options of the broker session.
pub(crate) fn stomp_options(settings: &Settings) -> Result<circuits_stomp::Options, circuits_stomp::Error> {
    let hosts =
        settings.stomp_hosts.iter().map(|host| Host { name: host.host.clone(), port: host.port }).collect();
    let (login, passcode) = match &settings.credentials {
        Credentials::ApiKey { id, secret } => (id, secret),
        Credentials::User { email, password } => (email, password),
    };
    let mut tls = match &settings.stomp_verify {
        Verify::System => Tls::system(),
        Verify::CaFile(path) => Tls::cafile(path),
        Verify::Off => Tls::insecure(),
    };
    if let Some(client) = &settings.stomp_client_auth {
        tls = tls.identity(&client.cert, &client.key);
    }
    let options = circuits_stomp::Options::new(hosts)?
        .credentials(login, passcode.clone())
        .tls(tls)
        .heart_beat(settings.stomp_heartbeat, settings.stomp_heartbeat)
        .connect_timeout(settings.stomp_timeout)
        .max_body(settings.stomp_max_body);
    Ok(match &settings.stomp_vhost {
        VirtualHost::HostName => options,
        VirtualHost::Name(name) => options.virtual_host(name),
        VirtualHost::Omit => options.no_virtual_host(),
    })
}

/// Options of a REST session whose answers are recorded, if there is a recorder.
pub(crate) fn recorded_options(
    settings: &Settings,
    on_secret: impl Fn(&str) + Send + Sync + 'static,
    recorder: Option<&Arc<Recorder>>,
) -> circuits_rest::Options {
    let Some(recorder) = recorder.cloned() else { return rest_options(settings, on_secret) };
    let hiding = Arc::clone(&recorder);
    let on_secret = move |secret: &str| {
        hiding.add_secret(secret);
        on_secret(secret);
    };
    rest_options(settings, on_secret).on_answer(move |answer| recorder.answer(answer))
}

/// Options of the REST session.
pub(crate) fn rest_options(
    settings: &Settings,
    on_secret: impl Fn(&str) + Send + Sync + 'static,
) -> circuits_rest::Options {
    let credentials = match settings.credentials.clone() {
        Credentials::ApiKey { id, secret } => circuits_rest::Credentials::ApiKey { id, secret },
        Credentials::User { email, password } => circuits_rest::Credentials::User { email, password },
    };
    let verify = match &settings.verify {
        Verify::System => circuits_rest::Verify::System,
        Verify::CaFile(path) => circuits_rest::Verify::CaFile(path.clone()),
        Verify::Off => circuits_rest::Verify::Off,
    };
    let retry = RetryPolicy {
        max_tries: settings.request_max_retries,
        delay: settings.request_retry_delay,
        backoff: settings.request_retry_backoff,
        ..RetryPolicy::default()
    };
    let mut options = circuits_rest::Options::new(&settings.host, settings.port)
        .credentials(credentials)
        .org(settings.org.clone())
        .verify(verify)
        .resource_prefix(settings.resource_prefix.clone())
        .login_tries(settings.max_connection_retries)
        .cache_ttl(settings.cache_ttl)
        .retry(retry)
        .on_secret(on_secret);
    if let Some(client) = &settings.client_auth {
        options = options.client_certificate(client.cert.clone(), client.key.clone());
    }
    if let Some(proxy) = &settings.proxy {
        let mut via = circuits_rest::Proxy::new(&proxy.host, proxy.port.unwrap_or(0));
        if let (Some(user), Some(password)) = (&proxy.user, &proxy.password) {
            via = via.credentials(user, password.clone());
        }
        options = options.proxy(via);
    }
    options
}

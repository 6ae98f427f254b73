//! What the errors of the HTTP client mean in our terms: who refused, why, and whether the call may be repeated.

use std::{error::Error as StdError, path::PathBuf, time::Duration};

use circuits_tls::{Peer, Refusal};

use crate::{Error, Options, Verify, error::Kind, retry::Failure, via::Via};

/// The way to the platform, as far as errors have to name its parts.
#[derive(Default)]
pub(crate) struct Way {
    host: String,
    port: u16,
    cafile: Option<PathBuf>,
    shows_identity: bool,
    via: Option<Via>,
    connect_timeout: Duration,
    /// How long a call may take, unless it says otherwise.
    timeout: Duration,
}

impl Way {
    /// # Errors
    /// A proxy that is not supported.
    pub(crate) fn new(options: &Options) -> Result<Self, Error> {
        Ok(Self {
            host: options.host.trim().to_owned(),
            port: options.port,
            cafile: match &options.verify {
                Verify::CaFile(path) => Some(path.clone()),
                Verify::System | Verify::Off => None,
            },
            shows_identity: options.client_certificate.is_some(),
            via: Via::of(options)?,
            // Shorter than the time for the whole call, so that the error names the connection.
            connect_timeout: options.timeout.mul_f64(0.8).min(Duration::from_secs(10)),
            timeout: options.timeout,
        })
    }

    pub(crate) fn via(&self) -> Option<&Via> {
        self.via.as_ref()
    }

    /// How long a connection may take.
    pub(crate) fn connect_timeout(&self) -> Duration {
        self.connect_timeout
    }

    /// What a failed try means: the error to show, and whether the call may be repeated.
    pub(crate) fn explain(&self, error: reqwest::Error) -> (Error, Failure) {
        self.explain_within(error, self.timeout)
    }

    /// The same for a call that had so much time.
    pub(crate) fn explain_within(&self, error: reqwest::Error, timeout: Duration) -> (Error, Failure) {
        let (explained, failure) = self.judge(&error, &reason(&error), timeout);
        (explained.source_is(error.without_url()), failure)
    }

    fn judge(&self, error: &reqwest::Error, text: &str, timeout: Duration) -> (Error, Failure) {
        let failed = |kind| Error::new(kind, text);
        if let Some(via) = self.via.as_ref().filter(|_| text.contains("tunnel error")) {
            let explained = via.explain(text, &format!("{}:{}", self.host, self.port));
            let failure = if explained.is_tls() { Failure::Permanent } else { Failure::NotSent };
            return (explained, failure);
        }
        if error.is_timeout() {
            return match &self.via {
                _ if !error.is_connect() => {
                    let late = Error::new(Kind::Timeout, format!("no answer within {timeout:?}"));
                    (late, Failure::TimedOut)
                }
                Some(via) => (via.silent(self.connect_timeout), Failure::NotSent),
                None => {
                    let silent =
                        Error::new(Kind::Connect, format!("no connection within {:?}", self.connect_timeout));
                    (silent.hint("check `host`, `port` and the way there"), Failure::NotSent)
                }
            };
        }
        let peer =
            Peer::platform(&self.host).trusting(self.cafile.as_deref()).showing_identity(self.shows_identity);
        if let Some(refusal) = Refusal::explain(text, &peer) {
            let kind = if refusal.is_certificate() { Kind::Certificate } else { Kind::Tls };
            let told = Error::new(kind, format!("{} [{text}]", refusal.text())).hint(refusal.cure());
            return (told, Failure::Permanent);
        }
        if error.is_builder() {
            (failed(Kind::Invalid), Failure::Permanent)
        } else if error.is_connect() {
            (failed(Kind::Connect).hint("check `host`, `port` and the way there"), Failure::NotSent)
        } else {
            (failed(Kind::Lost), Failure::Lost)
        }
    }
}

/// The causes of an error in one line, without the wrappers that say nothing and OpenSSL's source lines.
pub(crate) fn reason(error: &(dyn StdError + 'static)) -> String {
    let mut parts: Vec<String> = Vec::new();
    let mut cause = error.source();
    if cause.is_none() {
        return error.to_string();
    }
    while let Some(error) = cause {
        let text = error.to_string();
        if !text.starts_with("client error (") && !parts.iter().any(|part| part.contains(&text)) {
            parts.push(text);
        }
        cause = error.source();
    }
    let line = parts.join(": ");
    match line.split_once("certificate verify failed") {
        Some((before, rest)) => {
            let tunnel = if before.contains("tunnel error") { "tunnel error: " } else { "" };
            let why = rest.rfind('(').map_or("", |at| &rest[at..]);
            format!("{tunnel}certificate verify failed {why}").trim_end().to_owned()
        }
        None => line,
    }
}

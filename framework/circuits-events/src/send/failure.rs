//! What the errors of the HTTP client mean, in words for an operator and as an outcome. No text names more of
//! a URL than its host and port.

use std::error::Error as StdError;
use std::io;
use std::time::Duration;

use super::Outcome;
use super::addresses::{NotFound, RefusedAddress};

/// A connection may take so long.
pub(crate) const CONNECT: Duration = Duration::from_secs(8);

/// Why there was no answer.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) text: String,
    pub(crate) outcome: Outcome,
}

impl Failure {
    /// It stays as it is until somebody changes something.
    pub(crate) fn refused(text: impl Into<String>) -> Self {
        Self { text: text.into(), outcome: Outcome::Refused }
    }

    /// It may go better later.
    fn passing(text: impl Into<String>) -> Self {
        Self { text: text.into(), outcome: Outcome::Again { after: None } }
    }

    /// Why a call to `place` failed that had so much time.
    pub(crate) fn explain(error: reqwest::Error, place: &str, timeout: Duration) -> Self {
        // Its own text names the URL.
        let error = error.without_url();
        let reason = reason(&error);
        if let Some(refused) = cause::<RefusedAddress>(&error) {
            return Self::refused(format!("{place}: {refused}"));
        }
        if let Some(NotFound(why)) = cause(&error) {
            return Self::passing(format!(
                "{place}: name not found: check its spelling and this machine's DNS ({why})"
            ));
        }
        if error.is_timeout() {
            return Self::passing(if error.is_connect() {
                format!("{place} cannot be reached: the connection timed out after {}", words(CONNECT))
            } else {
                format!("{place} did not answer: timed out after {}", words(timeout))
            });
        }
        if let Some(why) = certificate(&chain(&error)) {
            return Self::refused(format!(
                "{place} shows a certificate that is refused: {why}; name the receiver as it does, have it \
                 renewed, or name its authority in `cafile`"
            ));
        }
        let refused = |io: &io::Error| io.kind() == io::ErrorKind::ConnectionRefused;
        if cause::<io::Error>(&error).is_some_and(refused) {
            return Self::passing(format!(
                "{place}: connection refused: check that the receiver listens there"
            ));
        }
        if reason.contains("wrong version number") {
            return Self::passing(format!("{place} does not speak TLS: check whether https is right there"));
        }
        if error.is_builder() {
            Self::refused(format!("{place}: the call cannot be made: {reason}"))
        } else if error.is_connect() {
            Self::passing(format!("{place} cannot be reached: {reason}"))
        } else {
            Self::passing(format!("{place} broke the connection before it answered: {reason}"))
        }
    }
}

fn causes<'a>(error: &'a reqwest::Error) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(error.source(), |error| (*error).source())
}

fn cause<T: StdError + 'static>(error: &reqwest::Error) -> Option<&T> {
    causes(error).find_map(|cause| cause.downcast_ref())
}

/// The innermost cause, which says what happened; those around it say what was being done.
fn reason(error: &reqwest::Error) -> String {
    causes(error).last().map_or_else(|| error.to_string(), ToString::to_string)
}

/// All causes in one line.
fn chain(error: &reqwest::Error) -> String {
    causes(error).map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// Why OpenSSL refuses a certificate: what stands in brackets, which is not said by the innermost cause.
fn certificate(chain: &str) -> Option<&str> {
    let (_, rest) = chain.split_once("certificate verify failed")?;
    let why = rest.rsplit_once('(').and_then(|(_, why)| why.split_once(')'));
    Some(why.map_or("it does not verify", |(why, _)| why))
}

fn words(time: Duration) -> String {
    if time.subsec_millis() == 0 {
        format!("{} s", time.as_secs())
    } else {
        format!("{} ms", time.as_millis())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_certificate_is_told_by_its_fault() {
        let line = "error:0A000086:SSL routines:tls_post_process_server_certificate:\
                    certificate verify failed:../ssl/statem/statem_clnt.c:1889:";
        let table = [
            (format!("{line} (self-signed certificate)"), Some("self-signed certificate")),
            (format!("{line} (hostname mismatch)"), Some("hostname mismatch")),
            (format!("{line} (self-signed certificate): {line}"), Some("self-signed certificate")),
            (line.to_owned(), Some("it does not verify")),
            ("error:0A00010B:SSL routines:ssl3_get_record:wrong version number".to_owned(), None),
        ];
        for (reason, expected) in table {
            assert_eq!(certificate(&reason), expected, "{reason}");
        }
    }

    #[test]
    fn times_are_told_in_seconds_or_milliseconds() {
        assert_eq!(words(Duration::from_secs(10)), "10 s");
        assert_eq!(words(Duration::from_millis(50)), "50 ms");
        assert_eq!(words(Duration::from_millis(1500)), "1500 ms");
    }
}

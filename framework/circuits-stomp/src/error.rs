//! The one error type of the crate: opaque, cheap to clone (one broken connection answers many callers), complete when
//! displayed.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

/// Why something did not happen. `Display` names the broker, what was tried, the cause and, where there is one, the cure;
/// it never shows a secret or the bytes of a frame. Ask the `is_*` questions to decide what to do. `source` is the cause, for
/// callers that look for a particular one, such as an [`std::io::Error`]; its text is part of `Display` already.
#[derive(Clone)]
pub struct Error(Arc<Inner>);

struct Inner {
    kind: Kind,
    text: String,
    cause: Option<Cause>,
}

enum Cause {
    /// What ended the session or the connection, when this error only says that it is over.
    End(Error),
    /// What the system or TLS reported.
    Other(Box<dyn StdError + Send + Sync>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The options make no sense; nothing was tried.
    Options,
    /// The file of trusted certificates is missing, unreadable or holds none.
    CaFile,
    /// Our own certificate or key cannot be used.
    Identity,
    /// One side's certificate was refused by the other.
    Certificate,
    /// The broker does not accept login and passcode.
    Credentials,
    /// The broker does not know the virtual host we asked for.
    VirtualHost,
    /// Nobody answered: no such host, a closed port, silence.
    Unanswered,
    /// Somebody answered, but not in time, or not in STOMP, or not with CONNECTED.
    Unreachable,
    /// The connection ended.
    Lost,
    /// The broker answered a request of ours with ERROR.
    Refused,
    /// The broker answered a request of ours with ERROR because we lack the right.
    Unauthorised,
    /// The token belongs to a connection that is gone.
    Stale,
    /// The session is over.
    Closed,
}

impl Error {
    pub(crate) fn new(kind: Kind, text: impl Into<String>) -> Self {
        Self(Arc::new(Inner { kind, text: text.into(), cause: None }))
    }

    pub(crate) fn lost(text: impl Into<String>) -> Self {
        Self::new(Kind::Lost, text)
    }

    pub(crate) fn unreachable(text: impl Into<String>) -> Self {
        Self::new(Kind::Unreachable, text)
    }

    /// The session is over; `cause` says why when it did not end by our own wish.
    pub(crate) fn closed(cause: Option<Error>) -> Self {
        let text = match &cause {
            Some(cause) => format!("the STOMP session has ended: {cause}"),
            None => "the STOMP session was closed".to_owned(),
        };
        Self(Arc::new(Inner { kind: Kind::Closed, text, cause: cause.map(Cause::End) }))
    }

    /// The same error with its cause; `text` already contains what the cause says.
    pub(crate) fn because(self, cause: impl StdError + Send + Sync + 'static) -> Self {
        let text = self.0.text.clone();
        Self(Arc::new(Inner { kind: self.0.kind, text, cause: Some(Cause::Other(Box::new(cause))) }))
    }

    /// The same error with the end of the connection as its cause.
    pub(crate) fn at_the_end(self, end: Error) -> Self {
        let text = self.0.text.clone();
        Self(Arc::new(Inner { kind: self.0.kind, text, cause: Some(Cause::End(end)) }))
    }

    /// What ended the session, if this error says only that it has ended.
    fn end(&self) -> Option<&Error> {
        match &self.0.cause {
            Some(Cause::End(end)) if self.0.kind == Kind::Closed => Some(end),
            _ => None,
        }
    }

    /// True for `kind` itself and for a closed session that ended because of `kind`.
    fn is(&self, kind: Kind) -> bool {
        self.0.kind == kind || self.end().is_some_and(|end| end.is(kind))
    }

    /// Whether a try failed before anybody answered.
    pub(crate) fn is_unanswered(&self) -> bool {
        self.0.kind == Kind::Unanswered
    }

    /// No broker was found: nobody answered, or not in time, or not as a STOMP broker that takes connections.
    pub fn is_unreachable(&self) -> bool {
        self.is(Kind::Unanswered) || self.is(Kind::Unreachable)
    }

    /// The broker does not know the virtual host that was asked for, or does not open it to this login.
    pub fn is_virtual_host(&self) -> bool {
        self.is(Kind::VirtualHost)
    }

    /// The options make no sense; nothing was tried.
    pub fn is_options(&self) -> bool {
        self.is(Kind::Options)
    }

    /// The connection went away (or there was none) before the broker confirmed: the broker may or may not have the message.
    pub fn is_lost(&self) -> bool {
        self.0.kind == Kind::Lost
    }

    /// The broker answered this very request with ERROR. Sending it again unchanged will most likely be refused again.
    pub fn is_refused(&self) -> bool {
        matches!(self.0.kind, Kind::Refused | Kind::Unauthorised)
    }

    /// The broker refused a SUBSCRIBE or SEND because the login lacks the right. Also [`is_refused`](Self::is_refused).
    pub fn is_unauthorised(&self) -> bool {
        self.is(Kind::Unauthorised)
    }

    /// The token belongs to an earlier connection; nothing was sent, the broker delivers the message again.
    pub fn is_stale(&self) -> bool {
        self.0.kind == Kind::Stale
    }

    /// The session is over (closed, or refused for good at start); no further call can succeed.
    pub fn is_closed(&self) -> bool {
        self.0.kind == Kind::Closed
    }

    /// Trying again unchanged cannot help: certificate, cafile, client certificate, credentials, virtual host, options.
    pub fn is_permanent(&self) -> bool {
        let own = matches!(
            self.0.kind,
            Kind::Options
                | Kind::CaFile
                | Kind::Identity
                | Kind::Certificate
                | Kind::Credentials
                | Kind::VirtualHost
        );
        own || self.end().is_some_and(Error::is_permanent)
    }

    /// TLS: the broker's chain, host name or validity was refused by us, or our certificate by the broker.
    pub fn is_certificate(&self) -> bool {
        self.is(Kind::Certificate) || self.is(Kind::Identity)
    }

    /// The file of trusted certificates is missing, unreadable or holds no certificate.
    pub fn is_cafile(&self) -> bool {
        self.is(Kind::CaFile)
    }

    /// The broker does not accept login and passcode.
    pub fn is_credentials(&self) -> bool {
        self.is(Kind::Credentials)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.text)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error").field("kind", &self.0.kind).field("text", &self.0.text).finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self.0.cause.as_ref()? {
            Cause::End(end) => Some(end),
            Cause::Other(cause) => Some(&**cause),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_closed_session_still_answers_why() {
        let cause = Error::new(Kind::Credentials, "login 'app' was refused by b:1");
        let closed = Error::closed(Some(cause));
        assert!(closed.is_closed() && closed.is_credentials() && closed.is_permanent());
        assert!(!closed.is_certificate() && !closed.is_lost());
        assert_eq!(closed.to_string(), "the STOMP session has ended: login 'app' was refused by b:1");
        assert!(!Error::closed(None).is_permanent());
    }

    #[test]
    fn the_cause_can_be_found_behind_every_error_that_it_led_to() {
        let reset = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
        let text = format!("b:1: reading failed: {reset}");
        let lost = Error::lost(&*text).because(reset);
        assert_eq!(lost.to_string(), text);
        let answer = Error::lost("the connection ended").at_the_end(lost);
        assert!(answer.is_lost() && !answer.is_permanent());
        let closed = Error::closed(Some(answer));
        let mut error: &dyn StdError = &closed;
        while let Some(source) = error.source() {
            error = source;
        }
        let io = error.downcast_ref::<std::io::Error>().unwrap();
        assert_eq!(io.kind(), std::io::ErrorKind::ConnectionReset);
    }

    #[test]
    fn nobody_there_and_nobody_who_speaks_stomp_are_both_unreachable() {
        let nobody = Error::new(Kind::Unanswered, "x");
        assert!(nobody.is_unreachable() && nobody.is_unanswered() && !nobody.is_permanent());
        let stranger = Error::unreachable("x");
        assert!(stranger.is_unreachable() && !stranger.is_unanswered());
        assert!(Error::closed(Some(Error::new(Kind::VirtualHost, "x"))).is_virtual_host());
        assert!(Error::new(Kind::Options, "x").is_options());
    }

    #[test]
    fn a_missing_right_is_a_refusal_too() {
        let error = Error::new(Kind::Unauthorised, "x");
        assert!(error.is_refused() && error.is_unauthorised() && !error.is_permanent());
    }
}

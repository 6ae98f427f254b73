//! Why the runner could not start or go on, in a form that a command can turn into its exit code.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

/// What kind of failure it was; the peer's exit codes tell the same kinds apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Failure {
    /// A component, the registry or the configuration.
    Components,
    /// The platform's REST API cannot be reached or answers with an error.
    RestConnection,
    /// A REST call was answered 401 after login.
    RestUnauthorised,
    /// A CA or client certificate file is missing or unreadable.
    CaFile,
    /// The certificate chain, host name or date of a server is not valid.
    Certificate,
    /// The account is not a member of the configured org, or must name one.
    Org,
    /// Wrong user, password or API key.
    Credentials,
    /// Any other failure of the STOMP connection.
    Stomp,
    /// The broker refuses the account.
    StompCredentials,
    /// The account may not read a queue.
    StompQueue,
    /// The broker did not confirm a subscription in time (a self-test only; a runner waits).
    StompTimeout,
}

/// Why the runner could not start or go on. `Display` names the cure.
#[derive(Debug)]
pub struct RunError {
    failure: Failure,
    text: String,
    cause: Option<Arc<dyn StdError + Send + Sync>>,
}

impl RunError {
    /// The kind of failure.
    pub fn failure(&self) -> Failure {
        self.failure
    }

    /// The error of the REST or STOMP connection, if it was one. It is not the `source()`, since the text already includes it.
    pub fn cause(&self) -> Option<&(dyn StdError + 'static)> {
        self.cause.as_deref().map(|cause| cause as &(dyn StdError + 'static))
    }

    /// Whether the broker, or the way to it, is the reason.
    pub fn is_stomp(&self) -> bool {
        self.cause.as_ref().is_some_and(|cause| cause.is::<circuits_stomp::Error>())
    }

    /// Whether the platform's REST API, or the way to it, is the reason.
    pub fn is_rest(&self) -> bool {
        self.cause.as_ref().is_some_and(|cause| cause.is::<circuits_rest::Error>())
    }

    /// Whether the platform or the broker does not accept the account.
    pub fn is_credentials(&self) -> bool {
        matches!(self.failure, Failure::Credentials | Failure::StompCredentials)
    }

    /// Whether a server's certificate, or a file of certificates or keys, is the reason.
    pub fn is_certificate(&self) -> bool {
        matches!(self.failure, Failure::CaFile | Failure::Certificate)
    }

    pub(crate) fn new(failure: Failure, text: impl Into<String>) -> Self {
        Self { failure, text: text.into(), cause: None }
    }

    pub(crate) fn components(error: crate::Error) -> Self {
        Self::new(Failure::Components, error.to_string())
    }

    pub(crate) fn rest(error: circuits_rest::Error) -> Self {
        let failure = if error.is_cafile() {
            Failure::CaFile
        } else if error.is_certificate() {
            Failure::Certificate
        } else if error.is_credentials() {
            Failure::Credentials
        } else if error.is_org() {
            Failure::Org
        } else if error.is_session() {
            Failure::RestUnauthorised
        } else {
            Failure::RestConnection
        };
        Self { failure, text: format!("REST: {error}"), cause: Some(Arc::new(error)) }
    }

    pub(crate) fn stomp(error: circuits_stomp::Error) -> Self {
        Self::stomp_shared(Arc::new(error))
    }

    pub(crate) fn stomp_shared(error: Arc<circuits_stomp::Error>) -> Self {
        let failure = if error.is_cafile() {
            Failure::CaFile
        } else if error.is_certificate() {
            Failure::Certificate
        } else if error.is_credentials() {
            Failure::StompCredentials
        } else if error.is_unauthorised() {
            Failure::StompQueue
        } else {
            Failure::Stomp
        };
        Self { failure, text: format!("STOMP: {error}"), cause: Some(error) }
    }
}

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl StdError for RunError {}

//! Kinds of authentication: each looks at a request and says who calls, if it can.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;

use axum::response::Response;
use http::request::Parts;

use super::{Accounts, Caller};
use crate::Result;
use crate::config::Config;
use crate::kind::{Kind, find, sorted};

/// The future of an [`Authenticator`].
pub type AuthFuture<'a> = Pin<Box<dyn Future<Output = Result<Verdict>> + Send + 'a>>;

/// Makes the authenticator that the settings describe.
pub type OpenAuth = fn(&Config, &Accounts) -> Result<Arc<dyn Authenticator>>;

/// What a kind of authentication makes of a request.
#[derive(Debug)]
pub enum Verdict {
    /// The request has nothing that this kind looks at; another kind may know who calls.
    NotMine,
    /// They call.
    Is(Caller),
    /// What the request has is wrong.
    Refused,
    /// What the request has is wrong, and this answer says so in place of the listener's: to take a cookie back, for instance.
    Answer(Box<Response>),
    /// There were too many wrong attempts from this address; the next one is looked at in so many seconds.
    Later(u64),
}

/// Says who calls.
pub trait Authenticator: Send + Sync + 'static {
    /// Looks at the head of a request, which came from this address.
    fn authenticate<'a>(&'a self, head: &'a Parts, from: SocketAddr) -> AuthFuture<'a>;

    /// What a client must send, for the header `WWW-Authenticate` (RFC 9110, 11.6.1); `None` for what a client does not send itself.
    fn challenge(&self) -> Option<&'static str> {
        None
    }
}

/// A kind of authentication, which `http_auth=` in app.config names.
pub type AuthKind = Kind<OpenAuth>;

inventory::collect!(AuthKind);

impl AuthKind {
    /// Makes the authenticator.
    ///
    /// # Errors
    /// When a setting is wrong.
    pub fn open(&self, config: &Config, accounts: &Accounts) -> Result<Arc<dyn Authenticator>> {
        (self.open)(config, accounts)
    }
}

/// Every linked kind, sorted by name.
pub fn auth_kinds() -> Vec<&'static AuthKind> {
    sorted(inventory::iter::<AuthKind>.into_iter())
}

/// The kinds that count where the settings name none, as far as they are linked.
pub const DEFAULT_AUTH: [&str; 3] = ["basic", "session", "token"];

/// The kind that goes by [`ClientCertificate`](super::ClientCertificate), and therefore needs `http_client_ca`.
pub const CLIENT_CERT: &str = "client_cert";

/// The kinds that the settings name.
///
/// # Errors
/// Names one that no linked crate has.
pub fn chosen_auth(config: &Config) -> Result<Vec<&'static AuthKind>> {
    let (all, names) = (auth_kinds(), &config.settings().http_auth);
    if names.is_empty() {
        return Ok(all.into_iter().filter(|kind| DEFAULT_AUTH.contains(&kind.name())).collect());
    }
    let find = |name: &String| {
        let wrong = "no linked crate has this kind of authentication";
        find(&all, name, format_args!("http_auth names `{name}`, and {wrong}"))
    };
    names.iter().map(find).collect()
}

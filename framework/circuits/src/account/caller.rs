//! Who calls, and the certificate that they showed.

use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use axum::response::Response;
use http::StatusCode;
use http::request::Parts;

use super::Rights;
use crate::web::refusal;

/// Who calls: the listener puts it into the extensions of a request, and a handler of a route takes it as an argument. A handler that
/// takes a `Caller` refuses those without a name with 403, as long as there is no account; one that takes an `Option` does not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The account's name, or the user that a trusted proxy names.
    pub name: String,
    /// What they may see and change.
    pub rights: Rights,
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Response> {
        let text = "there is no account yet; `circuits account add` makes one";
        parts.extensions.get().cloned().ok_or_else(|| refusal(StatusCode::FORBIDDEN, text))
    }
}

impl<S: Sync> OptionalFromRequestParts<S> for Caller {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Self::Rejection> {
        Ok(parts.extensions.get().cloned())
    }
}

/// The certificate that the client showed in the TLS handshake, in the extensions of each request of its connection. The listener
/// has verified it: one of the authorities in `http_client_ca` issued it, and it was valid then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientCertificate {
    /// The common names of its subject: one in most certificates, none or several in some.
    pub common_names: Vec<String>,
}

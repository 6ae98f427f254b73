//! The session of a browser: a token in a cookie, which `POST /management/session` gives for a name and a password, and `DELETE`
//! ends.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use circuits::account::{Accounts, AuthFuture, AuthKind, Authenticator, Verdict};
use circuits::config::Settings;
use circuits::web::axum::Extension;
use circuits::web::axum::extract::State;
use circuits::web::axum::response::{IntoResponse as _, Response};
use circuits::web::{OF_A_PAGE, STORE_FAILED, refusal, unauthorized};
use http::header::{AUTHORIZATION, COOKIE, SET_COOKIE};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use tracing::error;

use crate::kinds::{BEARER, caller};
use crate::login::Login;
use crate::token;

pub(crate) const KIND: &str = "session";
pub(crate) const PATH: &str = "/management/session";
const NAME: &str = "circuits_session";

circuits::register! {
    AuthKind::new(KIND, |config, accounts| {
        let cookie = Cookie::new(config.settings());
        Ok(Arc::new(Session { cookie, accounts: accounts.clone() }))
    })
    .about("the cookie of a browser that has logged in")
}

struct Session {
    cookie: Cookie,
    accounts: Accounts,
}

impl Authenticator for Session {
    fn authenticate<'a>(&'a self, head: &'a Parts, _from: SocketAddr) -> AuthFuture<'a> {
        Box::pin(async move {
            // Browsers add cookies by themselves; whoever adds this header means it.
            if head.headers.contains_key(AUTHORIZATION) {
                return Ok(Verdict::NotMine);
            }
            let token = match self.cookie.token(&head.method, &head.headers) {
                Ok(Some(token)) => token,
                Ok(None) => return Ok(Verdict::NotMine),
                Err(refused) => return Ok(Verdict::Answer(refused)),
            };
            // A wrong one is no guess: every browser has one when its session has ended.
            let ended = || Verdict::Answer(self.cookie.wrong("the session has ended; log in again"));
            Ok(token::account_of(&self.accounts, token).await?.map_or_else(ended, caller))
        })
    }
}

/// What the routes need. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Sessions {
    pub(crate) login: Login,
    pub(crate) cookie: Cookie,
}

/// Logs a browser in.
pub(crate) async fn begin(
    State(Sessions { login, cookie }): State<Sessions>,
    Extension(from): Extension<SocketAddr>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    match login.log_in(from, &headers, &body, BEARER).await {
        Ok(issued) => cookie.set(&issued.token),
        Err(refused) => *refused,
    }
}

/// Logs a browser out.
pub(crate) async fn end(
    State(Sessions { login, cookie }): State<Sessions>,
    method: Method,
    headers: HeaderMap,
) -> Response {
    let ended = match cookie.token(&method, &headers) {
        Ok(Some(token)) => token::end(&login.accounts, token).await,
        Ok(None) => Ok(()),
        Err(refused) => return *refused,
    };
    match ended {
        Ok(()) => cookie.set(""),
        Err(error) => {
            error!(%error, "A session could not be ended");
            refusal(StatusCode::SERVICE_UNAVAILABLE, STORE_FAILED)
        }
    }
}

/// The cookie.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cookie {
    /// Whether the browser may send it over TLS alone.
    secure: bool,
}

impl Cookie {
    pub(crate) fn new(settings: &Settings) -> Self {
        let https = |url: &String| url.get(..6).is_some_and(|scheme| scheme.eq_ignore_ascii_case("https:"));
        Self { secure: settings.http_identity.is_some() || settings.http_url.as_ref().is_some_and(https) }
    }

    /// The header that sets it to this token, or takes it back. `None` if the token has characters that no header has.
    fn with(self, token: &str) -> Option<HeaderValue> {
        let ends = if token.is_empty() { "; Max-Age=0" } else { "" };
        let secure = if self.secure { "; Secure" } else { "" };
        let mut header = HeaderValue::from_str(&format!(
            "{NAME}={token}; HttpOnly; SameSite=Strict; Path=/{ends}{secure}"
        ));
        if let Ok(header) = &mut header {
            header.set_sensitive(true);
        }
        header.ok()
    }

    /// An answer without a body that sets it to this token, or takes it back.
    fn set(self, token: &str) -> Response {
        let mut done = StatusCode::NO_CONTENT.into_response();
        done.headers_mut().extend(self.with(token).map(|cookie| (SET_COOKIE, cookie)));
        done
    }

    /// The token in a request's cookie. A request that changes something must be one of a page of this listener.
    fn token<'a>(self, method: &Method, headers: &'a HeaderMap) -> Result<Option<&'a str>, Box<Response>> {
        let cookies =
            headers.get_all(COOKIE).iter().flat_map(|all| all.as_bytes().split(|byte| *byte == b';'));
        let mut found =
            cookies.filter_map(|one| one.trim_ascii().strip_prefix(NAME.as_bytes())?.strip_prefix(b"="));
        let (Some(token), second) = (found.next(), found.next()) else { return Ok(None) };
        if second.is_some() {
            // Somebody on a neighbouring host may have set one of them.
            return Err(self.wrong("there is more than one cookie circuits_session"));
        }
        let safe = [Method::GET, Method::HEAD].contains(method);
        if !safe && headers.get(OF_A_PAGE).is_none_or(|value| value != "1") {
            let text =
                "a request that changes something and goes by a cookie must have the header X-Circuits: 1";
            return Err(Box::new(refusal(StatusCode::FORBIDDEN, text)));
        }
        Ok(Some(std::str::from_utf8(token).unwrap_or_default()))
    }

    /// The refusal of a cookie, which takes it back. A browser does not ask for a password on its own.
    fn wrong(self, text: &str) -> Box<Response> {
        let mut refused = unauthorized(text, &[BEARER], None);
        refused.headers_mut().extend(self.with("").map(|cookie| (SET_COOKIE, cookie)));
        Box::new(refused)
    }
}

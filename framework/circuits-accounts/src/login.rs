//! `POST /management/auth`: a token for a name and a password, from a form or from JSON.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use circuits::account::{Accounts, Verdict};
use circuits::web::axum::Extension;
use circuits::web::axum::extract::State;
use circuits::web::axum::response::Response;
use circuits::web::{self, STORE_FAILED, refusal, unauthorized};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, StatusCode};
use jiff::Timestamp;
use serde_json::{Value, json};
use tracing::{error, info, warn};

use crate::{kinds, token};

const BOTH: &str = "both username and password are required, as a form or as JSON";

/// What the route needs. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Login {
    pub(crate) accounts: Accounts,
    pub(crate) ttl: Duration,
}

/// Answers with a token, or refuses.
pub(crate) async fn answer(
    State(login): State<Login>,
    Extension(from): Extension<SocketAddr>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    match login.log_in(from, &headers, &body, kinds::BASIC).await {
        Ok(issued) => {
            let ends = Timestamp::from_millisecond(issued.ends).map(|ends| ends.to_string()).ok();
            web::answer(StatusCode::OK, &json!({"token": issued.token, "expires": ends}))
        }
        Err(refused) => *refused,
    }
}

impl Login {
    /// A token for the name and the password in a request; or the refusal, with this challenge.
    pub(crate) async fn log_in(
        &self,
        from: SocketAddr,
        headers: &HeaderMap,
        body: &Bytes,
        challenge: &'static str,
    ) -> Result<token::Issued, Box<Response>> {
        let Some((name, password)) = given(headers, body) else {
            return Err(Box::new(refusal(StatusCode::BAD_REQUEST, BOTH)));
        };
        match self.token(&name, &password, from).await {
            Ok(Ok(issued)) => {
                info!(account = name, "Logged in");
                Ok(issued)
            }
            Ok(Err(later)) => {
                // The name may be a password that was typed into the wrong field.
                warn!(from = %from.ip(), "A login was refused");
                Err(Box::new(unauthorized("name or password is wrong", &[challenge], later)))
            }
            Err(error) => {
                error!(%error, "A login could not be checked");
                Err(Box::new(refusal(StatusCode::SERVICE_UNAVAILABLE, STORE_FAILED)))
            }
        }
    }

    /// A token, or the seconds to wait after too many wrong attempts.
    async fn token(
        &self,
        name: &str,
        password: &str,
        from: SocketAddr,
    ) -> circuits::Result<Result<token::Issued, Option<u64>>> {
        match kinds::check(&self.accounts, name, password, from.ip()).await? {
            Verdict::Is(caller) => match self.accounts.get(&caller.name).await? {
                Some(account) => Ok(Ok(token::issue(&self.accounts, &account, self.ttl).await?)),
                None => Ok(Err(None)),
            },
            Verdict::Later(seconds) => Ok(Err(Some(seconds))),
            Verdict::NotMine | Verdict::Refused | Verdict::Answer(_) => Ok(Err(None)),
        }
    }
}

/// Name and password of a form (`application/x-www-form-urlencoded`) or a JSON object.
fn given(headers: &HeaderMap, body: &Bytes) -> Option<(String, String)> {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    let (mut name, mut password) = (None, None);
    if kind.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        for (key, value) in form_urlencoded::parse(body) {
            match &*key {
                "username" => name = Some(value.into_owned()),
                "password" => password = Some(value.into_owned()),
                _ => {}
            }
        }
    } else {
        let body: Value = serde_json::from_slice(body).ok()?;
        let text = |key: &str| body[key].as_str().map(str::to_owned);
        (name, password) = (text("username"), text("password"));
    }
    Some((name.filter(|name| !name.is_empty())?, password.filter(|password| !password.is_empty())?))
}

//! `POST /management/auth`: a token for a name and a password, from a form or from JSON.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use circuits::account::{Accounts, Verdict};
use circuits::web::{STORE_FAILED, answer, refusal, unauthorized};
use http::header::CONTENT_TYPE;
use http::{Method, Request, Response, StatusCode};
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

impl Login {
    pub(crate) async fn answer(self, request: Request<Bytes>) -> Response<Bytes> {
        if request.uri().path() != "/management/auth" {
            return refusal(StatusCode::NOT_FOUND, "there is nothing under this path");
        }
        if request.method() != Method::POST {
            return refusal(StatusCode::METHOD_NOT_ALLOWED, "this path takes POST");
        }
        let Some((name, password)) = given(&request) else {
            return refusal(StatusCode::BAD_REQUEST, BOTH);
        };
        let Some(from) = request.extensions().get::<SocketAddr>().copied() else {
            return refuse(None);
        };
        match self.token(&name, &password, from).await {
            Ok(Ok(issued)) => {
                info!(account = name, "Logged in");
                let ends = Timestamp::from_millisecond(issued.ends).map(|ends| ends.to_string()).ok();
                answer(StatusCode::OK, &json!({"token": issued.token, "expires": ends}))
            }
            Ok(Err(later)) => {
                // The name may be a password that was typed into the wrong field.
                warn!(from = %from.ip(), "A login was refused");
                refuse(later)
            }
            Err(error) => {
                error!(%error, "A login could not be checked");
                refusal(StatusCode::SERVICE_UNAVAILABLE, STORE_FAILED)
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
            Verdict::NotMine | Verdict::Refused => Ok(Err(None)),
        }
    }
}

/// Name and password of a form (`application/x-www-form-urlencoded`) or a JSON object.
fn given(request: &Request<Bytes>) -> Option<(String, String)> {
    let kind = request.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    let (mut name, mut password) = (None, None);
    if kind.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        for (key, value) in form_urlencoded::parse(request.body()) {
            match &*key {
                "username" => name = Some(value.into_owned()),
                "password" => password = Some(value.into_owned()),
                _ => {}
            }
        }
    } else {
        let body: Value = serde_json::from_slice(request.body()).ok()?;
        let text = |key: &str| body[key].as_str().map(str::to_owned);
        (name, password) = (text("username"), text("password"));
    }
    Some((name.filter(|name| !name.is_empty())?, password.filter(|password| !password.is_empty())?))
}

fn refuse(later: Option<u64>) -> Response<Bytes> {
    unauthorized("name or password is wrong", &[kinds::BASIC], later)
}

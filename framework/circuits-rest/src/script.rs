//! A client without a network: each call is answered by a function. For tests, and to build components without a platform.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::HeaderMap;
use tokio::sync::Mutex;

use crate::answer::Tap;
use crate::breaker::Breaker;
use crate::exchange::Shared;
use crate::lookup::Lookups;
use crate::secret::Secrets;
use crate::session::Session;
use crate::{Client, Credentials, Error, Method, Options, Org, RetryPolicy, transport, update};

/// A call, as the script sees it.
#[derive(Debug)]
#[non_exhaustive]
pub struct Asked<'a> {
    /// The method.
    pub method: Method,
    /// The path of the URL, `/rest/orgs/201/incidents/2095`.
    pub path: &'a str,
    /// The query of the URL; empty without one.
    pub query: &'a str,
    /// The context token.
    pub token: Option<&'a str>,
    /// What is sent; empty for a file.
    pub body: &'a [u8],
}

/// Answers a call with a status and a body.
pub type Script = Arc<dyn Fn(Asked<'_>) -> (u16, Vec<u8>) + Send + Sync>;

impl Client {
    /// A client of the organisation with this number, already logged in, whose calls `script` answers.
    ///
    /// # Errors
    /// When no HTTP client can be set up, as on a system without certificate authorities.
    pub async fn scripted(org: i64, script: Script) -> Result<Self, Error> {
        let credentials = Credentials::ApiKey { id: "script".to_owned(), secret: "none".to_owned().into() };
        let options = Options::new("script.invalid", 443);
        let (http, way) = transport::build(&options).await?;
        let base = "https://script.invalid:443".to_owned();
        let (headers, secrets) = (HeaderMap::new(), Secrets::new(None));
        let session = Session::new(
            http.clone(),
            base.clone(),
            credentials,
            headers.clone(),
            options.timeout,
            secrets,
            way,
        );
        session.pretend();
        let retry = RetryPolicy::default();
        let shared = Arc::new(Shared {
            http,
            base,
            session: Arc::new(session),
            headers,
            org,
            timeout: Duration::from_secs(30),
            retry: retry.clone(),
            conflict_tries: options.conflict_tries,
            turns: update::Turns::default(),
            lookups: Lookups::new(options.cache_ttl),
            breaker: Breaker::new(retry, options.patience),
            asking: Mutex::default(),
            tap: Tap::default(),
            script: Some(script),
        });
        let org = Org {
            id: org,
            name: "Script".to_owned(),
            uuid: None,
            cloud_account: None,
            actions_framework_enabled: true,
        };
        Ok(Self::new(shared, org))
    }
}

/// The answer of the script to a request.
pub(crate) fn answer(script: &Script, method: Method, request: &reqwest::Request) -> reqwest::Response {
    let token = request.headers().get("X-Co3ContextToken").and_then(|token| token.to_str().ok());
    let (status, body) = script(Asked {
        method,
        path: request.url().path(),
        query: request.url().query().unwrap_or_default(),
        token,
        body: request.body().and_then(reqwest::Body::as_bytes).unwrap_or_default(),
    });
    let mut response = http::Response::new(Bytes::from(body));
    *response.status_mut() = http::StatusCode::from_u16(status).unwrap_or_default();
    response.into()
}

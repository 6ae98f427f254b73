//! The session with the platform: one login at a time for all callers, its result on every request, and a pause after a
//! refusal, because the platform bans accounts and addresses that keep trying.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use base64::{Engine, prelude::BASE64_STANDARD};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, COOKIE, HeaderMap, HeaderValue, SET_COOKIE};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::{
    Account, Answer, Credentials, Error, Method,
    answer::Tap,
    error::Kind,
    gate::Gate,
    retry::{Failure, retry_after},
    said::{page, refusal},
    secret::Secrets,
    way::Way,
};

const PATH: &str = "/rest/session";

/// The result of a login.
pub(crate) struct Ticket {
    /// Counts logins, so that a caller can tell whether somebody else has renewed the session since.
    pub(crate) generation: u64,
    pub(crate) account: Account,
    /// The platform's answer to the login: organisations, address, names.
    pub(crate) facts: Value,
    auth: Auth,
    accepted: AtomicBool,
}

enum Auth {
    Basic(HeaderValue),
    Cookies { csrf: HeaderValue, jar: Mutex<BTreeMap<String, String>> },
}

impl Ticket {
    /// Puts the session on a request.
    pub(crate) fn apply(&self, headers: &mut HeaderMap) {
        match &self.auth {
            Auth::Basic(basic) => {
                headers.insert(AUTHORIZATION, basic.clone());
            }
            Auth::Cookies { csrf, jar } => {
                headers.insert("X-sess-id", csrf.clone());
                let jar = jar.lock().unwrap_or_else(PoisonError::into_inner);
                let line: Vec<_> = jar.iter().map(|(name, value)| format!("{name}={value}")).collect();
                if let Ok(mut line) = HeaderValue::from_str(&line.join("; ")) {
                    line.set_sensitive(true);
                    headers.insert(COOKIE, line);
                }
            }
        }
    }

    /// Notes that a call was answered with something other than 401, so the session was good once.
    pub(crate) fn accept(&self) {
        self.accepted.store(true, Relaxed);
    }

    /// Whether the session was ever good.
    pub(crate) fn was_accepted(&self) -> bool {
        self.accepted.load(Relaxed)
    }

    /// Keeps the cookies of an answer: platforms rotate the session, balancers bind it to a node. An API key has none.
    pub(crate) fn learn(&self, headers: &HeaderMap, secrets: &Secrets) {
        if let Auth::Cookies { jar, .. } = &self.auth {
            collect(&mut jar.lock().unwrap_or_else(PoisonError::into_inner), headers, secrets);
        }
    }
}

/// Adds the cookies of `headers` to `jar`. Path and domain do not matter: there is one origin and no redirect.
fn collect(jar: &mut BTreeMap<String, String>, headers: &HeaderMap, secrets: &Secrets) {
    for line in headers.get_all(SET_COOKIE).iter().filter_map(|line| line.to_str().ok()) {
        let mut parts = line.split(';').map(str::trim);
        let Some((name, value)) = parts.next().and_then(|pair| pair.split_once('=')) else { continue };
        if parts.any(|part| part.eq_ignore_ascii_case("max-age=0")) {
            jar.remove(name);
        } else {
            secrets.learn(value);
            jar.insert(name.to_owned(), value.to_owned());
        }
    }
}

/// The one session that all handles share.
pub(crate) struct Session {
    http: reqwest::Client,
    base: String,
    credentials: Credentials,
    headers: HeaderMap,
    timeout: Duration,
    pub(crate) secrets: Secrets,
    pub(crate) way: Way,
    tap: Tap,
    ticket: RwLock<Option<Arc<Ticket>>>,
    gate: tokio::sync::Mutex<Gate>,
}

impl Session {
    pub(crate) fn new(
        http: reqwest::Client,
        base: String,
        credentials: Credentials,
        headers: HeaderMap,
        timeout: Duration,
        secrets: Secrets,
        way: Way,
    ) -> Self {
        let (Credentials::ApiKey { secret, .. } | Credentials::User { password: secret, .. }) = &credentials;
        secrets.learn(secret.expose_secret());
        Self {
            http,
            base,
            credentials,
            headers,
            timeout,
            secrets,
            way,
            tap: Tap::default(),
            ticket: RwLock::default(),
            gate: tokio::sync::Mutex::default(),
        }
    }

    /// Reports the platform's answers to logins to `tap`.
    pub(crate) fn tap(self, tap: Tap) -> Self {
        Self { tap, ..self }
    }

    /// The current session; `None` before the first login.
    pub(crate) fn ticket(&self) -> Option<Arc<Ticket>> {
        self.ticket.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Acts as if it had logged in.
    pub(crate) fn pretend(&self) {
        self.install(&Arc::new(Ticket {
            generation: 1,
            account: Account::ApiKey { handle: 1 },
            facts: Value::Null,
            auth: Auth::Basic(HeaderValue::from_static("Basic")),
            accepted: AtomicBool::default(),
        }));
    }

    /// Logs in for the first time. One try.
    pub(crate) async fn open(&self) -> Result<Arc<Ticket>, (Error, Failure)> {
        let ticket = Arc::new(self.login(1).await?);
        self.install(&ticket);
        Ok(ticket)
    }

    /// Replaces the session of generation `stale`, which the platform refused, by one login for all callers. While an earlier
    /// refusal is too recent, it does not log in and returns that refusal.
    pub(crate) async fn renew(self: &Arc<Self>, stale: u64) -> Result<Arc<Ticket>, Error> {
        // On a task of its own: a caller that is cancelled halfway must not make the next one start over.
        let session = self.clone();
        let renewal = tokio::spawn(async move { session.renew_here(stale).await });
        renewal.await.unwrap_or_else(|_| Err(Error::new(Kind::Session, "the new login was interrupted")))
    }

    async fn renew_here(&self, stale: u64) -> Result<Arc<Ticket>, Error> {
        let mut gate = self.gate.lock().await;
        if let Some(newer) = self.ticket().filter(|ticket| ticket.generation > stale) {
            return Ok(newer);
        }
        gate.check(Instant::now())?;
        match self.login(stale + 1).await {
            Ok(ticket) => {
                tracing::info!(
                    generation = ticket.generation,
                    "The platform ended the session; logged in again."
                );
                let ticket = Arc::new(ticket);
                self.install(&ticket);
                Ok(ticket)
            }
            Err((error, _)) => {
                let pause = gate.close(Instant::now(), &error);
                tracing::warn!(
                    error = %error, pause_s = pause.as_secs(),
                    "The session ended and a new login failed; no other login is tried before the pause is over."
                );
                Err(error)
            }
        }
    }

    /// A renewed session was refused. If it never worked, further logins would not help for now; if it did, the platform has
    /// ended it since, and the next call may log in again.
    pub(crate) async fn distrust(&self, ticket: &Ticket) {
        if !ticket.was_accepted() {
            self.gate.lock().await.distrust(Instant::now(), ticket.generation);
        }
    }

    /// A renewed session works: the next loss may be answered with a login at once.
    pub(crate) async fn trust(&self, generation: u64) {
        self.gate.lock().await.trust(generation);
    }

    fn install(&self, ticket: &Arc<Ticket>) {
        *self.ticket.write().unwrap_or_else(PoisonError::into_inner) = Some(ticket.clone());
    }

    /// One login: POST with e-mail and password, or GET with the API key.
    async fn login(&self, generation: u64) -> Result<Ticket, (Error, Failure)> {
        let method = match self.credentials {
            Credentials::ApiKey { .. } => Method::Get,
            Credentials::User { .. } => Method::Post,
        };
        self.exchange(generation).await.map_err(|(error, failure)| (error.at(method, PATH), failure))
    }

    async fn exchange(&self, generation: u64) -> Result<Ticket, (Error, Failure)> {
        let url = format!("{}{PATH}?include_permissions=false", self.base);
        let (request, basic) = match &self.credentials {
            Credentials::ApiKey { id, secret } => {
                let blob = BASE64_STANDARD.encode(format!("{id}:{}", secret.expose_secret()));
                self.secrets.learn(&blob);
                let basic = sensitive(&format!("Basic {blob}"))
                    .ok_or_else(|| malformed("the API key cannot be sent as a header"))?;
                (self.http.get(url).header(AUTHORIZATION, basic.clone()), Some(basic))
            }
            Credentials::User { email, password } => {
                let body = json!({"email": email, "password": password.expose_secret()});
                (self.http.post(url).body(body.to_string()), None)
            }
        };
        let answer = request
            .headers(self.headers.clone())
            .header(CONTENT_TYPE, "application/json")
            .timeout(self.timeout)
            .send()
            .await
            .map_err(|error| self.way.explain(error))?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        let body = answer.bytes().await.map_err(|error| self.way.explain(error))?;
        self.tap.tell(&Answer {
            method: if basic.is_some() { Method::Get } else { Method::Post },
            path: PATH,
            query: "",
            status: status.as_u16(),
            // It is the password.
            sent: None,
            body: Some(&body),
            headers: &headers,
        });
        if status != reqwest::StatusCode::OK {
            return Err(self.refused(status.as_u16(), &headers, &body));
        }
        let facts: Value = serde_json::from_slice(&body).map_err(|_| {
            let what = page(&self.secrets.blank(&String::from_utf8_lossy(&body)));
            let what = what.unwrap_or_else(|| "not JSON".to_owned());
            malformed(&format!("the answer to the login is {what}"))
        })?;
        let (account, auth) = match basic {
            Some(basic) => {
                let handle = facts.get("api_key_handle").and_then(Value::as_i64).unwrap_or_default();
                (Account::ApiKey { handle }, Auth::Basic(basic))
            }
            None => {
                let csrf = facts.get("csrf_token").and_then(Value::as_str).unwrap_or_default();
                self.secrets.learn(csrf);
                let csrf =
                    sensitive(csrf).ok_or_else(|| malformed("the login's csrf_token cannot be a header"))?;
                let mut jar = BTreeMap::new();
                collect(&mut jar, &headers, &self.secrets);
                let id = facts.get("user_id").and_then(Value::as_i64).unwrap_or_default();
                (Account::User { id }, Auth::Cookies { csrf, jar: Mutex::new(jar) })
            }
        };
        Ok(Ticket { generation, account, facts, auth, accepted: AtomicBool::default() })
    }

    fn refused(&self, status: u16, headers: &HeaderMap, body: &[u8]) -> (Error, Failure) {
        let error = refusal(status, headers, body, &self.secrets);
        match status {
            403 => {
                let error = error.with_kind(Kind::Credentials).context("the platform refused the login");
                let hint = "the platform bans addresses after refused logins, and an account may be bound to certain addresses: \
                            correct the credentials if they were wrong, then let an administrator of the platform lift the \
                            ban or allow this machine's address";
                (error.hint(hint), Failure::Permanent)
            }
            401 => {
                let hint = match self.credentials {
                    Credentials::ApiKey { .. } => "check `api_key_id` and `api_key_secret`",
                    Credentials::User { .. } => {
                        "check `email` and `password`, and that the account is not locked"
                    }
                };
                let error = error.with_kind(Kind::Credentials).context("the platform refused the login");
                (error.hint(hint), Failure::Permanent)
            }
            408 | 429 => (error, Failure::Status { status, after: after(headers) }),
            400..=499 => (error.hint("check `host`, `port` and `resource_prefix`"), Failure::Permanent),
            300..=399 => {
                let hint = "redirects are not followed: check `host`, `port` and `resource_prefix`";
                (error.hint(hint), Failure::Status { status, after: after(headers) })
            }
            // Start-up pages, and redirects to them, go away by themselves once the platform is up.
            _ => (error, Failure::Status { status, after: after(headers) }),
        }
    }
}

/// `Retry-After` of an answer.
pub(crate) fn after(headers: &HeaderMap) -> Option<Duration> {
    retry_after(headers.get("retry-after")?.to_str().ok()?, std::time::SystemTime::now())
}

pub(crate) fn sensitive(value: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(value).ok()?;
    value.set_sensitive(true);
    Some(value)
}

fn malformed(message: &str) -> (Error, Failure) {
    let error = Error::new(Kind::Body, message)
        .hint("check that `host`, `port` and `resource_prefix` lead to the platform");
    (error, Failure::Permanent)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_a_session_that_never_worked_closes_the_gate() {
        let credentials = Credentials::ApiKey { id: "id".into(), secret: "secret".to_owned().into() };
        let (http, base, second) = (reqwest::Client::new(), String::new(), Duration::from_secs(1));
        let secrets = Secrets::default();
        let session =
            Session::new(http, base, credentials, HeaderMap::new(), second, secrets, Way::default());
        let is_open = async || session.gate.lock().await.check(Instant::now()).is_ok();
        session.pretend();
        let ticket = session.ticket().unwrap();
        // Somebody's call went through, and later the platform ended the session while another call was slow.
        ticket.accept();
        session.distrust(&ticket).await;
        assert!(is_open().await);
        session.pretend();
        session.distrust(&session.ticket().unwrap()).await;
        assert!(!is_open().await);
    }

    #[test]
    fn cookies_are_kept_replaced_and_dropped() {
        let (mut jar, secrets) = (BTreeMap::new(), Secrets::default());
        let mut headers = HeaderMap::new();
        for line in ["JSESSIONID=a1b2; Path=/; Secure; HttpOnly", "node=n=7", "nonsense"] {
            headers.append(SET_COOKIE, line.parse().unwrap());
        }
        collect(&mut jar, &headers, &secrets);
        assert_eq!(
            Vec::from_iter(jar.clone()),
            [("JSESSIONID".into(), "a1b2".into()), ("node".into(), "n=7".into())]
        );
        headers.clear();
        headers.append(SET_COOKIE, "node=; Max-Age=0".parse().unwrap());
        collect(&mut jar, &headers, &secrets);
        assert_eq!(jar.len(), 1);
    }
}

//! Sends a call: with the current session, once more with a new one if the platform has ended it, and again where that is
//! harmless.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use reqwest::header::HeaderMap;
use tokio::time::Instant;

use crate::{
    Answer, Error, Method, RetryPolicy, Upload,
    answer::Tap,
    error::Kind,
    files::Progress,
    retry::{Failure, Repeat},
    said::refusal,
    session::{Session, Ticket, after},
};

/// A call ready to be sent as often as it takes.
pub(crate) struct Call {
    pub(crate) method: Method,
    pub(crate) url: reqwest::Url,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Payload,
    /// Whether the answer is handed over piece by piece instead of whole.
    pub(crate) streamed: bool,
    pub(crate) repeat: Repeat,
    pub(crate) timeout: Duration,
    pub(crate) deadline: Option<Instant>,
    pub(crate) observer: Option<Observer>,
}

/// One try of a call, as [`Rest::observed`](crate::Rest::observed) reports it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Exchange {
    /// The method.
    pub method: Method,
    /// The path of the URL, without the query, which may hold what people typed.
    pub path: String,
    /// What the platform answered; `None` when no answer came.
    pub status: Option<u16>,
    /// From the first byte sent to the last one read.
    pub took: Duration,
}

pub(crate) type Observer = Arc<dyn Fn(Exchange) + Send + Sync>;

impl Call {
    fn tell(&self, status: Option<u16>, begun: Instant) {
        if let Some(observer) = &self.observer {
            let path = self.url.path().to_owned();
            observer(Exchange { method: self.method, path, status, took: begun.elapsed() });
        }
    }
}

/// What a call sends, in a form that can be sent again.
pub(crate) enum Payload {
    None,
    Bytes(Bytes),
    Upload(Upload),
}

/// A successful answer.
pub(crate) enum Got {
    Whole(Bytes),
    Open(Box<reqwest::Response>),
}

/// What all handles of one client share.
pub(crate) struct Shared {
    pub(crate) http: reqwest::Client,
    pub(crate) base: String,
    pub(crate) session: Arc<Session>,
    pub(crate) headers: HeaderMap,
    pub(crate) org: i64,
    pub(crate) timeout: Duration,
    pub(crate) retry: RetryPolicy,
    pub(crate) conflict_tries: u32,
    pub(crate) turns: crate::update::Turns,
    pub(crate) lookups: crate::lookup::Lookups,
    pub(crate) breaker: crate::breaker::Breaker,
    /// Held by the caller that asks whether the platform is up again.
    pub(crate) asking: tokio::sync::Mutex<()>,
    /// Receives every answer.
    pub(crate) tap: Tap,
    /// Answers instead of the network.
    pub(crate) script: Option<crate::Script>,
}

impl Shared {
    /// `/rest/orgs/<id><path>`, or `/rest<path>`. A path that would lead elsewhere is refused: ids and names in paths
    /// often come from other people.
    pub(crate) fn url(&self, absolute: bool, path: &str, query: &str) -> Result<reqwest::Url, Error> {
        let invalid = |why: &str| {
            Err(Error::new(Kind::Invalid, format!("the path '{path}' {why}"))
                .hint("names and other text belong in a path as `segment(text)`"))
        };
        if !path.starts_with('/') {
            return invalid("must begin with '/'");
        }
        if path.contains(['#', '\\', '?']) || path.contains(char::is_control) {
            return invalid("holds a character that has another meaning in a URL");
        }
        let dots = |part: &str| {
            part.starts_with(['.', '%'])
                && matches!(part.to_ascii_lowercase().replace("%2e", ".").as_str(), "." | "..")
        };
        if path.split('/').any(dots) {
            return invalid("holds '.' or '..' as a segment");
        }
        let (base, org) = (&self.base, self.org);
        let mark = if query.is_empty() { "" } else { "?" };
        let url = if absolute {
            format!("{base}/rest{path}{mark}{query}")
        } else {
            format!("{base}/rest/orgs/{org}{path}{mark}{query}")
        };
        reqwest::Url::parse(&url).or_else(|error| invalid(&format!("cannot be part of a URL: {error}")))
    }

    /// Sends `call` until it succeeds or nothing more may be tried.
    pub(crate) async fn execute(&self, call: &Call) -> Result<Got, Error> {
        let mut renewed = false;
        // Whether this try is the first with a new session.
        let mut fresh = false;
        let mut failed = 0;
        loop {
            let permit = self.breaker.pass(call.deadline).await?;
            let ticket = self.session.ticket().ok_or_else(|| Error::new(Kind::Session, "not logged in"))?;
            let begun = Instant::now();
            let tried = self.attempt(call, &ticket).await;
            if tried.as_ref().is_err_and(|(error, _)| error.status().is_none()) {
                call.tell(None, begun);
            }
            match &tried {
                // A try that the action's deadline cut short says nothing about the platform.
                Err((_, Failure::TimedOut)) if begun.elapsed() < call.timeout => drop(permit),
                Err((_, Failure::Permanent)) => drop(permit),
                Err((_, failure)) if failure.means_down() => permit.failed(),
                _ => permit.answered(),
            }
            let unauthorised = tried.as_ref().is_err_and(|(error, _)| error.status() == Some(401));
            let was_fresh = std::mem::take(&mut fresh);
            if !unauthorised && !tried.as_ref().is_err_and(|(error, _)| error.status().is_none()) {
                ticket.accept();
            }
            let (error, failure) = match tried {
                Ok(got) => {
                    if renewed {
                        self.session.trust(ticket.generation).await;
                    }
                    return Ok(got);
                }
                Err((error, _)) if unauthorised && was_fresh => {
                    self.session.distrust(&ticket).await;
                    return Err(error.with_kind(Kind::Session).context("refused, also with a new session"));
                }
                Err(_) if unauthorised => {
                    match self.session.renew(ticket.generation).await {
                        Ok(_) => {
                            (renewed, fresh) = (true, true);
                            continue;
                        }
                        // The call itself was refused, so it certainly did nothing.
                        Err(error) if error.is_connection() => (error, Failure::NotSent),
                        Err(error) => {
                            return Err(error.context("the session ended and no new one could be opened"));
                        }
                    }
                }
                Err(failed) => failed,
            };
            failed += 1;
            let Some(pause) = self.retry.next(failed, call.repeat, &failure, fastrand::f64()) else {
                return Err(error.tries(failed));
            };
            if call.deadline.is_some_and(|deadline| Instant::now() + pause >= deadline) {
                return Err(error.tries(failed).hint("the action's deadline leaves no time for another try"));
            }
            tracing::debug!(
                method = call.method.as_str(), path = call.url.path(), error = %error,
                pause_ms = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX),
                "A call to the platform failed and is repeated after a pause."
            );
            tokio::time::sleep(pause).await;
        }
    }

    async fn attempt(&self, call: &Call, ticket: &Ticket) -> Result<Got, (Error, Failure)> {
        let begun = Instant::now();
        let left = call.deadline.map(|deadline| deadline.saturating_duration_since(begun));
        let timeout = left.map_or(call.timeout, |left| call.timeout.min(left));
        if timeout.is_zero() {
            let error = Error::new(Kind::Timeout, "the deadline of the action has passed");
            return Err((error, Failure::TimedOut));
        }
        let late = || {
            let error = Error::new(Kind::Timeout, format!("no answer within {timeout:?}"));
            (error, Failure::TimedOut)
        };
        let explain = |error: reqwest::Error| self.session.way.explain_within(error, timeout);
        let mut headers = call.headers.clone();
        ticket.apply(&mut headers);
        let request = self.http.request(call.method.http().1, call.url.clone()).headers(headers);
        // A file may take as long as it needs while data moves; everything else has a time limit.
        let response = match &call.body {
            Payload::Upload(upload) => {
                let progress = Progress::default();
                let form = upload.form(&progress).await.map_err(|error| (error, Failure::Permanent))?;
                let sending = self.send(call, request.multipart(form));
                progress.watch(timeout, call.deadline, sending).await.ok_or_else(late)?.map_err(explain)?
            }
            body => {
                let request = match body {
                    Payload::Bytes(bytes) => request.body(bytes.clone()),
                    _ => request,
                };
                let request = if call.streamed { request } else { request.timeout(timeout) };
                tokio::time::timeout(timeout, self.send(call, request))
                    .await
                    .map_err(|_| late())?
                    .map_err(explain)?
            }
        };
        let (status, headers) = (response.status(), response.headers().clone());
        let after = after(&headers);
        ticket.learn(&headers, &self.session.secrets);
        let answered = |body: Option<&[u8]>| {
            self.tap.tell(&Answer {
                method: call.method,
                path: call.url.path(),
                query: call.url.query().unwrap_or_default(),
                status: status.as_u16(),
                sent: match &call.body {
                    Payload::Bytes(bytes) => Some(bytes),
                    Payload::None | Payload::Upload(_) => None,
                },
                body,
                headers: &headers,
            });
        };
        if status.is_success() && call.streamed {
            call.tell(Some(status.as_u16()), begun);
            answered(None);
            return Ok(Got::Open(Box::new(response)));
        }
        let body =
            tokio::time::timeout(timeout, response.bytes()).await.map_err(|_| late())?.map_err(explain)?;
        call.tell(Some(status.as_u16()), begun);
        answered(Some(&body));
        tracing::debug!(
            method = call.method.as_str(),
            path = call.url.path(),
            status = status.as_u16(),
            bytes = body.len(),
            ms = begun.elapsed().as_millis() as u64,
            "The platform answered."
        );
        if status.is_success() {
            return Ok(Got::Whole(body));
        }
        let error = refusal(status.as_u16(), &headers, &body, &self.session.secrets);
        let error = if status.is_redirection() {
            error.hint("redirects are not followed: check `host`, `port` and `resource_prefix`")
        } else {
            error
        };
        Err((error, Failure::Status { status: status.as_u16(), after }))
    }

    async fn send(
        &self,
        call: &Call,
        request: reqwest::RequestBuilder,
    ) -> reqwest::Result<reqwest::Response> {
        if let Some(script) = &self.script {
            return request.build().map(|request| crate::script::answer(script, call.method, &request));
        }
        request.send().await
    }
}

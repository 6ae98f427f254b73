//! The protocol between the platform and threat services: what each path and method answers.

use std::sync::Arc;

use bytes::Bytes;
use circuits::web::axum::Router;
use circuits::web::axum::response::Response;
use circuits::web::{Mount, answer, refusal, unauthorized};
use http::header::{ALLOW, RETRY_AFTER};
use http::request::Parts;
use http::{HeaderName, HeaderValue, Method, StatusCode};
use serde_json::json;
use uuid::Uuid;

use crate::engine::{Answer, Engine};
use crate::id::request_id;
use crate::scan;
use crate::service::Service;
use crate::settings::Settings;

/// Bytes of a request that may not have a file.
const WITHOUT_FILE: usize = 1024 * 1024;

/// Answers the requests below `urlbase`. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Side {
    pub(crate) engine: Arc<Engine>,
    pub(crate) settings: Arc<Settings>,
}

impl Side {
    /// Everything below `urlbase`.
    pub(crate) fn mount(self) -> Mount {
        let largest = if self.settings.upload_file { self.settings.upload_max } else { WITHOUT_FILE };
        let path = self.settings.urlbase.clone();
        let answer = move |head: Parts, body: Bytes| async move { self.respond(head, body).await };
        Mount::new(path, Router::new().fallback(answer)).largest_body(largest)
    }
}

/// What a path below `urlbase` names.
enum Place<'a> {
    Service(&'a str),
    Request(&'a str, &'a str),
    Nothing,
}

impl Side {
    async fn respond(&self, head: Parts, body: Bytes) -> Response {
        let place = self.place(head.uri.path());
        let (Place::Service(name) | Place::Request(name, _)) = place else {
            return self.barred(&head.headers).unwrap_or_else(nothing);
        };
        let service = self.engine.service(name);
        if let (Some((_, service)), Place::Service(_), &Method::OPTIONS) = (service, &place, &head.method) {
            return answer(StatusCode::OK, &json!({"upload_file": self.takes_files(service)}));
        }
        if let Some(refusal) = self.barred(&head.headers) {
            return refusal;
        }
        let Some((position, service)) = service else { return nothing() };
        match (place, &head.method) {
            (Place::Service(_), &Method::POST) => {
                match scan::read(&head, body, self.takes_files(service)).await {
                    Ok(artifact) => self.scan((position, service), artifact).await,
                    Err(refused) => refusal(refused.status, &refused.text),
                }
            }
            (Place::Request(_, id), &Method::GET) => {
                let known = Uuid::parse_str(id).ok();
                let found = match known {
                    Some(known) => self.engine.poll(position, known).await,
                    None => Answer::Complete(Vec::new()),
                };
                self.tell(id, found, self.settings.later_retry)
            }
            (Place::Service(_), _) => not_allowed("OPTIONS, POST"),
            (_, _) => not_allowed("GET"),
        }
    }

    async fn scan(&self, (position, service): (usize, &Service), artifact: crate::Artifact) -> Response {
        let id = request_id(&artifact);
        // The platform's `resutil threatservicetest` asks about this name, and expects its answer at once.
        let is_test = artifact.kind() == "net.name" && artifact.value() == "localhost";
        let found = if is_test || !service.takes(&artifact) {
            Answer::Complete(Vec::new())
        } else {
            self.engine.scan(position, id, artifact).await
        };
        self.tell(&id.to_string(), found, self.settings.first_retry)
    }

    fn tell(&self, id: &str, found: Answer, retry: u64) -> Response {
        match found {
            Answer::Complete(hits) => answer(StatusCode::OK, &json!({"id": id, "hits": hits})),
            Answer::Pending(hits) => {
                answer(StatusCode::SEE_OTHER, &json!({"id": id, "hits": hits, "retry_secs": retry}))
            }
            Answer::Full => {
                let text = "too many lookups are under way; try again later";
                let refused = refusal(StatusCode::SERVICE_UNAVAILABLE, text);
                with(refused, RETRY_AFTER, self.settings.later_retry.into())
            }
        }
    }

    fn takes_files(&self, service: &Service) -> bool {
        self.settings.upload_file && service.files
    }

    /// The refusal of a request that does not show who sends it.
    fn barred(&self, headers: &http::HeaderMap) -> Option<Response> {
        if self.settings.login.as_ref().is_none_or(|login| login.permits(headers)) {
            return None;
        }
        let text = "the user or the password is wrong or missing; they are auth_user and auth_password in [custom_threat_service]";
        Some(unauthorized(text, &["Basic realm=\"threat services\", charset=\"UTF-8\""], None))
    }

    fn place<'a>(&self, path: &'a str) -> Place<'a> {
        let below = path.strip_prefix(self.settings.urlbase.as_str()).unwrap_or_default();
        let below = below.strip_prefix('/').unwrap_or_default();
        let parts: Vec<_> = below.strip_suffix('/').unwrap_or(below).split('/').collect();
        match parts.as_slice() {
            [name] => Place::Service(name),
            [name, id] => Place::Request(name, id),
            _ => Place::Nothing,
        }
    }
}

fn nothing() -> Response {
    refusal(StatusCode::NOT_FOUND, "there is no threat service under this path")
}

fn not_allowed(allowed: &'static str) -> Response {
    let text = format!("this path takes {allowed}");
    let refused = refusal(StatusCode::METHOD_NOT_ALLOWED, &text);
    with(refused, ALLOW, HeaderValue::from_static(allowed))
}

fn with(mut response: Response, name: HeaderName, value: HeaderValue) -> Response {
    response.headers_mut().insert(name, value);
    response
}

#[cfg(test)]
#[path = "http_tests.rs"]
mod tests;

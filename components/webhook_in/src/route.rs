//! One way in: what a webhook must prove, what it says, and what becomes of it.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;
use std::time::Duration;

use circuits::prelude::*;
use circuits::rest::RestError;
use circuits::store::Store;
use circuits::web::axum::body::Bytes;
use circuits::web::axum::http::{HeaderMap, StatusCode};
use circuits::web::axum::response::Response;
use circuits::web::{STORE_FAILED, answer, refusal};
use serde_json::{Value, json};
use tokio::sync::{Mutex, MutexGuard};
use tracing::{debug, info, warn};

use crate::deliveries::Deliveries;
use crate::incidents::{self, Done};
use crate::signature::{Delivery, Scheme};
use crate::template::{Templates, Texts};

/// For all that one webhook asks of the platform. GitHub hangs up after 10 s.
const PATIENCE: Duration = Duration::from_secs(8);

/// A way in that is on.
pub(crate) struct Route {
    /// What follows `/webhook_in/`.
    pub(crate) name: &'static str,
    pub(crate) scheme: Scheme,
    pub(crate) templates: Templates,
}

/// A webhook as it came.
pub(crate) struct Arrived {
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) rest: Rest,
    pub(crate) store: Arc<dyn Store>,
}

/// Why a webhook was not taken.
struct Refused(StatusCode, String);

impl From<RestError> for Refused {
    fn from(error: RestError) -> Self {
        warn!(%error, "The platform did not take a webhook");
        match error.status() {
            Some(400 | 422) => Self(
                StatusCode::UNPROCESSABLE_ENTITY,
                format!("the platform refuses it: {}", error.message()),
            ),
            _ => Self(
                StatusCode::SERVICE_UNAVAILABLE,
                "the platform does not answer as it should; send it again later".to_owned(),
            ),
        }
    }
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        warn!(%error, "The store did not take a webhook");
        Self(StatusCode::SERVICE_UNAVAILABLE, STORE_FAILED.to_owned())
    }
}

impl Route {
    /// The answer to a webhook.
    pub(crate) async fn receive(&self, arrived: Arrived, turns: &Turns) -> Response {
        match self.take(arrived, turns).await {
            Ok(Some((incident, done))) => {
                answer(StatusCode::OK, &json!({"incident": incident, "done": done.word()}))
            }
            Ok(None) => answer(StatusCode::OK, &json!({"done": "nothing"})),
            Err(Refused(status, text)) => {
                // Anybody can cause these, so they are not to fill the log.
                if status == StatusCode::UNAUTHORIZED {
                    debug!(route = self.name, "Webhook refused: {text}");
                } else {
                    warn!(route = self.name, status = status.as_u16(), "Webhook refused: {text}");
                }
                refusal(status, &text)
            }
        }
    }

    /// `None` is a ping.
    async fn take(&self, arrived: Arrived, turns: &Turns) -> Result<Option<(i64, Done)>, Refused> {
        let Arrived { headers, body, rest, store } = arrived;
        if !self.scheme.permits(&headers, &body) {
            let text = "the webhook is not signed as this route asks for, with a secret that it knows, or it is too old";
            return Err(Refused(StatusCode::UNAUTHORIZED, text.to_owned()));
        }
        let delivery =
            self.scheme.delivery(&headers, &body).map_err(|text| Refused(StatusCode::BAD_REQUEST, text))?;
        if delivery.event.as_deref() == Some("ping") {
            return Ok(None);
        }
        let payload: Value = serde_json::from_slice(&body).map_err(|error| {
            let text = format!(
                "the body is not JSON ({error}); in GitHub, choose the content type application/json"
            );
            Refused(StatusCode::BAD_REQUEST, text)
        })?;
        let texts = self.templates.texts(&payload, &delivery);
        let texts = texts.map_err(|text| Refused(StatusCode::UNPROCESSABLE_ENTITY, text))?;
        // It includes the time for which the webhook waits for its turn.
        let rest = rest.with_deadline(PATIENCE);
        let deliveries = Deliveries { store, route: self.name };
        let (incident, done) = self.apply(&rest, &deliveries, &delivery, &texts, turns).await?;
        info!(route = self.name, delivery = delivery.id, incident, done = done.word(), "Webhook accepted");
        Ok(Some((incident, done)))
    }

    async fn apply(
        &self,
        rest: &Rest,
        deliveries: &Deliveries,
        delivery: &Delivery,
        texts: &Texts,
        turns: &Turns,
    ) -> Result<(i64, Done), Refused> {
        let _turn = turns.wait(&delivery.id, &texts.about).await;
        if let Some(incident) = deliveries.incident(delivery).await? {
            return Ok((incident, Done::Repeated));
        }
        let mark = format!("[webhook {} {}]", self.name, delivery.id);
        let (incident, done) = incidents::apply(rest, texts, &mark).await?;
        deliveries.note(delivery, incident).await?;
        Ok((incident, done))
    }
}

/// Makes webhooks with the same id, or about the same, wait for each other; a few others wait with them.
#[derive(Default)]
pub(crate) struct Turns {
    hasher: RandomState,
    ids: [Mutex<()>; 32],
    subjects: [Mutex<()>; 32],
}

impl Turns {
    /// Always the id's first, so that no two wait for each other.
    async fn wait(&self, id: &str, about: &str) -> (MutexGuard<'_, ()>, MutexGuard<'_, ()>) {
        let place = |text: &str| usize::try_from(self.hasher.hash_one(text) % 32).unwrap_or_default();
        (self.ids[place(id)].lock().await, self.subjects[place(about)].lock().await)
    }
}

//! One attempt to deliver one event to one target, and what is noted of it.

use std::time::Duration;

use bytes::Bytes;
use circuits::EventKind;
use http::{HeaderName, HeaderValue, Method};
use jiff::Timestamp;
use serde_json::Value;
use tracing::{info, warn};
use url::Url;

use super::worker::{Ended, Receiver};
use super::{Engine, Hook, Live};
use crate::book::{Attempted, Delivery, DeliveryState, StoredEvent};
use crate::policy::{Decision, classify};
use crate::send::{Attempt, Call, Outcome};
use crate::subscription::outgoing;
use crate::webhooks::{Body, variables};

/// The media type of one event as JSON (CloudEvents HTTP binding 1.0.2, 3.2).
const EVENT: &str = "application/cloudevents+json; charset=utf-8";
/// How much of an answer the log of attempts keeps.
const SHOWN: usize = 300;

/// What is to be said about an attempt.
enum Verdict {
    Delivered,
    Denied,
    /// It can never succeed, or the subscription is to be switched off with this text.
    Failed {
        disable: Option<String>,
    },
    Again(Option<Duration>),
}

impl Engine {
    pub(super) async fn attempt(&self, target: &str, event: &str) -> Ended {
        match self.try_to_deliver(target, event).await {
            Ok(ended) => ended,
            Err(error) => {
                warn!(%error, target, event, "The delivery could not be looked up or noted; it is tried again");
                Ended::NotTried
            }
        }
    }

    async fn try_to_deliver(&self, target: &str, event: &str) -> circuits::Result<Ended> {
        let (stored, delivery) = (self.book.event(event).await?, self.book.delivery(event, target).await?);
        let (Some(stored), Some(mut delivery)) = (stored, delivery) else {
            // Deleted by hand.
            self.book.no_longer_due(target, event).await?;
            self.left(target);
            return Ok(Ended::Done);
        };
        if delivery.state != DeliveryState::Waiting {
            self.book.no_longer_due(target, event).await?;
            self.left(target);
            return Ok(Ended::Done);
        }
        let live = self.live();
        let (verdict, tries) = match self.receiver(target, &live) {
            Some(Receiver::Hook(hook)) => {
                (self.call_hook(hook, &stored, &mut delivery).await, hook.webhook.tries())
            }
            Some(Receiver::Subscriber(live)) => {
                (self.call_subscriber(live, &stored, &mut delivery).await, self.options.tries)
            }
            None if self.is_gone(target, &live) => {
                let gone = match target.starts_with("webhook:") {
                    true => "the webhook is no longer defined",
                    false => "the subscription was deleted",
                };
                delivery.text = gone.to_owned();
                (Verdict::Failed { disable: None }, 0)
            }
            // Switched off meanwhile.
            None => return Ok(Ended::NotTried),
        };
        delivery.updated = Timestamp::now();
        delivery.text = self.redactor.hide(&delivery.text);
        let verdict = match verdict {
            Verdict::Again(_) if delivery.tries >= tries => {
                Verdict::Failed { disable: Some(delivery.text.clone()) }
            }
            verdict => verdict,
        };
        let (state, ended, next) = match &verdict {
            Verdict::Delivered => (DeliveryState::Delivered, Ended::Done, None),
            Verdict::Denied => (DeliveryState::Denied, Ended::Done, None),
            // What this event alone causes says nothing about the target.
            Verdict::Failed { disable: None } => (DeliveryState::Failed, Ended::Done, None),
            Verdict::Failed { disable: Some(_) } => (DeliveryState::Failed, Ended::Again(None), None),
            Verdict::Again(after) => {
                let pause = after.unwrap_or_else(|| (self.options.pause)(delivery.tries));
                let next = delivery.updated.checked_add(pause).unwrap_or(delivery.updated);
                (DeliveryState::Waiting, Ended::Again(*after), Some(next))
            }
        };
        delivery.state = state;
        if let Verdict::Failed { disable: Some(text) } = &verdict
            && let Some(Receiver::Subscriber(live)) = self.receiver(target, &live)
        {
            self.disable(&live.subscription, text).await;
        }
        self.book.note(&delivery, next).await?;
        if next.is_none() {
            self.left(target);
        }
        self.tell(&delivery, tries);
        Ok(ended)
    }

    /// The delivery no longer waits.
    pub(super) fn left(&self, target: &str) {
        let queue = self.queue(target);
        let less = |waiting: u64| Some(waiting.saturating_sub(1));
        let _ = queue.waiting.fetch_update(
            std::sync::atomic::Ordering::Relaxed,
            std::sync::atomic::Ordering::Relaxed,
            less,
        );
    }

    fn tell(&self, delivery: &Delivery, tries: u32) {
        let Delivery { target, event, text, target_status: status, .. } = delivery;
        let counter = match (delivery.state, target.starts_with("webhook:")) {
            (DeliveryState::Delivered, true) => "webhooks_delivered",
            (DeliveryState::Delivered, false) => "subscriptions_delivered",
            (DeliveryState::Denied, _) => "subscriptions_denied",
            (DeliveryState::Waiting, true) => "webhooks_retried",
            (DeliveryState::Waiting, false) => "subscriptions_retried",
            (_, true) => "webhooks_failed",
            (_, false) => "subscriptions_failed",
        };
        match delivery.state {
            DeliveryState::Delivered => info!(target, event, status, "Delivered"),
            DeliveryState::Denied => {
                info!(
                    target,
                    event,
                    policy = delivery.policy_status,
                    "The policy does not allow the delivery"
                );
            }
            DeliveryState::Waiting => {
                warn!(
                    target,
                    event,
                    attempt = delivery.tries,
                    tries,
                    "Not delivered, tried again later: {text}"
                );
            }
            DeliveryState::Failed | DeliveryState::Dropped => {
                warn!(
                    target,
                    event,
                    attempt = delivery.tries,
                    "Not delivered, given up: {text}. `circuits events redeliver {event}` tries again"
                );
            }
        }
        self.health.count(counter, 1);
    }

    async fn call_hook(&self, hook: &Hook, stored: &StoredEvent, delivery: &mut Delivery) -> Verdict {
        delivery.tries += 1;
        let callback = self.callback_url(hook, stored).await;
        let variables = variables(&stored.event, callback.as_deref());
        let Body { content_type, bytes } = match hook.webhook.render(&variables) {
            Ok(body) => body,
            Err(error) => {
                delivery.text = error.to_string();
                return Verdict::Failed { disable: None };
            }
        };
        let headers: Vec<(HeaderName, HeaderValue)> =
            hook.webhook.headers().iter().map(|(name, value)| (name.clone(), value.clone())).collect();
        let attempt = self
            .sender
            .send(Call {
                method: hook.webhook.method().clone(),
                url: &hook.url,
                headers,
                body: bytes,
                content_type: Some(content_type),
                authorization: None,
                signature: hook.key.as_ref(),
                id: &stored.key,
                timeout: hook.webhook.timeout(),
            })
            .await;
        self.judge(attempt, delivery)
    }

    /// The URL under which an answer for the action of this event is taken; only for an action that waits for one.
    async fn callback_url(&self, hook: &Hook, stored: &StoredEvent) -> Option<String> {
        let base = self.options.callback_base.as_deref().filter(|_| hook.webhook.uses_callback())?;
        let kind = EventKind::parse(stored.event["type"].as_str()?)?;
        let message = stored
            .event
            .pointer("/data/message/id")?
            .as_str()
            .filter(|_| kind == EventKind::ActionWaiting)?;
        match self.callbacks.token_of(message).await {
            Ok(token) => token.map(|token| format!("{base}/tmp/{token}")),
            Err(error) => {
                warn!(%error, message, "The callback's token could not be looked up");
                None
            }
        }
    }

    async fn call_subscriber(&self, live: &Live, stored: &StoredEvent, delivery: &mut Delivery) -> Verdict {
        let subscription = &live.subscription;
        delivery.tries += 1;
        match self.ask_policy(&subscription.user, stored, delivery).await {
            Decision::Allow => {}
            Decision::Deny => return Verdict::Denied,
            Decision::Broken { text } => {
                delivery.text.clone_from(&text);
                return Verdict::Failed { disable: Some(text) };
            }
            Decision::Unknown => {
                // The policy's trouble, not the subscriber's: it does not count.
                delivery.tries -= 1;
                return Verdict::Again(None);
            }
        }
        // A subscriber names both the variable and the target: no other variable may leave this process that way.
        let environment = |name: &str| {
            let open = self.options.variables.iter().any(|open| open == name);
            std::env::var(name).ok().filter(|_| open)
        };
        let authorization = match subscription.authorization(&environment) {
            Ok(authorization) => authorization,
            Err(error) => {
                delivery.text = error.to_string();
                return Verdict::Failed { disable: Some(error.to_string()) };
            }
        };
        let url = match Url::parse(&subscription.target_url) {
            Ok(url) => url,
            Err(error) => return Verdict::Failed { disable: Some(format!("target_url: {error}")) },
        };
        let attempt =
            self.post(&url, &outgoing(&stored.event, subscription), authorization, &stored.key).await;
        self.judge(attempt, delivery)
    }

    async fn ask_policy(&self, user: &str, stored: &StoredEvent, delivery: &mut Delivery) -> Decision {
        let url = match self.policy.request(user) {
            Ok(None) => {
                // As if a policy server had allowed it, for those who read the log.
                delivery.policy_status = Some(200);
                return Decision::Allow;
            }
            Ok(Some(url)) => url,
            Err(error) => {
                delivery.text = error.to_string();
                return Decision::Deny;
            }
        };
        let attempt = self.post(&url, &stored.event, None, &stored.key).await;
        delivery.policy_status = attempt.status;
        let decision = classify(attempt.status, &attempt.text);
        if decision != Decision::Allow {
            delivery.text = format!("policy: {}", attempt.text);
        }
        decision
    }

    async fn post(
        &self,
        url: &Url,
        event: &Value,
        authorization: Option<secrecy::SecretString>,
        id: &str,
    ) -> Attempt {
        let call = Call {
            method: Method::POST,
            url,
            headers: Vec::new(),
            body: Some(Bytes::from(event.to_string())),
            content_type: Some(EVENT),
            authorization,
            signature: None,
            id,
            timeout: self.options.timeout,
        };
        self.sender.send(call).await
    }

    fn judge(&self, attempt: Attempt, delivery: &mut Delivery) -> Verdict {
        let Attempt { status, text, took, outcome } = attempt;
        let shown: String = self.redactor.hide(&text).chars().take(SHOWN).collect();
        let took_ms = took.as_millis() as u64;
        delivery.attempted(Attempted { at: Timestamp::now(), status, text: shown, took_ms });
        delivery.target_status = status;
        delivery.text = text;
        match outcome {
            Outcome::Delivered => Verdict::Delivered,
            Outcome::Again { after } => Verdict::Again(after),
            // It will hardly help, but the settings say how often a delivery is tried.
            Outcome::Refused => Verdict::Again(None),
        }
    }
}

//! Who gets events: webhooks, which are fixed while the runner runs, and subscriptions, which come and go.

use circuits::account::{Right, Rights, Scope};
use secrecy::ExposeSecret as _;
use serde_json::Value;
use url::Url;

use crate::send::SigningKey;
use crate::subscription::{Matcher, Subscription};
use crate::webhooks::Webhook;

/// A webhook, ready to be called.
pub(crate) struct Hook {
    /// `webhook:<name>`, with a number for a further one of the same name.
    pub(crate) id: String,
    pub(crate) webhook: Webhook,
    pub(crate) url: Url,
    pub(crate) key: Option<SigningKey>,
}

impl Hook {
    /// The webhooks, each with an id of its own.
    ///
    /// # Errors
    /// A secret that cannot be used as a key.
    pub(crate) fn all(webhooks: Vec<Webhook>) -> circuits::Result<Vec<Self>> {
        let mut hooks: Vec<Self> = Vec::new();
        for webhook in webhooks {
            let same = hooks.iter().filter(|hook| hook.webhook.name() == webhook.name()).count();
            let id = match same {
                0 => format!("webhook:{}", webhook.name()),
                same => format!("webhook:{}#{}", webhook.name(), same + 1),
            };
            let wrong = |error: &dyn std::fmt::Display| {
                circuits::Error::new(format_args!("webhook \"{}\": {error}", webhook.name()))
            };
            let url = Url::parse(webhook.url().expose_secret()).map_err(|error| wrong(&error))?;
            let key = webhook.secret().map(SigningKey::new).transpose().map_err(|error| wrong(&error))?;
            hooks.push(Self { id, webhook, url, key });
        }
        Ok(hooks)
    }
}

/// A subscription, ready to be held against events.
pub(crate) struct Live {
    /// `subscription:<uuid>`.
    pub(crate) id: String,
    pub(crate) subscription: Subscription,
    /// As it is stored, to see whether it has changed.
    pub(crate) stored: String,
    /// `None` if its path can no longer be read.
    pub(crate) matcher: Option<Matcher>,
    /// What its owner may see; `None` means everything.
    pub(crate) rights: Option<Rights>,
}

impl Live {
    pub(crate) fn new(subscription: Subscription, stored: String, rights: Option<Rights>) -> Self {
        let matcher = subscription.matcher().ok();
        Self { id: id(&subscription), subscription, stored, matcher, rights }
    }

    /// Whether its owner may see this event: one about an action with the right for its destination, any other one with the right
    /// for everything.
    pub(crate) fn may_see(&self, event: &Value) -> bool {
        let Some(rights) = &self.rights else { return true };
        let source = event["source"].as_str().unwrap_or_default();
        let scope = match source.split_once("/destinations/") {
            Some((_, destination)) => Scope::Destination(destination.to_owned()),
            None => Scope::All,
        };
        rights.allow(Right::Read, &scope)
    }
}

/// The name of a subscription as a target.
pub(crate) fn id(subscription: &Subscription) -> String {
    format!("subscription:{}", subscription.uuid)
}

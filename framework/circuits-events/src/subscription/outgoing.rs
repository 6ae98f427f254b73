//! The event that a subscription's target gets.

use serde_json::Value;

use super::{Subscription, attributes};

/// The event with the subscription's extensions as attributes. What CloudEvents itself defines stays as it is.
pub fn outgoing(event: &Value, subscription: &Subscription) -> Value {
    let mut event = event.clone();
    if let Some(attributes) = event.as_object_mut() {
        for (name, value) in &subscription.extensions {
            if !attributes::is_reserved(name) {
                attributes.insert(name.clone(), value.clone());
            }
        }
    }
    event
}

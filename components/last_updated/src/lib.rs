//! Keeps the date of an incident's last change in the custom field `last_updated`.
//!
//! Shows how to require a field, so that the runner does not start on a platform without it, and how to change one safely:
//! `update` reads the incident, applies the closure and writes it back, and starts over if somebody else was faster. The
//! write carries the action's context token; without the token, it would fire its own rule.

mod customize;

use std::sync::Arc;

use circuits::prelude::*;

circuits::register! {
    Registration::new("last_updated", component)
        .version(env!("CARGO_PKG_VERSION"))
        .config(include_str!("app.config"))
        .definitions(customize::definitions)
}

struct LastUpdated;

fn component(_setup: &Setup) -> Result<Component> {
    Ok(Component::builder("last_updated", LastUpdated)
        .requires_field("last_updated", "datetimepicker")
        .on("Incident Updated", LastUpdated::set)
        .build())
}

impl LastUpdated {
    async fn set(self: Arc<Self>, action: Action) -> Result<Reply> {
        // Use the time when the rule fired, not the time now: the message may have waited.
        let changed: i64 = action
            .header("timestamp")
            .and_then(|date| date.parse().ok())
            .ok_or_else(|| Error::new("the message does not say when its rule fired (header `timestamp`)"))?;
        let path = format!("/incidents/{}", action.incident_id()?);
        action
            .rest()
            .update(&path, |incident| {
                let field = &mut incident["properties"]["last_updated"];
                // An older message that arrives late does not set the date back.
                if field.as_i64().is_none_or(|date| date < changed) {
                    *field = changed.into();
                }
            })
            .await?;
        Ok(Reply::completed("last_updated set"))
    }
}

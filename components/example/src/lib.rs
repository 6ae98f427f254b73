//! The smallest useful component: greets the incident it is called from and posts an artifact to it.

mod customize;

use std::sync::Arc;

use circuits::prelude::*;
use serde_json::{Value, json};

circuits::register! {
    Registration::new("example", component)
        .version(env!("CARGO_PKG_VERSION"))
        .config(include_str!("app.config"))
        .definitions(customize::definitions)
}

struct Example;

fn component(_setup: &Setup) -> Result<Component> {
    Ok(Component::builder("example", Example).on("Example Action", Example::greet).build())
}

impl Example {
    async fn greet(self: Arc<Self>, action: Action) -> Result<Reply> {
        let incident = action.incident_id()?;
        let name = action.incident()?["name"].as_str().unwrap_or("(no name)");
        let who = action.user().and_then(|user| user.email).unwrap_or_else(|| "an integration".to_owned());

        action.status(format!("Called from incident {incident}: {name}"));
        let artifact = json!({"type": "String", "value": format!("Test artifact from {who}")});
        action.rest().post::<_, Value>(&format!("/incidents/{incident}/artifacts"), &artifact).await?;
        Ok(Reply::completed(format!("Hello, {name}! An artifact was added.")))
    }
}

//! Counts the artifacts of an incident, by type or of one type only, for workflows and playbooks.
//!
//! Shows a function: its inputs as a struct, its results, and a workflow in Rust that calls it.

mod customize;

use std::collections::BTreeMap;
use std::sync::Arc;

use circuits::prelude::*;
use circuits::rest::HandleFormat;
use serde::Deserialize;
use serde_json::{Value, json};

circuits::register! {
    Registration::new("artifact_summary", component)
        .version(env!("CARGO_PKG_VERSION"))
        .definitions(customize::definitions)
}

struct ArtifactSummary;

fn component(_: &Setup) -> Result<Component> {
    Ok(Component::builder("artifact_summary", ArtifactSummary)
        .function("artifact_summary", ArtifactSummary::count)
        .build())
}

/// The inputs of the function.
#[derive(Deserialize)]
struct Inputs {
    incident_id: i64,
    /// Without it, artifacts of all types are counted.
    artifact_type: Option<String>,
}

impl ArtifactSummary {
    async fn count(self: Arc<Self>, action: Action) -> Result<Reply> {
        let Inputs { incident_id, artifact_type } = action.inputs()?;
        let rest = action.rest().with_handles(HandleFormat::Names);
        let artifacts: Vec<Value> = rest.get(&format!("/incidents/{incident_id}/artifacts")).await?;
        let mut by_type = BTreeMap::new();
        for artifact in &artifacts {
            let kind = artifact["type"].as_str().unwrap_or("unknown");
            if artifact_type.as_deref().is_none_or(|wanted| wanted == kind) {
                *by_type.entry(kind).or_insert(0) += 1;
            }
        }
        Ok(Reply::results(json!({"total": by_type.values().sum::<i32>(), "by_type": by_type})))
    }
}

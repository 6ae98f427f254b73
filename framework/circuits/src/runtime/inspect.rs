//! Finds out without a platform what a component does with its settings: builds it with a REST client that reaches nothing.

use std::sync::Arc;

use circuits_rest::Client;

use crate::component::Route;
use crate::config::Config;
use crate::runtime::live::construct;
use crate::{Error, Registration, Result};

/// What a component handles.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Inspected {
    /// The programmatic name of its message destination.
    pub destination: String,
    /// Rules, in the order in which they were added.
    pub rules: Vec<Handled>,
    /// Functions, in the order in which they were added.
    pub functions: Vec<Handled>,
    /// The combinators around the handler for every other rule, if there is one.
    pub every_other_rule: Option<Vec<String>>,
    /// The paths of its routes of the HTTP listener: `/webhook_in`.
    pub web: Vec<String>,
    /// Fields that the platform must have: `activity field severity (select)`.
    pub required_fields: Vec<String>,
}

/// A rule or function and how it is handled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handled {
    /// The name that the component uses for it.
    pub name: String,
    /// Combinators, outermost first: `debounce 2s newest`.
    pub combinators: Vec<String>,
}

/// Builds each component with this configuration, or without one with the defaults of its own section text, and lists what it
/// handles. For a component that cannot be built, the result says why, as the runner would.
///
/// # Errors
/// When no HTTP client can be made, as on a system without certificate authorities.
pub async fn inspect(
    components: &[&'static Registration],
    config: Option<&Arc<Config>>,
) -> Result<Vec<Result<Inspected>>> {
    let client = Client::scripted(0, Arc::new(|_| (503, Vec::new()))).await?;
    Ok(components.iter().map(|registration| look_at(registration, config, &client)).collect())
}

fn look_at(
    registration: &'static Registration,
    config: Option<&Arc<Config>>,
    client: &Client,
) -> Result<Inspected> {
    let config = match config {
        Some(config) => Arc::clone(config),
        None => Arc::new(Config::from_text(&format!("{NOWHERE}{}", registration.config_text()))?),
    };
    let loaded = construct(registration, &config, client).map_err(|faults| Error::new(faults.join("\n")))?;
    let component = &loaded.component;
    let handled = |routes: &[Route]| -> Vec<Handled> {
        let one = |route: &Route| Handled {
            name: route.rule.clone(),
            combinators: route.handler.combinators.clone(),
        };
        routes.iter().map(one).collect()
    };
    Ok(Inspected {
        destination: component.destination.clone(),
        rules: handled(&component.routes),
        functions: handled(&component.functions),
        every_other_rule: component.catch_all.as_ref().map(|handler| handler.combinators.clone()),
        web: component.web.iter().map(|routes| format!("/{}{}", registration.name(), routes.path)).collect(),
        required_fields: component.required.iter().map(ToString::to_string).collect(),
    })
}

/// A platform that is never contacted.
const NOWHERE: &str = "[resilient]\nhost=nowhere.invalid\napi_key_id=none\napi_key_secret=none\n";

//! The components: whether each can be built from its section, and whether the platform has what they require.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use circuits_rest::{Client, Rest};

use super::{Check, Report};
use crate::blocking::panic_text;
use crate::component::api_name;
use crate::config::Config;
use crate::registry::Registration;
use crate::runtime::functions::misplaced;
use crate::runtime::live::{Loaded, construct};
use crate::runtime::requirements::{missing_fields, missing_keys};
use crate::runtime::routes::Routes;
use crate::{Error, Failure, RunError};

/// Builds the components and checks what they require. Returns the programmatic names of their destinations.
pub(super) async fn load(
    report: &mut Report<impl FnMut(&Check)>,
    config: &Arc<Config>,
    linked: &[&'static Registration],
    client: Option<&Client>,
) -> BTreeSet<String> {
    let mut loaded = Vec::new();
    for registration in linked {
        let name = format!("component {}", registration.name());
        let faults = missing_keys(registration, config);
        let Some(client) = client else {
            if faults.is_empty() {
                report.skip(name, "its settings need the REST login to be tried");
            } else {
                report.step(name, Failure::Components, async { Err::<(_, ()), _>(refused(&faults)) }).await;
            }
            continue;
        };
        let built = report.step(name, Failure::Components, async {
            let loaded = construct(registration, config, client).map_err(|faults| refused(&faults))?;
            Ok((format!("listens on {}", loaded.component.destination), loaded))
        });
        loaded.extend(built.await);
    }
    let Some(client) = client else {
        report.skip("required fields", "they need the REST login");
        return BTreeSet::new();
    };
    let rest = client.with_token(None);
    for one in &loaded {
        if let Some(check) = &one.component.check {
            // A task of its own, so that a panic is a failure of this step.
            let checked = async {
                let joined = tokio::spawn(check()).await;
                let checked = joined.unwrap_or_else(|error| {
                    Err(Error::new(format_args!("it panicked: {}", panic_text(error))))
                });
                Ok((checked.map_err(RunError::components)?, ()))
            };
            report.step(format!("check of {}", one.registration.name()), Failure::Components, checked).await;
        }
    }
    report.step("required fields", Failure::RestConnection, fields(&rest, &loaded)).await;
    report.step("rules and functions", Failure::RestConnection, rules(client, &loaded)).await;
    loaded.into_iter().map(|one| one.component.destination.clone()).collect()
}

async fn fields(rest: &Rest, loaded: &[Arc<Loaded>]) -> Result<(String, ()), RunError> {
    let required = loaded
        .iter()
        .flat_map(|one| one.component.required.iter().map(|field| (one.registration.name(), field)));
    let missing = missing_fields(rest, required.clone()).await.map_err(RunError::rest)?;
    if missing.is_empty() {
        Ok((format!("{} are on the platform", required.count()), ()))
    } else {
        Err(refused(&missing))
    }
}

/// Looks for the components' rules and functions on the platform. One that is not there is not a fault: it just never fires.
async fn rules(client: &Client, loaded: &[Arc<Loaded>]) -> Result<(String, ()), RunError> {
    Routes::new(loaded.iter().map(|one| (one.registration.name(), &one.component)))
        .map_err(RunError::components)?;
    let listed = client.actions().await.map_err(RunError::rest)?;
    let known: HashSet<_> = listed.iter().map(|rule| api_name(&rule.name)).collect();
    let handled = loaded.iter().flat_map(|one| one.component.routes.iter().map(|route| route.rule.as_str()));
    let absent: Vec<_> = handled.clone().filter(|rule| !known.contains(&api_name(rule))).collect();
    let there = handled.count() - absent.len();
    let text = if absent.is_empty() {
        format!("{there} that the components handle are on the platform")
    } else {
        format!(
            "{there} that the components handle are on the platform; not there, so they never fire: {}",
            absent.join(", ")
        )
    };
    let mut text = text;
    for wrong in misplaced(&client.with_token(None), loaded).await.map_err(RunError::rest)? {
        text.push_str(&format!("\n{wrong}"));
    }
    Ok((text, ()))
}

fn refused(faults: &[String]) -> RunError {
    RunError::components(Error::new(faults.join("\n")))
}

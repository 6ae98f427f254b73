//! Compares the components' definitions with the platform, for a selftest.

use circuits::definitions::Definitions;
use circuits::{Registration, Rest, Result};

use crate::plan;

/// Compares them and returns the results, one per line. Missing objects are not a fault here: handlers of missing rules just
/// have nothing to do.
///
/// # Errors
/// As for [`plan`], except that it is not an error if the account may not compare them.
pub async fn report(rest: &Rest, linked: &[&'static Registration]) -> Result<String> {
    let wanted: Vec<(&str, Definitions)> =
        linked.iter().map(|one| (one.name(), one.platform_definitions())).collect();
    let plan = match plan(rest, wanted.iter().map(|(name, definitions)| (*name, definitions))).await {
        Ok(plan) => plan,
        Err(error) => {
            let status =
                error.downcast_ref::<circuits::rest::RestError>().and_then(circuits::rest::RestError::status);
            return if status == Some(403) { Ok(format!("not compared: {error}")) } else { Err(error) };
        }
    };
    let missing: Vec<_> = plan.changes().iter().map(ToString::to_string).collect();
    let missing = Some(missing).filter(|missing| !missing.is_empty());
    let missing = missing.map(|missing| format!("left for `circuits customize`: {}", missing.join("; ")));
    let differing = plan.differences().iter().map(|one| format!("differs: {one}"));
    let mut told: Vec<_> = missing.into_iter().chain(differing).collect();
    if told.is_empty() {
        told.push("the platform has all of them".to_owned());
    }
    told.extend(plan.notes().iter().map(ToString::to_string));
    Ok(told.join("\n"))
}

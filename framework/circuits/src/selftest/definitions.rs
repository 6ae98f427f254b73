//! What the components define, beside what the platform has. A lack is no fault here: handlers of rules that are missing just have
//! nothing to do.

use circuits_rest::Client;

use super::{Report, Step};
use crate::definitions::{Definitions, plan};
use crate::registry::Registration;
use crate::{Failure, RunError};

/// Compares them.
pub(super) async fn compare(
    report: &mut Report<impl FnMut(&Step)>,
    linked: &[&'static Registration],
    client: Option<&Client>,
) {
    let Some(client) = client else {
        report.skip("definitions", "they need the REST login");
        return;
    };
    let rest = client.with_token(None);
    let wanted: Vec<(&str, Definitions)> =
        linked.iter().map(|one| (one.name(), one.platform_definitions())).collect();
    let compared = async {
        let plan = plan(&rest, wanted.iter().map(|(name, definitions)| (*name, definitions))).await;
        let plan = match plan {
            Ok(plan) => plan,
            Err(error) => {
                let status =
                    error.downcast_ref::<circuits_rest::Error>().and_then(circuits_rest::Error::status);
                if status == Some(403) {
                    return Ok((format!("not compared: {error}"), ()));
                }
                return Err(RunError::components(error));
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
        Ok((told.join("\n"), ()))
    };
    report.step("definitions", Failure::RestConnection, compared).await;
}

//! Creates the missing objects of a component's definitions on the platform, without showing the plan first.

use circuits::rest::Rest;

use circuits::definitions::Definitions;

use crate::{Progress, plan};
use circuits::Result;

/// The objects that [`deploy`] created, by name; empty if everything was there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Deployed {
    /// Each begins with its kind.
    pub created: Vec<String>,
}

/// Creates the missing objects, and lets the acting account read the destinations. Running it again changes nothing.
///
/// # Errors
/// As for [`plan`] and [`Plan::apply`](crate::Plan::apply).
pub async fn deploy(rest: &Rest, definitions: &Definitions) -> Result<Deployed> {
    let mut deployed = Deployed::default();
    let plan = plan(rest, [("", definitions)]).await?;
    let note = |progress: Progress<'_>| {
        if let Progress::Done(change) = progress
            && change.creates()
        {
            deployed.created.push(change.object().to_owned());
        }
    };
    plan.apply(rest, note).await?;
    Ok(deployed)
}

//! The components' definitions, compared with the platform.

use circuits_rest::Client;

use super::{Check, Report};
use crate::registry::Registration;
use crate::{Failure, Rest, Result, RunError};

/// Lets `compare` compare them.
pub(super) async fn compare(
    report: &mut Report<impl FnMut(&Check)>,
    linked: &[&'static Registration],
    client: Option<&Client>,
    compare: impl AsyncFn(&Rest, &[&'static Registration]) -> Result<String>,
) {
    let Some(client) = client else {
        report.skip("definitions", "they need the REST login");
        return;
    };
    let rest = client.with_token(None);
    let compared = async { Ok((compare(&rest, linked).await.map_err(RunError::components)?, ())) };
    report.step("definitions", Failure::RestConnection, compared).await;
}

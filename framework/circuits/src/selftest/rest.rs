//! The REST half: TLS, login, organisation, and whether the platform sends actions at all.

use circuits_rest::{Account, Client, RetryPolicy};

use super::{Check, Report};
use crate::config::Config;
use crate::runtime::connect;
use crate::{Failure, RunError};

/// Logs in, with one try for each call, so that the report names the cause and not only that time ran out.
pub(super) async fn login(
    report: &mut Report<impl FnMut(&Check)>,
    config: &Config,
    on_secret: impl Fn(&str) + Send + Sync + 'static,
) -> Option<Client> {
    let settings = config.settings();
    let once = RetryPolicy { max_tries: 1, ..RetryPolicy::default() };
    // A call ends before the step does, because the call knows what it waited for.
    let limit = report.limit.mul_f64(0.9);
    let options = connect::rest_options(settings, on_secret).login_tries(Some(1)).retry(once).timeout(limit);
    let host = format!("{}:{}", settings.host, settings.port);
    let client = report
        .step("REST login", Failure::RestConnection, async {
            let client = Client::connect(options).await.map_err(RunError::rest)?;
            let account = match client.account() {
                Account::ApiKey { handle } => format!("API key {handle}"),
                Account::User { id } => format!("user {id}"),
            };
            let org = client.org();
            Ok((format!("{host} as {account}, org `{}` ({})", org.name, org.id), client))
        })
        .await;
    let Some(client) = client else {
        report.skip("action module", "it needs the REST login");
        return None;
    };
    let (enabled, org) = (client.org().actions_framework_enabled, client.org().name.clone());
    let module = async {
        if enabled {
            return Ok(("enabled".to_owned(), ()));
        }
        let text = format!(
            "the org `{org}` has no action module (actions_framework_enabled is false), so no message will ever come. Ask the \
             platform's administrator to enable it"
        );
        Err(RunError::new(Failure::Components, text))
    };
    report.step("action module", Failure::Components, module).await;
    Some(client)
}

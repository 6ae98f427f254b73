//! The STOMP half: TLS and login, then each subscription, and an orderly end that gives back what was delivered.

use std::collections::BTreeSet;
use std::time::Duration;

use circuits_stomp::{Session, State, Subscription};

use super::{Check, Report};
use crate::config::Config;
use crate::message::DestinationName;
use crate::runtime::connect;
use crate::{Failure, RunError};

/// The smallest number of messages that a broker can deliver ahead: zero means "without limit" to RabbitMQ.
const PREFETCH: u32 = 1;

/// How long an orderly end may take; without one the broker takes everything back when the connection breaks.
pub(super) const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// Why there is nothing to test with `stomp=false`.
const OFF: &str = "stomp is off";

/// Connects, and subscribes to the destinations of `org` if that is known. Returns whether the broker accepts
/// the login and confirms subscriptions.
pub(super) async fn subscribe(
    report: &mut Report<impl FnMut(&Check)>,
    config: &Config,
    org: Option<i64>,
    destinations: BTreeSet<String>,
) -> bool {
    let settings = config.settings();
    if !settings.stomp {
        report.skip("STOMP login", OFF);
        report.skip("subscriptions", OFF);
        report.skip("loop-back action", OFF);
        return false;
    }
    let session = report
        .step("STOMP login", Failure::Stomp, async {
            let options = connect::stomp_options(settings).map_err(RunError::stomp)?;
            // Nobody receives: delivered messages wait here, un-acknowledged, until the end.
            let (session, deliveries) = Session::start(options);
            let text = connected(&session, settings.stomp_hosts.len()).await?;
            Ok((text, (session, deliveries)))
        })
        .await;
    if org.is_none() {
        report.skip("subscriptions", "they need the number of the org from the REST login");
    }
    let mut silent = false;
    for (org, destination) in org.into_iter().flat_map(|org| destinations.iter().map(move |name| (org, name)))
    {
        let destination = DestinationName::actions(org, destination).to_string();
        let name = format!("subscription {destination}");
        match &session {
            None => report.skip(name, "it needs the STOMP login"),
            Some(_) if silent => report.skip(name, "the broker did not confirm the one before"),
            Some((session, _)) => {
                let subscribed = report.step(name, Failure::StompTimeout, async {
                    let subscription = Subscription { destination, prefetch: PREFETCH };
                    session.subscribe(subscription).await.map_err(RunError::stomp)?;
                    Ok(("confirmed by the broker".to_owned(), ()))
                });
                subscribed.await;
                silent = report.steps.last().and_then(Check::failure) == Some(Failure::StompTimeout);
            }
        }
    }
    let Some((session, _deliveries)) = session else { return false };
    // Un-acknowledged messages go back to their queue either way.
    let _ = session.close(CLOSE_TIMEOUT).await;
    !silent
}

/// Waits until a broker accepts the login, or each of them has refused or failed once.
pub(super) async fn connected(session: &Session, hosts: usize) -> Result<String, RunError> {
    let mut state = session.state();
    let mut failed = 0;
    loop {
        let now = state.borrow_and_update().clone();
        match now {
            State::Connected { host, server, .. } => {
                return Ok(if server.is_empty() { host.to_string() } else { format!("{host} ({server})") });
            }
            State::Disconnected { reason, .. } => {
                failed += 1;
                if failed >= hosts {
                    return Err(RunError::stomp_shared(reason));
                }
            }
            State::Closed { reason: Some(reason) } => return Err(RunError::stomp_shared(reason)),
            _ => {}
        }
        if state.changed().await.is_err() {
            return Err(RunError::new(Failure::Stomp, "STOMP: the session ended unexpectedly"));
        }
    }
}

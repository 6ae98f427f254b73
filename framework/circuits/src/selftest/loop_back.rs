//! An action of the test's own, sent to a control destination, received, answered, and the answer received: the whole way that
//! actions and replies take, without a platform. Only brokers that you run yourself let an account send actions; others
//! refuse it.

use std::time::{Duration, Instant};

use circuits_stomp::{Deliveries, Delivery, Outgoing, Session, Subscription};
use serde_json::json;

use super::stomp::{CLOSE_TIMEOUT, connected};
use super::{Check, Report, State};
use crate::config::{Config, Settings};
use crate::delivery::submit;
use crate::message::DestinationName;
use crate::runtime::connect;
use crate::{Failure, RunError};

/// The programmatic name of the control destination. Nothing else is sent there.
const CONTROL: &str = "circuits_selftest";

/// What became of the action.
enum Outcome {
    Returned,
    Refused(circuits_stomp::Error),
}

/// Sends the action on a connection of its own: a broker may close a connection on which it refuses something.
pub(super) async fn send(report: &mut Report<impl FnMut(&Check)>, config: &Config, org: i64) {
    let (begun, limit) = (Instant::now(), report.limit);
    let destination = DestinationName::actions(org, CONTROL).to_string();
    let outcome = tokio::time::timeout(limit, there_and_back(config.settings(), &destination, limit)).await;
    let state = match outcome {
        Ok(Ok(Outcome::Returned)) => {
            State::Passed(format!("sent to {destination}, received, answered, and the answer received"))
        }
        Ok(Ok(Outcome::Refused(reason))) => State::Skipped(format!(
            "the broker does not let this account send actions to {destination}, as is usual: {reason}"
        )),
        Ok(Err(error)) => State::Failed(error),
        Err(_) => State::Failed(RunError::new(
            Failure::Stomp,
            format!("what was sent to {destination} did not come back within {} s", limit.as_secs()),
        )),
    };
    report.note(Check { name: "loop-back action".to_owned(), state, took: begun.elapsed() });
}

async fn there_and_back(
    settings: &Settings,
    destination: &str,
    limit: Duration,
) -> Result<Outcome, RunError> {
    let options = connect::stomp_options(settings).map_err(RunError::stomp)?;
    let (session, mut deliveries) = Session::start(options);
    connected(&session, settings.stomp_hosts.len()).await?;
    let outcome = exchange(&session, &mut deliveries, destination, limit).await;
    let _ = session.close(CLOSE_TIMEOUT).await;
    match outcome {
        Ok(()) => Ok(Outcome::Returned),
        Err(error) if error.is_refused() => Ok(Outcome::Refused(error)),
        Err(error) => Err(RunError::stomp(error)),
    }
}

async fn exchange(
    session: &Session,
    deliveries: &mut Deliveries,
    destination: &str,
    limit: Duration,
) -> Result<(), circuits_stomp::Error> {
    // Room for messages of another test that runs at the same time.
    session.subscribe(Subscription { destination: destination.to_owned(), prefetch: 100 }).await?;
    let number = fastrand::u64(..);
    let action = json!({"action_id": null, "object_type": 0, "incident": {"id": 0, "name": "selftest"}});
    let answer = json!({"message_type": 0, "message": "selftest", "complete": true});
    for (part, body) in [("action", action), ("answer", answer)] {
        let correlation = format!("selftest:{number:016x}:{part}");
        let headers = [
            ("reply-to", format!("/queue/{destination}")),
            ("correlation-id", correlation.clone()),
            // Messages that are left over expire: the first header is for ActiveMQ, the second for RabbitMQ.
            ("expires", (submit::now() + limit.as_millis()).to_string()),
            ("expiration", limit.as_millis().to_string()),
        ];
        let headers = headers.map(|(name, value)| (name.to_owned(), value)).to_vec();
        let body = body.to_string().into();
        session.send(Outgoing { destination: destination.to_owned(), headers, body }).await?;
        let delivery = received(deliveries, &correlation).await;
        session.ack(&delivery.token);
    }
    Ok(())
}

/// The delivery with this correlation id. Others belong to another test, and go back to it un-acknowledged.
async fn received(deliveries: &mut Deliveries, correlation: &str) -> Delivery {
    loop {
        match deliveries.recv().await {
            Some(delivery) if delivery.headers.get("correlation-id") == Some(correlation) => return delivery,
            Some(_) => {}
            // The time limit ends this.
            None => std::future::pending().await,
        }
    }
}

//! Subscribes to the message destinations, and tells what becomes of the connection afterwards.

use std::sync::Arc;

use circuits_stomp::{Session, State, Subscription};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::info;

use crate::Error;
use crate::runtime::announcer::Announcer;
use crate::runtime::run_error::RunError;
use crate::signal::{AboutBroker, BrokerDisconnected, DestinationSubscribed};

/// Subscribes to each destination.
pub(super) async fn subscribe(
    session: &Session,
    subscriptions: Vec<Subscription>,
    announcer: &Announcer,
) -> Result<(), RunError> {
    for subscription in subscriptions {
        let destination = subscription.destination.clone();
        session.subscribe(subscription).await.map_err(RunError::stomp)?;
        subscribed(&destination, announcer);
    }
    Ok(())
}

fn subscribed(destination: &str, announcer: &Announcer) {
    info!("Subscribed to message destination {destination}");
    announcer.announce(DestinationSubscribed { destination: destination.to_owned() });
}

/// Logs what becomes of the connection, until it is closed for good or `stop` is cancelled.
pub(super) async fn follow(
    mut state: watch::Receiver<State>,
    destinations: &[String],
    announcer: &Announcer,
    stop: CancellationToken,
) {
    loop {
        let now = state.borrow_and_update().clone();
        match now {
            State::Connected { host, server, epoch, .. } => {
                info!(%host, server, "STOMP connected");
                // `subscribe` reports the first connection, which may have gone by unseen here.
                if epoch > 1 {
                    destinations.iter().for_each(|destination| subscribed(destination, announcer));
                }
            }
            State::Disconnected { reason, .. } => {
                announcer.announce(BrokerDisconnected { broker: AboutBroker { reason: reason.to_string() } });
            }
            State::Off => info!("STOMP connection is not enabled"),
            State::Closed { .. } => return,
            _ => {}
        }
        tokio::select! {
            () = stop.cancelled() => return,
            changed = state.changed() => if changed.is_err() { return },
        }
    }
}

/// Why a session that nobody closed has ended.
pub(super) fn closed(state: &watch::Receiver<State>) -> RunError {
    match &*state.borrow() {
        State::Closed { reason: Some(reason) } => RunError::stomp_shared(Arc::clone(reason)),
        _ => RunError::components(Error::new("The STOMP session ended unexpectedly")),
    }
}

//! A connection over which actions are submitted.

mod port;

use circuits::{Broker, Replies};
use secrecy::SecretString;
use serde_json::Value;
use tokio::sync::mpsc;

use crate::cli::{Target, Via};
use crate::exit::NoRunner;
use crate::order::Order;

/// News about one action.
#[derive(Debug)]
pub(crate) enum Event {
    /// The runner has it.
    Submitted,
    /// Progress.
    Status(Value),
    /// The final reply.
    Final(Value),
    /// The runner refused it.
    Refused(String),
}

/// Events of one action; they end with the final reply, or with the connection.
pub(crate) type Events = mpsc::UnboundedReceiver<Event>;

/// The connection.
#[derive(Debug)]
pub(crate) enum Link {
    Port(port::Port),
    Broker(Box<Broker>),
}

impl Link {
    /// Connects.
    ///
    /// # Errors
    /// [`NoRunner`] if there is no runner.
    pub(crate) async fn open(target: &Target) -> anyhow::Result<Self> {
        match target.via {
            Via::Test => Ok(Self::Port(port::Port::connect(target).await?)),
            Via::Stomp | Via::Sandbox => {
                let config = target.config()?;
                let section = config.section("action-test");
                let key = |name| section.and_then(|section| section.get(name));
                let login = key("login").zip(key("passcode").map(SecretString::from));
                let broker = Broker::connect(&config, login).await;
                let broker = broker.map_err(|error| NoRunner(error.to_string()))?;
                Ok(Self::Broker(Box::new(broker)))
            }
        }
    }

    /// Submits an action.
    pub(crate) async fn submit(&self, order: Order) -> anyhow::Result<Events> {
        match self {
            Self::Port(port) => Ok(port.submit(&order.destination, &order.body)),
            Self::Broker(broker) => {
                let replies = broker.submit(&order.destination, order.headers, order.body).await;
                let (events, heard) = mpsc::unbounded_channel();
                match replies {
                    Ok(replies) => drop(tokio::spawn(tell(replies, events))),
                    Err(error) => drop(events.send(Event::Refused(error.to_string()))),
                }
                Ok(heard)
            }
        }
    }

    /// Whether the connection is still up. A broker connection restores itself.
    pub(crate) fn is_up(&self) -> bool {
        match self {
            Self::Port(port) => port.is_up(),
            Self::Broker(_) => true,
        }
    }

    /// Resolves when the connection is gone.
    pub(crate) async fn gone(&self) {
        match self {
            Self::Port(port) => port.gone().await,
            Self::Broker(_) => std::future::pending().await,
        }
    }
}

async fn tell(mut replies: Replies, events: mpsc::UnboundedSender<Event>) {
    let _ = events.send(Event::Submitted);
    while let Some(reply) = replies.next().await {
        let json = serde_json::to_value(&reply).unwrap_or_default();
        let _ = events.send(if reply.is_final() { Event::Final(json) } else { Event::Status(json) });
    }
}

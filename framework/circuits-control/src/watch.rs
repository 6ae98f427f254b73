//! Watches whether heartbeats come: when they stay away, the runner looks whether its own message comes back from the broker.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use circuits::QueueSender;
use serde_json::json;
use tracing::{info, warn};

use crate::conversation::Heard;
use crate::settings::Settings;

/// How long the broker may take to bring the runner's own message (tcex 4.0 waits as long).
const CHECK: Duration = Duration::from_secs(5);

/// Why the control queue is not read any longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Missed {
    /// The broker is silent, so the connection is to be made again.
    Broker,
    /// Nobody sends heartbeats, and the settings say that the runner stops then.
    Heartbeats,
}

/// Resolves when heartbeats have stayed away, and the settings ask for something to be done.
pub(crate) async fn missed(settings: &Settings, heard: &Arc<Heard>, sender: &QueueSender) -> Missed {
    let Some(patience) = settings.heartbeat else { return std::future::pending().await };
    loop {
        if tokio::time::timeout(patience, heard.heartbeat.notified()).await.is_ok() {
            continue;
        }
        warn!("No heartbeat came for {} s; the runner sends a BrokerCheck to itself", patience.as_secs());
        let body = json!({"command": "BrokerCheck"}).to_string();
        let signed = settings
            .key
            .as_ref()
            .and_then(|key| key.headers(&uuid::Uuid::new_v4().to_string(), body.as_bytes()));
        let headers: Vec<_> = signed.iter().flatten().map(|(name, value)| (*name, value.as_str())).collect();
        let check = async {
            // A message that is lost does not come back, which is what is looked for.
            let _ = sender.send(&settings.queue, &headers, Bytes::from(body)).await;
            heard.broker_check.notified().await;
        };
        let broker_works = tokio::time::timeout(CHECK, check).await.is_ok();
        if settings.stop_when_missed {
            return Missed::Heartbeats;
        }
        if !broker_works {
            return Missed::Broker;
        }
        info!("The broker brings messages; nobody sends heartbeats");
    }
}

//! What distinguishes a message from all others, so that its redelivery is recognised.

use circuits_stomp::Delivery;

/// RabbitMQ builds its STOMP message ids from the subscription, the session and a counter (`T_sub@@session-<id>@@7`), so a
/// redelivery on another connection has a different id (seen with 3.10.8; rabbit_stomp `message-id` documentation).
const BOUND_TO_SESSION: &str = "@@session-";

/// The message's identity: its `message-id`; with a broker whose ids end with the session, its `correlation-id` on its
/// destination, which the platform gives to one rule invocation. `None` for a message without `message-id`.
pub(crate) fn identity(delivery: &Delivery) -> Option<String> {
    let header = |name| delivery.headers.get(name).filter(|value| !value.is_empty());
    let message_id = header("message-id")?;
    match header("correlation-id") {
        Some(correlation) if message_id.contains(BOUND_TO_SESSION) => {
            Some(format!("{}/{correlation}", delivery.subscription))
        }
        _ => Some(message_id.to_owned()),
    }
}

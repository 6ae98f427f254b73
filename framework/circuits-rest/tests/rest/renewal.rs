//! A session that the platform ends more than once: each loss costs one login, and nobody else pays for it.

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use crate::support::{Peer, reply};
use serde_json::{Value, json};

#[tokio::test]
async fn a_session_lost_again_after_another_status_is_renewed_again() {
    let asked = AtomicUsize::new(0);
    let peer = Peer::platform(move |seen| {
        if seen.path.ends_with("/2") {
            return reply(200, json!({"id": 2}));
        }
        // A balancer that restarts its nodes one after another.
        match asked.fetch_add(1, SeqCst) {
            0 | 2 => reply(401, json!({"message": "session expired"})),
            1 => reply(503, json!({"message": "node restarts"})),
            _ => reply(200, json!({"id": 1})),
        }
    })
    .await;
    let rest = peer.connect().await.with_token(None);
    assert_eq!(rest.get::<Value>("/incidents/1").await.unwrap()["id"], 1);
    assert_eq!(peer.count("POST", "/rest/session"), 3, "the first login and one for each loss");
    assert_eq!(rest.get::<Value>("/incidents/2").await.unwrap()["id"], 2);
}

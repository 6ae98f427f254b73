//! `update` over real HTTPS: on a conflict it reads and applies again, up to a limit, and it does not make a change twice when
//! the answer to a write was lost.

use std::time::Duration;

use crate::support::{Answer, Peer, Seen, reply};
use circuits_rest::{Change, Client};
use serde_json::{Value, json};

const PATH: &str = "/incidents/2095";

/// An incident with optimistic locking; `interfere` may answer a PUT in the platform's place, after or before it is stored.
struct Incident {
    object: Value,
    puts: u32,
}

impl Incident {
    fn new() -> Self {
        Self { object: json!({"id": 2095, "vers": 10, "name": "x", "properties": {"count": 0}}), puts: 0 }
    }

    fn put(&mut self, seen: &Seen) -> Answer {
        let sent = seen.json();
        if sent["vers"] != self.object["vers"] {
            return reply(409, json!({"message": "The object has been changed", "hints": ["Read it again"]}));
        }
        self.object = sent;
        self.bump();
        reply(200, self.object.clone())
    }

    fn bump(&mut self) {
        self.object["vers"] = (self.object["vers"].as_i64().unwrap() + 1).into();
    }
}

/// A platform with one incident whose PUTs go through `put`.
async fn with(mut put: impl FnMut(&mut Incident, &Seen) -> Answer + Send + 'static) -> Peer {
    let mut incident = Incident::new();
    Peer::platform(move |seen| {
        if seen.method == "PUT" {
            incident.puts += 1;
            put(&mut incident, seen)
        } else {
            reply(200, incident.object.clone())
        }
    })
    .await
}

fn count(object: &mut Value) {
    object["properties"]["count"] = (object["properties"]["count"].as_i64().unwrap() + 1).into();
}

#[tokio::test]
async fn it_reads_applies_and_writes() {
    let peer = with(|incident, seen| incident.put(seen)).await;
    let rest = peer.connect().await.with_token(Some("t"));
    let object = rest.update(PATH, count).await.unwrap();
    assert_eq!((&object["vers"], &object["properties"]["count"]), (&json!(11), &json!(1)));
    assert_eq!(peer.count("PUT", "/rest/orgs/201/incidents/2095"), 1);
}

#[tokio::test]
async fn nothing_changed_means_nothing_written() {
    let peer = with(|incident, seen| incident.put(seen)).await;
    let rest = peer.connect().await.with_token(None);
    let same = rest.update(PATH, |object| object["name"] = "x".into()).await.unwrap();
    assert_eq!(same["vers"], 10);
    let skipped = rest
        .update(PATH, |object| {
            object["name"] = "y".into();
            Change::Skip
        })
        .await
        .unwrap();
    assert_eq!(skipped["name"], "x", "what was skipped is not shown as if it had happened");
    assert_eq!(peer.count("PUT", "/"), 0);
}

#[tokio::test]
async fn a_conflict_reads_again_and_applies_again() {
    let peer = with(|incident, seen| {
        if incident.puts <= 2 {
            incident.object["name"] = format!("changed {}", incident.puts).into();
            incident.bump();
        }
        incident.put(seen)
    })
    .await;
    let object = peer.connect().await.with_token(None).update(PATH, count).await.unwrap();
    assert_eq!((&object["name"], &object["properties"]["count"]), (&json!("changed 2"), &json!(1)));
    let rounds: Vec<_> = peer.seen().split_off(2).into_iter().map(|seen| seen.method).collect();
    assert_eq!(rounds, ["GET", "PUT", "GET", "PUT", "GET", "PUT"]);
}

#[tokio::test]
async fn endless_conflicts_end_with_what_others_changed() {
    let peer = with(|incident, seen| {
        incident.object["owner_id"] = incident.puts.into();
        incident.object["last_modified_principal"] = json!({"display_name": "Kim"});
        incident.bump();
        incident.put(seen)
    })
    .await;
    let client = Client::connect(peer.options().conflict_tries(3)).await.unwrap();
    let error = client.with_token(None).update(PATH, count).await.unwrap_err();
    assert!(error.is_conflict(), "{error:?}");
    let text = error.to_string();
    assert!(
        text.starts_with("PUT /incidents/2095: 409 Conflict: Kim was faster each time, last changing"),
        "{text}"
    );
    assert!(
        text.contains("/owner_id") && text.contains("after 3 tries") && text.contains("Read it again"),
        "{text}"
    );
    assert_eq!(peer.count("PUT", "/"), 3);
}

#[tokio::test]
async fn a_lost_answer_does_not_apply_the_change_twice() {
    let peer = with(|incident, seen| {
        let answer = incident.put(seen);
        if incident.puts == 1 { Answer::HangUp } else { answer }
    })
    .await;
    let object = peer.connect().await.with_token(None).update(PATH, count).await.unwrap();
    assert_eq!((&object["properties"]["count"], peer.count("PUT", "/")), (&json!(1), 1));

    let peer = with(|incident, seen| {
        let answer = incident.put(seen);
        // Stored, and then somebody else changes another field.
        incident.object["name"] = "other".into();
        incident.bump();
        if incident.puts == 1 { reply(502, json!({})) } else { answer }
    })
    .await;
    let object = peer.connect().await.with_token(None).update(PATH, count).await.unwrap();
    assert_eq!((&object["properties"]["count"], &object["name"]), (&json!(1), &json!("other")));
    assert_eq!(peer.count("PUT", "/"), 1);
}

#[tokio::test]
async fn a_write_that_did_not_arrive_is_written_again() {
    let peer =
        with(|incident, seen| if incident.puts == 1 { Answer::HangUp } else { incident.put(seen) }).await;
    let object = peer.connect().await.with_token(None).update(PATH, count).await.unwrap();
    assert_eq!((&object["properties"]["count"], peer.count("PUT", "/")), (&json!(1), 2));
}

#[tokio::test]
async fn a_lost_write_that_arrives_late_is_recognised() {
    let mut delayed = None;
    let peer = with(move |incident, seen| {
        if incident.puts == 1 {
            delayed = Some(seen.clone());
            return Answer::HangUp;
        }
        if let Some(first) = delayed.take() {
            incident.put(&first);
        }
        incident.put(seen)
    })
    .await;
    let object = peer.connect().await.with_token(None).update(PATH, count).await.unwrap();
    assert_eq!(object["properties"]["count"], 1);
}

#[tokio::test]
async fn a_lost_write_that_others_wrote_over_is_reported_as_unclear() {
    let peer = with(|incident, seen| {
        incident.put(seen);
        incident.object["properties"]["count"] = 77.into();
        incident.bump();
        Answer::HangUp
    })
    .await;
    let error = peer.connect().await.with_token(None).update(PATH, count).await.unwrap_err();
    assert!(error.is_unclear() && error.to_string().contains("unknown whether it took place"), "{error}");
    assert_eq!(peer.count("PUT", "/"), 1);
}

#[tokio::test]
async fn handlers_of_one_process_queue_up_instead_of_colliding() {
    let peer = with(|incident, seen| incident.put(seen)).await;
    let client = peer.connect().await;
    let tasks: Vec<_> = (0..50)
        .map(|_| {
            let rest = client.with_token(None);
            tokio::spawn(async move { rest.update(PATH, count).await.unwrap() })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let object: Value = client.with_token(None).get(PATH).await.unwrap();
    assert_eq!(object["properties"]["count"], 50);
    assert_eq!(peer.count("PUT", "/"), 50, "no conflict among ourselves");
}

#[tokio::test]
async fn processes_that_collide_all_get_their_change_in() {
    let peer = with(|incident, seen| incident.put(seen)).await;
    let mut tasks = Vec::new();
    for _ in 0..8 {
        // Each has a client of its own, as if in a process of its own.
        let client = peer.connect().await;
        tasks.push(tokio::spawn(async move {
            for _ in 0..5 {
                client.with_token(None).update(PATH, count).await.unwrap();
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    let object: Value = peer.connect().await.with_token(None).get(PATH).await.unwrap();
    assert_eq!(object["properties"]["count"], 40);
}

#[tokio::test]
async fn other_refusals_end_an_update_at_once() {
    let peer = with(|_, _| reply(400, json!({"message": "Invalid field"}))).await;
    let error = peer.connect().await.with_token(None).update(PATH, count).await.unwrap_err();
    assert_eq!((error.status(), peer.count("PUT", "/")), (Some(400), 1));
}

#[tokio::test]
async fn a_lost_write_after_which_nothing_can_be_read_is_unclear() {
    let mut lost = false;
    let peer = Peer::platform(move |seen| match seen.method.as_str() {
        "PUT" => {
            lost = true;
            Answer::HangUp
        }
        _ if lost => reply(500, json!({"message": "out of order"})),
        _ => reply(200, Incident::new().object),
    })
    .await;
    let error = peer.connect().await.with_token(None).update(PATH, count).await.unwrap_err();
    assert!(error.is_unclear() && error.to_string().contains("out of order"), "{error}");
}

#[tokio::test]
async fn a_deadline_ends_conflicts_and_the_wait_for_ones_turn() {
    let peer = with(|incident, seen| {
        incident.object["owner_id"] = incident.puts.into();
        incident.bump();
        incident.put(seen)
    })
    .await;
    let client = Client::connect(peer.options().conflict_tries(1_000_000)).await.unwrap();
    let error = client.with_token(None).with_deadline(Duration::from_millis(300)).update(PATH, count).await;
    let error = error.unwrap_err();
    // The deadline may pass during a pause or during a call.
    assert!(error.is_conflict() || error.is_timeout(), "{error}");

    let peer = Peer::platform(|_| Answer::Silence).await;
    let client = peer.connect().await;
    let first = client.with_token(None);
    let first = tokio::spawn(async move { first.update(PATH, count).await });
    while peer.count("GET", "/rest/orgs/201/incidents") == 0 {
        tokio::task::yield_now().await;
    }
    let hurried = client.with_token(None).with_deadline(Duration::from_millis(50));
    let error = hurried.update(PATH, count).await.unwrap_err();
    assert!(error.is_timeout() && error.to_string().contains("while others changed the object"), "{error}");
    assert_eq!(peer.count("GET", "/rest/orgs/201/incidents"), 1);
    first.abort();
}

#[tokio::test]
async fn a_member_is_added_once_and_beside_those_whom_others_add() {
    let mut members = json!({"members": null, "vers": 1});
    let mut refused = false;
    let peer = Peer::platform(move |seen| {
        assert_eq!(seen.path, "/rest/orgs/201/incidents/2095/members");
        if seen.method == "PUT" {
            let sent = seen.json();
            if sent["members"] == json!([7, 8]) && !std::mem::replace(&mut refused, true) {
                members = json!({"members": [7, 9], "vers": 3});
                return reply(409, json!({"message": "The object has been changed"}));
            }
            members = json!({"members": sent["members"], "vers": sent["vers"].as_i64().unwrap() + 1});
        }
        reply(200, members.clone())
    })
    .await;
    let rest = peer.connect().await.with_token(None);
    for user in [7, 7, 8] {
        rest.add_member(PATH, user).await.unwrap();
    }
    let put = peer
        .seen()
        .into_iter()
        .filter(|seen| seen.method == "PUT")
        .map(|seen| seen.json()["members"].clone());
    assert_eq!(put.collect::<Vec<_>>(), [json!([7]), json!([7, 8]), json!([7, 9, 8])]);
}

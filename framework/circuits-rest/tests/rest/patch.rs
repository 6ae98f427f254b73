//! PATCH with old values over real HTTPS: conflicts field by field, and every way to settle them.

use crate::support::{Peer, reply};
use circuits_rest::{Patch, PatchStatus, Resolve, Rest, give_up, overwrite};
use serde_json::{Value, json};

const PATH: &str = "/incidents/2095";

fn base() -> Value {
    json!({"vers": 7, "name": "a", "owner_id": 1, "properties": {"ticket": null}})
}

/// A platform on which `name` is "b" by now, and the handle to it.
async fn changed_meanwhile() -> (Peer, Rest) {
    let mut current = base();
    current["name"] = "b".into();
    let peer = Peer::platform(move |seen| {
        let mut failures = Vec::new();
        let changes = seen.json()["changes"].as_array().unwrap().clone();
        for change in &changes {
            let pointer = format!("/{}", change["field"].as_str().unwrap().replace('.', "/"));
            let (old, now) = (&change["old_value"]["object"], current.pointer(&pointer).unwrap());
            if old != now {
                failures.push(json!({
                    "field": change["field"], "your_original_value": old, "actual_current_value": now,
                }));
            }
        }
        let success = failures.is_empty();
        if success {
            for change in changes {
                let pointer = format!("/{}", change["field"].as_str().unwrap().replace('.', "/"));
                *current.pointer_mut(&pointer).unwrap() = change["new_value"]["object"].clone();
            }
        }
        reply(200, json!({"success": success, "field_failures": failures, "message": "Changed by others"}))
    })
    .await;
    let rest = peer.connect().await.with_token(Some("t0ken"));
    (peer, rest)
}

fn patch() -> Patch {
    let mut patch = Patch::new(&base());
    patch.set("name", "c").unwrap().set("owner_id", 2).unwrap();
    patch
}

#[tokio::test]
async fn a_patch_without_conflict_is_made_at_once() {
    let (peer, rest) = changed_meanwhile().await;
    let mut patch = Patch::new(&base());
    patch.set("properties.ticket", "T-1").unwrap();
    assert!(rest.patch_with(PATH, patch, give_up).await.unwrap().success);
    let call = peer.seen().pop().unwrap();
    assert_eq!(
        (call.header("handle_format"), call.header("x-co3contexttoken")),
        (Some("names"), Some("t0ken"))
    );
    assert_eq!(call.json()["version"], 7);
}

#[tokio::test]
async fn giving_up_lists_the_conflicts() {
    let (peer, rest) = changed_meanwhile().await;
    let error = rest.patch_with(PATH, patch(), give_up).await.unwrap_err();
    assert!(error.is_conflict());
    assert_eq!(error.to_string(), r#"PATCH /incidents/2095: Changed by others: name was "a", is "b""#);
    assert_eq!((error.conflicts().len(), error.conflicts()[0].field.as_str()), (1, "name"));
    assert_eq!(peer.count("PATCH", "/"), 1);
}

#[tokio::test]
async fn overwriting_sends_the_current_value_as_the_old_one() {
    let (peer, rest) = changed_meanwhile().await;
    assert!(rest.patch_with(PATH, patch(), overwrite).await.unwrap().success);
    let last = peer.seen().pop().unwrap().json();
    assert_eq!(last["changes"][0]["old_value"]["object"], "b");
    assert_eq!(peer.count("PATCH", "/"), 2);
}

#[tokio::test]
async fn a_callback_settles_field_by_field() {
    let (peer, rest) = changed_meanwhile().await;
    let drop_conflicts = |status: &PatchStatus, patch: &mut Patch| {
        for conflict in &status.field_failures {
            patch.remove(&conflict.field);
        }
        Resolve::Again
    };
    assert!(rest.patch_with(PATH, patch(), drop_conflicts).await.unwrap().success);
    let last = peer.seen().pop().unwrap().json();
    assert_eq!(last["changes"].as_array().unwrap().len(), 1, "the other field goes through");

    // With nothing left to send it ends without another call; accepting ends it too.
    let (peer, rest) = changed_meanwhile().await;
    let mut only = Patch::new(&base());
    only.set("name", "c").unwrap();
    assert!(!rest.patch_with(PATH, only.clone(), drop_conflicts).await.unwrap().success);
    assert!(!rest.patch_with(PATH, only, |_, _| Resolve::Accept).await.unwrap().success);
    assert_eq!(peer.count("PATCH", "/"), 2);
}

#[tokio::test]
async fn a_callback_that_changes_nothing_is_told_so() {
    let (peer, rest) = changed_meanwhile().await;
    let error = rest.patch_with(PATH, patch(), |_, _| Resolve::Again).await.unwrap_err();
    let text = "invoked callback did not change the patch object, but returned True";
    assert!(error.is_invalid() && error.to_string().contains(text), "{error}");
    assert_eq!(peer.count("PATCH", "/"), 1);
}

#[tokio::test]
async fn a_busy_object_is_tried_again_boundedly() {
    let mut busy = 2;
    let peer = Peer::platform(move |_| {
        busy -= 1;
        if busy >= 0 { reply(409, json!({"message": "busy"})) } else { reply(200, json!({"success": true})) }
    })
    .await;
    let rest = peer.connect().await.with_token(None);
    assert!(rest.patch_with(PATH, patch(), give_up).await.unwrap().success);
    assert_eq!(peer.count("PATCH", "/"), 3);

    let peer = Peer::platform(|_| reply(409, json!({"message": "busy"}))).await;
    let client = circuits_rest::Client::connect(peer.options().conflict_tries(3)).await.unwrap();
    let error = client.with_token(None).patch_with(PATH, patch(), give_up).await.unwrap_err();
    assert!(error.is_conflict() && error.to_string().contains("after 3 tries"), "{error}");
    assert_eq!(peer.count("PATCH", "/"), 3);
}

#[tokio::test]
async fn a_writer_that_is_always_faster_does_not_keep_us_for_ever() {
    let mut n = 0;
    let peer = Peer::platform(move |_| {
        n += 1;
        let failure = json!({"field": "name", "your_original_value": "x", "actual_current_value": n});
        reply(200, json!({"success": false, "field_failures": [failure]}))
    })
    .await;
    let client = circuits_rest::Client::connect(peer.options().conflict_tries(4)).await.unwrap();
    let error = client.with_token(None).patch_with(PATH, patch(), overwrite).await.unwrap_err();
    assert!(error.is_conflict() && error.conflicts()[0].actual_current_value == 6, "{error}");
    assert!(error.to_string().contains("after 4 tries"), "{error}");
    let sent = peer.seen().split_off(2).into_iter();
    let old: Vec<_> = sent.map(|seen| seen.json()["changes"][0]["old_value"]["object"].clone()).collect();
    // After losing twice in a row it pauses, and looks at the values as they are then before it overwrites them.
    assert_eq!(old, [json!("a"), json!(1), json!(1), json!(3), json!(3), json!(5)]);
}

#[tokio::test]
async fn recorded_shapes_are_understood() {
    let (Some(dto), Some(status)) = (
        crate::support::recorded("patch/patch_dto.json"),
        crate::support::recorded("patch/patch_status_conflict.json"),
    ) else {
        println!("skipped: no ../shared/data");
        return;
    };
    let mut patch = Patch::new(&json!({"a": 1, "properties": {"b": 2}, "vers": 99}));
    patch.set("a", 5).unwrap().set("properties.b", 6).unwrap().set("c", 7).unwrap();
    assert_eq!(patch.to_json(), dto);
    let peer = Peer::platform(move |_| reply(200, status.clone())).await;
    let rest = peer.connect().await.with_token(None);
    let error = rest.patch_with(PATH, patch, give_up).await.unwrap_err();
    let fields: Vec<_> = error.conflicts().iter().map(|c| c.field.as_str()).collect();
    assert_eq!(fields, ["mytest1", "mytest2"]);
    assert_eq!(error.conflicts()[1].actual_current_value, "current2");
}

//! Paged queries as one stream, and the search, over real HTTPS.

use crate::support::{Peer, reply};
use circuits_rest::Rest;
use futures_util::{StreamExt, TryStreamExt};
use serde_json::{Value, json};

const PATH: &str = "/incidents/query_paged";

/// A platform with `total` incidents that gives at most `most` at once.
async fn with(total: u64, most: u64, tells_total: bool) -> (Peer, Rest) {
    let peer = Peer::platform(move |seen| {
        let query = seen.json();
        let start = query["start"].as_u64().unwrap();
        let length = query["length"].as_u64().unwrap().min(most);
        let data: Vec<_> = (start..total.min(start + length)).map(|id| json!({"id": id})).collect();
        let mut page = json!({"data": data});
        if tells_total {
            page["recordsTotal"] = (total * 2).into();
            page["recordsFiltered"] = total.into();
        }
        reply(200, page)
    })
    .await;
    let rest = peer.connect().await.with_token(Some("t0ken"));
    (peer, rest)
}

#[tokio::test]
async fn all_results_come_once_and_in_order() {
    // total, what the platform gives at most, whether it states the total, calls that this takes
    for (total, most, tells, calls) in [
        (25, 10, true, 3),
        (20, 10, true, 2),
        (20, 10, false, 3),
        (25, 4, true, 7),
        (0, 10, true, 1),
        (3, 10, false, 1),
    ] {
        let (peer, rest) = with(total, most, tells).await;
        let found: Vec<Value> = rest.pages(PATH, json!({"filters": []}), 10).try_collect().await.unwrap();
        let ids: Vec<_> = found.iter().map(|incident| incident["id"].as_u64().unwrap()).collect();
        assert_eq!(ids, Vec::from_iter(0..total), "{total} {most} {tells}");
        assert_eq!(
            peer.count("POST", "/rest/orgs/201/incidents/query_paged"),
            calls,
            "{total} {most} {tells}"
        );
    }
}

#[tokio::test]
async fn only_the_pages_that_are_read_are_asked_for() {
    let (peer, rest) = with(1_000, 10, true).await;
    let some: Vec<_> = rest.pages::<Value>(PATH, Value::Null, 10).take(11).collect().await;
    assert_eq!(some.len(), 11);
    let calls = peer.seen().split_off(2);
    assert_eq!(calls.len(), 2);
    assert_eq!(
        (calls[1].json(), calls[1].header("x-co3contexttoken")),
        (json!({"start": 10, "length": 10}), Some("t0ken"))
    );
}

#[tokio::test]
async fn a_query_is_repeated_like_a_read_and_its_error_ends_the_stream() {
    let mut n = 0;
    let peer = Peer::platform(move |_| {
        n += 1;
        match n {
            1 => reply(503, json!({})),
            2 => reply(200, json!({"data": [{"id": 1}], "recordsTotal": 9})),
            _ => reply(400, json!({"message": "bad filter"})),
        }
    })
    .await;
    let rest = peer.connect().await.with_token(None);
    let got: Vec<_> = rest.pages::<Value>(PATH, Value::Null, 1).collect().await;
    assert_eq!(got.len(), 2);
    assert_eq!(got[0].as_ref().unwrap()["id"], 1);
    let error = got[1].as_ref().unwrap_err();
    assert!(error.status() == Some(400) && error.to_string().contains("bad filter"), "{error}");
}

#[tokio::test]
async fn search_goes_to_its_absolute_path() {
    let peer = Peer::platform(|_| reply(200, json!({"results": []}))).await;
    let rest = peer.connect().await.with_token(Some("t0ken"));
    rest.search::<_, Value>(&json!({"query": "phish"})).await.unwrap();
    let call = peer.seen().pop().unwrap();
    assert!(call.is("POST", "/rest/search_ex"));
    assert_eq!(
        (call.json()["query"].as_str(), call.header("x-co3contexttoken")),
        (Some("phish"), Some("t0ken"))
    );
}

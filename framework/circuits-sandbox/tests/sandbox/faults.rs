//! Faults on demand, at the broker and at the REST API.

use std::time::Duration;

use crate::support::{Rest, Stomp, soon};
use circuits_sandbox::{Publication, RestFault, Sandbox};
use serde_json::json;

const QUEUE: &str = "actions.201.work";

async fn start() -> Sandbox {
    Sandbox::builder().destination("work").start().await.unwrap()
}

#[tokio::test]
async fn connections_are_dropped_and_new_ones_refused_until_allowed() {
    let sandbox = start().await;
    let mut stomp = Stomp::connect(&sandbox).await;
    stomp.subscribe(QUEUE, "").await;
    let faults = sandbox.faults();
    faults.refuse_connections(true);
    faults.drop_connections();
    assert_eq!(stomp.closed().await, []);
    soon("the consumer to go", sandbox.subscribed(QUEUE, 0)).await;
    assert!(soon("the refusal", Stomp::open(&sandbox)).await.is_err());
    faults.refuse_connections(false);
    Stomp::connect(&sandbox).await;
}

#[tokio::test]
async fn a_stalled_broker_neither_reads_nor_writes_and_then_goes_on() {
    let sandbox = start().await;
    let credentials = sandbox.credentials();
    let (mut stomp, _) =
        Stomp::log_in(&sandbox, &credentials.api_key_id, &credentials.api_key_secret, "20,20").await;
    stomp.subscribe(QUEUE, "").await;
    sandbox.faults().stall(true);
    sandbox.publish(Publication::to(QUEUE).body("held")).unwrap();
    stomp.send("SEND\ndestination:acks.201.work\ncorrelation-id:c\nreceipt:r\n\nx\0").await;
    // Heart-beats would come every 20 ms, so a silence as long as this is the stall.
    stomp.buffer.clear();
    let read = tokio::time::timeout(Duration::from_millis(300), async {
        while stomp.buffer.iter().all(|byte| *byte == b'\n') && stomp.buffer.len() < 3 {
            stomp.read().await;
        }
    });
    assert!(read.await.is_err(), "nothing is written");
    assert_eq!(sandbox.replies("c"), [], "nothing is read");
    sandbox.faults().stall(false);
    let got = stomp.until_receipt("r").await;
    assert_eq!(got[0].text(), "held");
    assert_eq!(sandbox.replies("c").len(), 1);
}

#[tokio::test]
async fn an_error_frame_can_be_sent_with_and_without_closing() {
    let sandbox = start().await;
    let mut stomp = Stomp::connect(&sandbox).await;
    sandbox.faults().send_error("something broke: badly", false);
    let error = stomp.frame().await;
    assert_eq!((error.command.as_str(), error.get("message")), ("ERROR", "something broke\\c badly"));
    assert_eq!(stomp.sync().await, []);
    sandbox.faults().send_error("the end", true);
    let last = stomp.closed().await;
    assert_eq!(last[0].get("message"), "the end");
}

#[tokio::test]
async fn heart_beats_stop_on_demand() {
    let sandbox = start().await;
    let credentials = sandbox.credentials();
    sandbox.faults().stop_heart_beats(true);
    let (mut stomp, _) =
        Stomp::log_in(&sandbox, &credentials.api_key_id, &credentials.api_key_secret, "0,10").await;
    // The EOL after CONNECTED may still come; a second one would be a heart-beat.
    stomp.buffer.clear();
    let silence = tokio::time::timeout(Duration::from_millis(200), async {
        while stomp.buffer.len() < 2 {
            stomp.read().await;
        }
    });
    assert!(silence.await.is_err());
    sandbox.faults().stop_heart_beats(false);
    while stomp.buffer.len() < 2 {
        assert_ne!(soon("a heart-beat", stomp.read()).await, 0);
    }
}

#[tokio::test]
async fn receipts_are_swallowed_but_the_work_is_done() {
    let sandbox = start().await;
    let mut stomp = Stomp::connect(&sandbox).await;
    sandbox.faults().drop_receipts(1);
    let send = |n: u32| format!("SEND\ndestination:acks.201.work\ncorrelation-id:c\nreceipt:r{n}\n\nx\0");
    stomp.send(send(1)).await;
    stomp.send(send(2)).await;
    let receipt = stomp.frame().await;
    assert_eq!(receipt.get("receipt-id"), "r2");
    assert_eq!(sandbox.replies("c").len(), 2);
}

#[tokio::test]
async fn frames_are_delayed_by_the_clock() {
    let sandbox = start().await;
    let mut stomp = Stomp::connect(&sandbox).await;
    sandbox.faults().delay_frames(Duration::from_millis(50));
    let before = std::time::Instant::now();
    assert_eq!(stomp.sync().await, []);
    assert!(before.elapsed() >= Duration::from_millis(150), "two frames in, one out: {:?}", before.elapsed());
    sandbox.faults().delay_frames(Duration::ZERO);
}

#[tokio::test]
async fn rest_requests_fail_as_armed_and_have_no_effect() {
    let sandbox = start().await;
    let rest = Rest::new(&sandbox);
    let faults = sandbox.faults();
    faults.rest(RestFault::status("POST", "/comments", 503).times(2).retry_after(7));
    faults.rest(RestFault::status("*", "/incidents/2095", 409));
    let note = json!({"text": "hello"});
    let path = "/incidents/2095/comments";
    let response = rest.request("POST", path).json(&note).send().await.unwrap();
    assert_eq!(
        (response.status().as_u16(), &response.headers()["retry-after"]),
        (503, &"7".parse().unwrap())
    );
    assert_eq!(rest.call("POST", path, Some(note.clone())).await.0, 503);
    let (status, error) = rest.call("GET", "/incidents/2095", None).await;
    assert_eq!((status, &error["success"], &error["error_code"]), (409, &json!(false), &json!("generic")));
    assert_eq!(rest.get("/incidents/2095").await["id"], 2095);
    assert_eq!(sandbox.notes(2095).len(), 0);
    rest.post(path, note).await;
    assert_eq!(sandbox.notes(2095).len(), 1);
    for status in [401, 429] {
        faults.rest(RestFault::status("GET", "", status));
        assert_eq!(rest.call("GET", "", None).await.0, status);
    }
    let statuses: Vec<Option<u16>> = sandbox.requests().iter().map(|request| request.status).collect();
    assert_eq!(statuses, [503, 503, 409, 200, 200, 401, 429].map(Some));
    faults.rest(RestFault::status("GET", "", 500));
    faults.clear_rest();
    rest.get("").await;
}

#[tokio::test]
async fn a_hanging_request_hangs_until_the_client_gives_up() {
    let sandbox = start().await;
    let rest = Rest::new(&sandbox);
    sandbox.faults().rest(RestFault::hang("GET", "/users"));
    let hanging = rest.request("GET", "/users").send();
    tokio::select! {
        answer = hanging => panic!("answered: {answer:?}"),
        seen = soon("the request", sandbox.requested("GET", "/users", 1)) => assert_eq!(seen[0].status, None),
    }
    rest.get("/users").await;
}

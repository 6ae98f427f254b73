//! What becomes of deliveries when targets fail, hang or are gone, and of everything else meanwhile.

use circuits_events::book::{Delivery, DeliveryState};
use circuits_sandbox::Status;
use circuits_tests::eventful::Eventful;
use circuits_tests::receiver::{Answer, Receiver};
use serde_json::json;

use circuits_events as _;
use circuits_http as _;

fn hooks(it: &Eventful, receiver: &Receiver, more: &str) -> String {
    let url = receiver.url("/hook");
    let text =
        format!("webhooks:\n- name: hook\n  action: action_completed\n  method: POST\n  url: {url}\n{more}");
    format!("webhooks={}", it.file("hooks.yml", &text).display())
}

fn all_are(state: DeliveryState, count: usize) -> impl Fn(&[Delivery]) -> bool {
    move |all| all.iter().filter(|one| one.state == state).count() == count
}

#[tokio::test(flavor = "multi_thread")]
async fn a_busy_target_is_tried_again_when_it_says_and_each_attempt_is_logged() {
    let (it, receiver) = (Eventful::start("busy").await, Receiver::start().await);
    receiver.answers(Answer::Busy);
    let runner = it.run(&hooks(&it, &receiver, "")).await;
    assert_eq!(it.fire("Tell").await.2, Status::Completed);
    receiver.wait("/hook", 2).await;
    receiver.answers(Answer::Status(204));
    let delivered = it.deliveries("webhook:hook", all_are(DeliveryState::Delivered, 1)).await.remove(0);
    let statuses: Vec<_> = delivered.attempts.iter().map(|one| one.status).collect();
    assert!(statuses.len() >= 2 && statuses.ends_with(&[Some(503), Some(204)]), "{delivered:?}");
    assert_eq!(delivered.tries as usize, statuses.len());
    let ids: Vec<_> = receiver.got().iter().map(|got| got.header("webhook-id").to_owned()).collect();
    assert!(ids.iter().all(|id| *id == delivered.event), "{ids:?}");
    runner.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_is_given_up_after_its_tries_and_can_be_made_again() {
    let (it, receiver) = (Eventful::start("tries").await, Receiver::start().await);
    receiver.answers(Answer::Busy);
    let runner = it.run(&hooks(&it, &receiver, "  tries: 3\n")).await;
    it.fire("Tell").await;
    let failed = it.deliveries("webhook:hook", all_are(DeliveryState::Failed, 1)).await.remove(0);
    assert_eq!((failed.tries, receiver.got().len()), (3, 3));
    receiver.answers(Answer::Status(200));
    // As a command beside the runner asks for it.
    assert_eq!(it.book().redeliver(&failed.event, None).await.unwrap(), ["webhook:hook"]);
    let again = it.deliveries("webhook:hook", all_are(DeliveryState::Delivered, 1)).await.remove(0);
    assert_eq!(again.event, failed.event);
    assert_eq!(receiver.wait("/hook", 4).await[3].header("webhook-id"), failed.event);
    runner.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn when_too_many_deliveries_wait_further_ones_are_dropped_counted_and_told() {
    let (it, receiver) = (Eventful::start("full").await, Receiver::start().await);
    receiver.answers(Answer::Hang);
    let settings = hooks(&it, &receiver, "  timeout: 300\n");
    let runner = it.run(&format!("{settings}\nevents_max_waiting=100")).await;
    let fire = async |count: usize| {
        let mut ids = Vec::new();
        for _ in 0..count {
            ids.push(it.world.fire("Tell", it.world.incident()).await);
        }
        for id in ids {
            assert_eq!(it.world.settled(id).await.status, Status::Completed);
        }
    };
    // A few at a time: the outbox is bounded too, and is emptied meanwhile.
    for round in 1..=4 {
        fire(25).await;
        it.deliveries("webhook:hook", |all| all.len() == round * 25).await;
    }
    fire(5).await;
    let all = it.deliveries("webhook:hook", |all| all.len() == 105).await;
    assert_eq!(all.iter().filter(|one| one.state == DeliveryState::Dropped).count(), 5);
    runner.counts("deliveries_dropped", 5).await;
    // Everything is accounted for once the target is back.
    receiver.answers(Answer::Status(200));
    let all = it.deliveries("webhook:hook", all_are(DeliveryState::Delivered, 100)).await;
    let dropped: Vec<_> = all.iter().filter(|one| one.state == DeliveryState::Dropped).collect();
    for delivery in &dropped {
        it.book().redeliver(&delivery.event, Some("webhook:hook")).await.unwrap();
    }
    it.deliveries("webhook:hook", all_are(DeliveryState::Delivered, 105)).await;
    assert_eq!(receiver.got().len(), 105);
    runner.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn deliveries_of_a_webhook_that_is_no_longer_defined_are_closed() {
    let (it, receiver) = (Eventful::start("undefined").await, Receiver::start().await);
    receiver.answers(Answer::Hang);
    let settings = hooks(&it, &receiver, "");
    let runner = it.run(&settings).await;
    it.fire("Tell").await;
    receiver.wait("/hook", 1).await;
    runner.stop().await;
    let text = format!(
        "webhooks:\n- {{name: other, action: runner_ready, method: POST, url: '{}'}}\n",
        receiver.url("/other")
    );
    it.file("hooks.yml", &text);
    receiver.answers(Answer::Status(200));
    let runner = it.run(&settings).await;
    receiver.wait("/other", 1).await;
    let closed = it.deliveries("webhook:hook", all_are(DeliveryState::Failed, 1)).await.remove(0);
    assert_eq!(closed.text, "the webhook is no longer defined");
    runner.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn deliveries_to_a_subscription_that_was_deleted_are_closed() {
    let (it, receiver) = (Eventful::start("deleted").await, Receiver::start().await);
    receiver.answers(Answer::Hang);
    let runner = it.run("subscriptions=true").await;
    let path = "$[?@.result]";
    let made =
        it.subscribe("alice", json!({"name": "n", "jsonpath": path, "target_url": receiver.url("/r")})).await;
    let uuid = made["uuid"].as_str().unwrap();
    // More than are under way at a time.
    for _ in 0..4 {
        assert_eq!(it.fire("Tell").await.2, Status::Completed);
    }
    receiver.wait("/r", 4).await;
    let target = format!("subscription:{uuid}");
    it.deliveries(&target, |all| all.len() == 8).await;
    assert_eq!(it.http("DELETE", &format!("/eventmatch/{uuid}"), "alice", b"").await.0, 200);
    receiver.answers(Answer::Status(200));
    let ended =
        |all: &[Delivery]| all.len() == 8 && all.iter().all(|one| one.state != DeliveryState::Waiting);
    let closed = it.deliveries(&target, ended).await;
    let failed: Vec<_> = closed.iter().filter(|one| one.state == DeliveryState::Failed).collect();
    assert!(
        !failed.is_empty() && failed.iter().all(|one| one.text == "the subscription was deleted"),
        "{closed:?}"
    );
    runner.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_nothing_configured_nothing_is_kept() {
    let it = Eventful::start("nothing").await;
    let runner = it.run("").await;
    assert_eq!(it.fire("Tell").await.2, Status::Completed);
    runner.stop().await;
    let journal = rusqlite::Connection::open(it.journal()).unwrap();
    let count = |table: &str| {
        journal.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get::<_, i64>(0)).unwrap()
    };
    assert_eq!((count("message"), count("outbox")), (1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn ot_14_messages_are_answered_while_events_are_deleted() {
    let (it, receiver) = (Eventful::start("purge").await, Receiver::start().await);
    let runner = it.run(&hooks(&it, &receiver, "")).await;
    assert_eq!(it.fire("Tell").await.2, Status::Completed);
    receiver.wait("/hook", 1).await;
    // A step of a deletion that does not end: nobody else can write to the store.
    let mut store = rusqlite::Connection::open(it.store()).unwrap();
    let step = store.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate).unwrap();
    let deleted = step.execute("DELETE FROM record WHERE tbl = 'event'", []).unwrap();
    assert!(deleted > 0);
    for _ in 0..20 {
        assert_eq!(it.fire("Tell").await.2, Status::Completed);
    }
    step.commit().unwrap();
    // What they had to tell was not lost meanwhile.
    receiver.wait("/hook", 21).await;
    let gone = it.book().purge(None, jiff::Timestamp::now(), u32::MAX, true).await.unwrap();
    assert!(gone > 0);
    assert_eq!(it.fire("Tell").await.2, Status::Completed);
    runner.stop().await;
}

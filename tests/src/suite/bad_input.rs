//! Broken messages of many kinds: each is answered, and the runner continues.

use bytes::Bytes;
use circuits_sandbox::{Composed, Publication, Status};
use serde_json::json;

use crate::broker::FORBIDDEN;
use crate::probe::Probe;
use crate::world::{On, World, with_body, without_header};

/// Bodies that are not an action message, or that name something unknown.
pub async fn broken_messages_are_answered(on: On) {
    let world = World::start(on).await;
    let probe = Probe::new("broken");
    let runner = world.run(&probe, "").await;
    let incident = world.incident();
    let fresh = || world.compose("Echo", incident);
    let body = |text: &'static [u8]| Composed { body: Bytes::from_static(text), ..fresh() };
    for (message, text) in [
        (body(b"<xml/>"), "not JSON"),
        (body(b""), "not JSON"),
        (body(b"[1, 2]"), "a JSON array"),
        (with_body(fresh(), |body| body["incident"] = json!(null)), "no incident"),
        (with_body(fresh(), |body| body["action_id"] = json!(987_654)), "names no rule the platform knows"),
    ] {
        let id = message.invocation;
        world.send(message).await;
        let invocation = world.settled(id).await;
        assert_eq!(invocation.status, Status::Error);
        assert!(invocation.text().contains(text), "{text}: {}", invocation.text());
    }
    let surrogates = with_body(fresh(), |body| body["incident"]["name"] = json!("LONE"));
    let text = String::from_utf8(surrogates.body.to_vec()).unwrap().replace("LONE", "\\ud800 \\udc00x");
    let id = surrogates.invocation;
    world.send(Composed { body: Bytes::from(text), ..surrogates }).await;
    assert_eq!(world.settled(id).await.status, Status::Completed);
    runner.stop().await.unwrap();
}

/// Messages that lack the headers which an answer needs.
pub async fn headers_that_lack(on: On) {
    let world = World::start(on).await;
    let probe = Probe::new("headers");
    let runner = world.run(&probe, "").await;
    let incident = world.incident();
    let fresh = || world.compose("Echo", incident);

    world.send(without_header(fresh(), "reply-to")).await;
    probe.begun(1).await;
    world.send(without_header(fresh(), "correlation-id")).await;
    probe.begun(2).await;
    if on == On::Sandbox {
        // Real brokers always add a message-id.
        let message = fresh();
        let invocation = message.invocation;
        world.sandbox.publish(Publication::from(message).without("message-id")).unwrap();
        let invocation = world.settled(invocation).await;
        assert!(invocation.text().contains("no message-id header"), "{}", invocation.text());
        world.sandbox.idle(&world.sandbox.queue("probe")).await;
    }
    let id = world.fire("Echo", incident).await;
    assert_eq!(world.settled(id).await.status, Status::Completed);
    assert_eq!(probe.runs().len(), 3);
    runner.stop().await.unwrap();
}

/// Bodies and headers of unexpected size.
pub async fn large_messages(on: On) {
    let world = World::start(on).await;
    let probe = Probe::new("large");
    let runner = world.run(&probe, "").await;
    let incident = world.incident();
    let large = |bytes: usize| {
        with_body(world.compose("Echo", incident), |body| {
            body["incident"]["description"] = json!("x".repeat(bytes))
        })
    };

    let message = large(20_000_000);
    let id = message.invocation;
    world.send(message).await;
    assert_eq!(world.settled(id).await.status, Status::Completed);

    let mut message = world.compose("Echo", incident);
    // ActiveMQ itself refuses a header of more than 10 KiB.
    let length = if on == On::Real(crate::broker::Kind::ActiveMq) { 9_000 } else { 1_000_000 };
    message.headers.push(("Co3Long".to_owned(), "h".repeat(length)));
    let id = message.invocation;
    world.send(message).await;
    assert_eq!(world.settled(id).await.status, Status::Completed);
    runner.stop().await.unwrap();

    let runner = world.run(&probe, "stomp_max_body=1000000").await;
    let message = large(2_000_000);
    let id = message.invocation;
    world.send(message).await;
    let invocation = world.settled(id).await;
    assert_eq!(invocation.status, Status::Error);
    assert!(invocation.text().contains("the limit is 1000000"), "{}", invocation.text());
    runner.stop().await.unwrap();
}

/// A reply that the broker does not let the account send: the message is handled once and does not come back.
pub async fn a_reply_that_may_not_be_sent(on: On) {
    let world = World::start(on).await;
    let probe = Probe::new("forbidden-reply");
    let runner = world.run(&probe, "").await;
    let incident = world.incident();
    let mut message = without_header(world.compose("Echo", incident), "reply-to");
    message.headers.push(("reply-to".to_owned(), format!("/queue/{FORBIDDEN}")));
    world.send(message).await;
    probe.begun(1).await;
    let id = world.fire("Echo", incident).await;
    assert_eq!(world.settled(id).await.status, Status::Completed);
    runner.stop().await.unwrap();

    // If a message were left with the broker, the next runner would get it.
    let runner = world.run(&probe, "").await;
    let id = world.fire("Echo", incident).await;
    assert_eq!(world.settled(id).await.status, Status::Completed);
    runner.stop().await.unwrap();
    assert_eq!(probe.runs().len(), 3, "{:?}", probe.runs());
}

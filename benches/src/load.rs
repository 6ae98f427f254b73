//! The platform's side: puts action messages on the broker and watches for their replies, on connections of its own.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use bytes::Bytes;
use circuits_sandbox::{Composed, Rule, Sandbox};
use circuits_tests::broker::{Broker, PASSWORD, USER};
use circuits_tests::raw::{Client, Frame};
use hdrhistogram::Histogram;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::time::MissedTickBehavior;

use crate::consumer::Consumer;
use crate::ours::DESTINATION;

/// Size of a message's body.
const BODY: usize = 4 * 1024;
/// Between two messages at a steady pace: 200 a second.
const PACE: Duration = Duration::from_millis(5);
/// Between two replies: longer means that one is lost.
const PATIENCE: Duration = Duration::from_secs(60);

/// Sends messages and measures their replies.
pub(crate) struct Load<'a> {
    broker: &'a Broker,
    sandbox: Sandbox,
    sender: Client,
    template: Composed,
    body: Value,
    /// Correlation ids of replies, as they arrive.
    replies: mpsc::UnboundedReceiver<(u64, Instant)>,
    sent: u64,
}

impl<'a> Load<'a> {
    pub(crate) async fn new(broker: &'a Broker) -> Self {
        let sandbox = Sandbox::builder()
            .rule(Rule::menu_item("Bench").on_incident().to(DESTINATION))
            .external_broker(broker.tls_port, broker.ca_file())
            .api_key(USER, PASSWORD)
            .start()
            .await
            .unwrap();
        let incident = sandbox.create_incident(json!({"name": "Bench", "discovered_date": 0})).unwrap();
        let template = sandbox.compose("Bench", incident, json!({})).unwrap();
        let mut body: Value = serde_json::from_slice(&template.body).unwrap();
        // The labels alone are larger than the messages that we want.
        body["type_info"] = json!({});
        let queue = format!("acks.{}.{DESTINATION}", sandbox.org().0);
        let replies = watch(broker, &queue).await;
        let sender = Client::connect(broker).await;
        Self { broker, sandbox, sender, template, body, replies, sent: 0 }
    }

    /// Replies per second over a backlog, from the first reply to the last.
    pub(crate) async fn backlog(&mut self, consumer: Consumer, count: u64) -> f64 {
        for _ in 1..count {
            let message = self.message();
            self.sender.writer.send(&message).await.unwrap();
        }
        let last = self.message();
        self.sender.confirm(last).await.unwrap();
        let consumer = self.start(consumer).await;
        let replies = self.replies(count).await;
        consumer.stop().await;
        let first = replies.values().min().unwrap();
        let last = replies.values().max().unwrap();
        (count - 1) as f64 / last.duration_since(*first).as_secs_f64()
    }

    /// From just before SEND to the reply's arrival, in microseconds, for messages at a steady pace.
    pub(crate) async fn paced(&mut self, consumer: Consumer, count: u64) -> Histogram<u64> {
        let consumer = self.start(consumer).await;
        let first = self.message();
        self.sender.writer.send(&first).await.unwrap();
        // The consumer is there once it has answered.
        self.replies(1).await;
        let mut sent = HashMap::new();
        let mut pace = tokio::time::interval(PACE);
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        for _ in 0..count {
            let message = self.message();
            pace.tick().await;
            sent.insert(self.sent, Instant::now());
            self.sender.writer.send(&message).await.unwrap();
        }
        let replies = self.replies(count).await;
        consumer.stop().await;
        let mut latency = Histogram::new(3).unwrap();
        for (id, arrived) in replies {
            let micros = arrived.duration_since(sent[&id]).as_micros();
            latency.record(u64::try_from(micros).unwrap()).unwrap();
        }
        latency
    }

    async fn start(&self, consumer: Consumer) -> crate::consumer::Running {
        consumer.start(self.broker, &self.sandbox, &self.template.destination).await
    }

    /// The next message: an incident and a correlation id of its own, [`BODY`] bytes.
    fn message(&mut self) -> Frame {
        self.sent += 1;
        self.body["incident"]["id"] = (100_000 + self.sent).into();
        self.body["incident"]["description"] = "".into();
        let missing = BODY.checked_sub(self.body.to_string().len()).expect("the bare message is too large");
        self.body["incident"]["description"] = "x".repeat(missing).into();
        let frame = Frame::new("SEND").header("destination", &self.template.destination);
        let frame = frame.header("persistent", "true").header("correlation-id", self.sent.to_string());
        let others = self.template.headers.iter().filter(|(name, _)| name != "correlation-id");
        let frame = others.fold(frame, |frame, (name, value)| frame.header(name, value));
        frame.body(Bytes::from(self.body.to_string()))
    }

    /// When each of the next replies arrived, by correlation id.
    async fn replies(&mut self, count: u64) -> HashMap<u64, Instant> {
        let mut replies = HashMap::new();
        while (replies.len() as u64) < count {
            let next = tokio::time::timeout(PATIENCE, self.replies.recv()).await;
            let (id, arrived) = next.expect("a reply is lost").expect("the reply queue's connection ended");
            assert!(replies.insert(id, arrived).is_none(), "two replies to {id}");
        }
        replies
    }
}

/// Reads the reply queue for ever.
async fn watch(broker: &Broker, queue: &str) -> mpsc::UnboundedReceiver<(u64, Instant)> {
    let Client { mut reader, mut writer, .. } = Client::connect(broker).await;
    let frame = Frame::new("SUBSCRIBE").header("destination", queue).header("id", "1");
    writer.send(&frame.header("ack", "auto")).await.unwrap();
    let (sender, replies) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        // Keeps the connection open.
        let _writer = writer;
        while let Ok(frame) = reader.next().await {
            let arrived = Instant::now();
            assert_eq!(frame.command, "MESSAGE", "{frame:?}");
            let reply: Value = serde_json::from_slice(&frame.body).unwrap();
            assert_eq!(reply["message_type"], 0, "an error reply: {reply}");
            let id = frame.get("correlation-id").unwrap().parse().unwrap();
            if sender.send((id, arrived)).is_err() {
                return;
            }
        }
    });
    replies
}

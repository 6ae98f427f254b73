//! The platform's side: puts action messages on the broker and watches for their replies, on separate connections.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use circuits_sandbox::{Composed, Rule, Sandbox};
use circuits_tests::raw::{Client, Frame};
use hdrhistogram::Histogram;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::time::MissedTickBehavior;

use crate::child::Child;
use crate::consumer::Consumer;
use crate::ours;
use crate::place::{Name, Place};

/// Size of a message's body.
pub(crate) const BODY: usize = 4 * 1024;
/// The longest time between two replies; after that, one is lost.
const PATIENCE: Duration = Duration::from_secs(60);
/// The incident of the first message; the incidents of later messages have as many digits.
const INCIDENT: u64 = 1_000_000_000;
/// So many names the incidents have, in turns.
pub(crate) const NAMES: u64 = 50;

/// The figures of a backlog.
pub(crate) struct Backlog {
    /// Replies per second, from the first to the last.
    pub(crate) rate: f64,
    /// Seconds of CPU time per 1,000 messages.
    pub(crate) cpu: f64,
    /// The most memory, in KB.
    pub(crate) peak: u64,
}

/// The figures of messages at a steady pace.
pub(crate) struct Paced {
    /// From the start of the process until it was subscribed.
    pub(crate) started: Duration,
    /// Memory when it had subscribed, in KB.
    pub(crate) idle: u64,
    /// From just before SEND to the reply's arrival, in microseconds.
    pub(crate) latency: Histogram<u64>,
}

/// A reply.
pub(crate) struct Answer {
    pub(crate) arrived: Instant,
    /// The process that sent it, if it is the runner's.
    pub(crate) process: String,
}

/// Sends messages and measures their replies.
pub(crate) struct Load {
    place: Place,
    /// An app.config that reaches platform and broker.
    config: String,
    sender: Client,
    template: Composed,
    queues: Vec<String>,
    /// The parts of the message's body before and after the incident's id and name.
    body: (Vec<u8>, Vec<u8>),
    /// Correlation ids of replies, as they arrive.
    replies: mpsc::UnboundedReceiver<(u64, Answer)>,
    pub(crate) sent: u64,
    /// Replies to messages up to this one come too late to count.
    late: u64,
}

impl Load {
    /// Starts a separate broker, with this many message destinations.
    pub(crate) async fn new(name: Name, destinations: usize) -> Self {
        let builder = (0..destinations).fold(Sandbox::builder(), |builder, number| {
            let destination = ours::destination(number);
            builder.rule(Rule::menu_item(&format!("Bench {destination}")).on_incident().to(&destination))
        });
        let place = Place::start(name, builder).await;
        let (org, _) = place.sandbox.org();
        let fields = json!({"name": "Bench", "discovered_date": 0});
        let incident = place.sandbox.create_incident(fields).unwrap();
        let template = place.sandbox.compose("Bench bench0", incident, json!({})).unwrap();
        let (sender, replies) = mpsc::unbounded_channel();
        let queues: Vec<_> = (0..destinations).map(ours::destination).collect();
        watch(&place, queues.iter().map(|queue| format!("acks.{org}.{queue}")), sender).await;
        let mut load = Self {
            config: place.config(),
            sender: place.connect().await,
            place,
            template,
            queues: queues.iter().map(|queue| format!("actions.{org}.{queue}")).collect(),
            body: Default::default(),
            replies,
            sent: 0,
            late: 0,
        };
        load.resize(BODY);
        load
    }

    /// Gives every message from now on a body of this many bytes.
    pub(crate) fn resize(&mut self, bytes: usize) {
        let mut body: Value = serde_json::from_slice(&self.template.body).unwrap();
        // The labels alone are larger than the messages that we want.
        body["type_info"] = json!({});
        body["incident"] = json!({"id": INCIDENT, "name": name(0), "description": ""});
        let missing = bytes.checked_sub(body.to_string().len()).expect("the bare message is too large");
        body["incident"]["description"] = "x".repeat(missing).into();
        let text = body.to_string();
        let (before, behind) = text.split_once(&incident(0)).unwrap();
        self.body = (before.into(), behind.into());
    }

    /// Adds lines to the app.config of every consumer.
    pub(crate) fn say(&mut self, lines: &str) {
        self.config = self.place.config() + lines;
    }

    pub(crate) async fn consumer(&self, consumer: Consumer) -> Child {
        Child::start(consumer, &self.config).await
    }

    /// Sends a backlog and measures how a consumer works it off.
    pub(crate) async fn backlog(&mut self, consumer: Consumer, count: u64) -> Backlog {
        self.late = self.sent;
        self.send(count).await;
        let child = self.consumer(consumer).await;
        let before = child.usage();
        let replies = self.replies(consumer, count).await;
        let after = child.usage();
        child.stop(consumer).await;
        Backlog {
            rate: rate(&replies),
            cpu: (after.cpu - before.cpu).as_secs_f64() * 1_000.0 / count as f64,
            peak: after.peak,
        }
    }

    /// Sends messages at a steady pace, `rate` a second, and measures the replies.
    pub(crate) async fn paced(&mut self, consumer: Consumer, count: u64, rate: u32) -> Paced {
        self.late = self.sent;
        let child = self.consumer(consumer).await;
        let (started, idle) = (child.started, child.usage().resident);
        let first = self.message();
        self.sender.writer.send(&first).await.unwrap();
        // The consumer is ready once it has answered.
        self.replies(consumer, 1).await;
        let latency = self.pace(consumer, count, rate).await;
        child.stop(consumer).await;
        Paced { started, idle, latency }
    }

    /// Sends messages at a steady pace to a consumer that is at work, and measures the time of their replies.
    pub(crate) async fn pace(&mut self, consumer: Consumer, count: u64, rate: u32) -> Histogram<u64> {
        let mut sent = HashMap::new();
        let mut pace = tokio::time::interval(Duration::from_secs(1) / rate);
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        for _ in 0..count {
            let message = self.message();
            pace.tick().await;
            sent.insert(self.sent, Instant::now());
            self.sender.writer.send(&message).await.unwrap();
        }
        let replies = self.replies(consumer, count).await;
        let mut latency = Histogram::new(3).unwrap();
        for (id, answer) in replies {
            let micros = answer.arrived.duration_since(sent[&id]).as_micros();
            latency.record(u64::try_from(micros).unwrap()).unwrap();
        }
        latency
    }

    /// Sends messages all at once to a consumer that is at work, and measures its replies per second.
    pub(crate) async fn burst(&mut self, consumer: Consumer, count: u64) -> f64 {
        self.send(count).await;
        rate(&self.replies(consumer, count).await)
    }

    /// Sends messages, and waits until the broker has confirmed them.
    pub(crate) async fn send(&mut self, count: u64) {
        for _ in 1..count {
            let message = self.message();
            self.sender.writer.send(&message).await.unwrap();
        }
        let last = self.message();
        self.sender.confirm(last).await.unwrap();
    }

    /// The next message: with a new incident and correlation id, to the next destination.
    fn message(&mut self) -> Frame {
        self.sent += 1;
        let (before, behind) = &self.body;
        let incident = incident(self.sent);
        let mut body = BytesMut::with_capacity(before.len() + incident.len() + behind.len());
        body.extend_from_slice(before);
        body.extend_from_slice(incident.as_bytes());
        body.extend_from_slice(behind);
        let queue = &self.queues[self.sent as usize % self.queues.len()];
        let frame = Frame::new("SEND").header("destination", queue).header("persistent", "true");
        let frame = frame.header("correlation-id", self.sent.to_string());
        let others = self.template.headers.iter().filter(|(name, _)| name != "correlation-id");
        let frame = others.fold(frame, |frame, (name, value)| match name.as_str() {
            "reply-to" => frame.header(name, queue.replacen("actions", "acks", 1)),
            _ => frame.header(name, value),
        });
        frame.body(Bytes::from(body))
    }

    /// The next replies, by correlation id.
    pub(crate) async fn replies(&mut self, consumer: Consumer, count: u64) -> HashMap<u64, Answer> {
        let mut replies = HashMap::new();
        while (replies.len() as u64) < count {
            let next = match tokio::time::timeout(PATIENCE, self.replies.recv()).await {
                // It acknowledges before it replies, and the replies that it sends without a connection are lost.
                Err(_) if consumer == Consumer::Peer && replies.len() > 1 => {
                    eprintln!("the Python client lost {} of {count} replies", count - replies.len() as u64);
                    return replies;
                }
                next => next.expect("a reply is lost"),
            };
            let (id, answer) = next.expect("the reply queue's connection ended");
            if id <= self.late {
                continue;
            }
            let known = replies.insert(id, answer);
            // The Python client answers some messages twice when it loses its connection.
            assert!(known.is_none() || consumer == Consumer::Peer, "two replies to {id}");
        }
        replies
    }
}

/// The name of the incident of a message.
pub(crate) fn name(number: u64) -> String {
    format!("Bench {:02}", number % NAMES)
}

/// Id and name of the incident of a message, as they stand in its body.
fn incident(number: u64) -> String {
    format!("{},\"name\":\"{}\"", INCIDENT + number, name(number))
}

/// Replies per second, from the first to the last.
pub(crate) fn rate(replies: &HashMap<u64, Answer>) -> f64 {
    let times = || replies.values().map(|answer| answer.arrived);
    let (first, last) = (times().min().unwrap(), times().max().unwrap());
    (replies.len() - 1) as f64 / last.duration_since(first).as_secs_f64()
}

/// Reads the reply queues forever.
async fn watch(
    place: &Place,
    queues: impl Iterator<Item = String>,
    replies: mpsc::UnboundedSender<(u64, Answer)>,
) {
    let Client { mut reader, mut writer, .. } = place.connect().await;
    for queue in queues {
        let frame = Frame::new("SUBSCRIBE").header("destination", &queue).header("id", &queue);
        writer.send(&frame.header("ack", "auto")).await.unwrap();
    }
    tokio::spawn(async move {
        // This keeps the connection open.
        let _writer = writer;
        while let Ok(frame) = reader.next().await {
            let arrived = Instant::now();
            assert_eq!(frame.command, "MESSAGE", "{frame:?}");
            let reply: Value = serde_json::from_slice(&frame.body).unwrap();
            assert_eq!(reply["message_type"], 0, "an error reply: {reply}");
            let id = frame.get("correlation-id").unwrap().parse().unwrap();
            let process = reply["message"].as_str().unwrap().to_owned();
            if replies.send((id, Answer { arrived, process })).is_err() {
                return;
            }
        }
    });
}

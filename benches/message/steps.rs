//! The steps.

use std::sync::Arc;

use bytes::Bytes;
use circuits::EventKinds;
use circuits::internals::Table;
use circuits::journal::{Arrival, Journal, MemoryJournal, Outcome, Settlement};
use circuits::message::ActionMessage;
use circuits::prelude::*;
use circuits_journal::{Options, SqliteJournal};
use circuits_stomp::Outgoing;
use circuits_stomp::internals::{Stream, encode};
use serde_json::json;

/// A measured step.
pub(crate) struct Step {
    pub(crate) name: &'static str,
    /// How many messages it handles each time.
    pub(crate) messages: u64,
    /// Prepares the step; the returned function takes it.
    pub(crate) prepare: fn() -> Box<dyn FnMut()>,
}

/// How many messages' arrivals and ends a journal notes together.
const TOGETHER: u64 = 64;

pub(crate) fn all() -> Vec<Step> {
    let step = |name, messages, prepare| Step { name, messages, prepare };
    vec![
        step("decode, 1 KB", 1, || decode(1024)),
        step("decode, 4 KB", 1, || decode(4 * 1024)),
        step("decode, 64 KB", 1, || decode(64 * 1024)),
        step("parse, 1 KB", 1, || parse(1024)),
        step("parse, 4 KB", 1, || parse(4 * 1024)),
        step("parse, 64 KB", 1, || parse(64 * 1024)),
        step("route among 100 rules", 1, route),
        step("encode reply and ACK", 1, answer),
        step("journal in memory", TOGETHER, || note(Arc::new(MemoryJournal::default()))),
        step("journal on disk", TOGETHER, || note(Arc::new(on_disk()))),
        step("journal on disk, events of every kind", TOGETHER, || {
            let journal = on_disk();
            journal.outbox().unwrap().keep(EventKinds::all(), u64::MAX);
            note(Arc::new(journal))
        }),
    ]
}

fn on_disk() -> SqliteJournal {
    // The folder stays after the process.
    let folder = tempfile::tempdir().unwrap().keep();
    SqliteJournal::open(&Options::new(folder.join("journal"))).unwrap()
}

/// An action message's body, with the usual mix of labels and text.
fn body(bytes: usize) -> Vec<u8> {
    let mut body = json!({
        "action_id": 7, "type_id": 0, "object_type": 0,
        "user": {"id": 1, "email": "analyst@example.com", "first_name": "A", "last_name": "B"},
        "properties": {"reason": "bench"},
        "incident": {"id": 2_095, "name": "Bench", "severity_code": 5, "incident_type_ids": [1, 2, 3]},
        "type_info": {},
    });
    let mut field = 0;
    while body.to_string().len() + 200 < bytes {
        field += 1;
        body["incident"][format!("field_{field}")] =
            format!("value {field} of an incident, quoted \"so\"").into();
    }
    let missing = bytes - body.to_string().len() - r#","description":"""#.len();
    body["incident"]["description"] = "x".repeat(missing).into();
    body.to_string().into_bytes()
}

/// A MESSAGE as ActiveMQ sends it, in pieces as TLS delivers them.
fn decode(bytes: usize) -> Box<dyn FnMut()> {
    let mut wire = format!(
        "MESSAGE\nexpires:0\ndestination:actions.201.bench\nack:ID\\chost-37171-1732399999999-4\\c12\nsubscription:actions.201.bench\n\
         priority:4\ntimestamp:1732399999999\nmessage-id:ID\\chost-37171-1732399999999-4\\c2\\c1\\c1\\c77\npersistent:true\n\
         correlation-id:invid\\c77\nreply-to:acks.201.bench\nco3-context-token:{}\ncontent-length:{bytes}\n\n",
        "t".repeat(200)
    )
    .into_bytes();
    wire.extend(body(bytes));
    wire.extend(b"\0\n");
    let mut stream = Stream::default();
    Box::new(move || {
        let frames: usize = wire.chunks(16 * 1024).map(|piece| stream.feed(piece)).sum();
        assert_eq!(frames, 1);
    })
}

fn parse(bytes: usize) -> Box<dyn FnMut()> {
    let body = body(bytes);
    Box::new(move || assert_eq!(ActionMessage::parse(&body).unwrap().incident_id(), Some(2_095)))
}

fn route() -> Box<dyn FnMut()> {
    let component = |destination: usize| {
        (0..10).fold(Component::builder(format!("queue_{destination}"), ()), |builder, rule| {
            builder.on(format!("Rule {rule}"), async |_: Action| Ok(Reply::completed("")))
        })
    };
    let components: Vec<_> = (0..10).map(|destination| component(destination).build()).collect();
    let table = Table::new(&components).unwrap();
    Box::new(move || assert!(table.finds("queue_7", "rule_3")))
}

fn answer() -> Box<dyn FnMut()> {
    let body =
        Bytes::from(r#"{"message_type":0,"message":"Looked up the user; nothing is known","complete":true}"#);
    Box::new(move || {
        let headers = vec![("correlation-id".to_owned(), "invid:77".to_owned())];
        let reply = Outgoing { destination: "acks.201.bench".into(), headers, body: body.clone() };
        assert!(encode(reply, "ID:host-37171-1732399999999-4:12") > 100);
    })
}

/// Arrival, start, end and reply of messages, noted as by a runner with many messages at work.
fn note(journal: Arc<dyn Journal>) -> Box<dyn FnMut()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (body, reply, mut last) = (Bytes::from(body(4 * 1024)), Reply::completed("Done"), 0);
    Box::new(move || {
        let ids: Vec<_> = (0..TOGETHER).map(|number| (last + number).to_string()).collect();
        last += TOGETHER;
        runtime.block_on(async {
            let destination = "actions.201.bench";
            let arrivals: Vec<_> =
                ids.iter().map(|id| Arrival { id, destination, headers: vec![], body: &body }).collect();
            journal.begin(&arrivals).await.unwrap();
            let mut tasks = tokio::task::JoinSet::new();
            for id in ids {
                let (journal, reply) = (Arc::clone(&journal), reply.clone());
                tasks.spawn(async move {
                    journal.started(&id, Some("Bench"), Some(2_095)).await.unwrap();
                    journal.finish(&id, &reply, Outcome::Answered).await.unwrap();
                    journal.settled(&id, Settlement::Replied).await.unwrap();
                });
            }
            tasks.join_all().await;
        });
    })
}

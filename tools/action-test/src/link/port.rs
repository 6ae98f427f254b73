//! A runner's test port: the protocol of the Python client, plain TCP. Tool to runner: `u32be` length of what follows, `u32be`
//! number of the action, `<destination> <JSON>` and a line feed. Runner to tool: `u32be` length, text.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::{BufMut as _, Bytes, BytesMut};
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_util::codec::{Framed, LengthDelimitedCodec};
use tokio_util::sync::CancellationToken;

use super::{Event, Events};
use crate::cli::Target;
use crate::exit::NoRunner;

/// The limit for frames, larger than any message or reply.
const LARGEST: usize = 1 << 30;

/// The connection to a test port.
#[derive(Debug)]
pub(crate) struct Port {
    out: mpsc::UnboundedSender<Bytes>,
    waiting: Arc<Mutex<Waiting>>,
    gone: CancellationToken,
}

/// The receivers of events by the number of the action; `None` once no more events can come.
#[derive(Debug, Default)]
struct Waiting {
    count: u32,
    events: Option<HashMap<u32, mpsc::UnboundedSender<Event>>>,
}

impl Port {
    pub(super) async fn connect(target: &Target) -> anyhow::Result<Self> {
        let (host, port) = (target.host.as_str(), target.port);
        let stream = TcpStream::connect((host, port)).await.map_err(|error| {
            NoRunner(format!(
                "no runner on {host}:{port} ({error}). Start one that takes test actions: circuits run --test-actions"
            ))
        })?;
        let _ = stream.set_nodelay(true);
        let codec = LengthDelimitedCodec::builder().max_frame_length(LARGEST).new_codec();
        let (out, outgoing) = mpsc::unbounded_channel();
        let waiting = Arc::new(Mutex::new(Waiting { count: 0, events: Some(HashMap::new()) }));
        let gone = CancellationToken::new();
        let (listeners, end) = (Arc::clone(&waiting), gone.clone());
        let frames = Framed::new(stream, codec);
        tokio::spawn(async move {
            let _end = end.drop_guard();
            let _ = talk(frames, outgoing, &listeners).await;
            // This ends the streams of all that are still waiting.
            lock(&listeners).events = None;
        });
        let this = Self { out, waiting, gone };
        if let Some(token) = &target.token {
            this.show(token).await?;
        }
        Ok(this)
    }

    async fn show(&self, token: &str) -> anyhow::Result<()> {
        match self.submit("token", token).recv().await {
            Some(Event::Submitted) => Ok(()),
            Some(Event::Refused(why)) => Err(NoRunner(format!("the runner refuses the token: {why}")).into()),
            _ => {
                Err(NoRunner("the runner closed the connection instead of accepting the token".to_owned())
                    .into())
            }
        }
    }

    pub(super) fn submit(&self, destination: &str, body: &str) -> Events {
        let (events, heard) = mpsc::unbounded_channel();
        let mut waiting = lock(&self.waiting);
        waiting.count = waiting.count.wrapping_add(1);
        let number = waiting.count;
        if let Some(listeners) = &mut waiting.events {
            listeners.insert(number, events);
            let mut frame = BytesMut::with_capacity(8 + destination.len() + body.len());
            frame.put_u32(number);
            frame.put(format!("{destination} {body}\n").as_bytes());
            // Frames leave in the order of the numbers, because the lock is held.
            let _ = self.out.send(frame.freeze());
        }
        heard
    }

    pub(super) fn is_up(&self) -> bool {
        !self.gone.is_cancelled()
    }

    pub(super) async fn gone(&self) {
        self.gone.cancelled().await;
    }
}

/// Writes and reads at the same time: a runner stops reading if nobody reads its replies.
async fn talk(
    frames: Framed<TcpStream, LengthDelimitedCodec>,
    mut outgoing: mpsc::UnboundedReceiver<Bytes>,
    waiting: &Mutex<Waiting>,
) -> io::Result<()> {
    let (mut sink, mut stream) = frames.split();
    let write = async {
        while let Some(frame) = outgoing.recv().await {
            sink.send(frame).await?;
        }
        Ok(())
    };
    let read = async {
        while let Some(frame) = stream.next().await {
            hear(&String::from_utf8_lossy(&frame?), waiting);
        }
        Ok(())
    };
    tokio::select! {
        result = write => result,
        result = read => result,
    }
}

fn hear(text: &str, waiting: &Mutex<Waiting>) {
    let mut waiting = lock(waiting);
    let Some(listeners) = &mut waiting.events else { return };
    match parse(text) {
        Some((number, event)) => {
            let last = matches!(event, Event::Final(_) | Event::Refused(_));
            if let Some(listener) = listeners.get(&number) {
                let _ = listener.send(event);
            }
            if last {
                listeners.remove(&number);
            }
        }
        // The text concerns the whole connection, and no other follows it.
        None => listeners.drain().for_each(|(_, listener)| {
            let _ = listener.send(Event::Refused(text.to_owned()));
        }),
    }
}

/// Parses `RESPONSE<action 7>: {..}` and similar texts.
fn parse(text: &str) -> Option<(u32, Event)> {
    let (what, rest) = text.split_once("<action ")?;
    let (number, rest) = rest.split_once('>')?;
    let rest = rest.trim_start_matches(['!', ':']).trim();
    let event = match what {
        "Action Submitted" | "Token accepted" => Event::Submitted,
        "RESPONSE" => match serde_json::from_str::<Value>(rest) {
            Ok(json) if json["complete"] == false => Event::Status(json),
            Ok(json) => Event::Final(json),
            Err(_) => Event::Final(Value::String(rest.to_owned())),
        },
        _ => Event::Refused(rest.to_owned()),
    };
    Some((number.parse().ok()?, event))
}

fn lock(waiting: &Mutex<Waiting>) -> MutexGuard<'_, Waiting> {
    waiting.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_runners_say_is_understood() {
        let said = |text| format!("{:?}", parse(text));
        assert_eq!(said("Action Submitted<action 7>"), "Some((7, Submitted))");
        assert!(said("RESPONSE<action 7>: {\"complete\": false}").starts_with("Some((7, Status("));
        assert!(said("RESPONSE<action 7>: {\n  \"complete\": true\n}").starts_with("Some((7, Final("));
        assert_eq!(said("Bad Message<action 8>! not JSON"), "Some((8, Refused(\"not JSON\")))");
        assert_eq!(
            said("<action 9>: Submit actions with format: <queue> <message json>"),
            "Some((9, Refused(\"Submit actions with format: <queue> <message json>\")))"
        );
        assert_eq!(said("Bad Message! too big"), "None");
    }
}

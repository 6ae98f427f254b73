//! The conversation with one tool.

use bytes::{Buf as _, Bytes};
use circuits::{Replies, Submitter};
use futures_util::{SinkExt as _, StreamExt as _};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_util::codec::{Framed, LengthDelimitedCodec};
use tokio_util::task::TaskTracker;
use tracing::warn;

/// A connected tool.
pub(super) struct Conversation {
    frames: Framed<TcpStream, LengthDelimitedCodec>,
    submitter: Submitter,
    /// The token that the tool must still show, if any.
    token: Option<SecretString>,
    max_frame: usize,
}

/// What a frame asks for.
enum Request<'a> {
    Token(&'a str),
    Action { destination: &'a str, json: &'a str },
}

impl Conversation {
    pub(super) fn new(
        stream: TcpStream,
        submitter: Submitter,
        token: Option<SecretString>,
        max_frame: usize,
    ) -> Self {
        // Replies are short, and somebody is waiting for each.
        let _ = stream.set_nodelay(true);
        let codec = LengthDelimitedCodec::builder().max_frame_length(max_frame).new_codec();
        Self { frames: Framed::new(stream, codec), submitter, token, max_frame }
    }

    pub(super) async fn run(mut self) {
        let (told, mut texts) = mpsc::unbounded_channel::<String>();
        let waiting = TaskTracker::new();
        loop {
            let sent = tokio::select! {
                frame = self.frames.next() => match frame {
                    Some(Ok(frame)) => match self.take(frame.freeze(), &told, &waiting) {
                        Ok(text) => self.frames.send(Bytes::from(text)).await,
                        Err(refusal) => {
                            let _ = self.frames.send(Bytes::from(refusal)).await;
                            return;
                        }
                    },
                    Some(Err(error)) => {
                        // The start of the next frame is no longer known.
                        let limit = self.max_frame;
                        let text = format!("Bad Message! {error}; a frame has {limit} bytes at most (stomp_max_body)");
                        let _ = self.frames.send(Bytes::from(text)).await;
                        return;
                    }
                    None => return,
                },
                Some(text) = texts.recv() => self.frames.send(Bytes::from(text)).await,
            };
            if sent.is_err() {
                return;
            }
        }
    }

    /// The immediate answer to a frame.
    ///
    /// # Errors
    /// The last answer before the connection is closed.
    fn take(
        &mut self,
        mut frame: Bytes,
        told: &mpsc::UnboundedSender<String>,
        waiting: &TaskTracker,
    ) -> Result<String, String> {
        if frame.len() < 4 {
            return Err("Bad Message! A frame begins with the number of the action, four bytes".to_owned());
        }
        let number = frame.get_u32();
        let text = String::from_utf8_lossy(&frame);
        let request = parse(&text);
        if let Some(token) = &self.token {
            return match request {
                Some(Request::Token(shown)) if same(shown, token.expose_secret()) => {
                    self.token = None;
                    Ok(format!("Token accepted<action {number}>"))
                }
                _ => {
                    warn!("A test tool did not show the test_token");
                    Err(format!("Bad Message<action {number}>! This runner wants its test_token first"))
                }
            };
        }
        let (destination, json) = match request {
            // A token that nobody asked for does no harm.
            Some(Request::Token(_)) => return Ok(format!("Token accepted<action {number}>")),
            Some(Request::Action { destination, json }) => (destination, json),
            None => {
                return Ok(format!("<action {number}>: Submit actions with format: <queue> <message json>"));
            }
        };
        match serde_json::from_str::<Value>(json) {
            Err(error) => {
                return Ok(format!("Bad Message<action {number}>! The message is not JSON: {error}"));
            }
            Ok(Value::Object(_)) => {}
            Ok(_) => return Ok(format!("Bad Message<action {number}>! The message is not a JSON object")),
        }
        let replies = self.submitter.submit(destination, json.to_owned());
        waiting.spawn(tell(number, replies, told.clone()));
        Ok(format!("Action Submitted<action {number}>"))
    }
}

/// Passes on the replies to one action.
async fn tell(number: u32, mut replies: Replies, told: mpsc::UnboundedSender<String>) {
    while let Some(reply) = replies.next().await {
        let json = if reply.is_final() {
            serde_json::to_string_pretty(&reply)
        } else {
            serde_json::to_string(&reply)
        };
        let _ = told.send(format!("RESPONSE<action {number}>: {}", json.unwrap_or_default()));
        if reply.is_final() {
            return;
        }
    }
    let _ = told.send(format!("Action Failed<action {number}>: The runner stopped before it was answered"));
}

fn parse(text: &str) -> Option<Request<'_>> {
    match text.trim().split_once(char::is_whitespace)? {
        ("token", token) if !token.starts_with('{') => Some(Request::Token(token.trim())),
        (destination, json) => Some(Request::Action { destination, json }),
    }
}

/// Compares in a time that does not depend on how much of the token is right.
fn same(one: &str, other: &str) -> bool {
    one.len() == other.len()
        && one.bytes().zip(other.bytes()).fold(0, |differences, (a, b)| differences | (a ^ b)) == 0
}

//! A frame's command and headers. `ClientCodec` reads them, except those of a MESSAGE: it would copy each of them four times,
//! and it would refuse a MESSAGE that lacks a header or has an empty one, which the broker would then deliver again forever.

use std::borrow::Cow;

use bytes::{BufMut, Bytes, BytesMut};
use tokio_stomp_2::client::ClientCodec;
use tokio_stomp_2::{FromServer, Message};
use tokio_util::codec::Decoder as _;

use super::escape::unescape;
use super::{Incoming, Malformed};
use crate::delivery::Flaw;
use crate::headers::Headers;

/// The headers that STOMP requires in a MESSAGE; `ClientCodec` refuses a MESSAGE without them.
const REQUIRED: [&str; 3] = ["message-id", "subscription", "destination"];

/// Stands in for their values; only `ClientCodec` ever sees it.
const STAND_IN: &str = "-";

/// Longest text of an ERROR frame that is passed on.
const LONGEST_TEXT: usize = 400;

pub(super) struct Head {
    content: FromServer,
    /// The headers of a MESSAGE; empty for any other frame.
    headers: Headers,
    extra: Vec<(Vec<u8>, Vec<u8>)>,
    flaw: Option<Flaw>,
    pub(super) content_length: Option<u64>,
}

impl Head {
    /// Reads a header block: lines with or without CR. The empty line at its end may be there or not.
    pub(super) fn parse(block: &[u8], cut: Option<Flaw>) -> Result<Self, Malformed> {
        // Bytes that are not UTF-8 become U+FFFD; line ends and colons are never among them.
        let text = String::from_utf8_lossy(block);
        let mut lines = text.split('\n').map(|line| line.strip_suffix('\r').unwrap_or(line));
        let command = lines.next().unwrap_or_default();
        let is_message = command.eq_ignore_ascii_case("MESSAGE");
        let mut known = BytesMut::with_capacity(if is_message { 128 } else { text.len() + 64 });
        known.put_slice(command.as_bytes());
        known.put_u8(b'\n');

        let mut headers = Headers::with_capacity(if is_message { text.len() } else { 0 });
        let mut missing = REQUIRED.map(Some);
        let mut content_length = None;
        for line in lines.filter(|line| !line.is_empty()) {
            let (name, value) = line.split_once(':').ok_or(Malformed::NoColon)?;
            if name.is_empty() {
                continue;
            }
            if name == "content-length" {
                // The first one counts. `ClientCodec` must not see it, because it gets no body.
                if content_length.is_none() {
                    content_length = Some(length(value)?);
                }
            } else if is_message {
                missing.iter_mut().filter(|required| **required == Some(name)).for_each(|one| *one = None);
                headers.push(&unescape(name), &unescape(value));
            } else if !value.is_empty() {
                put_header(&mut known, name, value);
            }
        }
        if is_message {
            REQUIRED.iter().for_each(|name| put_header(&mut known, name, STAND_IN));
        }
        known.put_slice(b"\n\0");

        let Message { content, extra_headers } =
            ClientCodec.decode(&mut known).ok().flatten().ok_or(Malformed::Unknown)?;
        let broken = || matches!(text, Cow::Owned(_)).then(|| not_utf8(block));
        let incomplete = || missing.into_iter().flatten().next().filter(|_| is_message);
        let flaw = cut.or_else(|| incomplete().map(|name| Flaw::HeaderMissing { name })).or_else(broken);
        Ok(Self { content, headers, extra: extra_headers, flaw, content_length })
    }

    /// The frame, with the body that follows its head.
    pub(super) fn complete(self, body: Bytes, skipped: Option<Flaw>) -> Result<Incoming, Malformed> {
        Ok(match self.content {
            FromServer::Connected { version, server, heartbeat, .. } => {
                if version != "1.2" {
                    return Err(Malformed::Version(plain(&version)));
                }
                let heart_beat = heartbeat.as_deref().map_or((0, 0), heart_beat);
                Incoming::Connected { server: server.unwrap_or_default(), heart_beat }
            }
            FromServer::Message { .. } => {
                Incoming::Message { headers: self.headers, body, flaw: skipped.or(self.flaw) }
            }
            FromServer::Receipt { receipt_id } => {
                Incoming::Receipt { id: unescape(&receipt_id).into_owned() }
            }
            FromServer::Error { message, .. } => {
                let receipt = self.extra.into_iter().find(|(name, _)| name == b"receipt-id");
                let receipt =
                    receipt.map(|(_, value)| unescape(&String::from_utf8_lossy(&value)).into_owned());
                let text = error_text(&unescape(&message.unwrap_or_default()), &body);
                Incoming::Error { receipt, text }
            }
        })
    }
}

/// The flaw of a block that is not entirely UTF-8.
fn not_utf8(block: &[u8]) -> Flaw {
    let broken = block.split(|byte| *byte == b'\n').find(|line| std::str::from_utf8(line).is_err());
    let name = broken.and_then(|line| line.split(|byte| *byte == b':').next()).unwrap_or_default();
    Flaw::HeaderNotUtf8 { name: String::from_utf8_lossy(name).into_owned() }
}

fn put_header(clean: &mut BytesMut, name: &str, value: &str) {
    clean.put_slice(name.as_bytes());
    clean.put_u8(b':');
    clean.put_slice(value.as_bytes());
    clean.put_u8(b'\n');
}

fn length(value: &str) -> Result<u64, Malformed> {
    let digits = value.trim_matches([' ', '\t']);
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|_| plain).ok_or(Malformed::ContentLength)
}

/// `sx,sy`; anything that is not a number counts as zero, which means "none".
fn heart_beat(value: &str) -> (u64, u64) {
    let (offers, wants) = value.split_once(',').unwrap_or((value, ""));
    (offers.trim().parse().unwrap_or(0), wants.trim().parse().unwrap_or(0))
}

/// What an ERROR says: ActiveMQ puts it in `message` (the body is a stack trace), RabbitMQ in the body (`message` is one word).
fn error_text(message: &str, body: &[u8]) -> String {
    let head = &body[..body.len().min(4 * LONGEST_TEXT)];
    let line =
        String::from_utf8_lossy(head.split(|byte| *byte == b'\n').next().unwrap_or_default()).into_owned();
    let (message, line) = (plain(message), plain(&line));
    let trace = line.contains("Exception: ");
    match (message.is_empty(), line.is_empty() || trace) {
        (true, true) => "no text".to_owned(),
        (false, true) => message,
        _ if line.contains(&message) => line,
        _ => format!("{message}: {line}"),
    }
}

/// The text made fit for a log line: trimmed, short and without control characters.
fn plain(text: &str) -> String {
    let short: String = text.trim().chars().take(LONGEST_TEXT).collect();
    short.replace(char::is_control, " ")
}

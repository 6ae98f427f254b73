//! A second opinion: a frame writer and a parser of whole streams that share no code with the codec under test.
#![allow(clippy::unwrap_used, reason = "test code")]

/// A MESSAGE as it should come out of any decoder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Message {
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

/// How a peer may write the same frame.
#[derive(Clone, Copy, Debug)]
pub(super) struct Style {
    pub(super) crlf: bool,
    pub(super) content_length: bool,
    pub(super) beats_after: u8,
}

pub(super) fn write(message: &Message, style: Style) -> Vec<u8> {
    let eol = if style.crlf { "\r\n" } else { "\n" };
    let mut wire = format!("MESSAGE{eol}");
    for (name, value) in &message.headers {
        wire += &format!("{}:{}{eol}", escape(name), escape(value));
    }
    if style.content_length {
        wire += &format!("content-length:{}{eol}", message.body.len());
    }
    wire += eol;
    let mut wire = wire.into_bytes();
    wire.extend(&message.body);
    wire.push(0);
    (0..style.beats_after).for_each(|_| wire.extend(eol.as_bytes()));
    wire
}

fn escape(text: &str) -> String {
    text.replace('\\', "\\\\").replace('\r', "\\r").replace('\n', "\\n").replace(':', "\\c")
}

/// Parses a whole stream of MESSAGEs by hand.
pub(super) fn parse(mut wire: &[u8]) -> Vec<Message> {
    let mut messages = Vec::new();
    loop {
        while let [b'\n', rest @ ..] | [b'\r', b'\n', rest @ ..] = wire {
            wire = rest;
        }
        if wire.is_empty() {
            return messages;
        }
        let (mut headers, mut length, mut first) = (Vec::new(), None, true);
        loop {
            let end = wire.iter().position(|byte| *byte == b'\n').unwrap();
            let line = std::str::from_utf8(&wire[..end]).unwrap();
            let line = line.strip_suffix('\r').unwrap_or(line);
            wire = &wire[end + 1..];
            if line.is_empty() {
                break;
            }
            if std::mem::take(&mut first) {
                assert_eq!(line, "MESSAGE");
                continue;
            }
            let (name, value) = line.split_once(':').unwrap();
            if name == "content-length" {
                length = Some(value.parse::<usize>().unwrap());
            } else {
                headers.push((unescape(name), unescape(value)));
            }
        }
        let length = length.unwrap_or_else(|| wire.iter().position(|byte| *byte == 0).unwrap());
        assert_eq!(wire[length], 0);
        messages.push(Message { headers, body: wire[..length].to_vec() });
        wire = &wire[length + 1..];
    }
}

fn unescape(text: &str) -> String {
    let mut plain = String::new();
    let mut chars = text.chars();
    while let Some(char) = chars.next() {
        plain.push(match char {
            '\\' => match chars.next().unwrap() {
                'r' => '\r',
                'n' => '\n',
                'c' => ':',
                other => other,
            },
            char => char,
        });
    }
    plain
}

//! A STOMP 1.2 frame and its bytes.

use bytes::{Buf, Bytes, BytesMut};

/// A frame, with header names and values as they were before escaping. Values are bytes, because brokers relay any bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frame {
    /// `SEND`, `MESSAGE`, ...
    pub command: String,
    /// Headers in their order.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The body.
    pub body: Bytes,
}

impl Frame {
    /// A frame without headers.
    pub fn new(command: &str) -> Self {
        Self { command: command.to_owned(), ..Self::default() }
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers.push((name.to_owned(), value.as_ref().to_vec()));
        self
    }

    /// Sets the body and its `content-length`.
    #[must_use]
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        let length = self.body.len().to_string();
        self.header("content-length", length)
    }

    /// A header's first value, as text.
    pub fn get(&self, name: &str) -> Option<String> {
        let (_, value) = self.headers.iter().find(|(other, _)| other == name)?;
        Some(String::from_utf8_lossy(value).into_owned())
    }

    /// Appends the frame's bytes.
    pub fn write_to(&self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(self.command.as_bytes());
        bytes.push(b'\n');
        for (name, value) in &self.headers {
            escape(name.as_bytes(), bytes);
            bytes.push(b':');
            escape(value, bytes);
            bytes.push(b'\n');
        }
        bytes.push(b'\n');
        bytes.extend_from_slice(&self.body);
        bytes.push(0);
    }

    /// Takes the next frame out of `buffer`, if it is complete; heart-beats before it are dropped.
    pub fn read_from(buffer: &mut BytesMut) -> Option<Self> {
        let beats = buffer.iter().take_while(|byte| matches!(byte, b'\n' | b'\r')).count();
        buffer.advance(beats);
        let head = buffer.windows(2).position(|pair| pair == b"\n\n")?;
        let mut lines = buffer[..head].split(|byte| *byte == b'\n');
        let mut frame = Self::new(std::str::from_utf8(lines.next()?).unwrap());
        for line in lines {
            let colon = line.iter().position(|byte| *byte == b':').expect("a header line has a colon");
            let name = String::from_utf8(unescape(&line[..colon])).unwrap();
            frame.headers.push((name, unescape(&line[colon + 1..])));
        }
        let start = head + 2;
        let length = match frame.get("content-length") {
            Some(length) => length.parse().unwrap(),
            None => buffer[start..].iter().position(|byte| *byte == 0)?,
        };
        if buffer.len() <= start + length {
            return None;
        }
        assert_eq!(buffer[start + length], 0, "a frame ends with NUL");
        buffer.advance(start);
        frame.body = buffer.split_to(length).freeze();
        buffer.advance(1);
        Some(frame)
    }
}

fn escape(text: &[u8], bytes: &mut Vec<u8>) {
    for byte in text {
        match byte {
            b'\\' => bytes.extend_from_slice(b"\\\\"),
            b'\n' => bytes.extend_from_slice(b"\\n"),
            b'\r' => bytes.extend_from_slice(b"\\r"),
            b':' => bytes.extend_from_slice(b"\\c"),
            other => bytes.push(*other),
        }
    }
}

fn unescape(text: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.iter();
    while let Some(byte) = rest.next() {
        if *byte != b'\\' {
            bytes.push(*byte);
            continue;
        }
        bytes.push(match rest.next() {
            Some(b'n') => b'\n',
            Some(b'r') => b'\r',
            Some(b'c') => b':',
            Some(b'\\') => b'\\',
            other => panic!("undefined escape {other:?}"),
        });
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_read_from_its_bytes_once_they_are_complete() {
        let frame = Frame::new("SEND").header("a:b", "c\nd\\e").header("empty", "").body(&b"x\0y"[..]);
        let mut bytes = b"\n\n".to_vec();
        frame.write_to(&mut bytes);
        for cut in 0..bytes.len() {
            assert_eq!(Frame::read_from(&mut BytesMut::from(&bytes[..cut])), None, "cut at {cut}");
        }
        let mut buffer = BytesMut::from(&bytes[..]);
        assert_eq!(Frame::read_from(&mut buffer), Some(frame));
        assert!(buffer.is_empty());
    }

    #[test]
    fn a_body_without_content_length_ends_at_the_nul() {
        let mut buffer = BytesMut::from(&b"MESSAGE\nack:ID\\chost\n\nbody\0\nRECEIPT\n\n\0"[..]);
        let message = Frame::read_from(&mut buffer).unwrap();
        assert_eq!((message.get("ack").as_deref(), &message.body[..]), (Some("ID:host"), &b"body"[..]));
        assert_eq!(Frame::read_from(&mut buffer).unwrap().command, "RECEIPT");
    }
}

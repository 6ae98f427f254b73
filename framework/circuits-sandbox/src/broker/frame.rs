//! STOMP 1.2 frames on the broker's side: a resuming reader with ActiveMQ's limits and texts, and the writer.
//!
//! Written from the STOMP 1.2 specification and measurements of ActiveMQ 5.17; shares nothing with the client.
use bytes::{Buf, BufMut, Bytes, BytesMut};

/// ActiveMQ's default for one header line, in bytes.
const MAX_LINE: usize = 10 * 1024;
/// ActiveMQ's default for the number of headers of one frame.
const MAX_HEADERS: usize = 1000;
/// ActiveMQ's default for one body, in bytes.
const MAX_BODY: usize = 100 * 1024 * 1024;

/// One frame from a client, names and values unescaped.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) command: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Bytes,
}

impl Frame {
    /// The first value of a header, as STOMP 1.2 says for repeated ones.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }
}

/// Cuts frames out of a byte stream, wherever the stream was cut.
#[derive(Default)]
pub(crate) struct Decoder {
    head: Option<(Frame, Option<usize>)>,
    /// How far the buffer was searched without a find; keeps the cost linear.
    scanned: usize,
    line_start: usize,
    lines: usize,
}

impl Decoder {
    /// Takes the next frame, if it is complete. The error is the text of ActiveMQ's ERROR frame.
    pub(crate) fn decode(&mut self, buffer: &mut BytesMut) -> Result<Option<Frame>, String> {
        if self.head.is_none() && !self.read_head(buffer)? {
            return Ok(None);
        }
        let Some((_, length)) = &self.head else { return Ok(None) };
        let end = match *length {
            Some(length) => {
                if buffer.len() <= length {
                    buffer.reserve(length + 1 - buffer.len());
                    return Ok(None);
                }
                if buffer[length] != 0 {
                    return Err(
                        "content-length bytes were read and there was no trailing null byte".to_owned()
                    );
                }
                length
            }
            None => match memchr::memchr(0, &buffer[self.scanned..]) {
                Some(at) => self.scanned + at,
                None => {
                    self.scanned = buffer.len();
                    if self.scanned > MAX_BODY {
                        return Err("The maximum data length was exceeded".to_owned());
                    }
                    return Ok(None);
                }
            },
        };
        let body = buffer.split_to(end).freeze();
        buffer.advance(1);
        self.scanned = 0;
        Ok(self.head.take().map(|(frame, _)| Frame { body, ..frame }))
    }

    fn read_head(&mut self, buffer: &mut BytesMut) -> Result<bool, String> {
        if self.scanned == 0 {
            // Heart-beats, and the EOL that follows a frame.
            let beats = buffer.iter().take_while(|byte| matches!(byte, b'\n' | b'\r')).count();
            buffer.advance(beats);
        }
        while let Some(at) = memchr::memchr(b'\n', &buffer[self.scanned..]) {
            let end = self.scanned + at;
            let blank = trim(&buffer[self.line_start..end]).is_empty();
            check(end - self.line_start, self.lines)?;
            (self.scanned, self.line_start, self.lines) = (end + 1, end + 1, self.lines + 1);
            if blank {
                self.head = Some(parse_head(&buffer[..end])?);
                buffer.advance(end + 1);
                (self.scanned, self.line_start, self.lines) = (0, 0, 0);
                return Ok(true);
            }
        }
        self.scanned = buffer.len();
        check(self.scanned - self.line_start, self.lines)?;
        Ok(false)
    }
}

fn check(line: usize, lines: usize) -> Result<(), String> {
    if line > MAX_LINE {
        return Err("The maximum header length was exceeded".to_owned());
    }
    if lines > MAX_HEADERS {
        return Err("The maximum number of headers was exceeded".to_owned());
    }
    Ok(())
}

fn trim(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

fn parse_head(head: &[u8]) -> Result<(Frame, Option<usize>), String> {
    let mut lines = head.split(|byte| *byte == b'\n').map(trim);
    // ActiveMQ replaces bytes that are not UTF-8 with U+FFFD; it does not refuse them.
    let command = String::from_utf8_lossy(lines.next().unwrap_or_default()).into_owned();
    let mut frame = Frame { command, ..Frame::default() };
    for line in lines.filter(|line| !line.is_empty()) {
        let text = String::from_utf8_lossy(line);
        // ActiveMQ skips such a line; a test oracle should report that the client wrote it.
        let Some((name, value)) = text.split_once(':') else {
            return Err(format!("Unable to parse header line [{text}]"));
        };
        frame.headers.push((unescape(name), unescape(value)));
    }
    let length = match frame.get("content-length") {
        None => None,
        Some(text) => {
            let length = text.trim().parse::<usize>();
            let length = length.map_err(|_| "Specified content-length is not a valid integer".to_owned())?;
            if length > MAX_BODY {
                return Err("The maximum data length was exceeded".to_owned());
            }
            Some(length)
        }
    };
    Ok((frame, length))
}

/// Undoes STOMP 1.2 escaping; undefined escapes are kept as they are, as ActiveMQ does.
fn unescape(text: &str) -> String {
    if !text.contains('\\') {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        let (plain, used) = match rest.as_bytes().get(at + 1) {
            Some(b'c') => (":", 2),
            Some(b'n') => ("\n", 2),
            Some(b'r') => ("\r", 2),
            Some(b'\\') => ("\\", 2),
            _ => ("\\", 1),
        };
        out.push_str(plain);
        rest = &rest[at + used..];
    }
    out.push_str(rest);
    out
}

/// Writes `name:value\n`, both escaped; values may be any bytes.
pub(crate) fn put_header(out: &mut BytesMut, name: &[u8], value: &[u8]) {
    put_escaped(out, name);
    out.put_u8(b':');
    put_escaped(out, value);
    out.put_u8(b'\n');
}

fn put_escaped(out: &mut BytesMut, text: &[u8]) {
    for byte in text {
        match byte {
            b':' => out.put_slice(b"\\c"),
            b'\n' => out.put_slice(b"\\n"),
            b'\r' => out.put_slice(b"\\r"),
            b'\\' => out.put_slice(b"\\\\"),
            _ => out.put_u8(*byte),
        }
    }
}

/// A whole frame, closed with NUL and the EOL that ActiveMQ adds.
pub(crate) fn encode(command: &str, headers: &[(&str, &str)], body: &[u8]) -> Bytes {
    let mut out = BytesMut::with_capacity(128 + body.len());
    out.put_slice(command.as_bytes());
    out.put_u8(b'\n');
    for (name, value) in headers {
        // CONNECTED is not escaped (STOMP 1.2, Value Encoding).
        if command == "CONNECTED" {
            out.put_slice(format!("{name}:{value}\n").as_bytes());
        } else {
            put_header(&mut out, name.as_bytes(), value.as_bytes());
        }
    }
    out.put_u8(b'\n');
    out.put_slice(body);
    out.put_slice(b"\0\n");
    out.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode_all(chunks: &[&[u8]]) -> Result<Vec<Frame>, String> {
        let (mut decoder, mut buffer, mut frames) = (Decoder::default(), BytesMut::new(), Vec::new());
        for chunk in chunks {
            buffer.extend_from_slice(chunk);
            while let Some(frame) = decoder.decode(&mut buffer)? {
                frames.push(frame);
            }
        }
        Ok(frames)
    }

    #[test]
    fn frames_cut_at_any_byte_read_the_same() {
        let wire = b"\n\r\nSEND\r\na:b\\cc\\\\d\\ne\\tf\r\na:second\r\n\r\nbody\0\nSEND\ncontent-length:3\n\nx\0y\0\n";
        let whole = decode_all(&[wire]).unwrap();
        assert_eq!(whole.len(), 2);
        assert_eq!(whole[0].get("a"), Some("b:c\\d\ne\\tf"));
        assert_eq!(whole[0].body.as_ref(), b"body");
        assert_eq!(whole[1].body.as_ref(), b"x\0y");
        for cut in 0..wire.len() {
            assert_eq!(decode_all(&[&wire[..cut], &wire[cut..]]).unwrap(), whole, "cut at {cut}");
        }
        let bytes: Vec<&[u8]> = wire.chunks(1).collect();
        assert_eq!(decode_all(&bytes).unwrap(), whole);
    }

    #[test]
    fn limits_answer_with_activemq_texts() {
        let long = format!("SEND\na:{}\n", "x".repeat(MAX_LINE));
        let many = format!("SEND\n{}\n\n", "a:b\n".repeat(1001));
        for (wire, text) in [
            (long.as_str(), "The maximum header length was exceeded"),
            (many.as_str(), "The maximum number of headers was exceeded"),
            ("SEND\ncontent-length:104857601\n\n", "The maximum data length was exceeded"),
            ("SEND\ncontent-length:abc\n\n", "Specified content-length is not a valid integer"),
            (
                "SEND\ncontent-length:1\n\nxy\0",
                "content-length bytes were read and there was no trailing null byte",
            ),
            ("SEND\nno colon\n\n\0", "Unable to parse header line [no colon]"),
        ] {
            assert_eq!(decode_all(&[wire.as_bytes()]).unwrap_err(), text);
        }
    }
}

//! The decoder against bytes written by hand: every way to cut a frame, every oddity that real brokers relay, random streams
//! against a second parser, and the proof that cost is linear.
#![allow(clippy::unwrap_used, reason = "test code")]

use bytes::BytesMut;
use proptest::prelude::*;
use tokio_util::codec::Decoder as _;

use super::reference::{self, Message, Style};
use super::{Codec, Incoming, Malformed};
use crate::delivery::Flaw;

const LIMIT: usize = 1024;

/// Feeds `wire` in pieces of `sizes` (the last one repeats).
fn decode_in(wire: &[u8], sizes: &[usize], codec: &mut Codec) -> Result<Vec<Incoming>, Malformed> {
    let (mut buffer, mut frames, mut rest, mut turn) = (BytesMut::new(), Vec::new(), wire, 0);
    while !rest.is_empty() {
        let size = sizes[turn.min(sizes.len() - 1)].clamp(1, rest.len());
        turn += 1;
        buffer.extend_from_slice(&rest[..size]);
        rest = &rest[size..];
        while let Some(frame) = codec.decode(&mut buffer)? {
            frames.push(frame);
        }
    }
    Ok(frames)
}

fn decode(wire: &[u8]) -> Result<Vec<Incoming>, Malformed> {
    decode_in(wire, &[wire.len()], &mut Codec::new(LIMIT, LIMIT))
}

fn one(wire: &[u8]) -> Incoming {
    let mut frames = decode(wire).unwrap();
    assert_eq!(frames.len(), 1);
    frames.remove(0)
}

type Taken = (Vec<(String, String)>, Vec<u8>, Option<Flaw>);

fn message(frame: Incoming) -> Taken {
    match frame {
        Incoming::Message { headers, body, flaw } => {
            let headers = headers.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
            (headers, body.to_vec(), flaw)
        }
        other => panic!("{other:?}"),
    }
}

fn get<'a>(taken: &'a Taken, name: &str) -> Option<&'a str> {
    taken.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
}

/// The headers that make a MESSAGE, and then `rest`.
fn wire(rest: &[u8]) -> Vec<u8> {
    [&b"MESSAGE\nsubscription:s\nmessage-id:m\ndestination:d\n"[..], rest].concat()
}

#[test]
fn each_kind_of_frame_cut_at_each_byte() {
    let shapes: [&[u8]; 5] = [
        b"MESSAGE\nsubscription:s\nmessage-id:m\ndestination:d\ncontent-length:5\n\na\0b\n\n\0\n",
        b"\r\n\nMESSAGE\r\nsubscription:s\r\nmessage-id:m\r\ndestination:d\r\ne:\r\n\r\nbody\0\r\n\r\n",
        b"RECEIPT\nreceipt-id:a\\cb\n\n\0\n\n",
        b"ERROR\nmessage:no\ncontent-length:3\n\nwhy\0",
        b"CONNECTED\nversion:1.2\nserver:S/1\nheart-beat:10,20\n\n\0\n",
    ];
    for shape in shapes {
        let whole = format!("{:?}", one(shape));
        let twice = [shape, shape].concat();
        for cut in 1..shape.len() {
            for sizes in [&[cut, usize::MAX][..], &[cut], &[cut, 1]] {
                let frames = decode_in(&twice, sizes, &mut Codec::new(LIMIT, LIMIT)).unwrap();
                let texts: Vec<_> = frames.iter().map(|frame| format!("{frame:?}")).collect();
                assert_eq!(texts, [whole.clone(), whole.clone()], "cut {sizes:?}");
            }
        }
    }
}

#[test]
fn headers_are_unescaped_except_in_connected() {
    let taken = message(one(&wire(b"ack:ID\\chost-1\nodd:a\\tb\nna\\cme:x\\ny\\\\z\n\n\0")));
    assert_eq!(get(&taken, "ack"), Some("ID:host-1"));
    assert_eq!(get(&taken, "odd"), Some("a\\tb"), "undefined escapes are relayed by brokers and kept");
    assert_eq!(get(&taken, "na:me"), Some("x\ny\\z"));
    match one(b"CONNECTED\nversion:1.2\nserver:a\\cb\n\n\0") {
        Incoming::Connected { server, heart_beat } => assert_eq!((&*server, heart_beat), ("a\\cb", (0, 0))),
        other => panic!("{other:?}"),
    }
    assert!(matches!(one(b"RECEIPT\nreceipt-id:a\\cb\n\n\0"), Incoming::Receipt { id } if id == "a:b"));
}

#[test]
fn empty_and_repeated_headers_keep_place_and_value() {
    // Captured from RabbitMQ: what it dead-letters carries an empty x-first-death-exchange.
    let taken = message(one(&wire(b"x-first-death-exchange:\na:1\na:2\nb:\nb:late\n:nameless\n\n\0")));
    let tail: Vec<_> = taken.0[3..].iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(tail, [("x-first-death-exchange", ""), ("a", "1"), ("a", "2"), ("b", ""), ("b", "late")]);
    assert_eq!(taken.2, None);
}

#[test]
fn a_header_that_is_not_utf8_is_told_and_does_no_harm() {
    let taken = message(one(&wire(b"bad:\xff\xfex\nack:1\n\nhi\0")));
    assert_eq!(get(&taken, "bad"), Some("\u{fffd}\u{fffd}x"));
    assert_eq!((get(&taken, "ack"), &taken.1[..]), (Some("1"), &b"hi"[..]));
    assert_eq!(taken.2, Some(Flaw::HeaderNotUtf8 { name: "bad".into() }));
}

#[test]
fn a_message_without_its_headers_still_arrives() {
    let taken = message(one(b"MESSAGE\nsubscription:s\nreply-to:r\n\nhi\0"));
    assert_eq!(taken.2, Some(Flaw::HeaderMissing { name: "message-id" }));
    assert_eq!((get(&taken, "message-id"), get(&taken, "reply-to")), (None, Some("r")));
    assert_eq!(taken.0.len(), 2, "nothing made up: {:?}", taken.0);
}

#[test]
fn a_body_may_hold_anything_when_its_length_is_known() {
    let body = b"\0a\0\n\nMESSAGE\n\n\0";
    let head = format!("content-length: {} \ncontent-length:3\n\n", body.len());
    let taken = message(one(&[&wire(head.as_bytes())[..], body, b"\0\n"].concat()));
    assert_eq!(taken.1, body);
    assert_eq!(get(&taken, "content-length"), None);
}

#[test]
fn a_body_beyond_the_limit_is_skipped_and_told() {
    for size in [0, 1, LIMIT - 1, LIMIT, LIMIT + 1, 5 * LIMIT, 200_000] {
        for counted in [true, false] {
            let head =
                if counted { format!("ack:7\ncontent-length:{size}\n\n") } else { "ack:7\n\n".to_owned() };
            let big = [wire(head.as_bytes()), vec![b'x'; size], vec![0]].concat();
            let stream = [&big[..], b"\nRECEIPT\nreceipt-id:next\n\n\0"].concat();
            for chunk in [1, 7, 100, 8192, usize::MAX] {
                let mut frames = decode_in(&stream, &[chunk], &mut Codec::new(LIMIT, LIMIT)).unwrap();
                assert!(matches!(frames.pop(), Some(Incoming::Receipt { id }) if id == "next"));
                let taken = message(frames.pop().unwrap());
                assert_eq!(get(&taken, "ack"), Some("7"));
                if size > LIMIT {
                    let flaw = Flaw::BodyTooBig { bytes: size as u64, limit: LIMIT };
                    assert_eq!((taken.1.len(), taken.2), (0, Some(flaw)), "{size} {chunk}");
                } else {
                    assert_eq!((taken.1.len(), taken.2), (size, None), "{size} {chunk}");
                }
            }
        }
    }
}

#[test]
fn a_skipped_body_is_never_buffered() {
    let mut codec = Codec::new(LIMIT, LIMIT);
    let mut buffer = BytesMut::from(&wire(b"content-length:10000000\n\n")[..]);
    let chunk = [b'x'; 8192];
    for _ in 0..1220 {
        assert!(codec.decode(&mut buffer).unwrap().is_none());
        assert!(buffer.is_empty() && codec.wanted(0) == 0);
        buffer.extend_from_slice(&chunk);
    }
    assert!(buffer.capacity() < 100_000, "{}", buffer.capacity());
}

#[test]
fn headers_beyond_the_limit_leave_what_is_needed_to_answer() {
    let long = "y".repeat(100_000);
    let head = format!(
        "early:kept\nhuge:{long}\nlate:dropped{}\r\nreply-to:acks\\c1\nack:a1\nack:a2\ncorrelation-id:\n\
         redelivered:true\ncontent-length:2\n\n",
        "z".repeat(LIMIT)
    );
    let stream = [&wire(head.as_bytes())[..], b"hi\0RECEIPT\nreceipt-id:next\n\n\0"].concat();
    for chunk in [1, 999, 8192, usize::MAX] {
        let mut frames = decode_in(&stream, &[chunk], &mut Codec::new(LIMIT, LIMIT)).unwrap();
        assert!(matches!(frames.pop(), Some(Incoming::Receipt { .. })));
        let taken = message(frames.pop().unwrap());
        for (name, value) in
            [("early", "kept"), ("reply-to", "acks:1"), ("ack", "a1"), ("correlation-id", "")]
        {
            assert_eq!(get(&taken, name), Some(value));
        }
        assert_eq!((get(&taken, "huge"), get(&taken, "late")), (None, None));
        assert_eq!(get(&taken, "message-id"), Some("m"));
        assert_eq!(taken.1, b"hi");
        match taken.2 {
            Some(Flaw::HeaderTooBig { bytes, limit: LIMIT }) => assert!(bytes > 100_000, "{bytes}"),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn an_essential_header_repeated_for_ever_takes_no_memory() {
    let flood = "ack:0123456789\n".repeat(20_000);
    let taken = message(one(&wire(format!("{flood}\n\0").as_bytes())));
    assert!(taken.0.len() < 2 * LIMIT / 10, "{} headers kept", taken.0.len());
}

#[test]
fn five_thousand_headers_are_fine() {
    let head: String = (0..5000).map(|n| format!("h{n}:{n}\n")).collect();
    let wire = wire(format!("{head}\n\0").as_bytes());
    let frames = decode_in(&wire, &[4096], &mut Codec::new(1 << 20, LIMIT)).unwrap();
    let taken = message(frames.into_iter().next().unwrap());
    assert_eq!((taken.0.len(), get(&taken, "h4999")), (5003, Some("4999")));
}

#[test]
fn what_is_no_frame_is_an_error_without_its_bytes() {
    for broken in [
        &b"MESSAGE\nsecret line\n\n\0"[..],
        b"HTTP/1.1 400 secret\r\ncontent-type: text/html\r\n\r\n<html>",
        b"\x16\x03\x01secret\n\n\0",
        b"RECEIPT\nsecret:1\n\n\0",
        b"CONNECTED\nserver:secret\n\n\0",
        b"CONNECTED\nversion:1.0\n\n\0",
        b"ERROR\ncontent-length:-1\n\nsecret\0",
        b"ERROR\ncontent-length:abc\n\nsecret\0",
        b"ERROR\ncontent-length:+3\n\nsecret\0",
        b"ERROR\ncontent-length:2\n\nsecret\0",
        b"ERROR\ncontent-length:99999999999999999999\n\nsecret\0",
        b"ERROR\ncontent-length:4294967295\n\nsecret\0",
    ] {
        let text = decode(broken).unwrap_err().to_string();
        assert!(!text.contains("secret") && !text.contains("115"), "{text}");
    }
}

#[test]
fn heart_beats_leave_nothing_behind() {
    let mut codec = Codec::new(LIMIT, LIMIT);
    for beat in ["\n", "\r\n", "\n\n\r\n"] {
        let mut buffer = BytesMut::from(beat);
        assert!(codec.decode(&mut buffer).unwrap().is_none());
        assert!(buffer.is_empty());
    }
    let frames = decode_in(b"\r\nRECEIPT\nreceipt-id:1\n\n\0\r\n", &[1], &mut codec).unwrap();
    assert_eq!(frames.len(), 1);
}

#[test]
fn error_texts_are_one_short_line() {
    let text = |wire: &str| match one(wire.as_bytes()) {
        Incoming::Error { text, .. } => text,
        other => panic!("{other:?}"),
    };
    assert_eq!(
        text(
            "ERROR\nmessage:User x is not authorized to read from\\c queue\\c//q\n\njava.lang.SecurityException: User x\n\tat a.b\0"
        ),
        "User x is not authorized to read from: queue://q"
    );
    assert_eq!(
        text("ERROR\nmessage:access_refused\n\nACCESS_REFUSED - access to queue 'q'\n\0"),
        "access_refused: ACCESS_REFUSED - access to queue 'q'"
    );
    assert_eq!(text("ERROR\nmessage:same\n\nsame\0"), "same");
    assert_eq!(text("ERROR\n\n\0"), "no text");
    assert_eq!(text("ERROR\nmessage:\n\nonly \x1b[31mbody\0"), "only  [31mbody");
    assert!(text(&format!("ERROR\nmessage:{}\n\n\0", "x".repeat(1000))).len() <= 400);
}

#[test]
fn cost_is_linear_in_the_size_however_it_is_cut() {
    let cost = |size: usize, head: &str, chunk: usize| {
        let wire = [wire(head.as_bytes()), vec![b'x'; size], vec![0]].concat();
        let mut codec = Codec::new(1 << 25, 1 << 25);
        assert_eq!(decode_in(&wire, &[chunk], &mut codec).unwrap().len(), 1);
        codec.examined as f64 / wire.len() as f64
    };
    for size in [100_000, 1_000_000, 10_000_000] {
        assert!(cost(size, "\n", 8192) < 1.1, "body to the NUL");
        assert!(cost(size, &format!("content-length:{size}\n\n"), 8192) < 0.1, "counted body");
        assert!(cost(0, &format!("h:{}\n\n", "y".repeat(size)), 8192) < 1.1, "one long header");
    }
    // One byte at a time the end of the block is looked for with two bytes of overlap.
    assert!(cost(1000, &format!("h:{}\n\n", "y".repeat(1000)), 1) < 4.0);
}

fn any_message() -> impl Strategy<Value = (Message, Style)> {
    let name = "[a-zA-Z:\\\\\n\r-]{1,8}".prop_filter("meaning", |name| name != "content-length");
    let value = "[ -~äß:\\\\\n\r]{0,20}";
    let headers = prop::collection::vec((name, value), 0..8);
    let style = (any::<bool>(), any::<bool>(), 0_u8..3);
    (headers, prop::collection::vec(any::<u8>(), 0..5000), style).prop_map(
        |(mut headers, mut body, (crlf, content_length, beats_after))| {
            for required in ["subscription", "message-id", "destination"] {
                headers.insert(headers.len() / 2, (required.to_owned(), format!("{required}:1")));
            }
            if !content_length {
                body.retain(|byte| *byte != 0);
            }
            (Message { headers, body }, Style { crlf, content_length, beats_after })
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_streams_in_random_pieces_read_like_the_second_parser(
        frames in prop::collection::vec(any_message(), 1..6),
        sizes in prop::collection::vec(1_usize..3000, 1..40),
    ) {
        let wire: Vec<u8> = frames.iter().flat_map(|(message, style)| reference::write(message, *style)).collect();
        let messages: Vec<Message> = frames.into_iter().map(|(message, _)| message).collect();
        prop_assert_eq!(&reference::parse(&wire), &messages);
        let decoded = decode_in(&wire, &sizes, &mut Codec::new(1 << 16, 1 << 16)).unwrap();
        let decoded: Vec<Message> = decoded.into_iter().map(message).map(|(headers, body, flaw)| {
            assert_eq!(flaw, None);
            Message { headers, body }
        }).collect();
        prop_assert_eq!(decoded, messages);
    }

    #[test]
    fn mutated_streams_never_panic(
        frames in prop::collection::vec(any_message(), 1..3),
        hits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..10),
        size in 1_usize..600,
    ) {
        let mut wire: Vec<u8> = frames.iter().flat_map(|(message, style)| reference::write(message, *style)).collect();
        for (index, byte) in hits {
            let at = index.index(wire.len());
            wire[at] = byte;
        }
        let _ = decode_in(&wire, &[size], &mut Codec::new(256, 256));
    }
}

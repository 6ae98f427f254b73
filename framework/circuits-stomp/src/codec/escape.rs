//! Header escapes of STOMP 1.2.

use std::borrow::Cow;

use bytes::{BufMut, BytesMut};

/// Undoes `\r \n \c \\`. Any other escape is undefined; brokers relay such text, so it is kept as it stands.
pub(super) fn unescape(text: &str) -> Cow<'_, str> {
    if !text.contains('\\') {
        return Cow::Borrowed(text);
    }
    let mut plain = String::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(char) = rest.next() {
        if char != '\\' {
            plain.push(char);
            continue;
        }
        match rest.next() {
            Some('r') => plain.push('\r'),
            Some('n') => plain.push('\n'),
            Some('c') => plain.push(':'),
            Some('\\') => plain.push('\\'),
            Some(other) => plain.extend(['\\', other]),
            None => plain.push('\\'),
        }
    }
    Cow::Owned(plain)
}

pub(super) fn put_escaped(text: &str, wire: &mut BytesMut) {
    for byte in text.bytes() {
        match byte {
            b'\r' => wire.put_slice(b"\\r"),
            b'\n' => wire.put_slice(b"\\n"),
            b':' => wire.put_slice(b"\\c"),
            b'\\' => wire.put_slice(b"\\\\"),
            byte => wire.put_u8(byte),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defined_escapes_are_undone_and_others_kept() {
        for (wire, plain) in [
            ("ID\\chost-1", "ID:host-1"),
            ("a\\\\n\\nb\\r", "a\\n\nb\r"),
            ("a\\tb", "a\\tb"),
            ("end\\", "end\\"),
            ("ü\\cß", "ü:ß"),
            ("", ""),
        ] {
            assert_eq!(unescape(wire), plain);
        }
    }

    #[test]
    fn escaping_is_the_inverse() {
        let mut wire = BytesMut::new();
        put_escaped("a:b\\c\r\nü", &mut wire);
        assert_eq!(&wire[..], "a\\cb\\\\c\\r\\nü".as_bytes());
        assert_eq!(unescape(std::str::from_utf8(&wire).unwrap()), "a:b\\c\r\nü");
    }
}

//! The id of a request. It follows from what is asked, as the Python client's does: an equal request has an equal id, also after
//! a restart.

use std::fmt::Write as _;

use serde_json::Value;
use uuid::Uuid;

use crate::Artifact;

/// The namespace in which the Python client makes its ids.
const NAMESPACE: Uuid = Uuid::from_u128(0x1822_2d9c_adf0_409c_aa19_beb2_7130_ba12);

/// The id of the request about this artifact. A file's content is part of it, which the Python client does not read.
pub(crate) fn request_id(artifact: &Artifact) -> Uuid {
    let mut text = String::new();
    dump(artifact.fields(), &mut text);
    if let Some(file) = artifact.file() {
        text.push('\n');
        // The name of a UUID is hashed with SHA-1, in which a file can be given an innocent twin.
        for byte in hmac_sha256::Hash::hash(file.bytes()) {
            let _ = write!(text, "{byte:02x}");
        }
    }
    Uuid::new_v5(&NAMESPACE, text.as_bytes())
}

/// Writes JSON as Python's `json.dumps` does: a space after each separator, nothing but ASCII.
fn dump(value: &Value, out: &mut String) {
    match value {
        Value::String(text) => dump_text(text, out),
        Value::Array(items) => {
            out.push('[');
            for (position, item) in items.iter().enumerate() {
                out.push_str(if position > 0 { ", " } else { "" });
                dump(item, out);
            }
            out.push(']');
        }
        Value::Object(members) => {
            out.push('{');
            for (position, (name, member)) in members.iter().enumerate() {
                out.push_str(if position > 0 { ", " } else { "" });
                dump_text(name, out);
                out.push_str(": ");
                dump(member, out);
            }
            out.push('}');
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {
            let _ = write!(out, "{value}");
        }
    }
}

fn dump_text(text: &str, out: &mut String) {
    out.push('"');
    for unit in text.encode_utf16() {
        match unit {
            0x22 => out.push_str("\\\""),
            0x5c => out.push_str("\\\\"),
            0x08 => out.push_str("\\b"),
            0x09 => out.push_str("\\t"),
            0x0a => out.push_str("\\n"),
            0x0c => out.push_str("\\f"),
            0x0d => out.push_str("\\r"),
            0x20..=0x7e => out.extend(char::from_u32(unit.into())),
            _ => {
                let _ = write!(out, "\\u{unit:04x}");
            }
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(body: &str) -> String {
        request_id(&Artifact::read(serde_json::from_str(body).unwrap(), None).unwrap()).to_string()
    }

    /// The ids are Python's: `uuid5(namespace, json.dumps(json.loads(body)))`. The first is in the description of a published
    /// threat service.
    #[test]
    fn ids_are_those_of_the_python_client() {
        for (body, expected) in [
            (r#"{"type":"net.uri","value":"http://example.org"}"#, "f9acc1b7-6184-5746-873e-e385e6214261"),
            (r#"{"value":"http://example.org","type":"net.uri"}"#, "fc1a93ab-b2da-53e1-aab0-a8030abbc7ad"),
            (
                r#"{"type":"file.name","value":"\u00e4\ud83d\ude00\"\\\n\u0001\u007f","more":[1,-2.5,true,null,{}],"n":{"a":[]}}"#,
                "e7587492-1c80-59e5-8652-f39acc9e8979",
            ),
        ] {
            assert_eq!(id(body), expected, "{body}");
        }
    }

    #[test]
    fn files_of_one_name_have_ids_of_their_own() {
        let artifact = Artifact::new("file.content", "a.exe");
        let [one, same, other] = [b"one", b"one", b"two"]
            .map(|bytes| request_id(&artifact.clone().with_file("a.exe", bytes.to_vec())));
        assert!(one == same && one != other && one != request_id(&artifact));
    }
}

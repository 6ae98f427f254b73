//! What the platform asks about: an artifact's type and value, and the file where it sends one.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use serde_json::{Value, json};

/// An artifact that the platform asks about. Cheap to clone.
#[derive(Clone)]
pub struct Artifact(Arc<Parts>);

struct Parts {
    kind: String,
    value: String,
    fields: Value,
    file: Option<ArtifactFile>,
}

/// The file of an artifact.
#[derive(Clone)]
pub struct ArtifactFile {
    name: String,
    content_type: Option<String>,
    bytes: Bytes,
}

impl Artifact {
    /// An artifact of this type (`net.ip`, `net.uri`, `hash.md5`, ...) and value, as a test hands it to a handler.
    pub fn new(kind: impl Into<String>, value: impl Into<String>) -> Self {
        let (kind, value) = (kind.into(), value.into());
        let fields = json!({"type": kind, "value": value});
        Self(Arc::new(Parts { kind, value, fields, file: None }))
    }

    /// The same with a file.
    #[must_use]
    pub fn with_file(self, name: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Self {
        let file = ArtifactFile { name: name.into(), content_type: None, bytes: bytes.into().into() };
        let Parts { kind, value, fields, .. } = &*self.0;
        Self(Arc::new(Parts {
            kind: kind.clone(),
            value: value.clone(),
            fields: fields.clone(),
            file: Some(file),
        }))
    }

    /// The artifact that a request describes; the text says what is wrong with it.
    pub(crate) fn read(fields: Value, file: Option<ArtifactFile>) -> Result<Self, String> {
        if !fields.is_object() {
            return Err(
                "the request is not an object such as {\"type\": \"net.ip\", \"value\": \"203.0.113.7\"}"
                    .to_owned(),
            );
        }
        let text = |key: &str| match &fields[key] {
            Value::String(text) => Ok(text.clone()),
            Value::Null => Err(format!("the artifact has no \"{key}\"; name its type and its value")),
            other => Err(format!("the artifact's \"{key}\" is {other} and has to be a string")),
        };
        let (kind, value) = (text("type")?, text("value")?);
        Ok(Self(Arc::new(Parts { kind, value, fields, file })))
    }

    /// Its type, as the platform's threat services name it: `net.ip`, `net.uri`, `file.content`, ...
    pub fn kind(&self) -> &str {
        &self.0.kind
    }

    /// Its value: an address, a hash; of a file, its name.
    pub fn value(&self) -> &str {
        &self.0.value
    }

    /// Everything that the platform sent about it.
    pub fn fields(&self) -> &Value {
        &self.0.fields
    }

    /// Its file, if the platform sent one: only to a service with [`files`](crate::ThreatService::files), and only with
    /// `upload_file=true`.
    pub fn file(&self) -> Option<&ArtifactFile> {
        self.0.file.as_ref()
    }

    /// Roughly the bytes that it takes in memory.
    pub(crate) fn size(&self) -> usize {
        let Parts { kind, value, file, .. } = &*self.0;
        // The texts are in the fields once more.
        2 * (kind.len() + value.len()) + file.as_ref().map_or(0, |file| file.bytes.len())
    }
}

impl ArtifactFile {
    pub(crate) fn new(name: String, content_type: Option<String>, bytes: Bytes) -> Self {
        Self { name, content_type, bytes }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its content type, if the platform named one.
    pub fn content_type(&self) -> Option<&str> {
        self.content_type.as_deref()
    }

    /// Its content.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// Without the content, which may be malware.
impl fmt::Debug for ArtifactFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, content_type, bytes } = self;
        f.debug_struct("ArtifactFile")
            .field("name", name)
            .field("content_type", content_type)
            .field("size", &bytes.len())
            .finish()
    }
}

impl fmt::Debug for Artifact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Artifact")
            .field("kind", &self.kind())
            .field("value", &self.value())
            .field("file", &self.file())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_request_lacks_is_named() {
        for (fields, says) in [
            (json!([1]), "not an object"),
            (json!(null), "not an object"),
            (json!({"value": "x"}), "no \"type\""),
            (json!({"type": "net.ip"}), "no \"value\""),
            (json!({"type": "net.ip", "value": null}), "no \"value\""),
            (json!({"type": 7, "value": "x"}), "\"type\" is 7"),
            (json!({"type": "net.ip", "value": ["x"]}), "\"value\" is [\"x\"]"),
        ] {
            let error = Artifact::read(fields.clone(), None).unwrap_err();
            assert!(error.contains(says), "{fields}: {error}");
        }
        let artifact = Artifact::read(json!({"type": "net.ip", "value": "x", "more": 1}), None).unwrap();
        assert_eq!(
            (artifact.kind(), artifact.value(), &artifact.fields()["more"]),
            ("net.ip", "x", &json!(1))
        );
    }

    #[test]
    fn a_file_is_shown_without_its_content() {
        let artifact = Artifact::new("file.content", "evil.exe").with_file("evil.exe", b"MZ-secret".to_vec());
        assert_eq!(artifact.file().unwrap().bytes(), b"MZ-secret");
        let shown = format!("{artifact:?}");
        assert!(shown.contains("size: 9") && !shown.contains("secret"), "{shown}");
    }
}

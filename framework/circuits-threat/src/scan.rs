//! The body of a scan request: JSON, or a multipart form with the same JSON and a file.

use bytes::Bytes;
use futures_util::stream;
use http::StatusCode;
use http::header::CONTENT_TYPE;
use http::request::Parts;
use multer::{Field, Multipart};
use serde_json::Value;

use crate::{Artifact, ArtifactFile};

/// Why a request is refused.
#[derive(Debug, PartialEq)]
pub(crate) struct Refused {
    pub(crate) status: StatusCode,
    pub(crate) text: String,
}

impl Refused {
    pub(crate) fn new(status: StatusCode, text: impl Into<String>) -> Self {
        Self { status, text: text.into() }
    }

    fn bad(text: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, text)
    }
}

/// The artifact that a request asks about. The platform sends forms also where there is no file.
pub(crate) async fn read(head: &Parts, body: Bytes, files: bool) -> Result<Artifact, Refused> {
    let kind = head.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let is_form = kind.trim_start().get(..10).is_some_and(|start| start.eq_ignore_ascii_case("multipart/"));
    let (fields, file) = if is_form { form(kind, body).await? } else { (json(&body)?, None) };
    if file.is_some() && !files {
        return Err(Refused::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "this service takes no files, as its OPTIONS say; see upload_file= in [custom_threat_service]",
        ));
    }
    Artifact::read(fields, file).map_err(Refused::bad)
}

fn json(body: &[u8]) -> Result<Value, Refused> {
    if body.is_empty() {
        return Err(Refused::bad(
            "the request is empty; send JSON such as {\"type\": \"net.ip\", \"value\": \"203.0.113.7\"}",
        ));
    }
    serde_json::from_slice(body).map_err(|error| Refused::bad(format!("the artifact is not JSON: {error}")))
}

/// The artifact is the part of this name, or the first one; the file is the part of that name, or the second one.
async fn form(kind: &str, body: Bytes) -> Result<(Value, Option<ArtifactFile>), Refused> {
    let bad = |error: multer::Error| Refused::bad(format!("the multipart form cannot be read: {error}"));
    let boundary = multer::parse_boundary(kind).map_err(bad)?;
    let whole = stream::once(std::future::ready(Ok::<_, std::convert::Infallible>(body)));
    let mut form = Multipart::new(whole, boundary);
    let (mut artifact, mut file) = (None, None);
    while let Some(field) = form.next_field().await.map_err(bad)? {
        let is_file = match field.name() {
            Some("file") => true,
            Some("artifact") => false,
            _ => artifact.is_some(),
        };
        if is_file && file.is_none() {
            file = Some(content(field).await.map_err(bad)?);
        } else if !is_file && artifact.is_none() {
            artifact = Some(json(&field.bytes().await.map_err(bad)?)?);
        }
    }
    match artifact {
        Some(artifact) => Ok((artifact, file)),
        None => Err(Refused::bad("the multipart form has no part \"artifact\" with the artifact as JSON")),
    }
}

async fn content(field: Field<'_>) -> multer::Result<ArtifactFile> {
    let name = field.file_name().unwrap_or("unnamed").to_owned();
    let content_type = field.content_type().map(ToString::to_string);
    Ok(ArtifactFile::new(name, content_type, field.bytes().await?))
}

#[cfg(test)]
#[path = "scan_tests.rs"]
mod tests;

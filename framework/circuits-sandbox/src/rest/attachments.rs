//! Attachments of incidents and tasks: upload as multipart form, list, download, delete.
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use super::Answer;
use super::children::{child, listed};
use super::extract::{Caller, Path};
use super::verbs::{belongs, show};
use crate::api_error::ApiError;
use crate::core::Core;
use crate::platform::Kind;

type Shared = State<Arc<Core>>;

pub(super) fn routes(app: Router<Arc<Core>>) -> Router<Arc<Core>> {
    app.route("/rest/orgs/{org}/incidents/{id}/attachments", listed(Kind::Attachment).post(upload))
        .route("/rest/orgs/{org}/incidents/{id}/attachments/{attachment}", child(Kind::Attachment))
        .route("/rest/orgs/{org}/incidents/{id}/attachments/{attachment}/contents", get(contents))
        .route("/rest/orgs/{org}/tasks/{id}/attachments", axum::routing::post(upload_to_task))
}

async fn contents(
    State(core): Shared,
    Path((_, incident, id)): Path<(i64, i64, i64)>,
    _: Caller,
) -> Result<Response, ApiError> {
    belongs(&core, Kind::Attachment, incident, id)?;
    let state = core.platform.lock();
    let kind =
        state.objects.find(Kind::Attachment, id)?["content_type"].as_str().unwrap_or_default().to_owned();
    Ok(([(header::CONTENT_TYPE, kind)], state.objects.file(id)).into_response())
}

async fn upload(
    State(core): Shared,
    Path((_, id)): Path<(i64, i64)>,
    caller: Caller,
    headers: HeaderMap,
    body: Bytes,
) -> Answer {
    store(&core, id, None, &caller, &headers, &body)
}

async fn upload_to_task(
    State(core): Shared,
    Path((_, task)): Path<(i64, i64)>,
    caller: Caller,
    headers: HeaderMap,
    body: Bytes,
) -> Answer {
    let incident = core.platform.lock().objects.incident_of(Kind::Task, task)?;
    store(&core, incident, Some(task), &caller, &headers, &body)
}

fn store(
    core: &Core,
    incident: i64,
    task: Option<i64>,
    caller: &Caller,
    headers: &HeaderMap,
    body: &Bytes,
) -> Answer {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let file = file_part(kind, body)
        .ok_or_else(|| ApiError::bad("A multipart form with a part \"file\" is required."))?;
    let (id, outgoing) = {
        let mut state = core.platform.lock();
        let about = (file.name.as_str(), file.content_type.as_str(), file.data.len());
        let attachment = state.new_attachment(incident, task, about, &caller.cause)?;
        let (id, outgoing) = state.create(Kind::Attachment, attachment, &caller.cause);
        state.objects.put_file(id, file.data);
        (id, outgoing)
    };
    core.send(outgoing);
    show(core, Kind::Attachment, id, caller)
}

struct File {
    name: String,
    content_type: String,
    data: Bytes,
}

/// The part named `file` of a multipart form (RFC 7578), to the extent that clients of the platform use such forms.
fn file_part(content_type: &str, body: &Bytes) -> Option<File> {
    let boundary =
        content_type.strip_prefix("multipart/form-data")?.split_once("boundary=")?.1.trim_matches('"');
    let (start, next) = (format!("--{boundary}\r\n"), format!("\r\n--{boundary}"));
    let mut at = memchr::memmem::find(body, start.as_bytes())? + start.len();
    loop {
        let head = memchr::memmem::find(&body[at..], b"\r\n\r\n")?;
        let data = at + head + 4;
        let end = data + memchr::memmem::find(&body[data..], next.as_bytes())?;
        let lines = String::from_utf8_lossy(&body[at..at + head]).into_owned();
        let line = |name: &str| {
            lines.lines().find(|line| line.to_ascii_lowercase().starts_with(name)).map(str::to_owned)
        };
        let disposition = line("content-disposition:")?;
        let quoted =
            |key: &str| Some(disposition.split_once(&format!("; {key}=\""))?.1.split('"').next()?.to_owned());
        if quoted("name").as_deref() == Some("file") {
            let kind = line("content-type:").and_then(|line| Some(line.split_once(':')?.1.trim().to_owned()));
            return Some(File {
                name: quoted("filename").unwrap_or_else(|| "Unknown".to_owned()),
                content_type: kind.unwrap_or_else(|| "application/octet-stream".to_owned()),
                data: body.slice(data..end),
            });
        }
        at = end + next.len() + 2;
        if at >= body.len() {
            return None;
        }
    }
}

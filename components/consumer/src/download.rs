//! Brings the files of attachments and artifacts into a folder, piece by piece, and within bounds.

use std::path::Path;

use circuits::definitions::ObjectType;
use circuits::prelude::*;
use serde::Deserialize;
use serde_json::Value;
use tokio::fs::File;
use tokio::io::AsyncWriteExt;

use crate::names::Names;
use crate::settings::Bounds;

/// The files that a program wants. If it asks for nothing, it gets the file of the object that the action
/// is about.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Downloads {
    /// All attachments of the incident.
    pub(crate) attachments: bool,
    /// The files of all artifacts of the incident.
    pub(crate) artifacts: bool,
}

/// A file on the platform.
struct Remote {
    path: String,
    name: String,
}

/// The inputs by which a function names its file.
#[derive(Deserialize)]
struct Inputs {
    task_id: Option<i64>,
    attachment_id: Option<i64>,
    artifact_id: Option<i64>,
}

/// Writes the files into the folder.
///
/// # Errors
/// When a call to the platform fails, or there are too many files, or they are too large.
pub(crate) async fn all(action: &Action, wanted: Downloads, folder: &Path, bounds: Bounds) -> Result<()> {
    let files = if wanted == Downloads::default() {
        of_object(action).await?
    } else {
        of_incident(action, wanted).await?
    };
    if files.len() > bounds.count {
        return Err(Error::new(format_args!(
            "There are {} files to download, and at most {} are allowed (max_files in [consumer])",
            files.len(),
            bounds.count
        )));
    }
    let (mut names, mut left) = (Names::default(), bounds.files);
    for Remote { path, name } in files {
        let mut download = action.rest().download(&path).await?;
        let mut file = File::create_new(folder.join(names.free(&name))).await?;
        while let Some(piece) = download.chunk().await? {
            left = left.checked_sub(piece.len() as u64).ok_or_else(|| {
                Error::new(format_args!(
                    "The files to download have more than {} MB (files_mb in [consumer]); \
                     {name} is not downloaded whole",
                    bounds.files >> 20
                ))
            })?;
            file.write_all(&piece).await?;
        }
        file.flush().await?;
    }
    Ok(())
}

async fn of_incident(action: &Action, wanted: Downloads) -> Result<Vec<Remote>> {
    let incident = format!("/incidents/{}", action.incident_id()?);
    let mut files = Vec::new();
    if wanted.attachments {
        let attachments: Vec<Value> = action.rest().list(&format!("{incident}/attachments")).await?;
        files.extend(attachments.iter().filter_map(|one| attachment(&incident, one)));
    }
    if wanted.artifacts {
        let artifacts: Vec<Value> = action.rest().list(&format!("{incident}/artifacts")).await?;
        files.extend(artifacts.iter().filter_map(|one| artifact(&incident, one)));
    }
    Ok(files)
}

async fn of_object(action: &Action) -> Result<Vec<Remote>> {
    if action.message().function().is_some() {
        return of_inputs(action).await;
    }
    let incident = || Ok::<_, Error>(format!("/incidents/{}", action.incident_id()?));
    let file = match action.message().object_type() {
        Some(ObjectType::Attachment) => attachment(&incident()?, action.object()?),
        Some(ObjectType::Artifact) => artifact(&incident()?, action.object()?),
        _ => None,
    };
    Ok(file.into_iter().collect())
}

async fn of_inputs(action: &Action) -> Result<Vec<Remote>> {
    let Inputs { task_id, attachment_id, artifact_id } = action.inputs()?;
    let incident = || Ok::<_, Error>(format!("/incidents/{}", action.incident_id()?));
    let mut files = Vec::new();
    if let Some(id) = attachment_id {
        let place = task_id.map_or_else(incident, |task| Ok(format!("/tasks/{task}")))?;
        let found: Value = action.rest().get(&format!("{place}/attachments/{id}")).await?;
        files.extend(attachment(&place, &found));
    }
    if let Some(id) = artifact_id {
        let place = incident()?;
        let found: Value = action.rest().get(&format!("{place}/artifacts/{id}")).await?;
        files.extend(artifact(&place, &found));
    }
    Ok(files)
}

/// The file of an attachment of this object; one of a task is reached through its task.
fn attachment(place: &str, attachment: &Value) -> Option<Remote> {
    let place =
        attachment["task_id"].as_i64().map_or_else(|| place.to_owned(), |task| format!("/tasks/{task}"));
    let path = format!("{place}/attachments/{}/contents", attachment["id"].as_i64()?);
    Some(Remote { path, name: attachment["name"].as_str().unwrap_or_default().to_owned() })
}

/// The file of an artifact, if it has one.
fn artifact(place: &str, artifact: &Value) -> Option<Remote> {
    let file = artifact["attachment"].as_object()?;
    let path = format!("{place}/artifacts/{}/contents", artifact["id"].as_i64()?);
    let name = file.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
    Some(Remote { path, name })
}

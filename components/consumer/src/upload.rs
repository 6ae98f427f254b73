//! Makes attachments of the files that a program left, within bounds. Everything is checked before
//! anything is sent.

use std::path::{Path, PathBuf};

use circuits::prelude::*;
use circuits::rest::Upload;
use serde_json::Value;

use crate::names::Names;
use crate::settings::Bounds;

/// Attaches the files in the folder to the incident, and returns their names.
///
/// # Errors
/// When there is something other than regular files, or too many or too large ones, or no incident, or a
/// call to the platform fails.
pub(crate) async fn all(action: &Action, folder: &Path, bounds: Bounds) -> Result<Vec<String>> {
    let folder = folder.to_owned();
    let files = circuits::blocking(move || listed(&folder, bounds)).await?;
    let mut attached = Vec::new();
    if files.is_empty() {
        return Ok(attached);
    }
    let incident = action
        .incident_id()
        .map_err(|error| error.context("The program made files, but there is nothing to attach them to"))?;
    let attachments = format!("/incidents/{incident}/attachments");
    for (name, path) in files {
        let sent = action.rest().upload::<Value>(&attachments, &Upload::file(path).name(&name)).await;
        sent.map_err(|error| {
            let before = if attached.is_empty() { "nothing".to_owned() } else { attached.join(", ") };
            Error::from(error).context(format_args!("{name} cannot be attached ({before} is attached)"))
        })?;
        attached.push(name);
    }
    Ok(attached)
}

fn listed(folder: &Path, bounds: Bounds) -> Result<Vec<(String, PathBuf)>> {
    // Links would lead to files that the program's input asked for, not to files that it made.
    if !std::fs::symlink_metadata(folder).is_ok_and(|found| found.is_dir()) {
        return Err(Error::new(
            "The program has removed or replaced its folder uploads; nothing is attached",
        ));
    }
    let (mut paths, mut size) = (Vec::new(), 0);
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let file = entry.metadata()?;
        if !file.is_file() {
            return Err(Error::new(format_args!(
                "uploads/{} is not a regular file, and only those become attachments; nothing is attached",
                entry.file_name().to_string_lossy()
            )));
        }
        paths.push(entry.path());
        size += file.len();
        if paths.len() > bounds.count {
            return Err(Error::new(format_args!(
                "The program made more than {} files (max_files in [consumer]); nothing is attached",
                bounds.count
            )));
        }
    }
    if size > bounds.files {
        return Err(Error::new(format_args!(
            "The files of the program have more than {} MB (files_mb in [consumer]); nothing is attached",
            bounds.files >> 20
        )));
    }
    paths.sort();
    let mut names = Names::default();
    let named = paths.into_iter().map(|path| {
        let name = names.free(&path.file_name().unwrap_or_default().to_string_lossy());
        (name, path)
    });
    Ok(named.collect())
}

//! The folders of one run, private to the runner's user and deleted after the run.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use circuits::prelude::*;
use tempfile::TempDir;

/// The folders of one run.
pub(crate) struct Scratch {
    folder: TempDir,
}

impl Scratch {
    pub(crate) fn new() -> Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("consumer-run-")
            .permissions(Permissions::from_mode(0o700))
            .tempdir()
            .map_err(|error| Error::from(error).context("the folder of the run cannot be made"))?;
        let scratch = Self { folder };
        for folder in [scratch.downloads(), scratch.uploads(), scratch.home()] {
            std::fs::create_dir_all(folder)?;
        }
        Ok(scratch)
    }

    /// SRC.
    pub(crate) fn source(&self) -> PathBuf {
        self.folder.path().join("source")
    }

    /// DST.
    pub(crate) fn destination(&self) -> PathBuf {
        self.folder.path().join("destination")
    }

    pub(crate) fn downloads(&self) -> PathBuf {
        self.source().join("downloads")
    }

    pub(crate) fn uploads(&self) -> PathBuf {
        self.destination().join("uploads")
    }

    /// For everything else.
    pub(crate) fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }
}

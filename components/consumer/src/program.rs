//! A program that is run: a file of the operator's, a package, or the built-in sample. It is checked
//! once, at start.

use std::ffi::OsString;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use circuits::prelude::*;
use serde_json::Value;

use crate::package::{self, Package};

/// The word in the list for the sample.
pub(crate) const BUILT_IN: &str = "built-in";

/// A program with its first arguments.
#[derive(Debug)]
pub(crate) struct Program {
    words: Vec<OsString>,
    package: Option<Package>,
}

impl Program {
    /// The program that a line of the list names.
    ///
    /// # Errors
    /// When there is none, or it cannot be run.
    pub(crate) fn find(name: &str) -> Result<Self> {
        if name == BUILT_IN {
            let words = ["/bin/sh", "-c", include_str!("list_files.sh"), BUILT_IN].map(OsString::from);
            return Ok(Self { words: words.into(), package: None });
        }
        let path = Path::new(name);
        if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("zip")) {
            let (package, words) = package::unpack(path)?;
            return Ok(Self { words, package: Some(package) });
        }
        if !path.is_file() {
            return Err(Error::new(format_args!("there is no program {name}")));
        }
        if !is_executable(path) {
            return Err(Error::new(format_args!(
                "{name} is not executable; `chmod +x {name}` if it is a program"
            )));
        }
        Ok(Self { words: vec![name.into()], package: None })
    }

    /// The program itself, and the arguments in front of SRC and DST.
    pub(crate) fn words(&self) -> &[OsString] {
        &self.words
    }

    /// The folder that it runs in, if it must be a certain one.
    pub(crate) fn folder(&self) -> Option<&Path> {
        self.package.as_ref().map(Package::folder)
    }

    /// Whether it wants to be run on this event.
    pub(crate) fn wants(&self, event: &Value) -> bool {
        self.package.as_ref().is_none_or(|package| package.matches(event))
    }

    /// What an event must match, for a sentence.
    pub(crate) fn condition(&self) -> String {
        self.package.as_ref().map(Package::condition).unwrap_or_default()
    }
}

/// Whether the file has an executable bit.
pub(crate) fn is_executable(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
}

/// The program of this name in the PATH of the runner, which is that of the programs too.
pub(crate) fn in_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| is_executable(file))
}

//! What is wrong with the file of a journal or a store, where, and what to do about it, both when it is opened and while it is in use.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

use crate::schema::Format;

/// Why a journal or a store cannot be opened. `Display` names the file and the cure.
#[derive(Debug)]
pub struct OpenError {
    path: PathBuf,
    format: &'static Format,
    fault: Fault,
}

#[derive(Debug)]
pub(crate) enum Fault {
    /// Another process holds the lock file.
    InUse,
    /// There is no file to look at.
    Missing,
    /// A file or folder cannot be made, opened or locked.
    File(io::Error),
    /// It may be read but not written.
    ReadOnly,
    /// It belongs to another program: the reason to think so.
    Foreign(String),
    /// It was written by a newer version, with this schema.
    Newer(i32),
    /// SQLite's check of the file found this.
    Damaged(String),
    /// The file system cannot do what a write-ahead log needs.
    NoWal,
    Sqlite(rusqlite::Error),
}

impl OpenError {
    pub(crate) fn new(path: &Path, format: &'static Format, fault: impl Into<Fault>) -> Self {
        Self { path: path.to_owned(), format, fault: fault.into() }
    }

    /// Another process, most likely another runner, has this journal open.
    pub fn is_in_use(&self) -> bool {
        matches!(self.fault, Fault::InUse)
    }
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Self::File(error)
    }
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::NotADatabase) => Self::Foreign("it is not a database".to_owned()),
            Some(ErrorCode::DatabaseCorrupt) => Self::Damaged(error.to_string()),
            Some(ErrorCode::ReadOnly) => Self::ReadOnly,
            _ => Self::Sqlite(error),
        }
    }
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (path, format) = (self.path.display(), self.format);
        let Format { name, key, without, made, .. } = format;
        let elsewhere = format_args!("or name another file with {key}= ({without} does without one)");
        match &self.fault {
            Fault::InUse => write!(
                f,
                "the {name} {path} is in use: another process holds {path}-lock. Stop it, or give each runner a {name} of its own \
                 with {key}="
            ),
            Fault::Missing => {
                write!(f, "there is no {name} {path}: {made}. Name the right one with {key}= or --{key}")
            }
            Fault::File(error) => write!(
                f,
                "the {name} {path} cannot be opened: {error}. Let this user write to its folder, {elsewhere}"
            ),
            Fault::ReadOnly => {
                write!(f, "the {name} {path} is read-only. Let this user write to it, {elsewhere}")
            }
            Fault::Foreign(why) => write!(
                f,
                "the file {path} is not a circuits {name}: {why}. It was not touched; move it away, {elsewhere}"
            ),
            Fault::Newer(version) => write!(
                f,
                "the {name} {path} was written by a newer version of circuits (its schema is {version}, this one knows up to {}). \
                 Run that version, {elsewhere}",
                format.newest()
            ),
            Fault::Damaged(how) => write!(f, "the {name} {path} is damaged: {how}. {}", format.replace()),
            Fault::NoWal => write!(
                f,
                "the {name} {path} is on a file system without shared memory (a network drive?). Name a file on a local disk with \
                 {key}="
            ),
            Fault::Sqlite(error) => {
                write!(f, "the {name} {path} cannot be opened: {}", advice(format, error))
            }
        }
    }
}

impl StdError for OpenError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match &self.fault {
            Fault::File(error) => Some(error),
            Fault::Sqlite(error) => Some(error),
            _ => None,
        }
    }
}

impl Format {
    /// What to do with a file that is damaged.
    pub(crate) fn replace(&self) -> String {
        format!(
            "Stop the runner, move the file and those named like it away and start again: {}",
            self.replaced
        )
    }
}

/// The error of a file in use, with the cure.
pub(crate) fn in_use(path: &Path, format: &Format, error: &rusqlite::Error) -> circuits::Error {
    circuits::Error::new(format_args!("the {} {}: {}", format.name, path.display(), advice(format, error)))
}

fn advice(format: &Format, error: &rusqlite::Error) -> String {
    let cure = match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => "Make room on its disk",
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            "Another program has it locked: end that program, or its transaction"
        }
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            return format!("{error}. {}", format.replace());
        }
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::CannotOpen) => {
            "Let this user write to the file and its folder"
        }
        _ => "Look at its disk, quota and permissions",
    };
    format!("{error}. {cure}")
}

//! The lock that gives a journal to one process. It is not on the database file itself: SQLite's own locks on that file
//! belong to the process, and would be lost when any handle of the file is closed.

use std::ffi::OsString;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use circuits::private_file;
use fs4::TryLockError;

use crate::error::Fault;

/// How often the lock is tried again, and after how long.
const TRIES: u32 = 5;
const PAUSE: Duration = Duration::from_millis(50);

/// Held until it is dropped or the process ends, however it ends. The file stays: if it were deleted, two processes could
/// hold the lock.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

impl Lock {
    pub(crate) fn take(database: &Path) -> Result<Self, Fault> {
        let file = private_file().create(true).truncate(false).write(true).open(beside(database, "-lock"))?;
        let mut tries = 0;
        loop {
            match fs4::FileExt::try_lock(&file) {
                Ok(()) => return Ok(Self { _file: file }),
                // Perhaps somebody only looks whether a runner is up.
                Err(TryLockError::WouldBlock) if tries < TRIES => std::thread::sleep(PAUSE),
                Err(TryLockError::WouldBlock) => return Err(Fault::InUse),
                Err(TryLockError::Error(error)) => return Err(error.into()),
            }
            tries += 1;
        }
    }
}

fn beside(database: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(database);
    name.push(suffix);
    name.into()
}

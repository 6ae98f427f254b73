//! A log file that rolls over by size: `app.log` becomes `app.log.1`, that becomes `app.log.2`, and so on.
//!
//! The obvious crate for this panics if it cannot create the directory, and goes silent if it cannot open the new file.
//! Here, a full disk or a lost directory neither stops the runner nor silences its log forever.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// The open file.
#[derive(Debug)]
pub(super) struct RotatingFile {
    path: PathBuf,
    file: File,
    size: u64,
    max_bytes: u64,
    backups: u32,
}

impl RotatingFile {
    /// Opens the file to append to it, and creates its directory if necessary. With `max_bytes` or `backups` zero it never
    /// rolls over, as in the Python runner.
    pub(super) fn open(directory: &Path, name: &str, max_bytes: u64, backups: u32) -> io::Result<Self> {
        fs::create_dir_all(directory)?;
        let path = directory.join(name);
        let (file, size) = append(&path)?;
        Ok(Self { path, file, size, max_bytes, backups })
    }

    /// Writes one line in one piece; a line is never split between two files.
    pub(super) fn write(&mut self, line: &[u8]) -> io::Result<()> {
        let length = u64::try_from(line.len()).unwrap_or(u64::MAX);
        let full = self.size.saturating_add(length) > self.max_bytes;
        let due = full && self.size > 0 && self.max_bytes > 0 && self.backups > 0;
        let rolled = if due { self.roll_over() } else { Ok(()) };
        self.file.write_all(line)?;
        self.size += length;
        rolled
    }

    /// If a file cannot be renamed, the log continues in the present one and tries again after as many bytes.
    fn roll_over(&mut self) -> io::Result<()> {
        self.size = 0;
        for number in (1..self.backups).rev() {
            rename(&self.backup(number), &self.backup(number + 1))?;
        }
        rename(&self.path, &self.backup(1))?;
        (self.file, self.size) = append(&self.path)?;
        Ok(())
    }

    fn backup(&self, number: u32) -> PathBuf {
        let mut name = self.path.clone().into_os_string();
        name.push(format!(".{number}"));
        name.into()
    }
}

fn append(path: &Path) -> io::Result<(File, u64)> {
    let file = OpenOptions::new().create(true).append(true).open(path)?;
    let size = file.metadata()?.len();
    Ok((file, size))
}

/// A missing file is not an error: somebody tidied up, or the log is new.
fn rename(from: &Path, to: &Path) -> io::Result<()> {
    match fs::rename(from, to) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

//! The lock file that keeps two runners of one account apart.

use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use fs4::TryLockError;

/// Another instance holds the lock.
#[derive(Debug)]
pub(crate) struct Locked(PathBuf);

impl std::fmt::Display for Locked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "another instance of circuits is running: it holds the lock file {}. Stop it, or give this one its own lock file with \
             APP_LOCK_FILE",
            self.0.display()
        )
    }
}

impl std::error::Error for Locked {}

/// Holds the lock until it is dropped or the process ends, in whatever way.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock `$APP_LOCK_FILE`, or the given default.
    pub(crate) fn take(default: Option<PathBuf>) -> anyhow::Result<Option<Self>> {
        let path =
            std::env::var_os("APP_LOCK_FILE").filter(|path| !path.is_empty()).map(PathBuf::from).or(default);
        path.map(|path| Self::at(&path)).transpose()
    }

    fn at(path: &Path) -> anyhow::Result<Self> {
        if let Some(directory) = path.parent() {
            std::fs::create_dir_all(directory)
                .with_context(|| format!("creating the directory of the lock file {}", path.display()))?;
        }
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(path);
        let file = file.with_context(|| format!("opening the lock file {}", path.display()))?;
        match fs4::FileExt::try_lock(&file) {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(Locked(path.to_owned()).into()),
            Err(TryLockError::Error(error)) => {
                Err(error).with_context(|| format!("locking {}", path.display()))
            }
        }
    }
}

/// `~/.resilient/resilient_circuits_lockfile`, the file that the Python runner locks too.
pub(crate) fn default_path() -> Option<PathBuf> {
    Some(std::env::home_dir()?.join(".resilient").join("resilient_circuits_lockfile"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_lock_is_refused_until_the_first_is_gone() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("sub").join("lock");
        let first = Lock::at(&path).unwrap();
        let error = Lock::at(&path).unwrap_err();
        assert!(error.is::<Locked>() && error.to_string().contains("APP_LOCK_FILE"), "{error}");
        drop(first);
        Lock::at(&path).unwrap();
    }
}

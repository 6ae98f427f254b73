//! Files that only their owner may read: recordings, the journal and backups hold what incidents and settings hold.

use std::fs::OpenOptions;

/// Options that make a file with mode 0600; a file that exists already keeps its mode. The caller still sets how to open the
/// file: `private_file().write(true).create_new(true).open(path)`.
#[must_use]
pub fn private_file() -> OpenOptions {
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

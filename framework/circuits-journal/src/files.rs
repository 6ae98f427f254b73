//! What holds for a file of either kind: whether it is sound, how large it is, and that it alone can be copied.

use std::path::{Path, PathBuf};

use rusqlite::Connection;

/// Reads the whole file; returns what is wrong with it.
pub(crate) fn faults(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    let mut verdict = connection.prepare("PRAGMA integrity_check(20)")?;
    let mut faults: Vec<String> =
        verdict.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    faults.retain(|fault| fault != "ok");
    Ok(faults)
}

/// Brings everything from the write-ahead log into the file. False if somebody kept back a part of it.
pub(crate) fn sync(connection: &Connection) -> rusqlite::Result<bool> {
    let blocked = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, bool>(0));
    blocked.map(|blocked| !blocked)
}

/// The bytes of a file; 0 if there is none.
pub(crate) fn size(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |metadata| metadata.len())
}

/// The write-ahead log of a file.
pub(crate) fn log_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push("-wal");
    name.into()
}

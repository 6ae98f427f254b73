//! Files with secrets: written as a whole or not at all, readable only by their owner, never lost.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

/// Who may read the file, and whether there may be one already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Only its owner.
    Private {
        /// Whether to replace an existing file; if not, a file that appeared meanwhile is an error.
        replace: bool,
    },
    /// Everybody who could read the existing file, which is replaced.
    Kept,
}

/// The target if the path is a symbolic link, so that the link itself is kept.
pub(crate) fn real(path: &Path) -> anyhow::Result<PathBuf> {
    if path.exists() {
        return path.canonicalize().with_context(|| format!("looking for {}", path.display()));
    }
    std::path::absolute(path).with_context(|| format!("looking for {}", path.display()))
}

/// Copies a file to one beside it whose name ends in `.bak` (`.bak1`, ...), readable only by its owner.
pub(crate) fn backup(path: &Path) -> anyhow::Result<PathBuf> {
    let bytes = std::fs::read(path).with_context(|| format!("reading {}", path.display()))?;
    for number in 0_u32.. {
        let mut name = path.as_os_str().to_owned();
        name.push(if number == 0 { ".bak".to_owned() } else { format!(".bak{number}") });
        let name = PathBuf::from(name);
        let made = circuits::private_file().write(true).create_new(true).open(&name);
        let written = made.and_then(|mut file| {
            file.write_all(&bytes)?;
            file.sync_all()
        });
        match written {
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            written => {
                written.with_context(|| format!("writing the backup {}", name.display()))?;
                return Ok(name);
            }
        }
    }
    anyhow::bail!("{} has too many backups; remove some", path.display())
}

/// Writes a temporary file beside the file and renames it: after a crash, the old or the new file is there. Creates the
/// directory if necessary.
pub(crate) fn write(path: &Path, bytes: &[u8], mode: Mode) -> anyhow::Result<()> {
    let doing = || format!("writing {}", path.display());
    let directory = path.parent().with_context(doing)?;
    create_private(directory).with_context(|| format!("creating {}", directory.display()))?;
    // Readable only by its owner from the start.
    let mut file =
        tempfile::Builder::new().prefix(".app.config-").tempfile_in(directory).with_context(doing)?;
    file.write_all(bytes).with_context(doing)?;
    if mode != (Mode::Private { replace: false }) {
        keep(path, file.as_file(), mode).with_context(doing)?;
    }
    file.as_file().sync_all().with_context(doing)?;
    if mode == (Mode::Private { replace: false }) {
        file.persist_noclobber(path).map_err(|error| error.error).with_context(doing)?;
    } else {
        file.persist(path).map_err(|error| error.error).with_context(doing)?;
    }
    Ok(())
}

/// Gives the new file the owner of the old one, and also its mode if `mode` requires that.
#[cfg(unix)]
fn keep(path: &Path, file: &File, mode: Mode) -> std::io::Result<()> {
    use std::os::unix::fs::{MetadataExt as _, fchown};
    let (old, new) = (std::fs::metadata(path)?, file.metadata()?);
    if (old.uid(), old.gid()) != (new.uid(), new.gid()) {
        fchown(file, Some(old.uid()), Some(old.gid()))?;
    }
    if mode == Mode::Kept { file.set_permissions(old.permissions()) } else { Ok(()) }
}

#[cfg(not(unix))]
fn keep(_: &Path, _: &File, _: Mode) -> std::io::Result<()> {
    Ok(())
}

fn create_private(directory: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(directory)
}

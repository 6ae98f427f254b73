//! A package `consumer.zip`: unpacked once, at start, into a private folder. Nothing in it is installed
//! or built, and an archive that reaches out of the folder or grows beyond bounds is refused.

use std::ffi::OsString;
use std::fs::{DirBuilder, File, OpenOptions, Permissions};
use std::io::{BufReader, Read};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Component as Part, Path, PathBuf};

use circuits::prelude::*;
use serde_json::Value;
use serde_json_path::JsonPath;
use tempfile::TempDir;
use zip::ZipArchive;

use crate::program::{in_path, is_executable};

/// How many files and folders a package may have.
const MOST_ENTRIES: usize = 1_000;

/// How many bytes a package may have, as an archive and unpacked.
const MOST_BYTES: u64 = 100 << 20;

/// The file with the condition.
const CONDITION: &str = "jsonpath2.txt";

/// Names of executables that are run in the absence of `__main__.py`.
const EXECUTABLES: [&str; 2] = ["main", "run"];

/// An unpacked package.
#[derive(Debug)]
pub(crate) struct Package {
    /// Where it came from.
    path: PathBuf,
    folder: TempDir,
    condition: Option<JsonPath>,
}

impl Package {
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Whether the condition selects something in the event.
    pub(crate) fn matches(&self, event: &Value) -> bool {
        self.condition.as_ref().is_none_or(|path| !path.query(event).is_empty())
    }

    /// The file with the condition, for a sentence.
    pub(crate) fn condition(&self) -> String {
        format!("{CONDITION} in {}", self.path.display())
    }
}

/// The package, and the program in it with its first arguments.
///
/// # Errors
/// Names what makes it unfit to be run here, and the cure.
pub(crate) fn unpack(path: &Path) -> Result<(Package, Vec<OsString>)> {
    let open = |path: &Path| -> Result<_> {
        let file = File::open(path)?;
        let length = file.metadata()?.len();
        Ok((file, length))
    };
    let (file, length) =
        open(path).map_err(|error| error.context(format_args!("{} cannot be read", path.display())))?;
    if length > MOST_BYTES {
        return Err(too_large());
    }
    let folder = tempfile::Builder::new()
        .prefix("consumer-package-")
        .permissions(Permissions::from_mode(0o700))
        .tempdir()?;
    let archive = ZipArchive::new(BufReader::new(file))
        .map_err(|error| Error::from(error).context("it is not a zip archive that can be read"))?;
    extract(archive, folder.path())?;
    no_environment(folder.path())?;
    let condition = condition(folder.path())?;
    let words = entry_point(folder.path())?;
    Ok((Package { path: path.to_owned(), folder, condition }, words))
}

fn extract(mut archive: ZipArchive<BufReader<File>>, folder: &Path) -> Result<()> {
    if archive.len() > MOST_ENTRIES {
        return Err(Error::new(format_args!(
            "it has {} files and folders, and at most {MOST_ENTRIES} are unpacked; \
             leave out what it does not need",
            archive.len()
        )));
    }
    let mut left = MOST_BYTES;
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index)?;
        let name = entry.name().to_owned();
        let refused = |why: &str| {
            Error::new(format_args!("its entry {name:?} {why}; pack plain files under relative paths anew"))
        };
        let plain = Path::new(&name).components().all(|part| matches!(part, Part::Normal(_)));
        if name.is_empty() || !plain || name.contains(['\\', '\0']) {
            return Err(refused("does not stay in the package"));
        }
        let mode = entry.unix_mode().unwrap_or_default();
        // The type of the file: none is given, a regular file, a folder.
        if ![0, 0o100_000, 0o040_000].contains(&(mode & 0o170_000)) {
            return Err(refused("is a link or another special file"));
        }
        let target = folder.join(&name);
        let parent = if entry.is_dir() { Some(target.as_path()) } else { target.parent() };
        if let Some(parent) = parent {
            DirBuilder::new().recursive(true).mode(0o700).create(parent)?;
        }
        if entry.is_dir() {
            continue;
        }
        let mode = if mode & 0o111 == 0 { 0o600 } else { 0o700 };
        let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&target)?;
        // What the archive says about sizes need not be true.
        let written = std::io::copy(&mut (&mut entry).take(left + 1), &mut file)?;
        left = left.checked_sub(written).ok_or_else(too_large)?;
    }
    Ok(())
}

fn too_large() -> Error {
    Error::new(format_args!(
        "it has more than {} MB; leave out what it does not need, or unpack it yourself and name its program",
        MOST_BYTES >> 20
    ))
}

/// Refuses a package that wants something to be installed.
fn no_environment(folder: &Path) -> Result<()> {
    for name in ["init.sh", "requirements.txt"] {
        let text = optional(&folder.join(name))?.unwrap_or_default();
        let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        // The customary init.sh does nothing.
        if lines.any(|line| line != "exit 0") {
            return Err(Error::new(format_args!(
                "its {name} asks for an environment, and none is built here; build it yourself, and \
                 name a program that runs the package in it (`Rule name: /path/to/program`)"
            )));
        }
    }
    Ok(())
}

fn condition(folder: &Path) -> Result<Option<JsonPath>> {
    let Some(text) = optional(&folder.join(CONDITION))? else { return Ok(None) };
    let path = JsonPath::parse(text.trim()).map_err(|error| {
        Error::new(format_args!(
            "its {CONDITION} is not a JSONPath of RFC 9535: {} at position {}. Write == for =, && for and, \
             || for or, ! for not; a filter tests the children of what stands before it, so \
             $[?(@[\"type\"] = \"a\")][\"data\"][*][?(@[\"b\"] = 1)] becomes \
             $.data[?$.type == \"a\" && @.b == 1]",
            error.message(),
            error.position()
        ))
    })?;
    Ok(Some(path))
}

fn entry_point(folder: &Path) -> Result<Vec<OsString>> {
    let script = folder.join("__main__.py");
    if script.is_file() {
        let python = in_path("python3").ok_or_else(|| {
            Error::new("its __main__.py needs python3, which is not in the PATH of the runner; install it")
        })?;
        return Ok(vec![python.into(), script.into()]);
    }
    match EXECUTABLES.map(|name| folder.join(name)).as_slice() {
        [one, other] if is_executable(one) && is_executable(other) => {
            Err(Error::new("it has two programs, main and run; leave one out"))
        }
        names => {
            names.iter().find(|file| is_executable(file)).map(|file| vec![file.into()]).ok_or_else(|| {
                Error::new(
                    "it has no program: that is __main__.py, or an executable file main or run \
                 (`chmod +x` it before packing), not in a folder",
                )
            })
        }
    }
}

/// The text of a file that need not exist.
fn optional(path: &Path) -> Result<Option<String>> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            Err(Error::from(error).context(format_args!("its {name} cannot be read as text")))
        }
    }
}

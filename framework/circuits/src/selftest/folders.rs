//! The folders and files that a runner writes to, and who may reach its test port: what can be checked without a network.

use std::fs::{File, OpenOptions};
use std::io::Read as _;
use std::net::IpAddr;
use std::path::Path;

use super::file::at;
use crate::config::{Section, Settings};

/// What is wrong with them, each with its place.
pub(super) fn faults(settings: &Settings, section: &Section) -> Vec<String> {
    let mut faults = Vec::new();
    let log = settings.logdir.join(&settings.logfile);
    let logs = can_be_made(&settings.logdir).and_then(|()| can_be_written(&log));
    let logs_are_well = logs.is_ok();
    if let Some(folder) = log.parent().filter(|folder| *folder != settings.logdir && !folder.is_dir()) {
        let text = format!(
            "logfile = `{}`: the folder {} does not exist; make it, or name a file alone",
            settings.logfile,
            folder.display()
        );
        faults.push(at(section, "logfile", &text));
    }
    faults.extend(logs.err().map(|why| {
        let text = format!("logdir = `{}`: the log {why}; name another folder", settings.logdir.display());
        at(section, "logdir", &text)
    }));
    let own = section.origin("journal").is_some_and(|origin| origin != "default");
    // By default the journal is beside the logs.
    if let Some(path) = settings.journal.as_deref().filter(|_| own || logs_are_well) {
        let folder = path.parent().unwrap_or(Path::new(""));
        let journal = can_be_made(folder).and_then(|()| can_be_written(path)).and_then(|()| is_journal(path));
        faults.extend(journal.err().map(|why| {
            let text = format!("journal = `{}`: the journal {why}; name another file", path.display());
            at(section, "journal", &text)
        }));
    }
    if let Some(folder) = &settings.log_http_responses {
        let why = if folder.is_dir() {
            can_be_made(folder).err()
        } else {
            Some("needs a folder that exists".to_owned())
        };
        faults.extend(why.map(|why| {
            let text = format!(
                "log_http_responses = `{}`: the recording {why}; make it, or name another",
                folder.display()
            );
            at(section, "log_http_responses", &text)
        }));
    }
    if settings.test_actions && settings.health_port == Some(settings.test_port) {
        let text =
            format!("health_port = {0} and test_port = {0} are the same; name another", settings.test_port);
        faults.push(at(section, "health_port", &text));
    }
    faults.extend(open_test_port(settings).map(|text| at(section, "test_host", &text)));
    faults
}

/// Whether this folder is there and can be written to, or could be made.
fn can_be_made(folder: &Path) -> Result<(), String> {
    let there = folder.ancestors().find(|folder| folder.exists() && !folder.as_os_str().is_empty());
    let there = there.unwrap_or(Path::new("."));
    if !there.is_dir() {
        return Err(format!("cannot be written, for {} is not a folder", there.display()));
    }
    let probe = there.join(format!(".circuits-check-{}-{:08x}", std::process::id(), fastrand::u32(..)));
    let made = OpenOptions::new().write(true).create_new(true).open(&probe).map(drop);
    let _ = std::fs::remove_file(&probe);
    made.map_err(|error| {
        format!("cannot be written: this user may not write to {} ({error})", there.display())
    })
}

/// Whether this file can be written to, if it is there.
fn can_be_written(file: &Path) -> Result<(), String> {
    if !file.exists() {
        return Ok(());
    }
    let opened: std::io::Result<File> = OpenOptions::new().append(true).open(file);
    opened.map(drop).map_err(|error| format!("cannot be written: {} ({error})", file.display()))
}

/// Whether this file, if it is there, may be a journal: an empty one, or one of SQLite (<https://sqlite.org/fileformat.html>).
fn is_journal(file: &Path) -> Result<(), String> {
    const MAGIC: &[u8] = b"SQLite format 3\0";
    let mut begin = Vec::new();
    let read = File::open(file).and_then(|file| file.take(MAGIC.len() as u64).read_to_end(&mut begin));
    match read {
        Ok(_) if !begin.is_empty() && begin != MAGIC => {
            Err("would replace a file of another kind".to_owned())
        }
        _ => Ok(()),
    }
}

/// A fault if others can reach the test port's address and it has no token. Where a name leads, only a network can tell.
fn open_test_port(settings: &Settings) -> Option<String> {
    let address: IpAddr = settings.test_host.parse().ok()?;
    let open = settings.test_actions && settings.test_token.is_none() && !address.is_loopback();
    open.then(|| {
        format!(
            "test_host = `{address}` is not loopback, so anybody on the network could submit actions; set test_token, or \
             test_host=localhost"
        )
    })
}

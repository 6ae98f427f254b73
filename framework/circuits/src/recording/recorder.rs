//! Writes recordings on a thread of its own, so that a slow or full disk does not hold up an action.

use std::io::{self, ErrorKind, Write as _};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use circuits_stomp::Headers;
use jiff::civil::DateTime;
use jiff::{SignedDuration, Zoned};
use serde_json::{Map, Value};
use tracing::{info, warn};

use super::name;
use crate::config::Config;
use crate::message::ActionMessage;
use crate::private_file;
use crate::redact::Redactor;
use crate::{Error, Reply, Result};

/// How many messages and answers may wait to be written; any beyond that are not recorded.
const ROOM: usize = 10_000;

/// Records the messages and answers that go through a runner.
pub(crate) struct Recorder {
    redactor: Redactor,
    queue: Option<SyncSender<Job>>,
    writer: Option<JoinHandle<()>>,
    /// The newest time that a file name has: no two names have the same.
    newest: Mutex<DateTime>,
    behind: AtomicBool,
}

/// The files of one time: for each, the beginning of its name and its content.
struct Job {
    time: DateTime,
    files: Vec<(String, Vec<u8>)>,
}

/// Identifies a recorded message, so that its reply can be recorded with it.
pub(crate) struct Mark {
    /// `Action` or `Function`.
    kind: &'static str,
    rule: String,
    time: DateTime,
}

impl Recorder {
    /// The recorder that the settings ask for.
    ///
    /// # Errors
    /// When its folder does not exist.
    pub(crate) fn of(config: &Config) -> Result<Option<Arc<Self>>> {
        let folder = config.settings().log_http_responses.as_deref();
        folder.map(|folder| Self::new(folder, config.secrets()).map(Arc::new)).transpose()
    }

    /// A recorder that writes to this folder and hides these secrets.
    ///
    /// # Errors
    /// When there is no such folder.
    fn new(folder: &Path, secrets: &[impl AsRef<str>]) -> Result<Self> {
        if !folder.is_dir() {
            return Err(Error::new(format_args!(
                "Response Logging Directory {} does not exist! Make it, or correct log_http_responses",
                folder.display()
            )));
        }
        info!("Recording messages and answers of the platform in {}", folder.display());
        let (queue, jobs) = sync_channel::<Job>(ROOM);
        let directory = folder.to_owned();
        let writer = std::thread::Builder::new().name("recorder".to_owned()).spawn(move || {
            let mut well = true;
            for job in jobs {
                match write(&directory, job) {
                    Ok(()) => well = true,
                    Err(error) if well => {
                        warn!(%error, "Nothing can be recorded in {}", directory.display());
                        well = false;
                    }
                    Err(_) => {}
                }
            }
        });
        Ok(Self {
            redactor: Redactor::new(secrets),
            queue: Some(queue),
            writer: Some(writer.map_err(|error| Error::new(error).context("Starting to record"))?),
            newest: Mutex::new(DateTime::MIN),
            behind: AtomicBool::new(false),
        })
    }

    /// Hides this secret from now on.
    pub(crate) fn add_secret(&self, secret: &str) {
        self.redactor.add(secret);
    }

    /// Records a message whose rule (or function) has this name.
    pub(crate) fn message(&self, rule: Option<&str>, headers: &Headers, message: &ActionMessage) -> Mark {
        let kind = if message.function().is_some() { "Function" } else { "Action" };
        let mark = Mark { kind, rule: name::part(rule.unwrap_or("_unnamed_")), time: self.time() };
        let headers: Map<_, _> =
            headers.iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
        let files = vec![
            (format!("{kind}Message_{}", mark.rule), self.json(message.as_json().as_bytes())),
            (format!("{kind}Headers_{}", mark.rule), self.pretty(Value::Object(headers))),
        ];
        self.put(Job { time: mark.time, files });
        mark
    }

    /// Records the final reply to a message.
    pub(crate) fn reply(&self, mark: &Mark, reply: &Reply) {
        let file = (format!("{}Reply_{}", mark.kind, mark.rule), self.json(&reply.to_json()));
        self.put(Job { time: mark.time, files: vec![file] });
    }

    /// Records an answer of the platform.
    pub(crate) fn answer(&self, answer: &circuits_rest::Answer<'_>) {
        let (status, method) = (answer.status, answer.method.as_str());
        let endpoint = name::endpoint(answer.path, answer.query);
        let name = |kind: &str| format!("{status}_{kind}_{method}_{endpoint}");
        let headers: Map<_, _> =
            answer.headers().map(|(name, value)| (name.to_owned(), value.into())).collect();
        let mut files = vec![(name("HEADER"), self.pretty(Value::Object(headers)))];
        if let Some(body) = answer.body {
            let json = body.is_empty() || serde_json::from_slice::<Value>(body).is_ok();
            files.push((name(if json { "JSON" } else { "DATA" }), self.json(body)));
        }
        if let Some(sent) = answer.sent {
            files.push((name("SENT"), self.json(sent)));
        }
        self.put(Job { time: self.time(), files });
    }

    /// Now, or a little later if a recording already has that time.
    fn time(&self) -> DateTime {
        let mut newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Zoned::now().datetime();
        *newest = now.max(later(*newest));
        *newest
    }

    fn json(&self, body: &[u8]) -> Vec<u8> {
        match serde_json::from_slice(body) {
            Ok(value) => self.pretty(value),
            Err(_) => match std::str::from_utf8(body) {
                Ok(text) => self.redactor.hide(text).into(),
                Err(_) => body.to_owned(),
            },
        }
    }

    fn pretty(&self, value: Value) -> Vec<u8> {
        format!("{:#}", self.redactor.hide_in(value)).into()
    }

    fn put(&self, job: Job) {
        let Some(queue) = &self.queue else { return };
        let full = matches!(queue.try_send(job), Err(TrySendError::Full(_)));
        if full && !self.behind.swap(true, Ordering::Relaxed) {
            warn!(
                "The disk is too slow to record everything; some messages or answers are missing from the recording"
            );
        }
    }
}

impl Drop for Recorder {
    /// Waits until everything is written.
    fn drop(&mut self) {
        drop(self.queue.take());
        if let Some(writer) = self.writer.take() {
            let _ = writer.join();
        }
    }
}

fn later(time: DateTime) -> DateTime {
    time.saturating_add(SignedDuration::from_micros(1))
}

/// Writes the files; if another process has already taken a name, it takes the next free time.
fn write(folder: &Path, job: Job) -> io::Result<()> {
    // Files that belong together keep one time.
    let mut time = job.time;
    for (name, content) in job.files {
        loop {
            let path = folder.join(format!("{name}_{}", name::time(time)));
            match private_file().write(true).create_new(true).open(path) {
                Ok(mut file) => break file.write_all(&content)?,
                Err(error) if error.kind() == ErrorKind::AlreadyExists => time = later(time),
                Err(error) => return Err(error),
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recording::Folder;

    fn recorder(folder: &Path) -> Recorder {
        Recorder::new(folder, &["hunter22"]).unwrap()
    }

    fn message(body: &str) -> ActionMessage {
        ActionMessage::parse(body.as_bytes()).unwrap()
    }

    #[test]
    fn no_two_recordings_have_one_name() {
        let folder = tempfile::tempdir().unwrap();
        let recorders = [recorder(folder.path()), recorder(folder.path())];
        std::thread::scope(|scope| {
            for recorder in &recorders {
                scope.spawn(|| {
                    for number in 0..500 {
                        let body = format!(r#"{{"number": {number}, "text": "hunter22"}}"#);
                        let mark = recorder.message(Some("A: b/c"), &Headers::default(), &message(&body));
                        recorder.reply(&mark, &Reply::completed("x"));
                    }
                });
            }
        });
        drop(recorders);
        let messages = Folder::read(folder.path()).unwrap().messages;
        assert_eq!(messages.len(), 1000);
        assert!(messages.is_sorted_by_key(|message| message.time));
        let names: std::collections::BTreeSet<_> = messages.iter().map(|message| message.time).collect();
        assert_eq!(names.len(), 1000);
        assert_eq!(messages[0].rule(), "A- b_c");
        assert!(messages.iter().all(|message| !message.body().unwrap().contains("hunter22")));
    }

    #[test]
    fn a_folder_that_goes_away_holds_nothing_up() {
        let folder = tempfile::tempdir().unwrap();
        let recorder = recorder(folder.path());
        folder.close().unwrap();
        let mark = recorder.message(None, &Headers::default(), &message("{}"));
        recorder.reply(&mark, &Reply::completed("x"));
    }
}

//! Reads recordings.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use jiff::civil::DateTime;
use serde_json::Value;

use super::name;
use crate::{Error, Result};

/// The contents of a folder of recordings, oldest first.
#[derive(Debug)]
pub struct Folder {
    /// The messages.
    pub messages: Vec<Message>,
    /// The platform's answers.
    pub answers: Vec<RecordedAnswer>,
}

/// A recorded message.
#[derive(Clone, Debug)]
pub struct Message {
    path: PathBuf,
    /// `Action`, `Function`, `Inbound` or `LowCode`.
    kind: &'static str,
    rule: String,
    pub(crate) time: Option<DateTime>,
    headers: Option<PathBuf>,
    reply: Option<PathBuf>,
}

/// A recorded answer of the platform.
#[derive(Clone, Debug)]
pub struct RecordedAnswer {
    path: PathBuf,
    status: u16,
    method: String,
    /// Path and query, as they are in file names.
    endpoint: String,
    sent: Option<PathBuf>,
    pub(crate) time: Option<DateTime>,
}

const KINDS: &[&str] = &["Action", "Function", "Inbound", "LowCode"];

impl Folder {
    /// Reads the names in a folder; contents are read only when a method asks for them.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn read(folder: impl AsRef<Path>) -> Result<Self> {
        let folder = folder.as_ref();
        let failed =
            |error| Error::new(error).context(format_args!("Reading the folder {}", folder.display()));
        let mut paths = Vec::new();
        for entry in fs::read_dir(folder).map_err(failed)? {
            paths.push(entry.map_err(failed)?.path());
        }
        paths.sort();
        let mut found = Self { messages: Vec::new(), answers: Vec::new() };
        for path in &paths {
            found.messages.extend(Message::at(path));
            found.answers.extend(RecordedAnswer::at(path));
        }
        found.messages.sort_by_key(|one| one.time);
        found.answers.sort_by_key(|one| one.time);
        Ok(found)
    }
}

impl Message {
    /// The message in this file, with the files that belong to it; `None` if the name is not that of a message.
    pub fn at(path: &Path) -> Option<Self> {
        let name = path.file_name()?.to_str()?;
        let (beginning, time) = name::split(name);
        let (kind, rule) = KINDS
            .iter()
            .find_map(|kind| Some((*kind, beginning.strip_prefix(kind)?.strip_prefix("Message_")?)))?;
        let beside = |what: &str| {
            let other = name.replacen("Message_", &format!("{what}_"), 1);
            Some(path.with_file_name(other)).filter(|path| path.is_file())
        };
        let (headers, reply) = (beside("Headers"), beside("Reply"));
        Some(Self { path: path.to_owned(), kind, rule: rule.to_owned(), time, headers, reply })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The file's name.
    pub fn name(&self) -> String {
        self.path.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// Whether it is a rule's action or a call of a function, and not a message from an inbound destination.
    pub fn is_action(&self) -> bool {
        matches!(self.kind, "Action" | "Function")
    }

    /// The rule's name as it stands in the file's name.
    pub fn rule(&self) -> &str {
        &self.rule
    }

    /// The JSON.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn body(&self) -> Result<String> {
        read(&self.path)
    }

    /// The STOMP headers; empty if they were not recorded.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn headers(&self) -> Result<Vec<(String, String)>> {
        let Some(path) = &self.headers else { return Ok(Vec::new()) };
        let text = |value: Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        match json(path)? {
            Value::Object(headers) => {
                Ok(headers.into_iter().map(|(name, value)| (name, text(value))).collect())
            }
            _ => Err(Error::new(format_args!("{} holds no JSON object", path.display()))),
        }
    }

    /// The programmatic name of the destination that it came from, if its headers were recorded.
    ///
    /// # Errors
    /// As for [`headers`](Self::headers).
    pub fn destination(&self) -> Result<Option<String>> {
        let headers = self.headers()?;
        let destination = headers.iter().find(|(name, _)| name == "destination");
        let name = destination.and_then(|(_, value)| crate::message::DestinationName::parse(value));
        Ok(name.map(|name| name.queue))
    }

    /// The final reply, if it was recorded.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn reply(&self) -> Result<Option<Value>> {
        self.reply.as_deref().map(json).transpose()
    }
}

impl RecordedAnswer {
    fn at(path: &Path) -> Option<Self> {
        let name = path.file_name()?.to_str()?;
        let (beginning, time) = name::split(name);
        let mut parts = beginning.splitn(4, '_');
        let (status, kind, method, endpoint) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        if !matches!(kind, "JSON" | "DATA") {
            return None;
        }
        let sent = path.with_file_name(name.replacen(&format!("_{kind}_"), "_SENT_", 1));
        Some(Self {
            path: path.to_owned(),
            status: status.parse().ok()?,
            method: method.to_owned(),
            endpoint: endpoint.to_owned(),
            sent: Some(sent).filter(|path| path.is_file()),
            time,
        })
    }

    /// The status.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// The method, in capitals.
    pub fn method(&self) -> &str {
        &self.method
    }

    /// Whether it is the answer to such a request. Recordings of the Python client do not distinguish queries.
    pub fn is_for(&self, method: &str, path: &str, query: &str) -> bool {
        self.method == method
            && (self.endpoint == name::endpoint(path, query) || self.endpoint == name::endpoint(path, ""))
    }

    /// The number of the organisation in its path.
    #[cfg(feature = "testing")]
    pub(crate) fn org(&self) -> Option<i64> {
        self.endpoint.strip_prefix("_rest_orgs_")?.split('_').next()?.parse().ok()
    }

    /// Whether it is the answer to a login.
    #[cfg(feature = "testing")]
    pub(crate) fn is_session(&self) -> bool {
        self.endpoint.starts_with("_rest_session")
    }

    /// The body.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn body(&self) -> Result<Vec<u8>> {
        fs::read(&self.path)
            .map_err(|error| Error::new(error).context(format_args!("Reading {}", self.path.display())))
    }

    /// The body that was sent with the request, if that was recorded.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn sent(&self) -> Result<Option<Value>> {
        self.sent.as_deref().map(json).transpose()
    }
}

impl fmt::Display for RecordedAnswer {
    /// `PUT _rest_orgs_201_incidents_2095_`, as in the file's name.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.endpoint)
    }
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path)
        .map_err(|error| Error::new(error).context(format_args!("Reading {}", path.display())))
}

fn json(path: &Path) -> Result<Value> {
    serde_json::from_str(&read(path)?)
        .map_err(|error| Error::new(error).context(format_args!("{} is not JSON", path.display())))
}

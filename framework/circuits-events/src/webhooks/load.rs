//! Reads the files that define webhooks. All their faults are told in one run, and no webhook is used while
//! there is one.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use circuits::EventKind;
use serde_json::{Map, Value};

use super::definition;
use super::document::{self, Language};
use super::webhook::Webhook;

/// The largest file that is read.
const LARGEST: u64 = 1 << 20;
/// The key of the list.
const LIST: &str = "webhooks";

/// What the files hold.
#[derive(Debug, Default)]
pub struct Loaded {
    /// The webhooks in the order of files and items; none if there is a fault.
    pub webhooks: Vec<Webhook>,
    /// Everything that is wrong.
    pub faults: Vec<Fault>,
    /// What may be meant but is more likely a mistake.
    pub warnings: Vec<Fault>,
}

impl Loaded {
    /// How many webhooks each action has.
    pub fn counts(&self) -> BTreeMap<EventKind, usize> {
        let mut counts = BTreeMap::new();
        for webhook in &self.webhooks {
            *counts.entry(webhook.kind()).or_default() += 1;
        }
        counts
    }
}

/// Something wrong in a file or with a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The file or folder.
    pub file: PathBuf,
    /// The position of the item, from 1, and its name where it has one.
    pub item: Option<(usize, Option<String>)>,
    /// What is wrong and what to do.
    pub text: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        match &self.item {
            Some((at, Some(name))) => write!(f, ", item {at} {name:?}")?,
            Some((at, None)) => write!(f, ", item {at}")?,
            None => {}
        }
        write!(f, ": {}", self.text)
    }
}

/// Reads definitions from files, and from the `*.yml`, `*.yaml` and `*.json` of folders in the order of their
/// names. `environment` gives the values of `${NAME}`.
pub fn load(paths: &[PathBuf], environment: &dyn Fn(&str) -> Option<String>) -> Loaded {
    let mut loaded = Loaded::default();
    let mut first: HashMap<String, (PathBuf, usize)> = HashMap::new();
    for path in paths {
        let files = files(path).unwrap_or_else(|text| {
            loaded.faults.push(Fault { file: path.clone(), item: None, text });
            Vec::new()
        });
        for file in files {
            let (items, texts) = items(document(&file));
            let of_file = |text| Fault { file: file.clone(), item: None, text };
            loaded.faults.extend(texts.into_iter().map(of_file));
            for (at, item) in items.iter().enumerate() {
                let at = at + 1;
                let name = item["name"].as_str().map(str::to_owned);
                let fault = |text| Fault { file: file.clone(), item: Some((at, name.clone())), text };
                match definition::read(item, environment) {
                    Ok(webhook) => {
                        if let Some((other, item)) = first.get(webhook.name()) {
                            let other = other.display();
                            let text = format!("{other}, item {item}, has the same name; both are used");
                            loaded.warnings.push(fault(text));
                        } else {
                            first.insert(webhook.name().to_owned(), (file.clone(), at));
                        }
                        loaded.webhooks.push(webhook);
                    }
                    Err(texts) => loaded.faults.extend(texts.into_iter().map(fault)),
                }
            }
        }
    }
    if !loaded.faults.is_empty() {
        loaded.webhooks.clear();
    }
    loaded
}

/// The webhooks of a YAML file of this text, those with faults left out.
#[cfg(feature = "internals")]
pub(crate) fn of_text(text: &str) -> Vec<Webhook> {
    let (items, _) = items(parse(text, Language::Yaml));
    items.iter().filter_map(|item| definition::read(item, &|_| None).ok()).collect()
}

/// The files that a path stands for.
fn files(path: &Path) -> Result<Vec<PathBuf>, String> {
    if !path.metadata().map_err(|error| cannot_read(&error))?.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut files = Vec::new();
    for entry in path.read_dir().map_err(|error| cannot_read(&error))? {
        let file = entry.map_err(|error| cannot_read(&error))?.path();
        // A link that leads nowhere stays in, to be told as a file that cannot be read.
        if is_definition(&file) && !file.is_dir() {
            files.push(file);
        }
    }
    files.sort();
    if files.is_empty() {
        return Err("the folder holds no .yml, .yaml or .json file; put one there or name a file".to_owned());
    }
    Ok(files)
}

/// Editors keep their own files beside those they edit, under names that begin with a dot.
fn is_definition(file: &Path) -> bool {
    let hidden = file.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
    let extension = file.extension().and_then(|extension| extension.to_str());
    !hidden && matches!(extension, Some("yml" | "yaml" | "json"))
}

/// The items of a file, and what is wrong with the file around them.
fn items(document: Result<Map<String, Value>, String>) -> (Vec<Value>, Vec<String>) {
    let mut faults = Vec::new();
    let items = document.and_then(|mut document| {
        let list = document.remove(LIST);
        for key in document.keys() {
            faults.push(format!("{key:?} is not a key of the file; its only key is {LIST}"));
        }
        match list {
            Some(Value::Array(items)) => Ok(items),
            None | Some(Value::Null) => Err(no_webhooks()),
            Some(_) => Err(format!("{LIST} must be a list; begin each webhook with a dash")),
        }
    });
    let items = items.unwrap_or_else(|fault| {
        faults.push(fault);
        Vec::new()
    });
    (items, faults)
}

fn document(file: &Path) -> Result<Map<String, Value>, String> {
    let text = text(file)?;
    let is_json = file.extension().is_some_and(|extension| extension == "json");
    parse(&text, if is_json { Language::Json } else { Language::Yaml })
}

fn parse(text: &str, language: Language) -> Result<Map<String, Value>, String> {
    match document::parse(text.strip_prefix('\u{feff}').unwrap_or(text), language)? {
        Value::Object(document) => Ok(document),
        Value::Null => Err(no_webhooks()),
        _ => Err(format!("the file must be a mapping; write {LIST}: before the list")),
    }
}

fn no_webhooks() -> String {
    format!("the file holds no webhooks; write them under {LIST}: or take the file away")
}

fn text(file: &Path) -> Result<String, String> {
    let about = file.metadata().map_err(|error| cannot_read(&error))?;
    // Opening a pipe would wait for somebody to write into it.
    if !about.is_file() {
        return Err("it is not a file".to_owned());
    }
    let mut bytes = Vec::new();
    let read = File::open(file).and_then(|open| open.take(LARGEST + 1).read_to_end(&mut bytes));
    read.map_err(|error| cannot_read(&error))?;
    if bytes.len() as u64 > LARGEST {
        return Err(format!("it is larger than {} MiB; split it", LARGEST >> 20));
    }
    String::from_utf8(bytes).map_err(|error| {
        let good = error.utf8_error().valid_up_to();
        let line = error.as_bytes()[..good].iter().filter(|byte| **byte == b'\n').count() + 1;
        format!("it is not UTF-8 text, see line {line}; save it as UTF-8")
    })
}

fn cannot_read(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "there is no such file or folder".to_owned(),
        _ => format!("it cannot be read: {error}"),
    }
}

//! From [`Sources`] to a checked [`Config`]: find, read, layer, resolve secrets, warn, check.

use std::path::PathBuf;

use super::error::{ConfigError, Fault};
use super::ini::{Ini, IniSection};
use super::layers::{self, Layers, RESILIENT};
use super::locate::{self, Sources};
use super::nearest::hint;
use super::secrets::{self, asks_vault, is_variable_name};
use super::section::{Entry, Section};
use super::table::{self, Key};
use super::values::integer;
use super::warning::Warning;
use super::{Config, read};
use crate::redact::{is_secret_name, named_secrets, secret_of_setting};

/// The name that stands for the file when there is only a text.
const TEXT: &str = "app.config";

pub(crate) fn load(sources: &Sources) -> Result<Config, ConfigError> {
    strict(examine(sources))
}

/// A configuration without a fault, or all of them.
fn strict((config, faults): (Option<Config>, Vec<Fault>)) -> Result<Config, ConfigError> {
    match config {
        Some(config) if faults.is_empty() => Ok(config),
        Some(config) => Err(ConfigError::new(faults).with_warnings(config.warnings)),
        None => Err(ConfigError::new(faults)),
    }
}

/// The configuration as far as it can be read, and everything that is wrong with it.
pub(crate) fn examine(sources: &Sources) -> (Option<Config>, Vec<Fault>) {
    match sources.locate() {
        Ok(path) => match locate::read(&path) {
            Ok(text) => Loader::new(&path.display().to_string(), &text, sources).examine(Some(path)),
            Err(fault) => (None, vec![fault]),
        },
        Err(places) => {
            let places: Vec<String> = places.iter().map(|place| place.display().to_string()).collect();
            let text = format!(
                "no app.config (looked for {}; `circuits config -c` writes one, --config-file names another)",
                places.join(" and ")
            );
            let mut loader = Loader::new(&text, "", sources);
            loader
                .warnings
                .push(Warning::caution(format!("{text}; using environment and command line only")));
            loader.examine(None)
        }
    }
}

pub(crate) fn from_text(text: &str) -> Result<Config, ConfigError> {
    Loader::new(TEXT, text, &Sources::default()).load(None)
}

/// A section that has the keys of `[resilient]` for another platform, among others.
pub(crate) fn from_section(section: &Section) -> Result<Config, ConfigError> {
    let known = section.entries.iter().filter(|entry| table::find(&entry.key).is_some());
    let overrides = known.filter_map(|entry| Some((entry.key.clone(), entry.value.clone()?))).collect();
    let sources = Sources { overrides, ..Sources::default() };
    Loader::new(&section.origin, "", &sources).load(None).map_err(|error| error.of(section))
}

struct Loader<'a> {
    /// The file as messages name it.
    path: &'a str,
    ini: Ini,
    sources: &'a Sources,
    faults: Vec<Fault>,
    warnings: Vec<Warning>,
    secrets: Vec<String>,
}

impl<'a> Loader<'a> {
    fn new(path: &'a str, text: &str, sources: &'a Sources) -> Self {
        let (ini, faults) = Ini::parse(text);
        let fault = |line, problem| Fault::new(&format!("{path}:{line}"), "", "", problem);
        let faults = faults.into_iter().map(|syntax| fault(syntax.line, syntax.problem)).collect();
        Self { path, ini, sources, faults, warnings: Vec::new(), secrets: Vec::new() }
    }

    fn load(self, file: Option<PathBuf>) -> Result<Config, ConfigError> {
        strict(self.examine(file))
    }

    fn examine(mut self, file: Option<PathBuf>) -> (Option<Config>, Vec<Fault>) {
        let readable = self.faults.is_empty();
        let overrides = self.overrides();
        let layers = match layers::layer(self.path, &self.ini, &self.sources.env, &overrides) {
            Ok(layers) => layers,
            Err(error) => {
                self.faults.push(Fault::new(self.path, "", "", error.to_string()));
                return (None, self.faults);
            }
        };
        let sections = self.sections(layers);
        self.name_unknown_keys();
        let reading = match sections.first() {
            Some(resilient) => read::read(resilient, self.sources.home.as_deref(), readable),
            None => return (None, self.faults),
        };
        self.faults.extend(reading.faults);
        self.warnings.extend(reading.warnings);
        self.secrets.sort();
        self.secrets.dedup();
        let config = Config {
            file,
            settings: reading.settings,
            sections,
            warnings: self.warnings,
            secrets: self.secrets,
        };
        (Some(config), self.faults)
    }

    /// The command line with normalised keys; unknown ones are faults.
    fn overrides(&mut self) -> Vec<(String, String)> {
        let mut known = Vec::new();
        for (key, value) in &self.sources.overrides {
            let key = key.to_lowercase().replace('-', "_");
            if table::known().any(|name| name == key) {
                known.push((key, value.clone()));
            } else {
                let text = format!("`{key}` is not a key{}", hint(&key, table::known()));
                self.faults.push(Fault::new("command line", RESILIENT, &key, text));
            }
        }
        known
    }

    /// `[resilient]` first, then the others in file order, each with its keys in a stable order.
    fn sections(&mut self, mut layers: Layers) -> Vec<Section> {
        let mut in_file: Vec<IniSection> = self.ini.sections.clone();
        in_file.sort_by_key(|section| section.name != RESILIENT);
        if in_file.first().is_none_or(|section| section.name != RESILIENT) {
            in_file.insert(0, IniSection { name: RESILIENT.to_owned(), line: 0, items: Vec::new() });
        }
        let mut sections = Vec::new();
        for section in &in_file {
            let mut values = layers.remove(&section.name).unwrap_or_default();
            let own: Vec<&str> = section.items.iter().map(|item| item.key.as_str()).collect();
            let built_in =
                table::keys().map(|key| -> &str { key.name() }).filter(|_| section.name == RESILIENT);
            let inherited = self.ini.defaults.iter().map(|item| item.key.as_str());
            let given = self.sources.overrides.iter().map(|(key, _)| key.to_lowercase().replace('-', "_"));
            let order: Vec<String> = built_in
                .chain(own.iter().copied())
                .chain(inherited)
                .map(str::to_owned)
                .chain(given)
                .collect();
            let mut entries = Vec::new();
            for key in order {
                let Some(layered) = values.remove(&key) else { continue };
                let inherited = !own.contains(&key.as_str()) && layered.origin.starts_with(self.path);
                let entry = Entry {
                    key,
                    value: layered.value,
                    origin: layered.origin,
                    secret: false,
                    inherited,
                    emptied_by: Vec::new(),
                };
                entries.push(self.resolve(&section.name, entry));
            }
            if section.name == RESILIENT {
                take_over(&mut entries);
            }
            let present = section.line > 0;
            let origin =
                if present { format!("{}:{}", self.path, section.line) } else { self.path.to_owned() };
            sections.push(Section { name: section.name.clone(), origin, present, entries });
        }
        sections
    }

    /// Puts environment variables in place of `$NAME` and `${NAME}`, and notes what must be kept secret.
    fn resolve(&mut self, section: &str, mut entry: Entry) -> Entry {
        let known = if section == RESILIENT { table::find(&entry.key) } else { None };
        // Keys of the Python runner have names such as no_prompt_password, and none of them is a secret.
        let of_python = section == RESILIENT && table::UNUSED.iter().any(|(name, _)| *name == entry.key);
        entry.secret = known.map_or_else(|| !of_python && is_secret_name(&entry.key), Key::is_secret);
        let Some(text) = entry.value.take() else { return entry };
        // Not `key: text`: a log would take the text for the secret and hide it.
        let place = format!("{}: [{section}] the value of {}", entry.origin, entry.key);
        let resolved = secrets::resolve(&text, &self.sources.env);
        for name in &resolved.missing {
            let name = if is_variable_name(name) {
                format!(", {name}")
            } else {
                " (not shown, it may be a secret that begins with $)".to_owned()
            };
            self.warnings.push(Warning::caution(format!(
                "{place} asks for an environment variable that is not set{name}; it is used as it stands"
            )));
        }
        entry.emptied_by = resolved.empty;
        if asks_vault(&text) {
            let what = "asks for a secret from a password vault (^NAME), which is not supported";
            self.warnings.push(Warning::caution(format!("{place} {what}; it is used as it stands")));
        }
        // A port or a size taken from the environment is no secret, and hiding its digits would deface every log line.
        let plain_number = known.is_some_and(|key| !key.is_secret()) && integer(&resolved.text).is_some();
        if !plain_number && !resolved.inserted.is_empty() {
            entry.secret = true;
            self.secrets.extend(resolved.inserted.into_iter().filter(|secret| !secret.is_empty()));
        }
        // `user:password@host`, `Uid=u;Pwd=p`.
        let text = &resolved.text;
        for (start, end) in named_secrets(text).into_iter().chain(secret_of_setting(&entry.key, text)) {
            self.secrets.push(resolved.text[start..end].to_owned());
            entry.secret = true;
        }
        if entry.secret && !resolved.text.is_empty() {
            self.secrets.push(resolved.text.clone());
        }
        entry.value = Some(resolved.text);
        entry
    }

    fn name_unknown_keys(&mut self) {
        for section in &self.ini.sections {
            let known: Vec<&str> = match section.name.as_str() {
                RESILIENT => table::known().collect(),
                "integrations" => table::INTEGRATIONS.iter().map(Key::name).chain(["ui_lock"]).collect(),
                other => {
                    // Section names are compared as they are written, as Python does.
                    let near = [RESILIENT, "integrations"]
                        .into_iter()
                        .find(|known| known.eq_ignore_ascii_case(other.trim()));
                    if let Some(near) = near {
                        self.warnings.push(Warning::caution(format!(
                            "{}:{}: [{other}] is not read; did you mean [{near}]?",
                            self.path, section.line
                        )));
                    }
                    continue;
                }
            };
            for item in &section.items {
                let place = format!("{}:{}: [{}]", self.path, item.line, section.name);
                if !known.contains(&item.key.as_str()) {
                    let near = hint(&item.key, known.iter().copied());
                    self.warnings.push(Warning::caution(format!(
                        "{place} `{}` is not a known key and has no effect{near}",
                        item.key
                    )));
                } else if section.name == RESILIENT
                    && let Some((_, Some(why))) = table::UNUSED.iter().find(|(name, _)| *name == item.key)
                {
                    self.warnings
                        .push(Warning::info(format!("{place} `{}` has no effect here: {why}", item.key)));
                }
            }
        }
    }
}

/// Keys whose default is another key's value take it over, so that what is shown is what is in force.
fn take_over(entries: &mut [Entry]) {
    for at in 0..entries.len() {
        let other = entries
            .get(at)
            .filter(|entry| entry.value.as_deref().unwrap_or_default().is_empty())
            .and_then(|entry| table::find(&entry.key)?.takes_over())
            .and_then(|same_as| entries.iter().find(|entry| entry.key == same_as))
            .map(|other| (other.value.clone(), other.secret));
        if let (Some((value, secret)), Some(entry)) = (other, entries.get_mut(at)) {
            entry.value = value;
            entry.secret = secret;
            entry.origin = "default".to_owned();
        }
    }
}

//! Finds app.config, lays environment and command line over it, substitutes secrets, and checks the whole.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use super::check::check;
use super::ini::{Ini, Item};
use super::layers::{Layer, lay};
use super::section::Entry;
use super::settings::Settings;
use super::warning::Warning;
use super::{Config, ConfigError, Fault, RESILIENT, keys, nearest, secrets};

/// Where a configuration comes from; nothing else is looked at.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// This file instead of the search.
    pub config_file: Option<PathBuf>,
    /// The environment: `APP_CONFIG_FILE`, `LOGLEVEL`, ..., and the secrets that `$NAME` asks for.
    pub env: BTreeMap<String, String>,
    /// The home directory, for `~`.
    pub home: Option<PathBuf>,
    /// The working directory.
    pub cwd: PathBuf,
    /// Values of `[resilient]` from the command line.
    pub overrides: Vec<(String, String)>,
}

impl Config {
    /// Reads and checks a configuration. The file is `config_file`, else `$APP_CONFIG_FILE`, else `app.config` in the working
    /// directory, else `~/.resilient/app.config`, else none.
    ///
    /// # Errors
    /// All faults together, each with its place and its cure.
    pub fn load(sources: Sources) -> Result<Self, ConfigError> {
        let path = sources.find();
        let text = match &path {
            None => String::new(),
            Some(path) => read(path)?,
        };
        Self::assemble(path, &text, &sources)
    }

    /// A configuration from the text of an app.config alone.
    ///
    /// # Errors
    /// As for [`load`](Self::load).
    pub fn from_text(text: &str) -> Result<Self, ConfigError> {
        Self::assemble(None, text, &Sources::default())
    }

    fn assemble(path: Option<PathBuf>, text: &str, sources: &Sources) -> Result<Self, ConfigError> {
        let name = path.as_ref().map_or_else(|| "app.config".to_owned(), |path| path.display().to_string());
        let (ini, syntax) = Ini::parse(text);
        let mut faults: Vec<_> = syntax
            .into_iter()
            .map(|fault| {
                Fault::new(&format!("{name}:{}", fault.line), "", "", format!("this line {}", fault.problem))
            })
            .collect();
        let laid =
            lay(vec![defaults(sources), file(&ini, &name), environment(sources), command_line(sources)])
                .map_err(|error| ConfigError::new(vec![Fault::new(&name, "", "", error.to_string())]))?;
        let order: HashMap<_, _> = keys::KEYS.iter().enumerate().map(|(at, key)| (key.name, at)).collect();

        let mut warnings = Vec::new();
        let mut found = Vec::new();
        let mut sections = BTreeMap::new();
        for (section, values) in laid {
            let mut entries: Vec<_> = values
                .into_iter()
                .map(|(key, text, origin)| {
                    entry(&section, key, text, origin, sources, &mut warnings, &mut found)
                })
                .collect();
            entries.sort_by_key(|entry| {
                (order.get(entry.key.as_str()).copied().unwrap_or(usize::MAX), entry.key.clone())
            });
            sections.insert(section, entries);
        }
        unknown_keys(&sections, &mut warnings);
        let resilient = sections.entry(RESILIENT.to_owned()).or_default();
        let settings = check(resilient, &name, sources.home.as_deref(), &mut faults, &mut warnings);
        fill(resilient);
        if !faults.is_empty() {
            return Err(ConfigError::new(faults));
        }
        found.sort();
        found.dedup();
        Ok(Self { path, settings, sections, secrets: found, warnings })
    }
}

impl Sources {
    fn find(&self) -> Option<PathBuf> {
        if let Some(path) = &self.config_file {
            return Some(path.clone());
        }
        if let Some(path) = self.env.get("APP_CONFIG_FILE").filter(|path| !path.is_empty()) {
            return Some(super::values::path(path, self.home.as_deref()));
        }
        let here = self.cwd.join("app.config");
        let home = self.home.as_ref().map(|home| home.join(".resilient").join("app.config"));
        if here.is_file() { Some(here) } else { home.filter(|path| path.is_file()) }
    }
}

fn read(path: &Path) -> Result<String, ConfigError> {
    let name = path.display().to_string();
    let fault = |text: String| ConfigError::new(vec![Fault::new(&name, "", "", text)]);
    let bytes = std::fs::read(path).map_err(|error| fault(format!("cannot be read: {error}")))?;
    String::from_utf8(bytes).map_err(|error| {
        let line = error.as_bytes()[..error.utf8_error().valid_up_to()]
            .iter()
            .filter(|&&byte| byte == b'\n')
            .count()
            + 1;
        fault(format!("line {line} is not UTF-8; save the file as UTF-8"))
    })
}

fn defaults(sources: &Sources) -> Layer {
    let settings = Settings::default();
    let mut layer = Layer::default();
    for key in keys::KEYS {
        if let Some(text) = settings.default_text(key.name) {
            layer.set(RESILIENT, key.name, &text, "default");
        }
    }
    if let Some(directory) = sources.env.get(keys::LOG_DIR_VARIABLE) {
        layer.set(RESILIENT, "logdir", directory, &format!("environment {}", keys::LOG_DIR_VARIABLE));
    }
    layer
}

fn file(ini: &Ini, name: &str) -> Layer {
    let mut layer = Layer::default();
    for section in &ini.sections {
        layer.section(&section.name);
        let mut put =
            |item: &Item| layer.set(&section.name, &item.key, &item.value, &format!("{name}:{}", item.line));
        ini.defaults.iter().for_each(&mut put);
        section.items.iter().for_each(&mut put);
    }
    layer
}

fn environment(sources: &Sources) -> Layer {
    let mut layer = Layer::default();
    for key in keys::KEYS {
        if let Some((variable, text)) = key.env.and_then(|variable| sources.env.get_key_value(variable)) {
            layer.set(RESILIENT, key.name, text, &format!("environment {variable}"));
        }
    }
    layer
}

fn command_line(sources: &Sources) -> Layer {
    let mut layer = Layer::default();
    for (key, text) in &sources.overrides {
        layer.set(RESILIENT, key, text, "command line");
    }
    layer
}

/// One value with its secrets put in, and what came to light on the way.
fn entry(
    section: &str,
    key: String,
    raw: String,
    origin: String,
    sources: &Sources,
    warnings: &mut Vec<Warning>,
    found: &mut Vec<String>,
) -> Entry {
    let resolved = secrets::resolve(&raw, &sources.env);
    for name in resolved.missing.iter().filter(|name| secrets::is_variable_name(name)) {
        warnings.push(Warning::new(format!(
            "{origin}: [{section}] {key} asks for the environment variable {name}, which is not set; its text is used as it stands"
        )));
    }
    if secrets::asks_vault(&raw) {
        warnings.push(Warning::new(format!(
            "{origin}: [{section}] {key} asks a password vault, which this runner cannot do yet; use $NAME from the environment"
        )));
    }
    let secret = secrets::is_secret_name(&key)
        || keys::find(&key).is_some_and(|known| section == RESILIENT && known.secret);
    if secret && !resolved.text.is_empty() {
        found.push(resolved.text.clone());
    }
    found.extend(resolved.inserted.iter().cloned());
    found.extend(secrets::url_password(&resolved.text).map(str::to_owned));
    let hidden = secret || !resolved.inserted.is_empty() || secrets::url_password(&resolved.text).is_some();
    Entry { key, text: Some(resolved.text), origin, hidden }
}

fn unknown_keys(sections: &BTreeMap<String, Vec<Entry>>, warnings: &mut Vec<Warning>) {
    let mut warn = |section: &str, known: &dyn Fn() -> Vec<&'static str>| {
        let known = known();
        for entry in
            sections.get(section).into_iter().flatten().filter(|entry| !known.contains(&entry.key.as_str()))
        {
            let hint = nearest::hint(&entry.key, known.iter().copied());
            warnings.push(Warning::new(format!(
                "{}: [{section}] has no setting `{}`{hint}",
                entry.origin, entry.key
            )));
        }
    };
    warn(RESILIENT, &|| keys::known().collect());
    warn("integrations", &|| keys::INTEGRATIONS.to_vec());
    for entry in sections.get(RESILIENT).into_iter().flatten() {
        if let Some((_, Some(note))) = keys::UNUSED.iter().find(|(name, _)| *name == entry.key) {
            warnings
                .push(Warning::info(format!("{}: `{}` has no effect here: {note}", entry.origin, entry.key)));
        }
    }
}

/// Adds the keys that are not set: with the value of the key they follow, or none.
fn fill(resilient: &mut Vec<Entry>) {
    for (at, key) in keys::KEYS.iter().enumerate() {
        if resilient.iter().any(|entry| entry.key == key.name) {
            continue;
        }
        let other = key.same_as.and_then(|other| resilient.iter().find(|entry| entry.key == other));
        let text = other.and_then(|other| other.text.clone());
        let origin =
            key.same_as.map_or_else(|| "default".to_owned(), |other| format!("default (as {other})"));
        let hidden = other.is_some_and(|other| other.hidden);
        resilient.insert(at.min(resilient.len()), Entry { key: key.name.to_owned(), text, origin, hidden });
    }
}

//! Lays default, file, environment and command line over each other with the `config` crate, which remembers for each
//! value where it comes from.

use std::collections::{BTreeMap, HashMap};

use ::config::{ConfigError, Source, Value, ValueKind};

use super::ini::{Ini, Item};
use super::table::{self, Key, LOG_DIR_VARIABLE};

/// The section of the runner itself.
pub(crate) const RESILIENT: &str = "resilient";

/// Section names may hold dots and brackets, which the `config` crate takes for paths; below this one key they are safe.
const ROOT: &str = "app";

/// A value and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Layered {
    /// `None` is a key of `[resilient]` that nothing sets.
    pub(crate) value: Option<String>,
    pub(crate) origin: String,
}

/// Values by section and key.
pub(crate) type Layers = BTreeMap<String, BTreeMap<String, Layered>>;

/// Command line over environment over file over default.
pub(crate) fn layer(
    path: &str,
    ini: &Ini,
    env: &BTreeMap<String, String>,
    overrides: &[(String, String)],
) -> Result<Layers, ConfigError> {
    let mut builder = ::config::Config::builder();
    for (key, value) in defaults(env) {
        builder = builder.set_default(format!("{ROOT}.{RESILIENT}.{key}"), value)?;
    }
    builder = builder
        .add_source(File { path: path.to_owned(), ini: ini.clone() })
        .add_source(Environment(env.clone()));
    for (key, value) in overrides {
        builder = builder
            .set_override(format!("{ROOT}.{RESILIENT}.{key}"), text("command line".to_owned(), value))?;
    }
    let mut layers = Layers::new();
    for (section, values) in builder.build()?.get_table(ROOT)? {
        let values = values.into_table()?.into_iter().map(|(key, value)| {
            let origin = value.origin().unwrap_or_default().to_owned();
            let value = match value.kind {
                ValueKind::Nil => None,
                other => Some(other.to_string()),
            };
            (key, Layered { value, origin })
        });
        layers.insert(section, values.collect());
    }
    Ok(layers)
}

fn text(origin: String, value: &str) -> Value {
    Value::new(Some(&origin), value)
}

/// The lowest layer: every key that the runner reads, unset ones too, so that all of them can be listed.
fn defaults(env: &BTreeMap<String, String>) -> Vec<(&'static str, Value)> {
    let log_dir = env.get(LOG_DIR_VARIABLE).filter(|value| !value.is_empty());
    let value = |key: &Key| match log_dir {
        Some(value) if key.name() == "logdir" => text(format!("environment {LOG_DIR_VARIABLE}"), value),
        _ => Value::new(Some(&"default".to_owned()), key.default_text()),
    };
    table::keys().map(|key| (key.name(), value(key))).collect()
}

/// The file: sections with what they inherit from `[DEFAULT]`.
#[derive(Debug, Clone)]
struct File {
    path: String,
    ini: Ini,
}

impl File {
    fn table(&self, items: &[Item]) -> HashMap<String, Value> {
        // Later entries win, so the section's own follow the inherited ones.
        let items = self.ini.defaults.iter().chain(items);
        items
            .map(|item| (item.key.clone(), text(format!("{}:{}", self.path, item.line), &item.value)))
            .collect()
    }
}

impl Source for File {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<HashMap<String, Value>, ConfigError> {
        let sections: HashMap<String, Value> = self
            .ini
            .sections
            .iter()
            .map(|section| (section.name.clone(), Value::from(self.table(&section.items))))
            .collect();
        Ok(HashMap::from([(ROOT.to_owned(), Value::from(sections))]))
    }
}

/// The variables that stand above the file. An empty one counts as not set.
#[derive(Debug, Clone)]
struct Environment(BTreeMap<String, String>);

impl Source for Environment {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<HashMap<String, Value>, ConfigError> {
        let mut values = HashMap::new();
        for key in table::keys() {
            let Some(variable) = key.variable() else { continue };
            if let Some(value) = self.0.get(variable).filter(|value| !value.is_empty()) {
                values.insert(key.name().to_owned(), text(format!("environment {variable}"), value));
            }
        }
        let sections = HashMap::from([(RESILIENT.to_owned(), Value::from(values))]);
        Ok(HashMap::from([(ROOT.to_owned(), Value::from(sections))]))
    }
}

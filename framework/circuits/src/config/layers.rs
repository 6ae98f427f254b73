//! Defaults, file, environment and command line as sources of the `config` crate, which lays one over the other.

use config::{ConfigError, Map, Source, Value, ValueKind};

/// One source of values: section, key, text and where it stands.
#[derive(Clone, Debug, Default)]
pub(super) struct Layer {
    values: Vec<(String, String, String, String)>,
    /// Sections that exist even without a value.
    sections: Vec<String>,
}

impl Layer {
    pub(super) fn set(&mut self, section: &str, key: &str, text: &str, origin: &str) {
        self.values.push((section.to_owned(), key.to_owned(), text.to_owned(), origin.to_owned()));
    }

    pub(super) fn section(&mut self, name: &str) {
        self.sections.push(name.to_owned());
    }
}

impl Source for Layer {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Map<String, Value>, ConfigError> {
        let mut root = Map::new();
        for section in &self.sections {
            table(&mut root, section);
        }
        for (section, key, text, origin) in &self.values {
            let value = Value::new(Some(origin), ValueKind::String(text.clone()));
            table(&mut root, section).insert(key.clone(), value);
        }
        Ok(root)
    }

    /// Section and key names are taken as they are: the crate's own way would read dots and brackets in them as a path.
    fn collect_to(&self, cache: &mut Value) -> Result<(), ConfigError> {
        let ValueKind::Table(root) = &mut cache.kind else { return Ok(()) };
        for (section, values) in self.collect()? {
            table(root, &section).extend(values.into_table()?);
        }
        Ok(())
    }
}

fn table<'a>(root: &'a mut Map<String, Value>, section: &str) -> &'a mut Map<String, Value> {
    let value = root.entry(section.to_owned()).or_insert_with(|| Value::new(None, ValueKind::Table(Map::new())));
    if !matches!(value.kind, ValueKind::Table(_)) {
        value.kind = ValueKind::Table(Map::new());
    }
    match &mut value.kind {
        ValueKind::Table(table) => table,
        _ => unreachable!("made a table just above"),
    }
}

/// A value on top of all layers: key, text, origin.
type Laid = (String, String, String);

/// Lays the layers over each other, later ones on top; by section.
pub(super) fn lay(layers: Vec<Layer>) -> Result<Vec<(String, Vec<Laid>)>, ConfigError> {
    let builder = layers.into_iter().fold(config::Config::builder(), |builder, layer| builder.add_source(layer));
    let mut sections = Vec::new();
    for (section, values) in builder.build()?.cache.into_table()? {
        let mut entries = Vec::new();
        for (key, value) in values.into_table()? {
            let origin = value.origin().unwrap_or_default().to_owned();
            entries.push((key, value.into_string()?, origin));
        }
        sections.push((section, entries));
    }
    Ok(sections)
}

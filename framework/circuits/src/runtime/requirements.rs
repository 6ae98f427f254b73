//! What a component must find in app.config and on the platform. It is checked at start and at each reload, so that a gap
//! shows then and not when an analyst waits.

use std::collections::HashMap;
use std::fmt;

use circuits_rest::Rest;
use serde_json::Value;

use crate::Registration;
use crate::config::Config;

/// A field that must be defined on the platform.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RequiredField {
    pub(crate) of: FieldOf,
    pub(crate) name: String,
    pub(crate) input_type: Option<String>,
}

impl fmt::Display for RequiredField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of = match self.of {
            FieldOf::Incident => "incident field",
            FieldOf::Action => "activity field",
        };
        write!(f, "{of} {}", self.name)?;
        self.input_type.as_ref().map_or(Ok(()), |kind| write!(f, " ({kind})"))
    }
}

/// What a required field belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum FieldOf {
    Incident,
    Action,
}

impl FieldOf {
    fn path(self) -> &'static str {
        match self {
            Self::Incident => "/types/incident/fields",
            Self::Action => "/types/actioninvocation/fields",
        }
    }

    /// As the Python runner words it.
    fn words(self) -> &'static str {
        match self {
            Self::Incident => "Field",
            Self::Action => "Action field",
        }
    }
}

/// The required keys that the component's section lacks, or has with the value of the example only.
pub(crate) fn missing_keys(registration: &Registration, config: &Config) -> Vec<String> {
    let section = config.section_or_empty(registration.section());
    let missing = |key: &&str| match section.get(key).filter(|value| !value.trim().is_empty()) {
        None => Some(format!(
            "'{key}' is mandatory and is not set (required by '{}'). Set it in [{}] of {}{}",
            registration.name(),
            registration.section(),
            file(config),
            section.note(key)
        )),
        Some(value) if registration.example(key) == Some(&value) => Some(format!(
            "'{key}' is mandatory and still has its placeholder value of '{value}' (required by '{}'). Set it in [{}], {}",
            registration.name(),
            registration.section(),
            section.origin(key).unwrap_or_default()
        )),
        Some(_) => None,
    };
    registration.required_keys().iter().filter_map(missing).collect()
}

fn file(config: &Config) -> String {
    config.file().map_or_else(|| "app.config".to_owned(), |file| file.display().to_string())
}

/// The required fields that the platform lacks, or has with another type.
///
/// # Errors
/// When the platform does not list its fields.
pub(crate) async fn missing_fields(
    rest: &Rest,
    required: impl IntoIterator<Item = (&'static str, &RequiredField)>,
) -> Result<Vec<String>, circuits_rest::Error> {
    let mut required: Vec<_> = required.into_iter().collect();
    required.sort_by_key(|(_, field)| field.of);
    let mut missing = Vec::new();
    for fields in required.chunk_by(|(_, one), (_, other)| one.of == other.of) {
        let Some((_, first)) = fields.first() else { continue };
        let what = first.of.words();
        let listed = rest.list(first.of.path()).await?;
        let types: HashMap<_, _> = listed.into_iter().filter_map(name_and_type).collect();
        missing.extend(fields.iter().filter_map(|(component, RequiredField { name, input_type, .. })| {
            match (types.get(name), input_type) {
                (None, wanted) => Some(format!(
                    "{what} '{name}' (required by '{component}') is not defined in this Resilient platform. Create it there{}, or run \
                     `circuits customize` if the component brings its definition",
                    wanted.as_ref().map_or_else(String::new, |wanted| format!(", with the type '{wanted}'"))
                )),
                (Some(found), Some(wanted)) if found != wanted => Some(format!(
                    "{what} '{name}' (required by '{component}') must be type '{wanted}'. It is '{found}' in this Resilient platform"
                )),
                _ => None,
            }
        }));
    }
    Ok(missing)
}

fn name_and_type(field: Value) -> Option<(String, String)> {
    let text = |key| field[key].as_str().map(str::to_owned);
    Some((text("name")?, text("input_type").unwrap_or_default()))
}

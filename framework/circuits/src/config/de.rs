//! Turns a section into a component's own struct through serde. Values are text; what a field wants decides how it is read.

use std::fmt;

use serde::de::value::StrDeserializer;
use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, IntoDeserializer, MapAccess, SeqAccess, Visitor,
};
use serde::forward_to_deserialize_any;

use super::error::{ConfigError, Fault};
use super::nearest::hint;
use super::section::{Entry, Section};
use super::table;
use super::values::{boolean, list, shown};

pub(crate) fn from_section<T: DeserializeOwned>(section: &Section) -> Result<T, ConfigError> {
    T::deserialize(SectionReader(section)).map_err(|error| {
        ConfigError::new(match error {
            Error::Faults(faults) => faults,
            Error::Missing(field) => vec![missing(section, field)],
            Error::Text(text) => vec![Fault::new(&section.origin, &section.name, "", text)],
        })
    })
}

fn missing(section: &Section, field: &str) -> Fault {
    let note = section.note(field);
    let text = if section.present {
        format!("`{field}` is missing; add `{field}=...` to the section")
    } else {
        format!("the section is missing and its key `{field}` is needed; add the section with `{field}=...`")
    };
    Fault::new(&section.origin, &section.name, field, text + &note)
}

/// What went wrong, before it is known where.
#[derive(Debug)]
enum Error {
    Text(String),
    Missing(&'static str),
    Faults(Vec<Fault>),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Missing(field) => write!(f, "`{field}` is missing"),
            Self::Faults(faults) => faults.iter().try_for_each(|fault| writeln!(f, "{fault}")),
        }
    }
}

impl std::error::Error for Error {}

impl serde::de::Error for Error {
    fn custom<T: fmt::Display>(text: T) -> Self {
        Self::Text(text.to_string())
    }

    fn missing_field(field: &'static str) -> Self {
        Self::Missing(field)
    }
}

struct SectionReader<'a>(&'a Section);

impl SectionReader<'_> {
    /// A misspelt key would otherwise leave its default in force without a word.
    fn unknown(&self, fields: &[&str]) -> Vec<Fault> {
        let section = self.0;
        let unknown = section.entries.iter().filter(|entry| {
            let key = entry.key.as_str();
            !entry.inherited && !fields.contains(&key) && !table::COMPONENT.contains(&key)
        });
        let fault = |entry: &Entry| {
            let near = hint(&entry.key, fields.iter().copied().chain(table::COMPONENT.iter().copied()));
            let text = format!("`{}` is not a key of this section{near}", entry.key);
            Fault::new(&entry.origin, &section.name, &entry.key, text)
        };
        unknown.map(fault).collect()
    }
}

impl<'de> Deserializer<'de> for SectionReader<'_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_map(Entries { section: self.0, at: 0 })
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let unknown = self.unknown(fields);
        if unknown.is_empty() { self.deserialize_any(visitor) } else { Err(Error::Faults(unknown)) }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.0.present { visitor.visit_some(self) } else { visitor.visit_none() }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf seq tuple tuple_struct map enum
        identifier ignored_any
    }
}

struct Entries<'a> {
    section: &'a Section,
    at: usize,
}

impl<'de> MapAccess<'de> for Entries<'_> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        let entries = &self.section.entries;
        while entries.get(self.at).is_some_and(|entry| entry.value.is_none()) {
            self.at += 1;
        }
        let Some(entry) = entries.get(self.at) else { return Ok(None) };
        seed.deserialize(entry.key.as_str().into_deserializer()).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        let Some(entry) = self.section.entries.get(self.at) else {
            return Err(Error::Text("a value was asked for without its key".to_owned()));
        };
        self.at += 1;
        let text = entry.value.as_deref().unwrap_or_default();
        seed.deserialize(Text(text)).map_err(|error| {
            // The message may quote the value, which must not be shown if it is a secret.
            let text = match text {
                "" => format!("`{}` is empty: {error}{}", entry.key, entry.note()),
                _ if entry.secret => format!("`{}` = `***`: is not valid", entry.key),
                _ => format!("`{}` = `{}`: {error}", entry.key, shown(text)),
            };
            Error::Faults(vec![Fault::new(&entry.origin, &self.section.name, &entry.key, text)])
        })
    }
}

/// One value.
struct Text<'a>(&'a str);

macro_rules! number {
    ($($method:ident $visit:ident $kind:ty, $what:literal;)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            let text = self.0.trim();
            let number: $kind = text.parse().map_err(|_| Error::Text($what.to_owned()))?;
            visitor.$visit(number)
        })*
    };
}

impl<'de> Deserializer<'de> for Text<'_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_str(self.0)
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let value = boolean(self.0).ok_or_else(|| Error::Text("must be true or false".to_owned()))?;
        visitor.visit_bool(value)
    }

    number! {
        deserialize_i8 visit_i8 i8, "must be a whole number from -128 to 127";
        deserialize_i16 visit_i16 i16, "must be a whole number from -32768 to 32767";
        deserialize_i32 visit_i32 i32, "must be a whole number from -2147483648 to 2147483647";
        deserialize_i64 visit_i64 i64, "must be a whole number";
        deserialize_u8 visit_u8 u8, "must be a whole number from 0 to 255";
        deserialize_u16 visit_u16 u16, "must be a whole number from 0 to 65535";
        deserialize_u32 visit_u32 u32, "must be a whole number from 0 to 4294967295";
        deserialize_u64 visit_u64 u64, "must be a whole number, not negative";
        deserialize_f32 visit_f32 f32, "must be a number";
        deserialize_f64 visit_f64 f64, "must be a number";
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.0.is_empty() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_seq(Items(list(self.0)))
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let value: StrDeserializer<'_, Error> = self.0.trim().into_deserializer();
        if !variants.contains(&self.0.trim()) {
            return Err(Error::Text(format!("must be one of {}", variants.join(", "))));
        }
        value.deserialize_enum(name, variants, visitor)
    }

    forward_to_deserialize_any! {
        i128 u128 char str string bytes byte_buf unit unit_struct map struct identifier ignored_any
    }
}

/// The items of a list.
struct Items<I>(I);

impl<'de, 'a, I: Iterator<Item = &'a str>> SeqAccess<'de> for Items<I> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Error> {
        self.0.next().map(|item| seed.deserialize(Text(item))).transpose()
    }
}

#[cfg(test)]
#[path = "de_tests.rs"]
mod tests;

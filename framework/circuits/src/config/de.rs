//! Reads a section into a struct: each value is a text that becomes whatever the struct wants.

use serde::de::{DeserializeSeed, Error as _, IntoDeserializer, MapAccess, Visitor, value};
use serde::{Deserializer, forward_to_deserialize_any};

use super::section::Entry;
use super::values;

/// The entries of a section, as a map.
pub(super) struct Fields<'a> {
    entries: std::slice::Iter<'a, Entry>,
    current: Option<&'a Entry>,
}

impl<'a> Fields<'a> {
    pub(super) fn new(entries: &'a [Entry]) -> Self {
        Self { entries: entries.iter(), current: None }
    }
}

impl<'de> Deserializer<'de> for Fields<'de> {
    type Error = value::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        visitor.visit_map(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf option unit unit_struct newtype_struct seq
        tuple tuple_struct map struct enum identifier ignored_any
    }
}

impl<'de> MapAccess<'de> for Fields<'de> {
    type Error = value::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Self::Error> {
        self.current = self.entries.next();
        self.current.map(|entry| seed.deserialize(entry.key.as_str().into_deserializer())).transpose()
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Self::Error> {
        let Some(entry) = self.current else { return Err(value::Error::custom("a value without a key")) };
        seed.deserialize(Text(entry.text.as_deref().unwrap_or_default())).map_err(|error| {
            // serde quotes the value in its message, which for a secret must not be.
            let reason = if entry.hidden { "unfit value".to_owned() } else { error.to_string() };
            value::Error::custom(format_args!("{} = {} ({}): {reason}", entry.key, entry.shown(), entry.origin))
        })
    }
}

/// One value.
struct Text<'a>(&'a str);

macro_rules! numbers {
    ($($method:ident $visit:ident $type:ty),*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
            let number = self.0.trim().parse::<$type>();
            visitor.$visit(number.map_err(|_| value::Error::custom(format_args!("expected a number ({})", stringify!($type))))?)
        }
    )*};
}

impl<'de> Deserializer<'de> for Text<'de> {
    type Error = value::Error;

    numbers! {
        deserialize_i8 visit_i8 i8, deserialize_i16 visit_i16 i16, deserialize_i32 visit_i32 i32, deserialize_i64 visit_i64 i64,
        deserialize_u8 visit_u8 u8, deserialize_u16 visit_u16 u16, deserialize_u32 visit_u32 u32, deserialize_u64 visit_u64 u64,
        deserialize_f32 visit_f32 f32, deserialize_f64 visit_f64 f64
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        visitor.visit_borrowed_str(self.0)
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        visitor.visit_bool(values::boolean(self.0).ok_or_else(|| value::Error::custom("expected true or false"))?)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        if self.0.is_empty() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        visitor.visit_seq(value::SeqDeserializer::new(values::list(self.0).map(Text)))
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Self::Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        IntoDeserializer::<value::Error>::into_deserializer(self.0).deserialize_enum(name, variants, visitor)
    }

    forward_to_deserialize_any! {
        char str string bytes byte_buf unit unit_struct tuple tuple_struct map struct identifier ignored_any
    }
}

impl<'de> IntoDeserializer<'de, value::Error> for Text<'de> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

#[cfg(test)]
mod tests {
    use super::super::Config;
    use serde::Deserialize;

    #[derive(Debug, Deserialize, PartialEq)]
    struct Mine {
        name: String,
        count: u32,
        on: bool,
        list: Vec<String>,
        none: Option<String>,
    }

    fn config(text: &str) -> Config {
        Config::from_text(&format!("[resilient]\nhost=h\napi_key_id=i\napi_key_secret=hunter22\n{text}")).unwrap()
    }

    #[test]
    fn texts_become_what_the_struct_wants() {
        let config = config("[mine]\nname=n\ncount=7\non=Yes\nlist=a, b\nnone=\n");
        let mine: Mine = config.section("mine").unwrap().settings().unwrap();
        let list = vec!["a".to_owned(), "b".to_owned()];
        assert_eq!(mine, Mine { name: "n".to_owned(), count: 7, on: true, list, none: None });
    }

    #[test]
    fn faults_name_section_key_and_line() {
        let error = config("[mine]\nname=n\ncount=many\non=1\nlist=\n").section("mine").unwrap().settings::<Mine>().unwrap_err();
        let text = error.to_string();
        assert!(text.contains("[mine]") && text.contains("count = many (app.config:7)") && text.contains("number"), "{text}");
        let error = config("[mine]\nnames=n\n").section_or_empty("mine").settings::<Mine>().unwrap_err().to_string();
        assert!(error.contains("`name` is mandatory") && error.contains("did you mean `names`"), "{error}");
    }
}

//! Reads YAML and JSON into one kind of value, with keys that are always text and a bound on what aliases can
//! make of a file.

use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// How much a file may hold, each value counted with its text and [`EACH`]. The parser's own limit on aliases
/// counts them and not what they stand for.
const LIMIT: usize = 16 << 20;
/// What a value costs beside its text.
const EACH: usize = 32;

/// Which language a file is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Language {
    Yaml,
    Json,
}

/// The content of a file.
///
/// # Errors
/// What is wrong, with the line.
pub(crate) fn parse(text: &str, language: Language) -> Result<Value, String> {
    let left = Cell::new(LIMIT);
    match language {
        Language::Yaml => Node(&left)
            .deserialize(serde_norway::Deserializer::from_str(text))
            .map_err(|error| format!("this is not YAML that can be used: {error}")),
        // A parser for YAML refuses some JSON, such as a surrogate pair.
        Language::Json => {
            let mut json = serde_json::Deserializer::from_str(text);
            let value = Node(&left).deserialize(&mut json).and_then(|value| json.end().map(|()| value));
            value.map_err(|error| format!("this is not JSON that can be used: {error}"))
        }
    }
}

/// Reads one value; what it takes is taken from the rest of the limit.
#[derive(Clone, Copy)]
struct Node<'a>(&'a Cell<usize>);

impl Node<'_> {
    fn charge<E: Error>(self, bytes: usize) -> Result<(), E> {
        let left = self.0.get().checked_sub(bytes + EACH);
        self.0.set(left.ok_or_else(|| E::custom("it holds too much; use fewer aliases"))?);
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Node<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a mapping, a list, text, a number, true, false or null")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        self.charge(0).map(|()| Value::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        self.charge(0).map(|()| Value::from(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        self.charge(0).map(|()| Value::from(value))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        self.charge(0)?;
        let number = Number::from_f64(value).ok_or_else(|| E::custom("JSON has no such number"))?;
        Ok(Value::Number(number))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        self.charge(value.len()).map(|()| Value::from(value))
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        self.charge(0).map(|()| Value::Null)
    }

    fn visit_none<E: Error>(self) -> Result<Value, E> {
        self.visit_unit()
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        self.charge(0)?;
        let mut list = Vec::new();
        while let Some(value) = seq.next_element_seed(self)? {
            list.push(value);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        self.charge(0)?;
        let mut map = Map::new();
        while let Some(key) = access.next_key_seed(self)? {
            let key = match key {
                Value::String(key) => key,
                Value::Array(_) | Value::Object(_) => {
                    return Err(A::Error::custom("a key must be text; put quotation marks around {{ }}"));
                }
                scalar => scalar.to_string(),
            };
            if map.contains_key(&key) {
                return Err(A::Error::custom(format_args!("the key {key:?} is there twice")));
            }
            map.insert(key, access.next_value_seed(self)?);
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn keys_are_text_and_values_keep_their_type() {
        let value = parse("{1: a, true: 2, null: 1.5, x: [~, false], {user.name}: }", Language::Yaml);
        assert!(value.unwrap_err().contains("put quotation marks around {{ }}"));
        let value = parse("{1: a, true: 2, null: 1.5, x: [~, false]}\n", Language::Yaml).unwrap();
        assert_eq!(value, json!({"1": "a", "true": 2, "null": 1.5, "x": [null, false]}));
        assert_eq!(parse("", Language::Yaml).unwrap(), Value::Null);
        assert_eq!(parse(r#"{"a": "\ud83d\ude00"}"#, Language::Json).unwrap(), json!({"a": "😀"}));
    }

    #[test]
    fn faults_name_the_line() {
        for (text, language, line) in [
            ("a: 1\nb: [", Language::Yaml, "line 3"),
            ("a:\n  b: 1\n  b: 2\n", Language::Yaml, "line 2"),
            ("a: .nan\n", Language::Yaml, "line 1"),
            ("a:\n  - !Ref b\n", Language::Yaml, "line 2"),
            ("{\"a\": 1,\n\"a\": 2}", Language::Json, "line 2"),
            ("{}\n{}", Language::Json, "line 2"),
        ] {
            let fault = parse(text, language).unwrap_err();
            assert!(fault.contains(line), "{text}: {fault}");
        }
        assert!(parse("a: 1\n---\nb: 1\n", Language::Yaml).unwrap_err().contains("more than one document"));
    }

    #[test]
    fn aliases_cannot_make_a_small_file_big() {
        let text = "x".repeat(100_000);
        let aliases = "*a,".repeat(1_000);
        let fault = parse(&format!("a: &a {text}\nb: [{aliases}]\n"), Language::Yaml).unwrap_err();
        assert!(fault.contains("use fewer aliases"), "{fault}");
        let shared = parse("a: &a {x: 1}\nb: *a\n", Language::Yaml).unwrap();
        assert_eq!(shared["b"], json!({"x": 1}));
    }
}

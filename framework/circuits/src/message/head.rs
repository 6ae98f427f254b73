//! The parts of an action message that routing needs. They are read in one pass over the text, which checks all of it and
//! keeps nothing else.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};

/// The ids at the top of a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) action_id: Option<i64>,
    /// The id of the incident; in a call of a function, the value of its input `incident_id`.
    pub(super) incident_id: Option<i64>,
    /// Whether it calls a function.
    pub(super) is_call: bool,
}

/// The top-level value of a whole text.
pub(super) enum Top {
    Object(Head),
    /// A description of the value in words.
    Other(&'static str),
}

/// Any value: itself if it is a whole number, its `id` and `incident_id` if it is an object with them.
#[derive(Default)]
struct Node {
    number: Option<i64>,
    id: Option<i64>,
    incident_id: Option<i64>,
    is_full_object: bool,
}

enum Key {
    Id,
    ActionId,
    IncidentId,
    Incident,
    Function,
    Inputs,
    Other,
}

impl<'de> Deserialize<'de> for Top {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TopVisitor)
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(KeyVisitor)
    }
}

struct TopVisitor;

impl<'de> Visitor<'de> for TopVisitor {
    type Value = Top;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Top, A::Error> {
        let (mut head, mut input) = (Head::default(), None);
        // If a key comes twice, its last value counts, as in the message's values.
        while let Some((key, value)) = map.next_entry::<Key, Node>()? {
            match key {
                Key::ActionId => head.action_id = value.number,
                Key::Incident => head.incident_id = value.id,
                Key::Function => head.is_call = value.is_full_object,
                Key::Inputs => input = value.incident_id,
                Key::Id | Key::IncidentId | Key::Other => {}
            }
        }
        if head.is_call {
            head.incident_id = head.incident_id.or(input);
        }
        Ok(Top::Object(head))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Top, A::Error> {
        NodeVisitor.visit_seq(seq)?;
        Ok(Top::Other("a JSON array"))
    }

    fn visit_str<E>(self, _: &str) -> Result<Top, E> {
        Ok(Top::Other("a JSON string"))
    }

    fn visit_unit<E>(self) -> Result<Top, E> {
        Ok(Top::Other("null"))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Top, E> {
        Ok(Top::Other("a JSON scalar"))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Top, E> {
        Ok(Top::Other("a JSON scalar"))
    }

    fn visit_u64<E>(self, _: u64) -> Result<Top, E> {
        Ok(Top::Other("a JSON scalar"))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Top, E> {
        Ok(Top::Other("a JSON scalar"))
    }
}

struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
        let mut node = Node::default();
        while let Some((key, value)) = map.next_entry::<Key, Node>()? {
            node.is_full_object = true;
            match key {
                Key::Id => node.id = value.number,
                Key::IncidentId => node.incident_id = value.number,
                _ => {}
            }
        }
        Ok(node)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Node, A::Error> {
        while seq.next_element::<Node>()?.is_some() {}
        Ok(Node::default())
    }

    fn visit_i64<E>(self, number: i64) -> Result<Node, E> {
        Ok(Node { number: Some(number), ..Node::default() })
    }

    fn visit_u64<E>(self, number: u64) -> Result<Node, E> {
        Ok(Node { number: number.try_into().ok(), ..Node::default() })
    }

    fn visit_f64<E>(self, _: f64) -> Result<Node, E> {
        Ok(Node::default())
    }

    fn visit_bool<E>(self, _: bool) -> Result<Node, E> {
        Ok(Node::default())
    }

    fn visit_str<E>(self, _: &str) -> Result<Node, E> {
        Ok(Node::default())
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::default())
    }
}

struct KeyVisitor;

impl Visitor<'_> for KeyVisitor {
    type Value = Key;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E>(self, key: &str) -> Result<Key, E> {
        Ok(match key {
            "id" => Key::Id,
            "action_id" => Key::ActionId,
            "incident_id" => Key::IncidentId,
            "incident" => Key::Incident,
            "function" => Key::Function,
            "inputs" => Key::Inputs,
            _ => Key::Other,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::Value;

    /// The head according to the values of a parsed message.
    fn slowly(text: &str) -> Option<Head> {
        let value: Value = serde_json::from_str(text).ok()?;
        let is_call = value["function"].as_object().is_some_and(|function| !function.is_empty());
        let input = value["inputs"]["incident_id"].as_i64().filter(|_| is_call);
        value.is_object().then(|| Head {
            action_id: value["action_id"].as_i64(),
            incident_id: value["incident"]["id"].as_i64().or(input),
            is_call,
        })
    }

    fn quickly(text: &str) -> Option<Head> {
        match serde_json::from_str(text).ok()? {
            Top::Object(head) => Some(head),
            Top::Other(_) => None,
        }
    }

    #[test]
    fn ids_are_those_of_the_values() {
        for text in [
            r#"{"action_id": 45, "incident": {"name": "x", "id": 3, "task": {"id": 4}}}"#,
            r#"{"action_id": 45, "action_id": 46, "incident": {"id": 3}, "incident": {"x": 1}}"#,
            r#"{"action_id": "45", "incident": [1, {"id": 2}]}"#,
            r#"{"action_\u0069d": 18446744073709551615, "incident": {"id": 3.5}}"#,
            r#"{"action_id": -1, "incident": null}"#,
            r#"{"x": 1e999}"#,
            r#"{"x": "\ud800"}"#,
            r#"{"function": {"name": "f"}, "inputs": {"incident_id": 7, "id": 8}}"#,
            r#"{"inputs": {"incident_id": 7}, "function": {"id": 1}, "incident": {"id": 9}}"#,
            r#"{"function": {}, "inputs": {"incident_id": 7}}"#,
            r#"{"function": "f", "inputs": {"incident_id": 7}}"#,
            r#"[{"action_id": 1}]"#,
            "7",
            "{",
        ] {
            assert_eq!(quickly(text), slowly(text), "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_text_is_accepted_and_refused_as_a_parser_of_values_does(
            text in r#"(\{|\}|\[|\]|,|:|"id"|"action_id"|"incident"|"function"|"inputs"|"incident_id"|"x"|-?[0-9]{1,3}|1e9{1,3}|null|true|"\\\\u[dD][89a-c]00"| ){0,24}"#
        ) {
            prop_assert_eq!(quickly(&text), slowly(&text));
        }
    }
}

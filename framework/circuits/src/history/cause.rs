//! Failures by their causes: replies that differ only in numbers and ids have the same one.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::time::SystemTime;

use serde::Serialize;

use super::Event;
use super::event::utc;

/// Failed messages with one cause.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FailureCause {
    /// The text of the newest reply.
    pub cause: String,
    /// How many there are.
    pub count: u64,
    /// The rule of all of them, if it is known.
    pub rule: Option<String>,
    /// The full name of the destination of all of them.
    pub destination: String,
    /// When the newest was answered.
    #[serde(serialize_with = "utc")]
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub last: SystemTime,
    /// The number of the newest.
    pub example: i64,
}

/// Groups failures, which come newest first, by rule, destination and cause; the most frequent come first.
pub fn by_cause(failed: impl IntoIterator<Item = Event>) -> Vec<FailureCause> {
    let mut groups: Vec<FailureCause> = Vec::new();
    let mut places = HashMap::new();
    for event in failed {
        let cause = event.text.unwrap_or_default();
        let key = (event.destination.clone(), event.rule.clone(), without_ids(&cause));
        let last = event.finished.unwrap_or(event.arrived);
        let place = *places.entry(key).or_insert(groups.len());
        if let Some(group) = groups.get_mut(place) {
            group.count += 1;
            group.last = group.last.max(last);
        } else {
            let Event { rule, destination, number: example, .. } = event;
            groups.push(FailureCause { cause, count: 1, rule, destination, last, example });
        }
    }
    groups.sort_by_key(|group| (Reverse(group.count), Reverse(group.last)));
    groups
}

/// The text with one mark in place of each word that has a digit in it: numbers, times, ids.
fn without_ids(text: &str) -> String {
    let mut key = String::with_capacity(text.len());
    for word in text.split_inclusive(|c: char| !c.is_alphanumeric() && c != '-') {
        if word.contains(|c: char| c.is_ascii_digit()) {
            key.push('#');
            key.extend(word.chars().next_back().filter(|c| !c.is_alphanumeric() && *c != '-'));
        } else {
            key.push_str(word);
        }
    }
    key
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;
    use crate::history::Status;

    fn failed(number: i64, rule: &str, text: &str) -> Event {
        let at = UNIX_EPOCH + Duration::from_secs(number.unsigned_abs());
        Event {
            number,
            id: number.to_string(),
            destination: "actions.201.q".to_owned(),
            rule: Some(rule.to_owned()),
            incident: None,
            status: Status::Failed,
            attempts: 1,
            arrived: at,
            started: None,
            finished: Some(at),
            settled: None,
            refused: false,
            text: Some(text.to_owned()),
            rerun_of: None,
        }
    }

    #[test]
    fn replies_that_differ_in_numbers_and_ids_have_one_cause() {
        let groups = by_cause([
            failed(5, "A", "no answer from 10.0.0.9 after 31 s"),
            failed(4, "A", "no table"),
            failed(3, "A", "no answer from 10.0.0.7 after 30 s"),
            failed(2, "B", "no answer from 10.0.0.7 after 30 s"),
        ]);
        let seen: Vec<_> = groups.iter().map(|one| (one.cause.as_str(), one.count, one.example)).collect();
        assert_eq!(
            seen,
            [
                ("no answer from 10.0.0.9 after 31 s", 2, 5),
                ("no table", 1, 4),
                ("no answer from 10.0.0.7 after 30 s", 1, 2)
            ]
        );
    }

    #[test]
    fn what_has_a_digit_is_an_id() {
        for (text, key) in [
            ("incident 2095 is closed", "incident # is closed"),
            ("`a81bc81b-dead-4e5d-abff-90865d1e13b1`: gone", "`#`: gone"),
            ("12", "#"),
            ("no number", "no number"),
        ] {
            assert_eq!(without_ids(text), key);
        }
    }
}

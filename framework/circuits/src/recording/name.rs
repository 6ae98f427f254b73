//! The names of recorded files.

use jiff::civil::{Date, DateTime};

/// How many bytes a rule's name or a path with its query may have in a file's name; file systems allow 255 bytes in all.
const LONGEST: usize = 180;

/// A text as part of a file's name.
pub(super) fn part(text: &str) -> String {
    let safe = |c: char| match c {
        ':' => '-',
        '/' | '\\' | '?' | '*' | '"' | '<' | '>' | '|' => '_',
        c if c.is_control() => '_',
        c => c,
    };
    let mut text: String = text.chars().map(safe).collect();
    while text.len() > LONGEST {
        text.pop();
    }
    text
}

/// A path with its query as part of a file's name.
pub(super) fn endpoint(path: &str, query: &str) -> String {
    part(&format!("{path}_{query}"))
}

/// A point in time as part of a file's name.
pub(super) fn time(time: DateTime) -> String {
    time.strftime("%Y-%m-%dT%H-%M-%S.%6f").to_string()
}

/// A file's name without its time, and the time. The time is the last part, with or without fractions, with or without colons,
/// or only a date.
pub(super) fn split(name: &str) -> (&str, Option<DateTime>) {
    let name = name.strip_suffix(".json").unwrap_or(name);
    let Some((rest, last)) = name.rsplit_once('_') else { return (name, None) };
    match read_time(last) {
        Some(time) => (rest, Some(time)),
        None => (name, None),
    }
}

fn read_time(text: &str) -> Option<DateTime> {
    let Some((date, clock)) = text.split_once('T') else {
        return text.parse::<Date>().ok().map(DateTime::from);
    };
    format!("{date}T{}", clock.replace('-', ":")).parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_in_every_form() {
        let at = |name| split(name).1.map(|time| time.to_string());
        let expected = Some("2017-03-07T09:24:41.822231".to_owned());
        assert_eq!(at("ActionMessage_AddTask_2017-03-07T09:24:41.822231"), expected);
        assert_eq!(at("ActionMessage_AddTask_2017-03-07T09-24-41.822231"), expected);
        assert_eq!(at("ActionMessage_AddTask_2017-03-07T09-24-41.822231.json"), expected);
        assert_eq!(at("ActionMessage_AddTask_2017-03-07T09-24-41"), Some("2017-03-07T09:24:41".to_owned()));
        assert_eq!(at("FunctionMessage_f_2021-12-02.json"), Some("2021-12-02T00:00:00".to_owned()));
        assert_eq!(at("ActionMessage_task.composed.json"), None);
        assert_eq!(split("ActionMessage_Lookup_Value_2017-03-07T09-24-41").0, "ActionMessage_Lookup_Value");
    }

    #[test]
    fn what_is_written_is_read() {
        let now = jiff::Zoned::now().datetime();
        let now = now.round(jiff::Unit::Microsecond).unwrap();
        assert_eq!(split(&format!("x_{}", time(now))), ("x", Some(now)));
    }

    #[test]
    fn names_fit_every_file_system() {
        assert_eq!(part("Mock: Add/Remove?"), "Mock- Add_Remove_");
        assert_eq!(endpoint("/rest/orgs/201", ""), "_rest_orgs_201_");
        assert!(part(&"ä".repeat(500)).len() <= LONGEST);
    }
}

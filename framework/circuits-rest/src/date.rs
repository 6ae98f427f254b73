//! Dates as the platform stores them, read from unambiguous forms.

use jiff::{Timestamp, civil::Date, tz::TimeZone};
use serde_json::Value;

/// Milliseconds since 1970 (UTC), from a number of them, RFC 3339 text or `YYYY-MM-DD` (midnight UTC). The error says what is
/// wrong with `value`.
pub(crate) fn milliseconds(value: &Value) -> Result<i64, String> {
    let read = match value {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => instant(text.trim()).map(Timestamp::as_millisecond),
        _ => None,
    };
    read.ok_or_else(|| {
        format!(
            "takes a date as milliseconds since 1970 (UTC), as 2024-05-01T12:00:00Z or with another offset, or as 2024-05-01, \
             not {value}"
        )
    })
}

fn instant(text: &str) -> Option<Timestamp> {
    // The parsers take more than RFC 3339: week dates, dates without dashes, times without minutes.
    let shape =
        |text: &str| -> String { text.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect() };
    let (day, rest) = text.split_at_checked("0000-00-00".len())?;
    if shape(day) != "0000-00-00" {
        return None;
    }
    if rest.is_empty() {
        let midnight = day.parse::<Date>().ok()?.to_zoned(TimeZone::UTC).ok()?;
        return Some(midnight.timestamp());
    }
    let time = rest.strip_prefix(['T', 't', ' '])?;
    let (clock, after) = time.split_at_checked("00:00:00".len())?;
    let zone = after.trim_start_matches(|c: char| c == '.' || c.is_ascii_digit());
    let complete =
        shape(clock) == "00:00:00" && matches!(shape(zone).as_str(), "Z" | "z" | "+00:00" | "-00:00");
    complete.then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn dates_are_read_in_every_plain_form() {
        let table = [
            (json!(1_714_564_800_000_i64), 1_714_564_800_000),
            (json!(-1), -1),
            (json!("2024-05-01"), 1_714_521_600_000),
            (json!("2024-05-01T12:00:00Z"), 1_714_564_800_000),
            (json!("2024-05-01t12:00:00z"), 1_714_564_800_000),
            (json!(" 2024-05-01 14:00:00+02:00 "), 1_714_564_800_000),
            (json!("2024-05-01T12:00:00.25Z"), 1_714_564_800_250),
            (json!("1969-12-31T23:59:59.999Z"), -1),
            (json!("2024-02-29"), 1_709_164_800_000),
        ];
        for (value, expected) in table {
            assert_eq!(milliseconds(&value), Ok(expected), "{value}");
        }
    }

    #[test]
    fn what_could_mean_two_dates_is_refused() {
        let table = [
            json!("05/06/2024"),
            json!("5 May 2024"),
            json!("1714564800000"),
            json!("20240501"),
            json!("2024-W18-3"),
            json!("2024-05"),
            json!("2023-02-29"),
            json!("2024-05-01T12:00:00"),
            json!("2024-05-01T12:00Z"),
            json!("2024-05-01T12:00:00Z or so"),
            json!("2024-05-01T12:00:00[Europe/Berlin]"),
            json!("2024-13-01T12:00:00Z"),
            json!("2024-05-0\u{661}"),
            json!(""),
            json!("today"),
            json!(1.5),
            json!(true),
            json!({"date": 1}),
        ];
        for value in table {
            let error = milliseconds(&value).unwrap_err();
            assert!(error.contains("2024-05-01T12:00:00Z") && error.ends_with(&value.to_string()), "{error}");
        }
    }
}

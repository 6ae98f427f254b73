//! The parts that `events`, `dead` and `db` share: the journal that app.config names, points in time, messages as text and JSON.

use std::str::FromStr;
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, anyhow};
use circuits::history::{Event, rfc3339};
use circuits::redact::Redactor;
use circuits_journal::EventLog;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{Span, SpanRelativeTo, Timestamp, Zoned};

use crate::overrides::Overrides;

/// Opens the journal that the settings name.
pub(crate) fn open(overrides: &Overrides) -> anyhow::Result<EventLog> {
    Ok(open_to_show(overrides)?.0)
}

/// The same, with a redactor that hides secrets in the output.
pub(crate) fn open_to_show(overrides: &Overrides) -> anyhow::Result<(EventLog, Redactor)> {
    let config = overrides.load()?;
    let journal = config.settings().journal.clone();
    let path = journal.context("the journal is off (journal=off), so there is no record of messages")?;
    Ok((EventLog::open(&path)?, Redactor::new(config.secrets())))
}

/// A length of time, such as `90m`, `12h` or `30d`; a day has 24 hours.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Age(pub(crate) Duration);

impl FromStr for Age {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        let wrong = || anyhow!("not a length of time such as 90m, 12h or 30d");
        let span: Span = text.trim().parse().map_err(|_| wrong())?;
        let length = span.to_duration(SpanRelativeTo::days_are_24_hours()).map_err(|_| wrong())?;
        Ok(Self(length.try_into().map_err(|_| wrong())?))
    }
}

/// A point in time: RFC 3339, a local date or date and time, or how long ago.
#[derive(Clone, Copy, Debug)]
pub(crate) struct When(pub(crate) SystemTime);

impl FromStr for When {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        if let Ok(time) = text.parse::<Timestamp>() {
            return Ok(Self(time.into()));
        }
        if let Ok(local) = text.parse::<DateTime>() {
            return Ok(Self(local.to_zoned(TimeZone::system())?.timestamp().into()));
        }
        let wrong = || {
            anyhow!(
                "neither a time such as 2026-01-31, 2026-01-31T08:00 or 2026-01-31T08:00Z, nor an age such as 12h"
            )
        };
        let Age(age) = text.parse().map_err(|_| wrong())?;
        Ok(Self(SystemTime::now().checked_sub(age).ok_or_else(wrong)?))
    }
}

/// A local date and time, to the second.
pub(crate) fn local(time: SystemTime) -> String {
    Zoned::try_from(time).map_or_else(|_| "?".to_owned(), |time| time.strftime("%F %T").to_string())
}

/// A time as in JSON: RFC 3339, UTC, to the millisecond.
pub(crate) fn utc(time: Option<SystemTime>) -> Option<String> {
    time.and_then(rfc3339)
}

/// A number of things, such as `1 message` or `2 messages`.
pub(crate) fn count(number: impl TryInto<u64>, what: &str) -> String {
    match number.try_into().unwrap_or(u64::MAX) {
        1 => format!("1 {what}"),
        number => format!("{number} {what}s"),
    }
}

/// One line of text that cannot move the cursor: the content of replies is not trusted.
pub(crate) fn line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// Identifies a message: number, rule, incident.
pub(crate) fn title(event: &Event) -> String {
    let rule = event.rule.as_ref().map_or("(no rule known)".to_owned(), |rule| format!("\"{}\"", line(rule)));
    let incident = event.incident.map(|id| format!(" of incident {id}")).unwrap_or_default();
    format!("#{} {rule}{incident}", event.number)
}

/// A message as a line of a table.
pub(crate) fn row(event: &Event) -> String {
    let text: String = line(event.text.as_deref().unwrap_or_default()).chars().take(80).collect();
    format!(
        "{:>8}  {}  {:<9}  {}{}{text}",
        event.number,
        local(event.arrived),
        event.status.name(),
        title(event).split_once(' ').map_or("", |(_, rest)| rest),
        if text.is_empty() { "" } else { ": " },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_in_time_come_in_several_forms() {
        let at = |text: &str| utc(Some(text.parse::<When>().unwrap().0)).unwrap();
        assert_eq!(at("2026-01-31T08:00:00+01:00"), "2026-01-31T07:00:00.000Z");
        let midnight = "2026-01-31".parse::<When>().unwrap().0;
        assert_eq!(local(midnight), "2026-01-31 00:00:00");
        let twelve_hours = Duration::from_secs(12 * 3600);
        let before = SystemTime::now() - twelve_hours;
        let ago = "12h".parse::<When>().unwrap().0;
        assert!(before <= ago && ago <= SystemTime::now() - twelve_hours);
        assert_eq!("30d".parse::<Age>().unwrap().0, Duration::from_secs(30 * 86_400));
        for wrong in ["", "yesterday", "2026-13-01", "-3d"] {
            assert!(wrong.parse::<When>().is_err() && wrong.parse::<Age>().is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn text_from_elsewhere_stays_in_its_line() {
        assert_eq!(line("a\u{1b}[2J\nb"), "a [2J b");
    }
}

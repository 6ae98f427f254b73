//! Reads the log: lists by any filter along an index, and all that is known of one message.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use circuits::Reply;
use circuits::history::{self, Details, Event, FailureCause, Filter, HistoryError, Occurrence, Status};
use rusqlite::types::Value;
use rusqlite::{OptionalExtension as _, Row, params_from_iter};

use super::EventLog;
use crate::store::milliseconds;

const COLUMNS: &str = "seq, id, destination, rule, incident, state, attempts, arrived, started, finished, settled,
     failed, outcome, settlement, reply, rerun_of, EXISTS (SELECT 1 FROM message AS again WHERE again.rerun_of = message.seq)";

/// How many failures are grouped, the newest.
const GROUPED: u32 = 10_000;

/// The SQL condition for rows with this status, written so that the indices of the schema serve it.
pub(super) fn condition(status: Status) -> &'static str {
    match status {
        Status::Waiting => "state < 2 AND state = 0 AND (started IS NULL OR attempts = 0)",
        Status::Running => "state < 2 AND state = 0 AND started IS NOT NULL AND attempts > 0",
        Status::Finished => "state < 2 AND state = 1",
        Status::Completed => "state = 2 AND failed IS NOT 1",
        Status::Failed => {
            "state = 2 AND failed = 1 AND NOT (outcome = 1 AND NOT EXISTS
                 (SELECT 1 FROM message AS again WHERE again.rerun_of = message.seq))"
        }
        Status::Dead => {
            "state = 2 AND failed = 1 AND outcome = 1 AND NOT EXISTS
                 (SELECT 1 FROM message AS again WHERE again.rerun_of = message.seq)"
        }
    }
}

impl EventLog {
    /// The newest messages that the filter lets through, newest first.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn list(&self, filter: &Filter, limit: u32) -> Result<Vec<Event>, HistoryError> {
        let (mut conditions, mut values) = (vec!["1"], Vec::new());
        let mut when = |condition, value: Option<Value>| {
            if let Some(value) = value {
                conditions.push(condition);
                values.push(value);
            }
        };
        when("arrived >= ?", filter.since.map(milliseconds).map(Value::Integer));
        when("arrived < ?", filter.until.map(milliseconds).map(Value::Integer));
        when("rule = ?", filter.rule.clone().map(Value::Text));
        when("incident = ?", filter.incident.map(Value::Integer));
        let mut conditions: Vec<_> = conditions.into_iter().map(str::to_owned).collect();
        conditions.extend(filter.status.map(|status| condition(status).to_owned()));
        if let Some(destinations) = &filter.destinations {
            let places = vec!["?"; destinations.len()].join(", ");
            conditions.push(format!("destination IN ({places})"));
            values.extend(destinations.iter().cloned().map(Value::Text));
        }
        if let Some(before) = filter.before {
            conditions.push("(arrived, seq) < (SELECT arrived, seq FROM message WHERE seq <= ? ORDER BY seq DESC LIMIT 1)".to_owned());
            values.push(Value::Integer(before));
        }
        let sql = format!(
            "SELECT {COLUMNS} FROM message WHERE {} ORDER BY arrived DESC, seq DESC LIMIT {limit}",
            conditions.join(" AND ")
        );
        let listed = || {
            let mut statement = self.connection.prepare(&sql)?;
            let rows = statement.query_map(params_from_iter(&values), event)?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        };
        listed().map_err(|error| self.trouble(&error))
    }

    /// The failed messages that the filter lets through, grouped by cause; only the newest 10,000 are looked at.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn failures(&self, filter: &Filter) -> Result<Vec<FailureCause>, HistoryError> {
        let failed = Filter { status: Some(Status::Failed), ..filter.clone() };
        let dead = Filter { status: Some(Status::Dead), ..filter.clone() };
        let mut all = self.list(&failed, GROUPED)?;
        all.extend(self.list(&dead, GROUPED)?);
        all.sort_by_key(|event| std::cmp::Reverse((event.arrived, event.number)));
        all.truncate(GROUPED as usize);
        Ok(history::by_cause(all))
    }

    /// The numbers of the messages with these ids, in their order.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn numbers(&self, ids: &[String]) -> Result<Vec<Option<i64>>, HistoryError> {
        let found = || {
            let mut statement = self.connection.prepare_cached("SELECT seq FROM message WHERE id = ?1")?;
            ids.iter().map(|id| statement.query_row([id], |row| row.get(0)).optional()).collect()
        };
        let found: rusqlite::Result<_> = found();
        found.map_err(|error| self.trouble(&error))
    }

    /// The number of the message with this number or id.
    ///
    /// # Errors
    /// When there is none.
    pub fn find(&self, name: &str) -> Result<i64, HistoryError> {
        let number = name.strip_prefix('#').unwrap_or(name).parse::<i64>().ok();
        let found = || {
            if let Some(number) = number {
                let sql = "SELECT seq FROM message WHERE seq = ?1";
                if let Some(found) = self.connection.query_row(sql, [number], |row| row.get(0)).optional()? {
                    return Ok(Some(found));
                }
            }
            let sql = "SELECT seq FROM message WHERE id = ?1";
            self.connection.query_row(sql, [name], |row| row.get(0)).optional()
        };
        found().map_err(|error| self.trouble(&error))?.ok_or_else(|| HistoryError::unknown(name))
    }

    /// All that is known of a message.
    ///
    /// # Errors
    /// When there is no message with this number, or the file cannot be read.
    pub fn show(&self, number: i64) -> Result<Details, HistoryError> {
        let details = || {
            let sql = format!("SELECT {COLUMNS} FROM message WHERE seq = ?1");
            let Some(event) = self.connection.query_row(&sql, [number], event).optional()? else {
                return Ok(None);
            };
            let sql = "SELECT headers, body FROM content WHERE seq = ?1";
            let (headers, body) = self
                .connection
                .query_row(sql, [number], |row| Ok((row.get::<_, String>(0)?, row.get(1)?)))?;
            let mut steps = self
                .connection
                .prepare("SELECT at, kind, text, code, took FROM step WHERE seq = ?1 ORDER BY n")?;
            let steps = steps.query_map([number], |row| {
                Ok(Occurrence {
                    at: time(row.get(0)?),
                    is_call: row.get::<_, u8>(1)? == 1,
                    text: row.get(2)?,
                    code: row.get(3)?,
                    took_ms: row.get(4)?,
                })
            })?;
            let mut reruns =
                self.connection.prepare("SELECT seq FROM message WHERE rerun_of = ?1 ORDER BY seq")?;
            let reruns = reruns.query_map([number], |row| row.get(0))?;
            Ok(Some(Details {
                event,
                headers: serde_json::from_str(&headers).unwrap_or_default(),
                body,
                steps: steps.collect::<Result<_, _>>()?,
                reruns: reruns.collect::<Result<_, _>>()?,
            }))
        };
        let found = details().map_err(|error: rusqlite::Error| self.trouble(&error))?;
        found.ok_or_else(|| HistoryError::unknown(number))
    }
}

pub(crate) fn time(milliseconds: i64) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(milliseconds.try_into().unwrap_or(0))
}

fn event(row: &Row<'_>) -> rusqlite::Result<Event> {
    let at = |column| row.get::<_, Option<i64>>(column).map(|at| at.map(time));
    let (state, attempts, started) = (row.get::<_, u8>(5)?, row.get::<_, u32>(6)?, at(8)?);
    let (failed, outcome) = (row.get::<_, Option<bool>>(11)?, row.get::<_, Option<u8>>(12)?);
    let status = match state {
        0 if started.is_some() && attempts > 0 => Status::Running,
        0 => Status::Waiting,
        1 => Status::Finished,
        _ if failed != Some(true) => Status::Completed,
        _ if outcome == Some(1) && !row.get::<_, bool>(16)? => Status::Dead,
        _ => Status::Failed,
    };
    let reply: Option<String> = row.get(14)?;
    let reply = reply.and_then(|reply| serde_json::from_str::<Reply>(&reply).ok());
    Ok(Event {
        number: row.get(0)?,
        id: row.get(1)?,
        destination: row.get(2)?,
        rule: row.get(3)?,
        incident: row.get(4)?,
        status,
        attempts,
        arrived: time(row.get(7)?),
        started,
        finished: at(9)?,
        settled: at(10)?,
        refused: row.get::<_, Option<u8>>(13)? == Some(2),
        text: reply.map(|reply| reply.text().to_owned()),
        rerun_of: row.get(15)?,
    })
}

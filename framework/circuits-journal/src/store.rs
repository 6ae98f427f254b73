//! What each call of the journal does to the tables.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use circuits::journal::{Arrival, Outcome, Rerun, Settlement, Standing, Step};
use circuits::{EventKind, Reply};
use rusqlite::{Connection, OptionalExtension as _, TransactionBehavior, params};
use serde_json::json;

use crate::clock::Clock;
use crate::error::Fault;
use crate::outbox::Shared;
use crate::schema::{self, JOURNAL};

/// Larger bodies are not kept: bodies are there to be looked at and run again by hand, and SQLite has a limit of its own.
const KEPT_BODY: usize = 16 << 20;

/// A call of the journal that owns its arguments.
#[derive(Debug)]
pub(crate) enum Call {
    Begin(Vec<Arrived>),
    Started {
        id: String,
        rule: Option<String>,
        incident: Option<i64>,
    },
    Released {
        id: String,
    },
    Finish {
        id: String,
        reply: String,
        failed: bool,
        outcome: Outcome,
    },
    Settled {
        id: String,
        settlement: Settlement,
    },
    Step {
        id: String,
        step: Step,
    },
    Rerun {
        after: i64,
    },
    /// An event about no message.
    Note {
        kind: EventKind,
        data: String,
    },
    /// Events that were passed on.
    PassedOn {
        through: i64,
    },
    /// For tests that disturb the file under the writer.
    #[cfg(test)]
    Meddle(fn(&Connection) -> rusqlite::Result<()>),
}

/// The answer to a call.
#[derive(Debug)]
pub(crate) enum Told {
    Nothing,
    Standings(Vec<Standing>),
    Rerun(Option<Box<Rerun>>),
}

/// A message that has arrived.
#[derive(Debug)]
pub(crate) struct Arrived {
    id: String,
    destination: String,
    headers: String,
    body: Bytes,
}

impl From<&Arrival<'_>> for Arrived {
    fn from(arrival: &Arrival<'_>) -> Self {
        Self {
            id: arrival.id.to_owned(),
            destination: arrival.destination.to_owned(),
            // Serialising pairs of strings cannot fail.
            headers: serde_json::to_string(&arrival.headers).unwrap_or_default(),
            body: arrival.body.clone(),
        }
    }
}

impl Call {
    /// Whether its effect has to outlast a power cut, and not only the process.
    fn is_lasting(&self) -> bool {
        matches!(self, Self::Finish { .. })
    }
}

/// The open file.
#[derive(Debug)]
pub(crate) struct Store {
    connection: Connection,
    pub(crate) clock: Clock,
    /// Whether a commit now waits until the disk has it (`synchronous`).
    flushes: bool,
}

impl Store {
    pub(crate) fn open(path: &Path) -> Result<Self, Fault> {
        Ok(Self { connection: schema::open(path, &JOURNAL)?, clock: Clock::start(), flushes: true })
    }

    /// Carries out the calls in one transaction: all of them, or none. The answers come back in the order of the calls.
    pub(crate) fn commit<'a>(
        &mut self,
        calls: impl Iterator<Item = &'a Call> + Clone,
        outbox: &Shared,
    ) -> rusqlite::Result<Vec<Told>> {
        let now = self.clock.now();
        self.transaction(calls.clone().any(Call::is_lasting), |connection| {
            let now = milliseconds(now);
            calls.map(|call| apply(connection, call, now, outbox)).collect()
        })
    }

    /// Runs one transaction. With `flush` it is on the disk when this returns, otherwise together with the next one that is.
    pub(crate) fn transaction<T>(
        &mut self,
        flush: bool,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<T> {
        if self.flushes != flush {
            self.connection.pragma_update(None, "synchronous", if flush { "FULL" } else { "NORMAL" })?;
            self.flushes = flush;
        }
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let outcome = work(&transaction)?;
        transaction.commit()?;
        Ok(outcome)
    }

    pub(crate) fn connection(&self) -> &Connection {
        &self.connection
    }
}

/// Milliseconds since 1970; a time before that counts as 0.
pub(crate) fn milliseconds(time: SystemTime) -> i64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

fn apply(connection: &Connection, call: &Call, now: i64, outbox: &Shared) -> rusqlite::Result<Told> {
    match call {
        Call::Begin(arrivals) => {
            let standings =
                arrivals.iter().map(|one| begin(connection, one, now, outbox)).collect::<Result<_, _>>()?;
            return Ok(Told::Standings(standings));
        }
        Call::Rerun { after } => return Ok(Told::Rerun(rerun(connection, *after)?.map(Box::new))),
        Call::Note { kind, data } => outbox.note_alone(connection, (*kind, now), data)?,
        Call::PassedOn { through } => outbox.passed_on(connection, *through)?,
        Call::Step { id, step } => self::step(connection, id, step, now, outbox)?,
        Call::Started { id, rule, incident } => {
            let changed = connection
                .prepare_cached(
                    "UPDATE message SET attempts = attempts + 1, rule = ?2, incident = ?3, started = ?4
                     WHERE id = ?1 AND state = 0",
                )?
                .execute(params![id, rule, incident, now])?;
            if changed > 0 {
                outbox.note(connection, (EventKind::ActionStarted, now), id, &now.to_string(), "")?;
            }
        }
        Call::Released { id } => {
            connection
                .prepare_cached(
                    "UPDATE message SET attempts = max(attempts - 1, 0) WHERE id = ?1 AND state = 0",
                )?
                .execute([id])?;
        }
        Call::Finish { id, reply, failed, outcome } => {
            let (code, kind) = match (outcome, failed) {
                (Outcome::Answered, false) => (0, EventKind::ActionCompleted),
                (Outcome::Answered, true) => (0, EventKind::ActionFailed),
                (Outcome::SetAside, _) => (1, EventKind::ActionSetAside),
            };
            let changed = connection
                .prepare_cached(
                    "UPDATE message SET state = 1, reply = ?2, outcome = ?3, finished = ?4, failed = ?5
                     WHERE id = ?1 AND state < 2",
                )?
                .execute(params![id, reply, code, now, failed])?;
            if changed > 0 {
                outbox.note(connection, (kind, now), id, "", "")?;
            }
        }
        Call::Settled { id, settlement } => {
            let settlement = match settlement {
                Settlement::Replied => 0,
                Settlement::NoAddress => 1,
                Settlement::Refused => 2,
            };
            let changed = connection
                .prepare_cached(
                    "UPDATE message SET state = 2, settlement = ?2, settled = ?3 WHERE id = ?1 AND state < 2",
                )?
                .execute(params![id, settlement, now])?;
            if changed > 0 {
                outbox.note(connection, (EventKind::ActionAnswered, now), id, "", "")?;
            }
        }
        #[cfg(test)]
        Call::Meddle(work) => {
            work(connection)?;
        }
    };
    Ok(Told::Nothing)
}

/// How many steps of one message are kept, and how many characters of the text of each.
const STEPS: u32 = 1000;
const STEP_TEXT: usize = 4000;

fn step(connection: &Connection, id: &str, step: &Step, now: i64, outbox: &Shared) -> rusqlite::Result<()> {
    let (kind, text, code, took) = match step {
        Step::Status(text) => (0, text.clone(), None, None),
        Step::Waiting(waiting) => (0, waiting.reason.clone(), None, None),
        Step::Call { method, path, status, took } => {
            (1, format!("{method} {path}"), *status, i64::try_from(took.as_millis()).ok())
        }
        // A step of a newer version of the framework.
        _ => return Ok(()),
    };
    let text: String = text.chars().take(STEP_TEXT).collect();
    let added = connection
        .prepare_cached(
            "INSERT INTO step (seq, n, at, kind, text, code, took)
             SELECT seq, 1 + coalesce((SELECT max(n) FROM step WHERE step.seq = message.seq), 0) AS next, ?2, ?3, ?4, ?5, ?6
             FROM message WHERE id = ?1 AND next <= ?7",
        )?
        .execute(params![id, now, kind, text, code, took, STEPS])?;
    let (event, data) = match step {
        Step::Status(_) => (EventKind::ActionProgress, json!({"progress": {"message": text}})),
        Step::Waiting(waiting) => (EventKind::ActionWaiting, json!({"waiting": waiting})),
        _ => return Ok(()),
    };
    if added > 0 {
        let nonce = format!("{:016x}", fastrand::u64(..));
        outbox.note(connection, (event, now), id, &nonce, &data.to_string())?;
    }
    Ok(())
}

fn rerun(connection: &Connection, after: i64) -> rusqlite::Result<Option<Rerun>> {
    connection
        .prepare_cached(
            "SELECT seq, id, destination, headers, body FROM message JOIN content USING (seq)
             WHERE rerun_of IS NOT NULL AND state < 2 AND seq > ?1 ORDER BY seq LIMIT 1",
        )?
        .query_row([after], |row| {
            let headers: String = row.get(3)?;
            Ok(Rerun {
                position: row.get(0)?,
                id: row.get(1)?,
                destination: row.get(2)?,
                headers: serde_json::from_str(&headers).unwrap_or_default(),
                body: row.get::<_, Option<Vec<u8>>>(4)?.unwrap_or_default().into(),
            })
        })
        .optional()
}

fn begin(
    connection: &Connection,
    arrived: &Arrived,
    now: i64,
    outbox: &Shared,
) -> rusqlite::Result<Standing> {
    let known = connection
        .prepare_cached("SELECT state, attempts, reply FROM message WHERE id = ?1")?
        .query_row([&arrived.id], |row| {
            Ok(match row.get(0)? {
                0 => Standing::Run { attempt: row.get::<_, u32>(1)?.saturating_add(1) },
                1 => Standing::Finished(reply(&row.get::<_, String>(2)?)?),
                _ => Standing::Replied,
            })
        })
        .optional()?;
    if let Some(standing) = known {
        return Ok(standing);
    }
    connection
        .prepare_cached("INSERT INTO message (id, destination, arrived) VALUES (?1, ?2, ?3)")?
        .execute(params![arrived.id, arrived.destination, now])?;
    let body = (arrived.body.len() <= KEPT_BODY).then_some(&*arrived.body);
    connection
        .prepare_cached("INSERT INTO content (seq, headers, body) VALUES (last_insert_rowid(), ?1, ?2)")?
        .execute(params![arrived.headers, body])?;
    outbox.note(connection, (EventKind::ActionReceived, now), &arrived.id, "", "")?;
    Ok(Standing::Run { attempt: 1 })
}

fn reply(json: &str) -> rusqlite::Result<Reply> {
    serde_json::from_str(json).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(2, rusqlite::types::Type::Text, Box::new(error))
    })
}

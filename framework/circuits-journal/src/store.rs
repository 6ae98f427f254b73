//! What each call of the journal does to the tables.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use circuits::Reply;
use circuits::journal::{Arrival, Outcome, Settlement, Standing};
use rusqlite::{Connection, OptionalExtension as _, TransactionBehavior, params};

use crate::error::Fault;
use crate::schema;

/// Bodies beyond this are not kept: they are there to be looked at and run again by hand, and SQLite has a limit of its own.
const KEPT_BODY: usize = 16 << 20;

/// A call of the journal that owns what it is about.
#[derive(Debug)]
pub(crate) enum Call {
    Begin(Vec<Arrived>),
    Started {
        id: String,
        rule: Option<String>,
        incident: i64,
    },
    Released {
        id: String,
    },
    Finish {
        id: String,
        reply: String,
        outcome: Outcome,
    },
    Settled {
        id: String,
        settlement: Settlement,
    },
    /// For tests that change the ground under the writer.
    #[cfg(test)]
    Meddle(fn(&Connection) -> rusqlite::Result<()>),
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
            // Pairs of strings have no way to fail.
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
    /// Whether a commit now waits until the disk has it (`synchronous`).
    flushes: bool,
}

impl Store {
    pub(crate) fn open(path: &Path) -> Result<Self, Fault> {
        Ok(Self { connection: schema::open(path)?, flushes: true })
    }

    /// Carries the calls out in one transaction: all of them, or none. What each `begin` answers comes back in its place, for
    /// the other calls nothing.
    pub(crate) fn commit<'a>(
        &mut self,
        calls: impl Iterator<Item = &'a Call> + Clone,
    ) -> rusqlite::Result<Vec<Vec<Standing>>> {
        self.transaction(calls.clone().any(Call::is_lasting), |connection| {
            let now = milliseconds(SystemTime::now());
            calls.map(|call| apply(connection, call, now)).collect()
        })
    }

    /// One transaction; with `flush` it is on the disk when this returns, otherwise with the next that is.
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

/// Since 1970. A clock before that is none.
pub(crate) fn milliseconds(time: SystemTime) -> i64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

fn apply(connection: &Connection, call: &Call, now: i64) -> rusqlite::Result<Vec<Standing>> {
    match call {
        Call::Begin(arrivals) => return arrivals.iter().map(|one| begin(connection, one, now)).collect(),
        Call::Started { id, rule, incident } => connection
            .prepare_cached(
                "UPDATE message SET attempts = attempts + 1, rule = ?2, incident = ?3, started = ?4
                 WHERE id = ?1 AND state = 0",
            )?
            .execute(params![id, rule, incident, now])?,
        Call::Released { id } => connection
            .prepare_cached("UPDATE message SET attempts = max(attempts - 1, 0) WHERE id = ?1 AND state = 0")?
            .execute([id])?,
        Call::Finish { id, reply, outcome } => {
            let outcome = match outcome {
                Outcome::Answered => 0,
                Outcome::SetAside => 1,
            };
            connection
                .prepare_cached(
                    "UPDATE message SET state = 1, reply = ?2, outcome = ?3, finished = ?4
                     WHERE id = ?1 AND state < 2",
                )?
                .execute(params![id, reply, outcome, now])?
        }
        Call::Settled { id, settlement } => {
            let settlement = match settlement {
                Settlement::Replied => 0,
                Settlement::NoAddress => 1,
                Settlement::Refused => 2,
            };
            connection
                .prepare_cached(
                    "UPDATE message SET state = 2, settlement = ?2, settled = ?3 WHERE id = ?1 AND state < 2",
                )?
                .execute(params![id, settlement, now])?
        }
        #[cfg(test)]
        Call::Meddle(work) => {
            work(connection)?;
            0
        }
    };
    Ok(Vec::new())
}

fn begin(connection: &Connection, arrived: &Arrived, now: i64) -> rusqlite::Result<Standing> {
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
    Ok(Standing::Run { attempt: 1 })
}

fn reply(json: &str) -> rusqlite::Result<Reply> {
    serde_json::from_str(json).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(2, rusqlite::types::Type::Text, Box::new(error))
    })
}

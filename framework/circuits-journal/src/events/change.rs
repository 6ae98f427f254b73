//! Changes the log: asks for messages to be run again, deletes settled ones, and takes care of the file.

use std::time::{Duration, SystemTime};

use circuits::history::{Details, Event, HistoryError, Status};
use rusqlite::{OptionalExtension as _, TransactionBehavior, params};

use super::query::{condition, time};
use super::{Check, EventLog};
use crate::error::Fault;
use crate::files::{self, log_of, size};
use crate::lock::Lock;
use crate::store::milliseconds;

/// How many messages one transaction deletes.
const BATCH: u32 = 200;
/// The pause between two transactions, so that a runner gets its turn.
const BREATH: Duration = Duration::from_millis(5);

impl EventLog {
    /// The message, if it can be run again.
    ///
    /// # Errors
    /// When the message is not settled, so that it may still run by itself; when it was too large to keep; or when the file
    /// cannot be read.
    pub fn can_run_again(&self, number: i64) -> Result<Event, HistoryError> {
        let Details { event, body, .. } = self.show(number)?;
        if matches!(event.status, Status::Waiting | Status::Running | Status::Finished) {
            return Err(HistoryError::unsettled(number, event.status));
        }
        body.map(|_| event).ok_or(HistoryError::no_body(number))
    }

    /// Asks for a message to be run again: its runner does so within seconds, or when it is started. Returns the number of the
    /// new message, which has an id of its own.
    ///
    /// # Errors
    /// As for [`can_run_again`](Self::can_run_again); or when the file cannot be written.
    pub fn run_again(&mut self, number: i64) -> Result<i64, HistoryError> {
        self.can_run_again(number)?;
        let now = milliseconds(SystemTime::now());
        let mut copied = || {
            let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            // The id is random, since a counted one would be used again once its message has been dropped.
            transaction.execute(
                "INSERT INTO message (id, destination, arrived, rerun_of)
                 SELECT id || '#again-' || lower(hex(randomblob(8))), destination, ?2, ?1 FROM message WHERE seq = ?1",
                params![number, now],
            )?;
            let new = transaction.last_insert_rowid();
            transaction.execute(
                "INSERT INTO content (seq, headers, body) SELECT ?2, headers, body FROM content WHERE seq = ?1",
                params![number, new],
            )?;
            transaction.commit()?;
            Ok(new)
        };
        copied().map_err(|error: rusqlite::Error| self.trouble(&error))
    }

    /// How many settled messages arrived before `cutoff`.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn count_settled(&self, cutoff: SystemTime) -> Result<u32, HistoryError> {
        let sql = "SELECT count(*) FROM message WHERE state = 2 AND arrived < ?1";
        let counted = self.connection.query_row(sql, [milliseconds(cutoff)], |row| row.get(0));
        counted.map_err(|error| self.trouble(&error))
    }

    /// Deletes the oldest settled messages that arrived before `cutoff`, at most `limit`, a few at a time. Returns how many it
    /// deleted.
    ///
    /// # Errors
    /// When the file cannot be written; messages that were deleted before the error stay deleted.
    pub fn purge(&mut self, cutoff: SystemTime, limit: u32) -> Result<u32, HistoryError> {
        let (cutoff, mut gone) = (milliseconds(cutoff), 0);
        while gone < limit {
            let batch = BATCH.min(limit - gone);
            let numbers: rusqlite::Result<Vec<i64>> = self
                .connection
                .prepare_cached(
                    "SELECT seq FROM message WHERE state = 2 AND arrived < ?1 AND NOT EXISTS
                     (SELECT 1 FROM outbox WHERE outbox.seq = message.seq) ORDER BY arrived LIMIT ?2",
                )
                .and_then(|mut oldest| oldest.query_map(params![cutoff, batch], |row| row.get(0))?.collect());
            let deleted = numbers.and_then(|numbers| self.delete(&numbers));
            match deleted.map_err(|error| self.trouble(&error))? {
                0 => break,
                deleted => gone += deleted,
            }
            std::thread::sleep(BREATH);
        }
        Ok(gone)
    }

    /// The message, if it is a dead letter, which may be dropped.
    ///
    /// # Errors
    /// When the message is unknown or no dead letter, or the file cannot be read.
    pub fn can_drop(&self, number: i64) -> Result<Event, HistoryError> {
        let event = self.show(number)?.event;
        if event.status != Status::Dead {
            return Err(HistoryError::not_dead(number, event.status));
        }
        Ok(event)
    }

    /// Deletes a dead letter.
    ///
    /// # Errors
    /// As for [`can_drop`](Self::can_drop); or when the file cannot be written, or events about the message wait to be passed on.
    pub fn drop_dead(&mut self, number: i64) -> Result<(), HistoryError> {
        self.can_drop(number)?;
        match self.delete(&[number]).map_err(|error| self.trouble(&error))? {
            0 => Err(HistoryError::kept(number)),
            _ => Ok(()),
        }
    }

    /// Deletes the settled ones of these messages.
    fn delete(&mut self, numbers: &[i64]) -> rusqlite::Result<u32> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut deleted = 0;
        for number in numbers {
            if transaction
                .prepare_cached(
                    "DELETE FROM message WHERE seq = ?1 AND state = 2 AND NOT EXISTS
                     (SELECT 1 FROM outbox WHERE outbox.seq = ?1)",
                )?
                .execute([number])?
                == 1
            {
                transaction.prepare_cached("DELETE FROM content WHERE seq = ?1")?.execute([number])?;
                transaction.prepare_cached("DELETE FROM step WHERE seq = ?1")?.execute([number])?;
                deleted += 1;
            }
        }
        transaction.commit()?;
        Ok(deleted)
    }

    /// Reads the whole file and reports what is in it and what is wrong with it.
    ///
    /// # Errors
    /// When it cannot be read at all.
    pub fn check(&self) -> Result<Check, HistoryError> {
        let checked = || {
            let count = |status: Status| {
                let sql = format!("SELECT count(*) FROM message WHERE {}", condition(status));
                Ok((status, self.connection.query_row(&sql, [], |row| row.get(0))?))
            };
            let sql = "SELECT arrived FROM message ORDER BY arrived LIMIT 1";
            let oldest: Option<i64> = self.connection.query_row(sql, [], |row| row.get(0)).optional()?;
            Ok(Check {
                faults: files::faults(&self.connection)?,
                messages: Status::ALL.into_iter().map(count).collect::<rusqlite::Result<_>>()?,
                bytes: (size(&self.path), size(&log_of(&self.path))),
                oldest: oldest.map(time),
                in_use: self.is_in_use(),
            })
        };
        checked().map_err(|error: rusqlite::Error| self.trouble(&error))
    }

    /// Whether a runner has the journal open.
    pub fn is_in_use(&self) -> bool {
        matches!(Lock::take(&self.path), Err(Fault::InUse))
    }

    /// Brings everything from the write-ahead log into the file and onto the disk, so that the file alone can be copied.
    /// False if somebody who is reading or writing at the moment kept back a part of it.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn sync(&self) -> Result<bool, HistoryError> {
        files::sync(&self.connection).map_err(|error| self.trouble(&error))
    }
}

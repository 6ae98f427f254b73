//! Events for others, noted in the transaction of what they are about. They stay until they were passed on.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use bytes::Bytes;
use circuits::journal::{JournalFuture, Outcome};
use circuits::outbox::{Noted, NotedMessage, Outbox};
use circuits::{EventKind, EventKinds, Reply};
use rusqlite::{Connection, Row, params};
use tokio::sync::Notify;

use crate::blocking::Blocking;
use crate::events::time;
use crate::store::Call;
use crate::thread::Thread;

/// Bytes of messages after which no further event is read in one go.
const TOGETHER: usize = 8 << 20;

/// What the journal's thread and those who read the outbox share.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    kinds: AtomicU32,
    most: AtomicU64,
    /// How many events wait; exact after each start and each time that some were passed on.
    waiting: AtomicU64,
    dropped: AtomicU64,
    noted: AtomicBool,
    arrivals: Arc<Notify>,
}

impl Shared {
    /// Looks how many events wait from an earlier run.
    pub(crate) fn count(&self, connection: &Connection) -> rusqlite::Result<()> {
        let waiting = connection.query_row("SELECT count(*) FROM outbox", [], |row| row.get::<_, u32>(0))?;
        self.waiting.store(waiting.into(), Ordering::Relaxed);
        Ok(())
    }

    /// Whether somebody wants events of this kind.
    pub(crate) fn keeps(&self, kind: EventKind) -> bool {
        EventKinds::from_bits(self.kinds.load(Ordering::Relaxed)).contains(kind)
    }

    /// Whether an event of this kind is noted now; counts one that would be, if there were room.
    fn takes(&self, kind: EventKind) -> bool {
        if !self.keeps(kind) {
            return false;
        }
        if self.waiting.load(Ordering::Relaxed) >= self.most.load(Ordering::Relaxed) {
            self.dropped.fetch_add(1, Ordering::Relaxed);
            return false;
        }
        true
    }

    fn noted(&self) {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        self.noted.store(true, Ordering::Relaxed);
    }

    /// Notes an event about a message. `nonce` is empty where there is one event of the kind for each message.
    pub(crate) fn note(
        &self,
        connection: &Connection,
        (kind, at): (EventKind, i64),
        message: &str,
        nonce: &str,
        data: &str,
    ) -> rusqlite::Result<()> {
        if self.takes(kind) {
            connection
                .prepare_cached(
                    "INSERT INTO outbox (kind, at, nonce, seq, data) SELECT ?1, ?2, ?3, seq, ?5 FROM message WHERE id = ?4",
                )?
                .execute(params![kind.name(), at, nonce, message, data])?;
            self.noted();
        }
        Ok(())
    }

    /// Notes an event about no message.
    pub(crate) fn note_alone(
        &self,
        connection: &Connection,
        (kind, at): (EventKind, i64),
        data: &str,
    ) -> rusqlite::Result<()> {
        if self.takes(kind) {
            connection
                .prepare_cached(
                    "INSERT INTO outbox (kind, at, nonce, data) VALUES (?1, ?2, lower(hex(randomblob(16))), ?3)",
                )?
                .execute(params![kind.name(), at, data])?;
            self.noted();
        }
        Ok(())
    }

    /// Forgets events that were passed on.
    pub(crate) fn passed_on(&self, connection: &Connection, through: i64) -> rusqlite::Result<()> {
        connection.prepare_cached("DELETE FROM outbox WHERE number <= ?1")?.execute([through])?;
        self.count(connection)
    }

    /// Tells those who wait for events, after a commit.
    pub(crate) fn committed(&self) {
        if self.noted.swap(false, Ordering::Relaxed) {
            self.arrivals.notify_one();
        }
    }
}

/// The outbox of an open journal.
#[derive(Debug)]
pub(crate) struct SqliteOutbox {
    pub(crate) shared: Arc<Shared>,
    /// A connection of its own, so that reading never waits for the writer. Closed before the writer's, which then brings everything
    /// into the file.
    pub(crate) reader: Blocking,
    pub(crate) thread: Arc<Thread>,
}

impl Outbox for SqliteOutbox {
    fn keep(&self, kinds: EventKinds, most: u64) {
        self.shared.most.store(most, Ordering::Relaxed);
        self.shared.kinds.store(kinds.bits(), Ordering::Relaxed);
    }

    fn note(&self, kind: EventKind, data: String) {
        if self.shared.takes(kind) && !self.thread.offer(Call::Note { kind, data }) {
            self.shared.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn waiting(&self, after: i64, limit: u32) -> JournalFuture<'_, Vec<Noted>> {
        Box::pin(self.reader.with(move |connection| {
            let mut statement = connection.prepare_cached(
                "SELECT number, kind, at, nonce, data, outbox.seq, id, destination, rule, incident, attempts, started,
                        finished, body, reply, outcome
                 FROM outbox LEFT JOIN message ON message.seq = outbox.seq LEFT JOIN content ON content.seq = outbox.seq
                 WHERE number > ?1 ORDER BY number LIMIT ?2",
            )?;
            let mut rows = statement.query(params![after, limit])?;
            let (mut all, mut bytes) = (Vec::new(), 0);
            while let Some(row) = rows.next()? {
                // An event of a kind that only a newer version knows is left to it.
                let Some(noted) = noted(row)? else { continue };
                bytes += noted.message.as_ref().map_or(0, |message| message.body.len());
                all.push(noted);
                if bytes > TOGETHER {
                    break;
                }
            }
            Ok(all)
        }))
    }

    fn passed_on(&self, through: i64) -> JournalFuture<'_, ()> {
        Box::pin(async move { self.thread.call(Call::PassedOn { through }).await.map(drop) })
    }

    fn dropped(&self) -> u64 {
        self.shared.dropped.load(Ordering::Relaxed)
    }

    fn arrivals(&self) -> Arc<Notify> {
        Arc::clone(&self.shared.arrivals)
    }
}

fn noted(row: &Row<'_>) -> rusqlite::Result<Option<Noted>> {
    let Some(kind) = EventKind::parse(&row.get::<_, String>(1)?) else { return Ok(None) };
    let at = |column| row.get::<_, Option<i64>>(column).map(|at| at.map(time));
    let message = match row.get::<_, Option<String>>(6)? {
        None => None,
        Some(id) => {
            let reply: Option<String> = row.get(14)?;
            let reply = reply.and_then(|reply| serde_json::from_str::<Reply>(&reply).ok());
            let outcome = match row.get::<_, Option<u8>>(15)? {
                Some(1) => Outcome::SetAside,
                _ => Outcome::Answered,
            };
            Some(Box::new(NotedMessage {
                id,
                destination: row.get(7)?,
                rule: row.get(8)?,
                incident: row.get(9)?,
                attempts: row.get(10)?,
                started: at(11)?,
                finished: at(12)?,
                body: row.get::<_, Option<Vec<u8>>>(13)?.map(Bytes::from).unwrap_or_default(),
                reply: reply.map(|reply| (reply, outcome)),
            }))
        }
    };
    Ok(Some(Noted {
        number: row.get(0)?,
        kind,
        at: time(row.get(2)?),
        nonce: row.get(3)?,
        data: row.get(4)?,
        message,
    }))
}

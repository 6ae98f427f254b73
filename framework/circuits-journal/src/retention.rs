//! Deletes messages that are too old or too many, a few at a time, so that no call waits long for it.

use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use tracing::{info, warn};

use crate::options::Options;
use crate::store::{Store, milliseconds};

/// How many messages one step looks at.
const STEP: u32 = 200;
/// The number of bytes after which one step deletes no more.
const STEP_BYTES: u64 = 4 << 20;
/// How many bytes a message takes besides its body, roughly.
const ROW_BYTES: u64 = 512;
/// How many pages one step gives back to the file system.
const VACUUM: u64 = 256;
/// How many free pages stay in the file to be used again.
const SPARE: u64 = 4096;
/// The pause between steps while there is work, so that calls come first.
const BREATH: Duration = Duration::from_millis(20);
/// The pause between looks for work.
const LOOK: Duration = Duration::from_secs(1);
/// The pause after a failure.
const PAUSE: Duration = Duration::from_secs(60);

/// What is to be kept, and how far the deleting has come.
#[derive(Debug)]
pub(crate) struct Retention {
    keep: Option<Duration>,
    max_bytes: Option<u64>,
    /// Everything up to this `seq` was looked at in this round.
    position: i64,
    deleted: usize,
    /// Whether the last step left something to do.
    busy: bool,
    due: Instant,
}

/// What is left to do after a step.
enum Left {
    More,
    Nothing,
    /// There is more than there should be, and nothing may be deleted.
    TooMuch,
}

struct Pages {
    all: u64,
    free: u64,
    size: u64,
}

impl Retention {
    pub(crate) fn new(options: &Options) -> Self {
        Self {
            keep: options.keep,
            max_bytes: options.max_bytes,
            position: 0,
            deleted: 0,
            busy: false,
            due: Instant::now(),
        }
    }

    /// How long the writer may wait for a call before the next step.
    pub(crate) fn patience(&self, idle: Duration) -> Duration {
        if self.busy { BREATH } else { idle }
    }

    /// Does a little, if it is time to.
    pub(crate) fn step(&mut self, store: &mut Store, path: &Path) {
        if Instant::now() < self.due {
            return;
        }
        let outcome = self.try_step(store);
        self.busy = matches!(outcome, Ok(Left::More));
        let pause = match outcome {
            Ok(Left::More) => BREATH,
            Ok(Left::Nothing) => {
                let deleted = std::mem::take(&mut self.deleted);
                self.position = 0;
                if deleted > 0 {
                    info!(messages = deleted, "Old messages were deleted from the journal");
                }
                LOOK
            }
            Ok(Left::TooMuch) => {
                warn!(journal = %path.display(), "The journal exceeds journal_max_mb, and no message in it is settled");
                self.position = 0;
                PAUSE
            }
            Err(error) => {
                warn!(%error, journal = %path.display(), "Old messages could not be deleted from the journal; it grows");
                self.position = 0;
                PAUSE
            }
        };
        self.due = Instant::now() + pause;
    }

    fn try_step(&mut self, store: &mut Store) -> rusqlite::Result<Left> {
        let used = Pages::of(store.connection())?.used();
        let excess = self.max_bytes.map_or(0, |max| used.saturating_sub(max));
        let cutoff = self.keep.and_then(|keep| store.clock.ago(keep)).map(milliseconds);
        let left = self.delete(store, cutoff.unwrap_or(i64::MIN), excess)?;
        if matches!(left, Left::Nothing) && Pages::of(store.connection())?.spare() {
            store.transaction(false, |connection| {
                let mut vacuum =
                    connection.prepare_cached(&format!("PRAGMA incremental_vacuum({VACUUM})"))?;
                let mut freed = vacuum.query([])?;
                // Each row that is read frees a page.
                while freed.next()?.is_some() {}
                Ok(())
            })?;
            return Ok(Left::More);
        }
        Ok(left)
    }

    /// Deletes settled messages among the next ones: those that arrived before `cutoff`, and others until `excess` bytes are
    /// free.
    fn delete(&mut self, store: &mut Store, cutoff: i64, excess: u64) -> rusqlite::Result<Left> {
        let mut looked_at = 0;
        let mut freed = 0;
        let mut settled = Vec::new();
        {
            let mut next = store.connection().prepare_cached(
                "SELECT seq, state = 2 AND NOT EXISTS (SELECT 1 FROM outbox WHERE outbox.seq = message.seq), arrived,
                        coalesce(length(body), 0) FROM message JOIN content USING (seq)
                 WHERE seq > ?1 ORDER BY seq LIMIT ?2",
            )?;
            let mut rows = next.query((self.position, STEP))?;
            while let Some(row) = rows.next()? {
                // In the order of arrival: all messages behind one that is young enough are young enough too.
                if (row.get::<_, i64>(2)? >= cutoff && freed >= excess) || freed > STEP_BYTES {
                    break;
                }
                looked_at += 1;
                self.position = row.get(0)?;
                if row.get::<_, bool>(1)? {
                    settled.push(self.position);
                    freed += u64::from(row.get::<_, u32>(3)?) + ROW_BYTES;
                }
            }
        }
        if !settled.is_empty() {
            store.transaction(false, |connection| {
                let mut message = connection.prepare_cached("DELETE FROM message WHERE seq = ?1")?;
                let mut content = connection.prepare_cached("DELETE FROM content WHERE seq = ?1")?;
                let mut step = connection.prepare_cached("DELETE FROM step WHERE seq = ?1")?;
                for seq in &settled {
                    message.execute([seq])?;
                    content.execute([seq])?;
                    step.execute([seq])?;
                }
                Ok(())
            })?;
        }
        self.deleted += settled.len();
        Ok(if looked_at == STEP || freed > STEP_BYTES {
            Left::More
        } else if excess > 0 && self.deleted == 0 {
            Left::TooMuch
        } else {
            Left::Nothing
        })
    }
}

impl Pages {
    fn of(connection: &Connection) -> rusqlite::Result<Self> {
        let count =
            |pragma| connection.pragma_query_value(None, pragma, |row| row.get::<_, u32>(0).map(u64::from));
        Ok(Self { all: count("page_count")?, free: count("freelist_count")?, size: count("page_size")? })
    }

    /// How many bytes hold something.
    fn used(&self) -> u64 {
        (self.all - self.free) * self.size
    }

    /// Whether the file has more free pages than it will soon need.
    fn spare(&self) -> bool {
        self.free > SPARE.max(self.all / 8)
    }
}

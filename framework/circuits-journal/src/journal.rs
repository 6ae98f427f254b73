//! The journal as the runner sees it: every call becomes a request to the writer's thread.

use std::fmt;
use std::sync::Arc;

use circuits::history::History;
use circuits::journal::{Arrival, Journal, JournalFuture, Outcome, Rerun, Settlement, Standing, Step};
use circuits::outbox::Outbox;
use circuits::{EventKind, Reply};

use crate::blocking::Blocking;
use crate::error::{Fault, OpenError};
use crate::history::SqliteHistory;
use crate::lock::Lock;
use crate::options::Options;
use crate::outbox::{Shared, SqliteOutbox};
use crate::queue::Queue;
use crate::retention::Retention;
use crate::schema::{self, JOURNAL};
use crate::store::{Call, Store, Told};
use crate::thread::Thread;
use crate::writer::Writer;

/// A journal in a file. Dropping it, and what it gave to others, waits until every call that was made is in the file, and then
/// releases the file.
pub struct SqliteJournal {
    thread: Arc<Thread>,
    outbox: Arc<SqliteOutbox>,
    history: Arc<SqliteHistory>,
}

impl SqliteJournal {
    /// Opens the file, which is made if it is missing (readable by its owner alone), and holds it until the journal is dropped.
    ///
    /// Blocks, for a fraction of a second; after a crash as long as it takes to read the write-ahead log.
    ///
    /// # Errors
    /// When the file or its folder cannot be written, another process holds the file, or the file is damaged or belongs to
    /// another program or a newer version. Nothing is changed in such a file.
    pub fn open(options: &Options) -> Result<Self, OpenError> {
        Self::start(options).map_err(|fault| OpenError::new(&options.path, &JOURNAL, fault))
    }

    fn start(options: &Options) -> Result<Self, Fault> {
        if let Some(folder) = options.path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let lock = Lock::take(&options.path)?;
        let store = Store::open(&options.path)?;
        let queue = Arc::new(Queue::new());
        let shared = Arc::new(Shared::default());
        shared.count(store.connection())?;
        let reader = schema::reader(&options.path)?;
        let writer = Writer {
            path: options.path.clone(),
            store,
            retention: Retention::new(options),
            queue: Arc::clone(&queue),
            outbox: Arc::clone(&shared),
            lock,
        };
        let handle = std::thread::Builder::new().name("journal".to_owned()).spawn(move || writer.run())?;
        let thread = Arc::new(Thread::new(queue, handle));
        let reader = Blocking::new(&options.path, &JOURNAL, reader);
        let outbox = Arc::new(SqliteOutbox { shared, thread: Arc::clone(&thread), reader });
        let history = Arc::new(SqliteHistory::new(&options.path, Arc::clone(&thread)));
        Ok(Self { thread, outbox, history })
    }

    async fn note(&self, call: Call) -> circuits::Result<()> {
        self.thread.call(call).await.map(drop)
    }

    #[cfg(test)]
    pub(crate) async fn meddle(
        &self,
        work: fn(&rusqlite::Connection) -> rusqlite::Result<()>,
    ) -> circuits::Result<()> {
        self.note(Call::Meddle(work)).await
    }
}

impl Journal for SqliteJournal {
    fn begin<'a>(&'a self, arrivals: &'a [Arrival<'a>]) -> JournalFuture<'a, Vec<Standing>> {
        let call = Call::Begin(arrivals.iter().map(Into::into).collect());
        Box::pin(async {
            match self.thread.call(call).await? {
                Told::Standings(standings) => Ok(standings),
                _ => Ok(Vec::new()),
            }
        })
    }

    fn started<'a>(
        &'a self,
        id: &'a str,
        rule: Option<&'a str>,
        incident: Option<i64>,
    ) -> JournalFuture<'a, ()> {
        let (id, rule) = (id.to_owned(), rule.map(str::to_owned));
        Box::pin(self.note(Call::Started { id, rule, incident }))
    }

    fn released<'a>(&'a self, id: &'a str) -> JournalFuture<'a, ()> {
        Box::pin(self.note(Call::Released { id: id.to_owned() }))
    }

    fn finish<'a>(&'a self, id: &'a str, reply: &'a Reply, outcome: Outcome) -> JournalFuture<'a, ()> {
        Box::pin(async move {
            let (failed, reply) = (reply.is_error(), serde_json::to_string(reply)?);
            self.note(Call::Finish { id: id.to_owned(), reply, failed, outcome }).await
        })
    }

    fn settled<'a>(&'a self, id: &'a str, settlement: Settlement) -> JournalFuture<'a, ()> {
        Box::pin(self.note(Call::Settled { id: id.to_owned(), settlement }))
    }

    fn step(&self, id: &str, step: Step) {
        // Actions wait often, and only events tell of it.
        if matches!(step, Step::Waiting(_)) && !self.outbox.shared.keeps(EventKind::ActionWaiting) {
            return;
        }
        self.thread.offer(Call::Step { id: id.to_owned(), step });
    }

    fn outbox(&self) -> Option<Arc<dyn Outbox>> {
        Some(Arc::clone(&self.outbox) as _)
    }

    fn history(&self) -> Option<Arc<dyn History>> {
        Some(Arc::clone(&self.history) as _)
    }

    fn rerun(&self, after: i64) -> JournalFuture<'_, Option<Rerun>> {
        Box::pin(async move {
            match self.thread.call(Call::Rerun { after }).await? {
                Told::Rerun(rerun) => Ok(rerun.map(|rerun| *rerun)),
                _ => Ok(None),
            }
        })
    }
}

impl fmt::Debug for SqliteJournal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteJournal").finish_non_exhaustive()
    }
}

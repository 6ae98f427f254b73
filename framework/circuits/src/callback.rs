//! Lets a handler wait for an answer that somebody else gives later: under a token that can be used once and expires.
//!
//! The token is kept in the store, so a restart of the runner changes nothing: the message comes again, its handler asks
//! again, and gets the same token, or the answer that came meanwhile.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

use crate::delivery::seat::Seat;
use crate::signal::Waiting;
use crate::store::{Query, Record, Store, Write};
use crate::{Error, Reply, Result};

/// The table of tokens: the rank is the end of their time.
const TOKENS: &str = "callback";
/// The token of each message that has one.
const OF_MESSAGE: &str = "callback.of";
/// For how long a token is known after its end, so that whoever comes late learns that it is late.
const REMEMBERED: Duration = Duration::from_secs(7 * 24 * 3600);
/// How many old tokens are forgotten at a time.
const BATCH: u32 = 100;

/// The callbacks of one runner. Cheap to clone.
#[derive(Clone)]
pub struct Callbacks {
    store: Arc<dyn Store>,
    /// Those who wait, by token.
    waiting: Arc<Mutex<HashMap<String, Arc<Notify>>>>,
    turn: Arc<tokio::sync::Mutex<()>>,
    /// Whether there is a way for answers to come in.
    reachable: Arc<AtomicBool>,
}

/// What came of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallbackOutcome {
    /// The action takes it.
    Taken,
    /// There is no such token, or it was used.
    Unknown,
    /// The token's time is over.
    Expired,
}

/// A token and what is known of it.
#[derive(Debug, Serialize, Deserialize)]
struct Token {
    message: String,
    answer: Option<Reply>,
}

impl Callbacks {
    pub(crate) fn new(store: Arc<dyn Store>) -> Self {
        Self { store, waiting: Arc::default(), turn: Arc::default(), reachable: Arc::default() }
    }

    /// Says that answers can come in from now on.
    pub fn open(&self) {
        self.reachable.store(true, Ordering::Relaxed);
    }

    /// Waits for an answer for this message.
    pub(crate) async fn answer_for(&self, message: &str, ttl: Duration, seat: &Seat) -> Result<Reply> {
        if !self.reachable.load(Ordering::Relaxed) {
            return Err(Error::new(
                "The handler waits for an answer to a callback, and none can come in: set http_port= in [resilient], and \
                 send the callback_url with a webhook on action_waiting",
            ));
        }
        let (token, end) = self.token(message, ttl).await?;
        let until = jiff::Timestamp::try_from(end).ok().map(|end| format!("{end:.3}"));
        seat.will_wait_for(Waiting { reason: "it waits for an answer to its callback".to_owned(), until });
        let answer = seat.wait_outside(async { (self.wait(&token, end).await, seat.ticket()) }).await?;
        answer.ok_or_else(|| {
            Error::new(format_args!("Nobody answered under the callback_url within {} s", ttl.as_secs()))
        })
    }

    /// The token under which an answer for this message is taken, and the end of its time: a new one, or the one that it has.
    pub(crate) async fn token(&self, message: &str, ttl: Duration) -> Result<(String, SystemTime)> {
        self.forget_old().await?;
        if let Some(Record { value: token, .. }) = self.store.get(OF_MESSAGE, message).await?
            && let Some(record) = self.store.get(TOKENS, &token).await?
        {
            return Ok((token, time(record.rank)));
        }
        let (token, end) = (uuid::Uuid::new_v4().to_string(), SystemTime::now() + ttl);
        let value = serde_json::to_string(&Token { message: message.to_owned(), answer: None })?;
        let rank = milliseconds(end);
        let changes = vec![
            Write::put(TOKENS, Record::new(&token, rank, value)),
            Write::put(OF_MESSAGE, Record::new(message, rank, &token)),
        ];
        self.store.apply(changes).await?;
        Ok((token, end))
    }

    /// The token of a message that waits for an answer.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn token_of(&self, message: &str) -> Result<Option<String>> {
        Ok(self.store.get(OF_MESSAGE, message).await?.map(|record| record.value))
    }

    /// Gives the answer for the message that has this token.
    ///
    /// # Errors
    /// When the store cannot be read or written: the answer was not taken and may be given again.
    pub async fn answer(&self, token: &str, reply: Reply) -> Result<CallbackOutcome> {
        // Of two answers at once the first is taken.
        let _turn = self.turn.lock().await;
        let Some(record) = self.store.get(TOKENS, token).await? else {
            return Ok(CallbackOutcome::Unknown);
        };
        let mut known: Token = serde_json::from_str(&record.value)?;
        if known.answer.is_some() {
            return Ok(CallbackOutcome::Unknown);
        }
        if record.rank < milliseconds(SystemTime::now()) {
            return Ok(CallbackOutcome::Expired);
        }
        known.answer = Some(reply);
        let value = serde_json::to_string(&known)?;
        self.store.apply(vec![Write::put(TOKENS, Record::new(token, record.rank, value))]).await?;
        if let Some(waiting) = self.lock().get(token) {
            waiting.notify_one();
        }
        Ok(CallbackOutcome::Taken)
    }

    /// Waits for the answer under this token; `None` when its time is over.
    pub(crate) async fn wait(&self, token: &str, end: SystemTime) -> Result<Option<Reply>> {
        let notify = Arc::clone(self.lock().entry(token.to_owned()).or_default());
        let _waits = Waits { callbacks: self, token };
        loop {
            let Some(record) = self.store.get(TOKENS, token).await? else { return Ok(None) };
            let known: Token = serde_json::from_str(&record.value)?;
            if known.answer.is_some() {
                return Ok(known.answer);
            }
            let Ok(left) = end.duration_since(SystemTime::now()) else { return Ok(None) };
            tokio::select! {
                () = notify.notified() => {}
                () = tokio::time::sleep(left) => {}
            }
        }
    }

    async fn forget_old(&self) -> Result<()> {
        let Some(past) = SystemTime::now().checked_sub(REMEMBERED) else { return Ok(()) };
        let query = Query { through: Some(milliseconds(past)), limit: Some(BATCH), ..Query::default() };
        for table in [TOKENS, OF_MESSAGE] {
            let old = self.store.list(table, &query).await?;
            let changes: Vec<_> = old.into_iter().map(|record| Write::delete(table, record.key)).collect();
            if !changes.is_empty() {
                self.store.apply(changes).await?;
            }
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Arc<Notify>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Somebody waits under a token until this is dropped.
struct Waits<'a> {
    callbacks: &'a Callbacks,
    token: &'a str,
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.callbacks.lock().remove(self.token);
    }
}

impl std::fmt::Debug for Callbacks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Callbacks").finish_non_exhaustive()
    }
}

fn milliseconds(time: SystemTime) -> i64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

fn time(milliseconds: i64) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(milliseconds.try_into().unwrap_or(0))
}

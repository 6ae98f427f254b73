//! The lines between those who log and the one who writes. It holds [`MOST_LINES`] lines or [`MOST_BYTES`]; a line that
//! finds it full is dropped and counted, and the log says how many are missing as soon as it can. Losing lines of a log is
//! bad, holding up acknowledgements because of one is worse.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::line::Line;

/// A burst at DEBUG level under full load, about.
const MOST_LINES: usize = 16_384;
const MOST_BYTES: usize = 32 * 1024 * 1024;

/// A longer line is cut before it is queued, e.g. a traced frame with a large body.
const LONGEST: usize = 256 * 1024;

/// How long the end of the process waits for a slow disk.
const PATIENCE: Duration = Duration::from_secs(5);

#[derive(Debug, Default)]
pub(super) struct Queue {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    lines: VecDeque<Line>,
    bytes: usize,
    dropped: u64,
    closed: bool,
    finished: bool,
}

/// What the writer has to do next.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) lines: VecDeque<Line>,
    /// Lines that were dropped after these.
    pub(super) dropped: u64,
}

impl Queue {
    /// Takes a line, or drops it if the writer is too far behind.
    pub(super) fn push(&self, mut line: Line) {
        truncate(&mut line.rest, LONGEST);
        let mut state = self.lock();
        if state.closed || state.lines.len() >= MOST_LINES || state.bytes + line.rest.len() > MOST_BYTES {
            state.dropped += 1;
            return;
        }
        state.bytes += line.rest.len();
        state.lines.push_back(line);
        drop(state);
        self.changed.notify_all();
    }

    /// Waits for lines. `None` after the last one, once the queue is closed.
    pub(super) fn next(&self) -> Option<Batch> {
        let state = self.lock();
        let mut state = self
            .changed
            .wait_while(state, |state| state.lines.is_empty() && state.dropped == 0 && !state.closed)
            .unwrap_or_else(PoisonError::into_inner);
        if state.lines.is_empty() && state.dropped == 0 {
            return None;
        }
        state.bytes = 0;
        let dropped = std::mem::take(&mut state.dropped);
        Some(Batch { lines: std::mem::take(&mut state.lines), dropped })
    }

    /// Said by the writer when everything is on disk.
    pub(super) fn finished(&self) {
        self.lock().finished = true;
        self.changed.notify_all();
    }

    /// Ends the log: what waits is written, what comes later is not. Waits for the writer, within reason.
    pub(super) fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        self.changed.notify_all();
        drop(self.changed.wait_timeout_while(state, PATIENCE, |state| !state.finished));
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Cuts a text to so many bytes, and says so.
pub(super) fn truncate(text: &mut String, most: usize) {
    if text.len() > most {
        let left_out = text.len() - most;
        let end = (0..=most).rev().find(|&end| text.is_char_boundary(end)).unwrap_or(0);
        text.truncate(end);
        text.push_str(&format!("... ({left_out} bytes more)"));
    }
}

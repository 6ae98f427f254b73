//! The queue of lines between the code that logs and the thread that writes. It holds up to [`MOST_LINES`] lines or
//! [`MOST_BYTES`]. When it is full, it drops and counts lines, and the log states how many are missing as soon as it can.
//! Losing lines of a log is bad; delaying acknowledgements because of the log is worse.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::line::Line;

/// About one burst at DEBUG level under full load.
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

/// The writer's next work.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) lines: VecDeque<Line>,
    /// How many lines were dropped after these.
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

    /// The writer calls this when everything is on disk.
    pub(super) fn finished(&self) {
        self.lock().finished = true;
        self.changed.notify_all();
    }

    /// Ends the log: waiting lines are written, later ones are not. Waits for the writer, but not for too long.
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

/// Cuts a text to this many bytes, and marks the cut.
pub(super) fn truncate(text: &mut String, most: usize) {
    if text.len() > most {
        let left_out = text.len() - most;
        let end = (0..=most).rev().find(|&end| text.is_char_boundary(end)).unwrap_or(0);
        text.truncate(end);
        text.push_str(&format!("... ({left_out} bytes more)"));
    }
}

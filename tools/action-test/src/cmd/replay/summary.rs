//! The outcome of a replay: counted once, shown as text or as JSON.

use std::time::Duration;

use serde_json::{Value, json};

use super::Replayed;
use crate::exit::Ended;
use crate::show;

/// How many failures are shown individually.
const SHOWN: usize = 10;

/// Counts and times.
pub(super) struct Summary {
    messages: usize,
    completed: usize,
    errors: usize,
    no_reply: usize,
    no_runner: usize,
    /// Replies whose text differs from the recorded one.
    differ: usize,
    seconds: f64,
    per_second: f64,
    p50_ms: f64,
    p99_ms: f64,
    max_ms: f64,
}

impl Summary {
    /// Counts at least one message.
    pub(super) fn of(done: &[Replayed], took: Duration) -> Self {
        let count = |ended| done.iter().filter(|one| one.ended() == ended).count();
        let mut times: Vec<_> = done.iter().map(|one| one.told.took.as_secs_f64() * 1000.0).collect();
        times.sort_by(f64::total_cmp);
        let quantile = |q: f64| times[((times.len() - 1) as f64 * q) as usize];
        Self {
            messages: done.len(),
            completed: count(Ended::Completed),
            errors: count(Ended::Error),
            no_reply: count(Ended::NoReply),
            no_runner: count(Ended::NoRunner),
            differ: done.iter().filter(|one| one.differs).count(),
            seconds: took.as_secs_f64(),
            per_second: done.len() as f64 / took.as_secs_f64().max(0.001),
            p50_ms: quantile(0.5),
            p99_ms: quantile(0.99),
            max_ms: quantile(1.0),
        }
    }

    pub(super) fn as_json(&self) -> Value {
        json!({"summary": {
            "messages": self.messages, "completed": self.completed, "errors": self.errors,
            "no_reply": self.no_reply, "no_runner": self.no_runner, "differ": self.differ,
            "seconds": self.seconds, "per_second": self.per_second,
            "p50_ms": self.p50_ms, "p99_ms": self.p99_ms, "max_ms": self.max_ms,
        }})
    }

    /// The first failures, the counts, and the replies that differ from the recorded ones.
    pub(super) fn lines(&self, done: &[Replayed]) -> Vec<String> {
        let failed: Vec<_> = done.iter().filter(|one| one.ended() != Ended::Completed).collect();
        let first = failed.iter().take(SHOWN);
        let mut lines: Vec<_> =
            first.map(|one| format!("{}: {}", one.name, show::ending(&one.told))).collect();
        if failed.len() > SHOWN {
            lines.push(format!("and {} more that failed", failed.len() - SHOWN));
        }
        let Self { messages, completed, errors, no_reply, no_runner, differ, .. } = self;
        let Self { seconds, per_second, p50_ms, p99_ms, max_ms, .. } = self;
        lines.push(format!(
            "{messages} messages: {completed} completed, {errors} errors, {no_reply} without a reply, \
             {no_runner} without a runner; {seconds:.1} s, {per_second:.0} a second; \
             p50 {p50_ms:.1} ms, p99 {p99_ms:.1} ms, longest {max_ms:.1} ms"
        ));
        if *differ > 0 {
            lines.push(format!("{differ} of the replies differ from the recorded ones"));
        }
        lines
    }
}

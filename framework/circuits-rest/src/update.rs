//! Reads an object, changes it and writes it back, and does so again when somebody else was faster (409). The same change is
//! not made twice: when the answer to a write was lost, the object itself shows whether the write took place.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};

use serde_json::Value;
use tokio::time::{Instant, timeout_at};

use crate::{Error, Method, Rest, backoff, error::Kind, retry::Repeat};

/// What the closure of [`Rest::update`] decided.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Change {
    /// Write the object back if it differs from what was read. A closure that returns nothing means this.
    #[default]
    Save,
    /// Leave the platform as it is, whatever the closure did to its copy.
    Skip,
}

impl From<()> for Change {
    fn from((): ()) -> Self {
        Change::Save
    }
}

/// One update at a time per object within this process: handlers that change the same incident queue up here instead of
/// causing conflicts on the platform.
#[derive(Default)]
pub(crate) struct Turns(Mutex<HashMap<String, Weak<tokio::sync::Mutex<()>>>>);

impl Turns {
    fn of(&self, path: &str) -> Arc<tokio::sync::Mutex<()>> {
        let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(turn) = turns.get(path).and_then(Weak::upgrade) {
            return turn;
        }
        // Objects that nobody updates any more leave no trace.
        turns.retain(|_, turn| turn.strong_count() > 0);
        let turn = Arc::default();
        turns.insert(path.to_owned(), Arc::downgrade(&turn));
        turn
    }
}

const SHORTEST_PAUSE: Duration = Duration::from_millis(25);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// The longest pause in rounds: it lets this many writers of a slow platform through one by one.
const LONGEST_ROUNDS: u32 = 128;

/// The wait after `conflicts` conflicts: none after the first, because usually somebody has just saved once; then a random
/// time up to a limit that doubles, so that writers drift apart. The limit starts at the time that a `round` of reading and
/// writing takes, because a writer that comes back sooner meets the same rivals. Of `callers` in this process that all want
/// the object, only one tries at a time; it tries as often as they would together, or a process with many callers would
/// hardly get a turn.
pub(crate) fn pause(conflicts: u32, round: Duration, callers: usize, spread: f64) -> Duration {
    if conflicts < 2 {
        return Duration::ZERO;
    }
    let longest = round.saturating_mul(LONGEST_ROUNDS).max(LONGEST_PAUSE);
    let limit = backoff::grown(round.max(SHORTEST_PAUSE), 2, longest, conflicts - 1);
    limit.mul_f64(spread.clamp(0.0, 1.0)) / u32::try_from(callers.max(1)).unwrap_or(u32::MAX)
}

/// Waits for `pause`. The clock's shortest sleep is a millisecond, more than most calls take.
pub(crate) async fn wait(pause: Duration) {
    if !pause.is_zero() {
        tokio::time::sleep(pause).await;
    }
}

impl Rest {
    /// Reads the object at `path`, lets `apply` change it and writes it back. On a conflict (409) it reads again and
    /// applies again, so `apply` may run several times and must only look at the object it is given. If `apply` changes
    /// nothing, or returns [`Change::Skip`], nothing is written. Returns the object from the platform's answer, or as it was
    /// sent if the platform answers something else.
    ///
    /// ```no_run
    /// # async fn example(rest: &circuits_rest::Rest) -> Result<(), circuits_rest::Error> {
    /// rest.update("/incidents/2095", |incident| {
    ///     incident["properties"]["last_updated"] = 1_500_000_000_000_i64.into();
    /// })
    /// .await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// Those of the calls; [`Error::is_conflict`] when somebody else was faster every time, naming what they changed;
    /// [`Error::is_unclear`] when the answer to a write was lost and the object does not show whether the write took place.
    pub async fn update<F, C>(&self, path: &str, mut apply: F) -> Result<Value, Error>
    where
        F: FnMut(&mut Value) -> C,
        C: Into<Change>,
    {
        let turn = self.turn(path);
        let _turn = self.in_time(turn.lock()).await.map_err(|error| error.at(Method::Put, path))?;
        let mut begun = Instant::now();
        let mut base: Value = self.get(path).await?;
        let mut lost: Option<Lost> = None;
        let mut writes = 0;
        loop {
            let mut object = base.clone();
            if apply(&mut object).into() == Change::Skip || object == base {
                return Ok(base);
            }
            writes += 1;
            let put = self.request(Method::Put, path).json(&object).repeat(Repeat::Refused).bytes().await;
            // Every caller in this process that waits for this turn, or has it, holds a reference to it.
            let pause = pause(writes, begun.elapsed(), Arc::strong_count(&turn), fastrand::f64());
            let last = self.is_last(writes, pause);
            match put {
                Ok(answer) => return Ok(written(&answer, object)),
                Err(error) if unanswered(&error) => lost = lost.or(Some(Lost { base, wrote: object, error })),
                Err(error) if error.status() != Some(409) => return Err(error),
                Err(error) if last => return Err(self.given_up(path, &base, error, writes).await),
                Err(_) => {}
            }
            wait(pause).await;
            begun = Instant::now();
            base = match (self.get(path).await, lost.take()) {
                (Ok(now), None) => now,
                (Ok(now), Some(write)) => match write.outcome(&now) {
                    Outcome::Took => return Ok(now),
                    Outcome::Unclear => return Err(write.unclear("the same fields have changed since")),
                    Outcome::Not if last => return Err(write.error.tries(writes)),
                    Outcome::Not => {
                        // As long as the object has not moved on, the lost write may still arrive.
                        lost = (write.base.get("vers") == now.get("vers")).then_some(write);
                        now
                    }
                },
                (Err(error), None) => return Err(error),
                (Err(error), Some(write)) => {
                    return Err(write.unclear(&format!("the object cannot be read ({})", error.message())));
                }
            };
        }
    }

    /// Waits for `others`, as long as the deadline allows.
    pub(crate) async fn in_time<T>(&self, others: impl Future<Output = T>) -> Result<T, Error> {
        let Some(deadline) = self.deadline else { return Ok(others.await) };
        let late = |_| {
            Error::new(Kind::Timeout, "the deadline of the action has passed while others changed the object")
        };
        timeout_at(deadline, others).await.map_err(late)
    }

    /// Whether try number `tries` is the last one: by number, or because after `pause` it would be too late.
    pub(crate) fn is_last(&self, tries: u32, pause: Duration) -> bool {
        tries >= self.shared.conflict_tries.max(1)
            || self.deadline.is_some_and(|deadline| Instant::now() + pause >= deadline)
    }

    /// The turn to change the object at `path`.
    pub(crate) fn turn(&self, path: &str) -> Arc<tokio::sync::Mutex<()>> {
        self.shared.turns.of(path.split('?').next().unwrap_or_default())
    }

    /// The error after the last conflict, with the fields that others changed meanwhile.
    async fn given_up(&self, path: &str, base: &Value, error: Error, tries: u32) -> Error {
        let error = error.with_kind(Kind::Conflict).tries(tries);
        let Ok(now) = self.get::<Value>(path).await else { return error };
        let mut fields = BTreeSet::new();
        differences(base, &now, "", &mut fields);
        let fields: Vec<_> = fields.into_iter().collect();
        let who = ["last_modified_principal", "last_modified_by"]
            .iter()
            .find_map(|key| {
                now.get(*key)?.get("display_name").or_else(|| now.get(*key)?.get("name"))?.as_str()
            })
            .unwrap_or("somebody else");
        error.context(&format!("{who} was faster each time, last changing {}", fields.join(", ")))
    }
}

/// The object after a write: the one in the answer, or the one that was sent if the platform answers something else.
fn written(answer: &[u8], sent: Value) -> Value {
    let is_object = |value: &Value| value.get("id").is_some() || value.get("vers").is_some();
    serde_json::from_slice(answer).ok().filter(is_object).unwrap_or(sent)
}

/// Whether the write may have taken place in spite of the error.
fn unanswered(error: &Error) -> bool {
    error.kind() == Kind::Lost || error.is_timeout() || matches!(error.status(), Some(502..=504))
}

/// A write whose answer was lost.
struct Lost {
    base: Value,
    wrote: Value,
    error: Error,
}

/// What became of it.
#[derive(Debug, PartialEq)]
enum Outcome {
    Took,
    Not,
    Unclear,
}

impl Lost {
    /// Compares the fields that the write meant to change with what they are now.
    fn outcome(&self, now: &Value) -> Outcome {
        let mut fields = BTreeSet::new();
        differences(&self.base, &self.wrote, "", &mut fields);
        let same = |other: &Value| {
            let at = |object: &Value, field: &str| object.pointer(field).cloned().unwrap_or(Value::Null);
            fields.iter().all(|field| at(now, field) == at(other, field))
        };
        match (same(&self.wrote), same(&self.base)) {
            (true, _) => Outcome::Took,
            (_, true) => Outcome::Not,
            _ => Outcome::Unclear,
        }
    }

    fn unclear(self, why: &str) -> Error {
        let text =
            format!("the answer to the write was lost, and {why}, so it is unknown whether it took place");
        self.error.with_kind(Kind::Unclear).context(&text)
    }
}

/// The JSON pointers of the fields in which two objects differ. Lists are compared as a whole.
fn differences(a: &Value, b: &Value, at: &str, out: &mut BTreeSet<String>) {
    match (a, b) {
        (Value::Object(a), Value::Object(b)) => {
            for key in a.keys().chain(b.keys()) {
                let at = format!("{at}/{}", key.replace('~', "~0").replace('/', "~1"));
                let null = &Value::Null;
                differences(a.get(key).unwrap_or(null), b.get(key).unwrap_or(null), &at, out);
            }
        }
        _ if a != b => {
            out.insert(at.to_owned());
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn pauses_double_from_a_round_and_spread() {
        let limits = |round| -> Vec<u128> {
            (1..=10).map(|n| pause(n, Duration::from_millis(round), 1, 1.0).as_millis()).collect()
        };
        assert_eq!(limits(3), [0, 25, 50, 100, 200, 400, 800, 1600, 2000, 2000]);
        let slow = [0, 200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 25_600];
        assert_eq!(limits(200), slow, "a slow platform");
        let round = Duration::from_millis(3);
        assert_eq!(pause(9, round, 1, 0.0), Duration::ZERO);
        assert_eq!(pause(9, round, 50, 1.0), Duration::from_millis(40), "one tries for fifty");
    }

    #[test]
    fn the_object_tells_what_became_of_a_lost_write() {
        let write = Lost {
            base: json!({"vers": 3, "name": "a", "properties": {"n": 1}, "members": [1]}),
            wrote: json!({"vers": 3, "name": "a", "properties": {"n": 2}, "members": [1, 2]}),
            error: Error::new(Kind::Lost, "gone"),
        };
        let table = [
            (json!({"vers": 4, "name": "a", "properties": {"n": 2}, "members": [1, 2]}), Outcome::Took),
            (json!({"vers": 5, "name": "b", "properties": {"n": 2}, "members": [1, 2]}), Outcome::Took),
            (json!({"vers": 3, "name": "a", "properties": {"n": 1}, "members": [1]}), Outcome::Not),
            (json!({"vers": 4, "name": "b", "properties": {"n": 1}, "members": [1]}), Outcome::Not),
            (json!({"vers": 5, "name": "a", "properties": {"n": 3}, "members": [1, 2]}), Outcome::Unclear),
        ];
        for (now, expected) in table {
            assert_eq!(write.outcome(&now), expected, "{now}");
        }
        assert!(write.unclear("nobody knows").is_unclear());
    }

    #[test]
    fn the_answer_to_a_write_counts_only_if_it_is_the_object() {
        let sent = json!({"id": 1, "vers": 3});
        assert_eq!(written(br#"{"id":1,"vers":4}"#, sent.clone())["vers"], 4);
        assert_eq!(written(br#"{"success":true}"#, sent.clone()), sent);
        assert_eq!(written(b"", sent.clone()), sent);
    }

    #[test]
    fn differing_fields_are_named_one_by_one() {
        let mut fields = BTreeSet::new();
        differences(
            &json!({"a": 1, "p": {"x/y": 1, "z": 2}}),
            &json!({"a": 1, "p": {"x/y": 2, "z": 2}, "n": 0}),
            "",
            &mut fields,
        );
        assert_eq!(Vec::from_iter(fields), ["/n", "/p/x~1y"]);
    }

    #[test]
    fn turns_are_shared_while_used_and_forgotten_after() {
        let turns = Turns::default();
        let (a, b) = (turns.of("/incidents/1"), turns.of("/incidents/1"));
        assert!(Arc::ptr_eq(&a, &b));
        drop((a, b));
        let _other = turns.of("/incidents/2");
        assert_eq!(turns.0.lock().unwrap().len(), 1);
    }
}

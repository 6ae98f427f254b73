//! Every combinator inside every other, and three deep: whatever the nesting, all actions are answered, in order and within
//! the limits.

use std::sync::Arc;
use std::time::Duration;

use super::trial::{Log, Trial, ms};
use super::{Handler, HandlerFuture, Policy, Seating};
use super::{background, concurrency, debounce, defer, once_per, rate_limit, retry, timeout};
use crate::Action;

/// A handler whose type is erased.
struct Any(Box<dyn Handler<Log, Boxed>>);

/// The form of a handler whose type is erased.
enum Boxed {}

impl Handler<Log, Boxed> for Any {
    fn call(&self, state: Arc<Log>, action: Action) -> HandlerFuture {
        self.0.call(state, action)
    }

    fn seating(&self) -> Seating {
        self.0.seating()
    }
}

/// The innermost handler, which takes 100 ms.
struct Work;

impl Handler<Log, Boxed> for Work {
    fn call(&self, state: Arc<Log>, action: Action) -> HandlerFuture {
        Box::pin(Log::slow(state, action))
    }
}

fn boxed(handler: impl Handler<Log, Boxed>) -> Any {
    Any(Box::new(handler))
}

fn incident(action: &Action) -> String {
    action.incident_id().unwrap().to_string()
}

type Kind = (&'static str, fn(Any) -> Any);

const KINDS: [Kind; 11] = [
    ("background", |h| boxed(background(h))),
    ("concurrency 1", |h| boxed(concurrency(1, h))),
    ("concurrency 2", |h| boxed(concurrency(2, h))),
    ("debounce", |h| boxed(debounce(ms(200), h))),
    ("debounce newest", |h| boxed(debounce(ms(200), h).newest())),
    ("debounce all", |h| boxed(debounce(ms(200), h).key(|_| "all".to_owned()).max_wait(ms(700)))),
    ("defer", |h| boxed(defer(ms(300), h))),
    ("once_per", |h| boxed(once_per(incident, ms(60_000), h))),
    ("rate_limit", |h| boxed(rate_limit(2, ms(1000), h))),
    ("retry", |h| boxed(retry(Policy::attempts(2).delay(ms(100)), h))),
    ("timeout", |h| boxed(timeout(Duration::from_secs(3600), h))),
];

/// What happens when this many actions of this many incidents arrive, 20 ms apart, at the trial's handler.
async fn happens(trial: &Trial, actions: i64, incidents: i64) -> Option<Vec<String>> {
    *trial.log.failures.lock().unwrap() = 1;
    for action in 0..actions {
        trial.arrives(format!("{action:02}"), action % incidents);
        trial.pass(20).await;
    }
    tokio::time::timeout(Duration::from_secs(24 * 3600), trial.end()).await.ok()
}

/// The time, the action and the word after it.
fn parts(line: &str) -> (u64, i64, &str) {
    let mut words = line.split(' ');
    let (time, name) = (words.next().unwrap(), words.next().unwrap());
    (time.parse().unwrap(), name.parse().unwrap(), words.next().unwrap())
}

/// The first fault in what happened.
fn fault(nesting: &[&str], lines: &[String], actions: i64, incidents: i64) -> Option<String> {
    let has = |name: &str| nesting.contains(&name);
    let answers = |action| {
        let of_it = |line: &&String| matches!(parts(line), (_, it, "=" | "!") if it == action);
        lines.iter().filter(of_it).count()
    };
    if let Some(unanswered) = (0..actions).find(|&action| answers(action) != 1) {
        return Some(format!("{} answers to {unanswered:02}", answers(unanswered)));
    }
    if lines.iter().any(|line| line.contains("stays with the broker")) {
        return Some("given back".to_owned());
    }
    // Each action's first start, incident by incident; in the background there is no order.
    for incident in (0..incidents).filter(|_| !has("background")) {
        let mut last = None;
        let mut seen = Vec::new();
        for line in lines {
            let (_, action, what) = parts(line);
            if what == "runs" && action % incidents == incident && !seen.contains(&action) {
                seen.push(action);
                if last.is_some_and(|last| last > action) {
                    return Some(format!("{action:02} of incident {incident} runs too late"));
                }
                last = Some(action);
            }
        }
    }
    let mut at_work: Vec<i64> = Vec::new();
    for line in lines {
        let (_, action, what) = parts(line);
        match what {
            "runs" => at_work.push(action),
            "ends" => at_work.retain(|other| *other != action),
            _ => {}
        }
        let limit = if has("concurrency 1") { 1 } else { 2 };
        if (has("concurrency 1") || has("concurrency 2")) && at_work.len() > limit {
            return Some(format!("more than {limit} at a time: {line}"));
        }
        let of_one = |incident| at_work.iter().filter(|action| **action % incidents == incident).count();
        if !has("background") && (0..incidents).any(|incident| of_one(incident) > 1) {
            return Some(format!("two of one incident at a time: {line}"));
        }
    }
    if nesting.last() == Some(&"rate_limit") {
        let starts: Vec<_> =
            lines.iter().map(|line| parts(line)).filter(|(_, _, what)| *what == "runs").collect();
        if let Some(early) = starts.windows(3).find(|span| span[2].0 < span[0].0 + 990) {
            return Some(format!("three starts within a second, at {} ms", early[0].0));
        }
    }
    None
}

/// Tries a nesting, outermost first, with few and many actions of one and of several incidents.
async fn try_nesting(client: &circuits_rest::Client, kinds: &[&Kind], faults: &mut Vec<String>) {
    let names: Vec<_> = kinds.iter().map(|(name, _)| *name).collect();
    for (actions, incidents) in [(2, 1), (20, 1), (2, 2), (20, 4)] {
        let handler = kinds.iter().rev().fold(boxed(Work), |inner, (_, around)| around(inner));
        let trial = Trial::with_client(client.clone(), 2, handler);
        let found = match happens(&trial, actions, incidents).await {
            None => Some("it hangs".to_owned()),
            // One full log is enough to see why.
            Some(lines) => fault(&names, &lines, actions, incidents).map(|fault| match faults.len() {
                0 => format!("{fault}\n    {}", lines.join("\n    ")),
                _ => fault,
            }),
        };
        if let Some(found) = found {
            let nesting = names.join("(");
            faults.push(format!("{nesting}(..) with {actions} actions of {incidents} incidents: {found}"));
        }
    }
}

#[tokio::test]
async fn every_pair_of_combinators_answers_all_actions_in_order_and_within_limits() {
    let client = Trial::client().await;
    tokio::time::pause();
    let mut faults = Vec::new();
    for outer in &KINDS {
        for inner in &KINDS {
            try_nesting(&client, &[outer, inner], &mut faults).await;
        }
    }
    assert!(faults.is_empty(), "{} faults\n{}", faults.len(), faults.join("\n"));
}

#[tokio::test]
async fn so_does_every_triple() {
    let client = Trial::client().await;
    tokio::time::pause();
    let mut faults = Vec::new();
    for outer in &KINDS {
        for middle in &KINDS {
            for inner in &KINDS {
                try_nesting(&client, &[outer, middle, inner], &mut faults).await;
            }
        }
    }
    assert!(faults.is_empty(), "{} faults\n{}", faults.len(), faults.join("\n"));
}

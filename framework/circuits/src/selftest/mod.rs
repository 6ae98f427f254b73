//! Checks everything that a runner needs before it is run: login, components, what they require and define on the platform, each
//! subscription, and an action there and back. It does so in one go and within a time limit.
//!
//! No message is taken from a queue for good: each subscription has room for one message, which is never acknowledged, so
//! the broker gives it back (marked as redelivered) when the test disconnects, and a runner handles it as any other.

mod certificates;
mod components;
mod definitions;
mod file;
mod folders;
mod loop_back;
mod rest;
mod stomp;

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

pub use file::{Checked, check_config};

use crate::config::Config;
use crate::registry::Registration;
use crate::{Failure, Rest, Result, RunError};

/// One thing that was tested.
#[derive(Debug)]
pub struct Check {
    name: String,
    state: State,
    took: Duration,
}

/// How a [`Check`] ended.
#[derive(Debug)]
pub enum State {
    /// It works; what was found.
    Passed(String),
    /// It does not work, and why.
    Failed(RunError),
    /// It could not be tested, for this reason.
    Skipped(String),
}

impl Check {
    /// What was tested: `REST login`, `component add_task`, `subscription actions.201.add_task`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How it ended.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// How long it took.
    pub fn took(&self) -> Duration {
        self.took
    }

    /// The kind of failure, if it failed.
    pub fn failure(&self) -> Option<Failure> {
        match &self.state {
            State::Failed(error) => Some(error.failure()),
            _ => None,
        }
    }
}

/// Tests what a runner of these components needs, each step within `limit`, and hands each [`Check`] to `on_step` when it is
/// over. Steps that do not depend on a failed step still run; the rest are skipped.
///
/// `compare` says how the platform differs from what the components define (`circuits_deploy::report`).
///
/// Components that are not in `linked` do not run, whatever `noload` says. `on_secret` is called with every secret that the
/// login brings.
///
/// While the test is subscribed, a message that arrives on one of the queues may have to wait for the end of the test.
pub async fn run(
    config: Arc<Config>,
    linked: &[&'static Registration],
    limit: Duration,
    compare: impl AsyncFn(&Rest, &[&'static Registration]) -> Result<String>,
    on_secret: impl Fn(&str) + Send + Sync + 'static,
    on_step: impl FnMut(&Check),
) -> Vec<Check> {
    let mut report = Report { limit, steps: Vec::new(), on_step };
    let client = rest::login(&mut report, &config, on_secret).await;
    let destinations = components::load(&mut report, &config, linked, client.as_ref()).await;
    definitions::compare(&mut report, linked, client.as_ref(), compare).await;
    let org = client.as_ref().map(|client| client.org().id);
    if stomp::subscribe(&mut report, &config, org, destinations).await
        && let Some(org) = org
    {
        loop_back::send(&mut report, &config, org).await;
    }
    report.steps
}

/// The steps so far, and what the next one needs.
struct Report<F> {
    limit: Duration,
    steps: Vec<Check>,
    on_step: F,
}

impl<F: FnMut(&Check)> Report<F> {
    /// Does a step: its `Ok` carries the text to report and the step's result.
    async fn step<T>(
        &mut self,
        name: impl Into<String>,
        late: Failure,
        work: impl Future<Output = Result<(String, T), RunError>>,
    ) -> Option<T> {
        let begun = Instant::now();
        let outcome = tokio::time::timeout(self.limit, work).await.unwrap_or_else(|_| {
            let text = format!("no answer within {} s; is the network slow?", self.limit.as_secs());
            Err(RunError::new(late, text))
        });
        let (state, found) = match outcome {
            Ok((text, found)) => (State::Passed(text), Some(found)),
            Err(error) => (State::Failed(error), None),
        };
        self.note(Check { name: name.into(), state, took: begun.elapsed() });
        found
    }

    fn skip(&mut self, name: impl Into<String>, why: &str) {
        let state = State::Skipped(why.to_owned());
        self.note(Check { name: name.into(), state, took: Duration::ZERO });
    }

    fn note(&mut self, step: Check) {
        (self.on_step)(&step);
        self.steps.push(step);
    }
}

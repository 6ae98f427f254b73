//! A platform that answers as it did when it was recorded.

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use circuits_sandbox::{Answer, Call, Mock};
use jiff::civil::DateTime;
use serde_json::Value;

use crate::Result;
use crate::recording::{self, Folder};

/// A mock that answers from a folder of recordings: each answer once and in its order, and the last one to a call forever.
///
/// # Errors
/// When the folder cannot be read.
pub fn recorded(folder: impl AsRef<Path>) -> Result<Mock> {
    Ok(Answers::of(Folder::read(folder)?.answers, None).mock())
}

/// The recorded answers, shared with the mock that gives them.
#[derive(Clone)]
pub(super) struct Answers(Arc<Mutex<Vec<Given>>>);

/// An answer, and the body of the call that it was given to.
pub(super) struct Given {
    pub(super) answer: recording::RecordedAnswer,
    pub(super) sent: Option<Value>,
}

impl Answers {
    /// Answers from this time on come first; earlier ones, from the start for instance, stand in where there are none.
    pub(super) fn of(mut answers: Vec<recording::RecordedAnswer>, from: Option<DateTime>) -> Self {
        answers.sort_by_key(|answer| (answer.time < from, answer.time));
        let given = answers.into_iter().map(|answer| Given { answer, sent: None }).collect();
        Self(Arc::new(Mutex::new(given)))
    }

    pub(super) fn mock(&self) -> Mock {
        let org = self.lock().iter().find_map(|given| given.answer.org()).unwrap_or(201);
        let this = self.clone();
        Mock::new().org(org).otherwise(move |call| this.give(call))
    }

    fn give(&self, call: &Call) -> Option<Answer> {
        let mut all = self.lock();
        let mut fitting: Vec<_> = all
            .iter_mut()
            .filter(|given| given.answer.is_for(&call.method, &call.path, &call.query))
            .collect();
        let place = fitting.iter().position(|given| given.sent.is_none()).or(fitting.len().checked_sub(1))?;
        let given = fitting.swap_remove(place);
        given.sent = Some(call.body.clone());
        let body = given.answer.body().ok()?;
        Some(Answer { status: given.answer.status(), body })
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Vec<Given>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

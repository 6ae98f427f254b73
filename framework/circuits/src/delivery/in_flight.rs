//! The messages this process holds, each with the acknowledgement token of its latest delivery: a redelivered message that
//! still waits or runs here is recognised and only adopts the new token.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use circuits_stomp::AckToken;

/// The result of an attempt to hold a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Held {
    /// It was not held.
    New,
    /// It came again over another connection, and its token is renewed.
    Redelivered,
    /// It came a second time over the same connection; the first delivery is still the one that counts.
    Twice,
}

/// The messages that are held, by their ids.
#[derive(Debug, Default)]
pub(crate) struct InFlight {
    held: Mutex<HashMap<String, AckToken>>,
}

impl InFlight {
    /// Holds a message that is not held yet, or renews the token of one that came again over another connection.
    pub(crate) fn hold(&self, id: &str, token: &AckToken) -> Held {
        let mut held = self.lock();
        match held.get_mut(id) {
            None => {
                held.insert(id.to_owned(), token.clone());
                Held::New
            }
            Some(known) if known.is_of_same_connection(token) => Held::Twice,
            Some(known) => {
                *known = token.clone();
                Held::Redelivered
            }
        }
    }

    /// The token of the latest delivery.
    pub(crate) fn token(&self, id: &str) -> Option<AckToken> {
        self.lock().get(id).cloned()
    }

    /// Releases a message.
    pub(crate) fn release(&self, id: &str) {
        self.lock().remove(id);
    }

    /// Releases a message whose `token` proved dead, so that its redelivery is handled. False if the redelivery has already
    /// arrived: then the message is still held, with a newer token.
    pub(crate) fn release_dead(&self, id: &str, token: &AckToken) -> bool {
        let mut held = self.lock();
        if held.get(id).is_some_and(|current| current != token) {
            return false;
        }
        held.remove(id);
        true
    }

    /// How many are held.
    pub(crate) fn len(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, AckToken>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

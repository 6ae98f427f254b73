//! The messages this process holds, each with the acknowledgement token of its latest delivery: a redelivered message that
//! still waits or runs here is recognised and only adopts the new token.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use circuits_stomp::AckToken;

/// By message id.
#[derive(Debug, Default)]
pub(crate) struct InFlight {
    held: Mutex<HashMap<String, AckToken>>,
}

impl InFlight {
    /// Takes hold of a message. False if it was held already: then only its token is renewed.
    pub(crate) fn hold(&self, id: &str, token: AckToken) -> bool {
        self.lock().insert(id.to_owned(), token).is_none()
    }

    /// The token of the latest delivery.
    pub(crate) fn token(&self, id: &str) -> Option<AckToken> {
        self.lock().get(id).cloned()
    }

    /// Lets go of a message.
    pub(crate) fn release(&self, id: &str) {
        self.lock().remove(id);
    }

    /// Lets go of a message whose `token` proved dead, so that its redelivery is taken up. False if the redelivery has
    /// arrived meanwhile: then the message is still held, with a newer token.
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

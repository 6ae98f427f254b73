//! The secrets that the session knows: they go to the log redactor, and are blanked out of every text that comes back from
//! the platform, because a platform may quote what it was sent.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

/// Called with each secret as soon as it is known.
pub(crate) type Hook = Arc<dyn Fn(&str) + Send + Sync>;

/// Secrets shorter than this are not blanked out: replacing "a" everywhere would destroy the message, not protect it.
const SHORTEST: usize = 4;

/// Sessions come and go; only the newest secrets can still be quoted.
const KEPT: usize = 64;

/// The secrets of one session.
#[derive(Default)]
pub(crate) struct Secrets {
    hook: Option<Hook>,
    known: Mutex<Vec<String>>,
}

impl Secrets {
    pub(crate) fn new(hook: Option<Hook>) -> Self {
        Self { hook, known: Mutex::default() }
    }

    /// Adds a secret and passes it to the hook, once.
    pub(crate) fn learn(&self, secret: &str) {
        if secret.len() < SHORTEST {
            return;
        }
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.iter().any(|k| k == secret) {
            return;
        }
        if known.len() == KEPT {
            known.remove(0);
        }
        known.push(secret.to_owned());
        drop(known);
        if let Some(hook) = &self.hook {
            hook(secret);
        }
    }

    /// `text` with every known secret as `***`.
    pub(crate) fn blank(&self, text: &str) -> String {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.iter().fold(text.to_owned(), |text, secret| text.replace(secret.as_str(), "***"))
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secrets(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_secret_is_told_once_and_blanked() {
        let told = Arc::new(Mutex::new(Vec::new()));
        let sink = told.clone();
        let hook: Hook = Arc::new(move |s: &str| sink.lock().unwrap().push(s.to_owned()));
        let secrets = Secrets::new(Some(hook));
        for secret in ["hunter22", "hunter22", "abc", "csrf-1"] {
            secrets.learn(secret);
        }
        assert_eq!(*told.lock().unwrap(), ["hunter22", "csrf-1"]);
        assert_eq!(secrets.blank("bad password hunter22 (csrf-1) abc"), "bad password *** (***) abc");
        assert!(!format!("{secrets:?}").contains("hunter"));
    }
}

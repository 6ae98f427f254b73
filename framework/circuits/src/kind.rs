//! What a setting chooses by name from what is linked: kinds of store, kinds of authentication.

use std::fmt;

use crate::config::hint;
use crate::{Error, Result};

/// A kind of something with its name; const, so that [`register!`](crate::register) can place it at link time.
#[derive(Debug)]
pub struct Kind<Open> {
    name: &'static str,
    about: &'static str,
    pub(crate) open: Open,
}

impl<Open: Copy> Kind<Open> {
    /// A kind with its name, and the function that makes one.
    pub const fn new(name: &'static str, open: Open) -> Self {
        Self { name, about: "", open }
    }

    /// What it is, in a few words: `circuits list` shows them.
    #[must_use]
    pub const fn about(self, about: &'static str) -> Self {
        Self { name: self.name, about, open: self.open }
    }

    /// Its name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// What it is; empty if it does not say.
    pub fn purpose(&self) -> &'static str {
        self.about
    }
}

/// These kinds, sorted by name.
pub(crate) fn sorted<Open: Copy>(all: impl Iterator<Item = &'static Kind<Open>>) -> Vec<&'static Kind<Open>> {
    let mut all: Vec<_> = all.collect();
    all.sort_by_key(|kind| kind.name);
    all
}

/// The kind with this name.
///
/// # Errors
/// `wrong` says which setting asks for it, and that nobody has it; the names that there are and the cure follow.
pub(crate) fn find<Open: Copy>(
    all: &[&'static Kind<Open>],
    name: &str,
    wrong: fmt::Arguments<'_>,
) -> Result<&'static Kind<Open>> {
    all.iter().copied().find(|kind| kind.name == name).ok_or_else(|| {
        let names: Vec<_> = all.iter().map(|kind| kind.name).collect();
        Error::new(format_args!(
            "[resilient] {wrong}{}. Linked are: {}. Correct it, or link the crate with `use <crate> as _;`",
            hint(name, names.iter().copied()),
            names.join(", ")
        ))
    })
}

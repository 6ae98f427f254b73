//! What an account may do, and how it is written: `read`, `manage:destination/tickets`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Seeing or changing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Right {
    /// Seeing what happens.
    Read,
    /// Changing it as well; whoever may change something may see it.
    Manage,
}

/// What a right is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Everything.
    All,
    /// One message destination, by its programmatic name.
    Destination(String),
    /// One component, by its name.
    Component(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Grant {
    right: Right,
    scope: Scope,
}

/// The rights of one account; none by default.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<String>", into = "Vec<String>")]
pub struct Rights(Vec<Grant>);

impl Rights {
    /// Seeing everything.
    pub fn read_all() -> Self {
        Self(vec![Grant { right: Right::Read, scope: Scope::All }])
    }

    /// Seeing and changing everything.
    pub fn manage_all() -> Self {
        Self(vec![Grant { right: Right::Manage, scope: Scope::All }])
    }

    /// The rights that these words stand for: `read` or `manage`, alone for everything, or with `:destination/<name>` or
    /// `:component/<name>`.
    ///
    /// # Errors
    /// Names the word that is none.
    pub fn parse<T: AsRef<str>>(words: &[T]) -> Result<Self, String> {
        words.iter().map(|word| word.as_ref().parse()).collect::<Result<_, _>>().map(Self)
    }

    /// Whether they include this one.
    pub fn allow(&self, right: Right, scope: &Scope) -> bool {
        let includes =
            |grant: &Grant| grant.right >= right && (grant.scope == Scope::All || grant.scope == *scope);
        self.0.iter().any(includes)
    }

    /// Whether they include this right for anything at all.
    pub fn allow_somewhere(&self, right: Right) -> bool {
        self.0.iter().any(|grant| grant.right >= right)
    }

    /// The words that stand for them.
    pub fn words(&self) -> Vec<String> {
        self.0.iter().map(Grant::to_string).collect()
    }
}

impl FromStr for Grant {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        let (right, scope) = word.split_once(':').map_or((word, None), |(right, scope)| (right, Some(scope)));
        let right = match right {
            "read" => Right::Read,
            "manage" => Right::Manage,
            _ => return Err(format!("unknown right `{word}`: {USAGE}")),
        };
        let named = |name: &str| (!name.is_empty()).then(|| name.to_owned());
        let scope = match scope.map(|scope| scope.split_once('/').unwrap_or((scope, ""))) {
            None | Some(("all", "")) => Some(Scope::All),
            Some(("destination", name)) => named(name).map(Scope::Destination),
            Some(("component", name)) => named(name).map(Scope::Component),
            Some(_) => None,
        };
        let scope = scope.ok_or_else(|| format!("`{word}` is a right for nothing that there is: {USAGE}"))?;
        Ok(Self { right, scope })
    }
}

const USAGE: &str =
    "write read or manage, alone for everything or with :destination/<name> or :component/<name>";

impl fmt::Display for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.right {
            Right::Read => "read",
            Right::Manage => "manage",
        })?;
        match &self.scope {
            Scope::All => Ok(()),
            Scope::Destination(name) => write!(f, ":destination/{name}"),
            Scope::Component(name) => write!(f, ":component/{name}"),
        }
    }
}

impl TryFrom<Vec<String>> for Rights {
    type Error = String;

    fn try_from(words: Vec<String>) -> Result<Self, String> {
        Self::parse(&words)
    }
}

impl From<Rights> for Vec<String> {
    fn from(rights: Rights) -> Self {
        rights.words()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn managing_includes_reading_and_everything_includes_each() {
        let ticket = Scope::Destination("ticket".to_owned());
        let hr = Scope::Destination("hr".to_owned());
        for (words, right, scope, allowed) in [
            (&["read"][..], Right::Read, &ticket, true),
            (&["read"], Right::Manage, &ticket, false),
            (&["manage"], Right::Read, &Scope::All, true),
            (&["read:destination/ticket"], Right::Read, &ticket, true),
            (&["read:destination/ticket"], Right::Read, &hr, false),
            (&["read:destination/ticket"], Right::Read, &Scope::All, false),
            (&["read:component/ticket"], Right::Read, &ticket, false),
            (&["read", "manage:destination/hr"], Right::Manage, &hr, true),
            (&["read", "manage:destination/hr"], Right::Manage, &ticket, false),
            (&[], Right::Read, &ticket, false),
        ] {
            let rights = Rights::parse(words).unwrap();
            assert_eq!(rights.allow(right, scope), allowed, "{words:?} {right:?} {scope:?}");
            assert_eq!(rights.words(), words);
        }
        assert!(!Rights::parse(&["read:component/a"]).unwrap().allow_somewhere(Right::Manage));
        assert_eq!(Rights::parse(&["manage:all"]).unwrap().words(), ["manage"]);
    }

    #[test]
    fn a_word_that_is_no_right_is_named() {
        for word in [
            "",
            "write",
            "Read",
            "read:",
            "read:destination",
            "read:destination/",
            "read:queue/a",
            "read:all/x",
        ] {
            let error = Rights::parse(&["read", word]).unwrap_err();
            assert!(error.contains(&format!("`{word}`")) && error.contains("read or manage"), "{error}");
        }
    }
}

//! Why a subscription cannot be as somebody wants it: the field and the cure, and never a secret.

use std::fmt;

/// A subscription, or a part of one, that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invalid {
    field: Option<String>,
    text: String,
}

impl Invalid {
    /// About the whole.
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self { field: None, text: text.into() }
    }

    /// About one field; a part of a field is named with points, such as `auth.basic.password`.
    pub(crate) fn at(field: impl Into<String>, text: impl Into<String>) -> Self {
        Self { field: Some(field.into()), text: text.into() }
    }

    pub(crate) fn missing(field: impl Into<String>) -> Self {
        Self::at(field, "is missing")
    }

    /// The field that is wrong, if it is one.
    pub fn field(&self) -> Option<&str> {
        self.field.as_deref()
    }
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.field {
            Some(field) => write!(f, "{field}: {}", self.text),
            None => f.write_str(&self.text),
        }
    }
}

impl std::error::Error for Invalid {}

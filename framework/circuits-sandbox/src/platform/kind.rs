//! The kinds of objects that rules work on.
use serde_json::Value;

/// A kind; the numbers are the platform's type ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Incident = 0,
    Task = 1,
    Note = 2,
    Milestone = 3,
    Artifact = 4,
    Attachment = 5,
    /// Belongs to no incident until somebody creates one from it.
    EmailMessage = 13,
}

impl Kind {
    pub(crate) const ALL: [Self; 7] = [
        Self::Incident,
        Self::Task,
        Self::Note,
        Self::Milestone,
        Self::Artifact,
        Self::Attachment,
        Self::EmailMessage,
    ];

    /// The name in JSON and in condition fields.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Incident => "incident",
            Self::Task => "task",
            Self::Note => "note",
            Self::Milestone => "milestone",
            Self::Artifact => "artifact",
            Self::Attachment => "attachment",
            Self::EmailMessage => "emailmessage",
        }
    }

    /// The kind of a handle, which is a type id or a name.
    pub(crate) fn from_handle(handle: &Value) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| handle == kind.name() || handle.as_i64() == Some(*kind as i64))
    }
}

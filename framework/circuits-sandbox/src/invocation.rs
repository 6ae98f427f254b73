//! Invocations of rules as the platform's user sees them in the Action Status list, and the replies behind them.
use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};

use bytes::Bytes;
use serde_json::Value;
use tokio::sync::Notify;

/// Identifies one message of one fired rule; the `<n>` of `correlation-id: invid:<n>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InvocationId(pub(crate) i64);

impl InvocationId {
    /// The number as the REST API shows it.
    #[must_use]
    pub fn get(self) -> i64 {
        self.0
    }

    /// The header value that a reply must carry.
    #[must_use]
    pub fn correlation_id(self) -> String {
        format!("invid:{}", self.0)
    }

    pub(crate) fn from_correlation(text: &str) -> Option<Self> {
        text.strip_prefix("invid:")?.parse().ok().map(Self)
    }
}

impl From<i64> for InvocationId {
    fn from(number: i64) -> Self {
        Self(number)
    }
}

impl fmt::Display for InvocationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The state of an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// The message is out and no final reply has come.
    Pending,
    /// A final reply came, or the destination expects none.
    Completed,
    /// The final reply reported an error.
    Error,
}

impl Status {
    /// `pending`, `completed` or `error`, as the REST API shows it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Completed => "completed",
            Self::Error => "error",
        }
    }
}

/// One line of text under an action.
#[derive(Clone, Debug, PartialEq)]
pub struct StatusMessage {
    /// The processor's text.
    pub text: String,
    /// `message_type` 1.
    pub error: bool,
    /// Whether it ended the action.
    pub complete: bool,
    /// When it came, in ms since 1970 UTC.
    pub time: u64,
}

/// A reply as it came in on an `acks` queue.
#[derive(Clone, Debug, PartialEq)]
pub struct Reply {
    /// All headers, in order, unescaped.
    pub headers: Vec<(String, String)>,
    /// The body as sent.
    pub body: Bytes,
    /// Its `results` (functions), if any.
    pub results: Option<Value>,
    /// Whether it claimed to be the last one.
    pub complete: bool,
}

impl Reply {
    /// The first value of a header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// The body as text; bytes that are not UTF-8 become U+FFFD.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// What the broker and the platform share about one message.
#[derive(Default)]
pub(crate) struct Progress {
    deliveries: AtomicU32,
    /// Signalled after each delivery and each reply.
    pub(crate) changed: Notify,
}

impl Progress {
    /// Counts a delivery; returns the number so far.
    pub(crate) fn delivered(&self) -> u32 {
        let count = self.deliveries.fetch_add(1, Ordering::AcqRel) + 1;
        self.changed.notify_waiters();
        count
    }

    pub(crate) fn deliveries(&self) -> u32 {
        self.deliveries.load(Ordering::Acquire)
    }
}

/// One invocation as it is at one moment.
#[derive(Clone, Debug)]
pub struct Invocation {
    /// Its id.
    pub id: InvocationId,
    /// Display name of the rule, or API name of the function.
    pub rule: String,
    /// Id of the rule (`action_id`); 0 for a function.
    pub action_id: i64,
    /// The incident it concerns; 0 if there is none.
    pub incident: i64,
    /// Programmatic name of the message destination.
    pub destination: String,
    /// Pending, completed or error.
    pub status: Status,
    /// The texts so far, oldest first.
    pub messages: Vec<StatusMessage>,
    /// All replies so far, oldest first, including any after the first final one.
    pub replies: Vec<Reply>,
    /// How many of the replies claimed to be final: 1 if the action was answered exactly once.
    pub final_replies: usize,
    /// How often the broker delivered the message (0 with an external broker).
    pub deliveries: u32,
}

impl Invocation {
    /// The results that a function returned with its final reply.
    #[must_use]
    pub fn results(&self) -> Option<&Value> {
        self.replies.iter().find(|reply| reply.complete)?.results.as_ref()
    }

    /// The texts joined with line breaks, as the Action Status list shows them.
    #[must_use]
    pub fn text(&self) -> String {
        let texts: Vec<&str> = self.messages.iter().map(|message| message.text.as_str()).collect();
        texts.join("\n")
    }
}

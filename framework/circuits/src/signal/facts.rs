//! What each kind of signal says: the `data` of its event, apart from the objects that the platform sent with the message.

use serde::Serialize;

/// What every signal about an action says of it.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AboutAction {
    /// The message.
    pub message: AboutMessage,
    /// The rule, or the function that is called.
    pub action: AboutRule,
    /// The programmatic name of the message destination.
    pub queue: String,
    /// The organisation.
    pub org: AboutOrg,
    /// The incident; an event has all that the platform sent of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub incident: Option<AboutIncident>,
}

/// The message of an action.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AboutMessage {
    /// Its `message-id`; the id of its own if it was run again by hand.
    pub id: String,
    /// The full name of the destination that it came from, `actions.<org>.<name>`.
    pub destination: String,
}

/// What the message asks for.
#[derive(Clone, Debug, Default, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AboutRule {
    /// The display name of the rule that fired; for a call of a function, the function's name; null as long as it is not known.
    pub name: Option<String>,
    /// The API name of the function that is called; null for a rule.
    pub function: Option<String>,
    /// The id of the rule on the platform; null for a function.
    pub id: Option<i64>,
    /// Which attempt it is, from 1; 0 before the first.
    pub attempt: u32,
}

/// The organisation of an action.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AboutOrg {
    /// Its id on the platform; null if the destination's name holds none.
    pub id: Option<i64>,
}

/// The incident of an action.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AboutIncident {
    /// Its id on the platform.
    pub id: i64,
}

/// The final reply to an action.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ActionResult {
    /// Its text, as the analyst reads it.
    pub message: String,
    /// `completed`, `failed` or `set_aside`.
    pub status: &'static str,
    /// How long the handler took, in milliseconds, with all its waiting; 0 when none ran.
    pub took_ms: u64,
}

/// A message has arrived that the runner did not know.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ActionReceived {
    /// The action.
    #[serde(flatten)]
    pub about: AboutAction,
}

/// A handler starts on a message.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ActionStarted {
    /// The action.
    #[serde(flatten)]
    pub about: AboutAction,
}

/// A handler reported progress. Best effort: while the journal has no room, such a report is lost.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ActionProgress {
    /// The action.
    #[serde(flatten)]
    pub about: AboutAction,
    /// The report.
    pub progress: Progress,
}

/// A report of progress.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Progress {
    /// Its text, as the analyst reads it.
    pub message: String,
}

/// A handler waits, and leaves its worker to others meanwhile. Best effort, as progress is.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ActionWaiting {
    /// The action.
    #[serde(flatten)]
    pub about: AboutAction,
    /// What it waits for.
    pub waiting: Waiting,
}

/// What a handler waits for.
#[derive(Clone, Debug, Serialize, serde::Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Waiting {
    /// In words.
    pub reason: String,
    /// Until when at most (RFC 3339, UTC); null if that is not known.
    pub until: Option<String>,
}

/// The final reply is known, and it is not an error.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ActionCompleted {
    /// The action.
    #[serde(flatten)]
    pub about: AboutAction,
    /// The reply.
    pub result: ActionResult,
}

/// The final reply is known, and it is an error.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ActionFailed {
    /// The action.
    #[serde(flatten)]
    pub about: AboutAction,
    /// The reply.
    pub result: ActionResult,
    /// The reply's text once more.
    pub error: String,
}

/// The message was set aside: after too many attempts that ended the process, or by an operator.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ActionSetAside {
    /// The action.
    #[serde(flatten)]
    pub about: AboutAction,
    /// The reply.
    pub result: ActionResult,
    /// The reply's text once more.
    pub error: String,
}

/// The broker has the reply, or the message named no address for one.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ActionAnswered {
    /// The action.
    #[serde(flatten)]
    pub about: AboutAction,
    /// The reply; null when the message came again after it was answered, and only its acknowledgement was missing.
    pub result: Option<ActionResult>,
}

/// The runner has subscribed to all of its destinations.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RunnerReady {
    /// The full names of the destinations.
    pub destinations: Vec<String>,
}

/// The runner was told to stop, or something ended it.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RunnerStopping {
    /// How many messages it still held.
    pub held: usize,
}

/// A destination delivers from now on; published again after each reconnect.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DestinationSubscribed {
    /// Its full name, `actions.<org>.<name>`.
    pub destination: String,
}

/// The connection to the broker is lost, or could not be made; the runner will try again.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct BrokerDisconnected {
    /// The broker.
    pub broker: AboutBroker,
}

/// A broker that is away.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AboutBroker {
    /// Why it is away.
    pub reason: String,
}

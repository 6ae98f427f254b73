//! Rules for the builder: a test states in one expression when a message is sent, and to which destination.
use serde_json::{Value, json};

use crate::platform::Kind;

/// A rule that exists from the start. The rules of components are deployed through the REST API instead.
///
/// ```
/// use circuits_sandbox::Rule;
/// let automatic = Rule::automatic("Lookup Value").when_changed("incident.properties.custom1").to("filelookup");
/// let menu_item = Rule::menu_item("Escalate").on_artifact().to("escalation");
/// # let _ = (automatic, menu_item);
/// ```
#[derive(Clone, Debug)]
pub struct Rule {
    pub(crate) name: String,
    pub(crate) menu_item: bool,
    pub(crate) kind: Kind,
    pub(crate) conditions: Vec<Value>,
    pub(crate) destinations: Vec<String>,
}

impl Rule {
    /// A rule that fires by itself when an object is saved and all conditions hold.
    pub fn automatic(name: &str) -> Self {
        let (conditions, destinations) = (Vec::new(), Vec::new());
        Self { name: name.to_owned(), menu_item: false, kind: Kind::Incident, conditions, destinations }
    }

    /// A rule that fires when a user chooses it in the Actions menu.
    pub fn menu_item(name: &str) -> Self {
        Self { menu_item: true, ..Self::automatic(name) }
    }

    /// On incidents (the default).
    #[must_use]
    pub fn on_incident(self) -> Self {
        Self { kind: Kind::Incident, ..self }
    }

    /// On tasks.
    #[must_use]
    pub fn on_task(self) -> Self {
        Self { kind: Kind::Task, ..self }
    }

    /// On notes.
    #[must_use]
    pub fn on_note(self) -> Self {
        Self { kind: Kind::Note, ..self }
    }

    /// On artifacts.
    #[must_use]
    pub fn on_artifact(self) -> Self {
        Self { kind: Kind::Artifact, ..self }
    }

    /// On attachments.
    #[must_use]
    pub fn on_attachment(self) -> Self {
        Self { kind: Kind::Attachment, ..self }
    }

    /// On e-mail messages, which belong to no incident.
    #[must_use]
    pub fn on_email_message(self) -> Self {
        Self { kind: Kind::EmailMessage, ..self }
    }

    /// Adds a condition with the platform's names, such as `("incident.plan_status", "changed_to", "C")`.
    #[must_use]
    pub fn when(mut self, field: &str, method: &str, value: impl Into<Value>) -> Self {
        self.conditions.push(condition(Value::from(field), method, value.into()));
        self
    }

    /// Fires only when this field changed.
    #[must_use]
    pub fn when_changed(self, field: &str) -> Self {
        self.when(field, "changed", Value::Null)
    }

    /// Fires only when the object was just created.
    #[must_use]
    pub fn when_created(mut self) -> Self {
        self.conditions.push(condition(Value::Null, "object_added", Value::Null));
        self
    }

    /// Sends to the message destination of this programmatic name, which is created if necessary.
    #[must_use]
    pub fn to(mut self, destination: &str) -> Self {
        self.destinations.push(destination.to_owned());
        self
    }
}

fn condition(field: Value, method: &str, value: Value) -> Value {
    json!({"field_name": field, "method": method, "value": value, "type": null, "evaluation_id": null})
}

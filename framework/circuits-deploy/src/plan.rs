//! What is missing on the platform of the components' definitions, found out before anything is sent. The plan is what is
//! shown and what is carried out, so the two cannot differ.

use std::fmt;

use circuits::rest::Rest;
use serde_json::Value;

use crate::difference::Difference;
use crate::export::Export;
use crate::planner::Planner;
use circuits::Result;
use circuits::definitions::{Definitions, FieldsOf, Function, Playbook, Rule, Script, Workflow};

/// What has to be done so that the platform has everything; made by [`plan`], carried out by [`Plan::apply`].
#[derive(Debug, Default)]
pub struct Plan {
    pub(crate) changes: Vec<ObjectChange>,
    /// What would make differing objects as they are defined.
    pub(crate) updates: Vec<ObjectChange>,
    pub(crate) differences: Vec<Difference>,
    pub(crate) notes: Vec<Note>,
}

/// What could not be compared: the platform may have it as the component defines it, or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    pub(crate) component: String,
    pub(crate) text: String,
}

impl Note {
    /// The component that defines it.
    pub fn component(&self) -> &str {
        &self.component
    }

    /// What it is, and why: `notification On call: the platform's export has no notifications; ...`.
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not compared: {}", self.text)
    }
}

/// One object that is missing or to be changed, or a right.
#[derive(Debug)]
pub struct ObjectChange {
    pub(crate) component: String,
    pub(crate) label: String,
    pub(crate) what: What,
}

#[derive(Debug)]
pub(crate) enum What {
    Destination(Value),
    /// Lets the acting account read the destination of this name, which exists.
    Allow(String),
    Field(FieldsOf, Value),
    /// A column of the data table of this name.
    Column(String, Value),
    /// Adds these labels to those of an existing field.
    Choices {
        of: FieldsOf,
        id: Value,
        labels: Vec<String>,
    },
    Table(Value),
    Function(Function),
    Made(Made),
    Rule(Rule),
    /// An export, and how many of its objects and their parts are new.
    Import(Export, usize),
    /// Makes existing ones as they are defined.
    ChangeFunction(Function, Value),
    ChangeRule(Rule, Value),
    ChangeMade(Made),
    ImportAgain(Export),
}

/// What reaches the platform by an import only.
#[derive(Clone, Debug)]
pub(crate) enum Made {
    Script(Script),
    Workflow(Workflow),
    Playbook(Playbook),
}

impl ObjectChange {
    /// The component that needs it; the first one of several.
    pub fn component(&self) -> &str {
        &self.component
    }

    /// The object with its kind in front: `rule Add Task`.
    pub fn object(&self) -> &str {
        &self.label
    }

    /// How many objects it creates.
    pub fn count(&self) -> usize {
        match self.what {
            What::Import(_, new) => new,
            _ => usize::from(self.creates()),
        }
    }

    /// Whether the object is new, and not an existing one that is changed.
    pub fn creates(&self) -> bool {
        !matches!(
            self.what,
            What::Import(_, 0)
                | What::Allow(_)
                | What::Choices { .. }
                | What::ChangeFunction(..)
                | What::ChangeRule(..)
                | What::ChangeMade(_)
                | What::ImportAgain(_)
        )
    }
}

impl fmt::Display for ObjectChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verb = match self.what {
            What::Allow(_) => "let this account read",
            What::Import(..) => "import",
            What::ImportAgain(_) => "import again",
            What::Choices { .. } => "add",
            _ if self.creates() => "create",
            _ => "change",
        };
        write!(f, "{verb} {}", self.label)
    }
}

/// Compares these components' definitions with the platform. What exists is left as it is, but for the right of the
/// acting account to read the destinations, and for choices that fields lack. What several need is planned once.
///
/// Scripts, workflows, playbooks and whatever comes in exports are compared by an export of the platform, which takes the
/// permission for it. Of an export, each object and each of its fields is looked for; what cannot be compared is in
/// [`Plan::notes`].
///
/// # Errors
/// A list that the platform refuses; an object that names another one which is neither defined nor on the platform; an export
/// that cannot be used.
pub async fn plan<'a>(
    rest: &Rest,
    wanted: impl IntoIterator<Item = (&'a str, &'a Definitions)>,
) -> Result<Plan> {
    let mut planner = Planner::new(rest);
    for (component, definitions) in wanted {
        planner.add(component, definitions).await?;
    }
    Ok(planner.plan)
}

impl Plan {
    /// What is to be done, in the order in which it will be.
    pub fn changes(&self) -> &[ObjectChange] {
        &self.changes
    }

    /// What exists and is not as the components define it. It is left as it is, unless it is asked for: an administrator may have
    /// had a reason.
    pub fn differences(&self) -> &[Difference] {
        &self.differences
    }

    /// What could not be compared.
    pub fn notes(&self) -> &[Note] {
        &self.notes
    }

    /// Whether the platform has everything.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// The plan that also makes what differs as it is defined: functions, rules, scripts, workflows and playbooks. Types of fields
    /// and of destinations cannot be changed.
    #[must_use]
    pub fn with_updates(mut self) -> Self {
        self.changes.append(&mut self.updates);
        self
    }
}

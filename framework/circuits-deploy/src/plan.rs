//! The objects of the components' definitions that the platform lacks, found before anything is sent. The same plan is shown
//! and carried out, so the two cannot differ.

use std::fmt;

use circuits::rest::Rest;
use serde_json::Value;

use crate::difference::Difference;
use crate::export::Export;
use crate::planner::Planner;
use circuits::Result;
use circuits::definitions::{Definitions, FieldsOf, Function, Playbook, Rule, Script, Workflow};

/// The changes that are necessary so that the platform has everything; made by [`plan`], carried out by [`Plan::apply`].
#[derive(Debug, Default)]
pub struct Plan {
    pub(crate) changes: Vec<ObjectChange>,
    /// The changes that would make differing objects as they are defined.
    pub(crate) updates: Vec<ObjectChange>,
    pub(crate) differences: Vec<Difference>,
    pub(crate) notes: Vec<Note>,
}

/// An object that could not be compared: the platform may have it as the component defines it, or not.
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

/// The change of one object: a missing one to create, an existing one to change, or a right to give.
#[derive(Debug)]
pub struct ObjectChange {
    pub(crate) component: String,
    pub(crate) label: String,
    pub(crate) what: What,
}

#[derive(Debug)]
pub(crate) enum What {
    Destination(Value),
    /// Lets the acting account read the existing destination with this name.
    Allow(String),
    Field(FieldsOf, Value),
    /// A column of the data table with this name.
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
    /// This and the following changes make existing objects as they are defined.
    ChangeFunction(Function, Value),
    ChangeRule(Rule, Value),
    ChangeMade(Made),
    ImportAgain(Export),
}

/// Objects that reach the platform only by an import.
#[derive(Clone, Debug)]
pub(crate) enum Made {
    Script(Script),
    Workflow(Workflow),
    Playbook(Playbook),
}

impl ObjectChange {
    /// The component that needs it; if several need it, the first one.
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

    /// Whether the object is new; otherwise an existing one is changed.
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

/// Compares these components' definitions with the platform. Existing objects are left as they are, except that the acting
/// account gets the right to read the destinations, and fields get missing choices. What several need is planned once.
///
/// Scripts, workflows, playbooks and everything in exports are compared with an export of the platform, for which the account
/// needs the permission. For each object of an export, and for each of its fields, the plan checks whether it is there;
/// [`Plan::notes`] lists what cannot be compared.
///
/// # Errors
/// When the platform refuses a list, when an object names another one that is neither defined nor on the platform, or when an
/// export cannot be used.
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
    /// The changes, in the order in which they will be made.
    pub fn changes(&self) -> &[ObjectChange] {
        &self.changes
    }

    /// The existing objects that are not as the components define them. They are left as they are unless
    /// [`with_updates`](Self::with_updates) is used: an administrator may have had a reason.
    pub fn differences(&self) -> &[Difference] {
        &self.differences
    }

    /// The objects that could not be compared.
    pub fn notes(&self) -> &[Note] {
        &self.notes
    }

    /// Whether the platform has everything.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// The plan that also makes differing functions, rules, scripts, workflows and playbooks as they are defined. Types of fields
    /// and of destinations cannot be changed.
    #[must_use]
    pub fn with_updates(mut self) -> Self {
        self.changes.append(&mut self.updates);
        self
    }
}

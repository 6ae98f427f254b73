//! Everything the platform stores, in separate parts, and the one way to change an object: it writes the object, records the
//! change in the newsfeed, and fires the rules.
use serde_json::Value;

use super::accounts::Accounts;
use super::definitions::Definitions;
use super::firing::{Cause, Course, Firing, Outgoing, Subject};
use super::ids::Ids;
use super::imports::Imports;
use super::invocations::{Invocations, Received};
use super::kind::Kind;
use super::newsfeed::Newsfeed;
use super::store::Objects;
use super::token::Tokens;
use crate::api_error::ApiError;
use crate::event::Event;

/// The parts.
pub(crate) struct State {
    pub(crate) accounts: Accounts,
    pub(crate) definitions: Definitions,
    pub(crate) objects: Objects,
    pub(crate) newsfeed: Newsfeed,
    pub(crate) invocations: Invocations,
    pub(crate) imports: Imports,
    pub(crate) tokens: Tokens,
    pub(crate) ids: Ids,
}

impl State {
    pub(super) fn new(accounts: Accounts, types: super::definitions::Types, ids: Ids) -> Self {
        Self {
            definitions: Definitions::new(types, accounts.org(), ids.clone()),
            accounts,
            objects: Objects::new(ids.clone()),
            newsfeed: Newsfeed::default(),
            invocations: Invocations::new(ids.clone()),
            imports: Imports::new(ids.clone()),
            tokens: Tokens::default(),
            ids,
        }
    }

    /// The view that fires rules: it reads the stored parts, and adds invocations.
    fn firing(&mut self) -> Firing<'_> {
        Firing {
            accounts: &self.accounts,
            definitions: &self.definitions,
            objects: &self.objects,
            tokens: &self.tokens,
            invocations: &mut self.invocations,
        }
    }

    /// Stores a new object and fires the rules for it.
    pub(crate) fn create(&mut self, kind: Kind, object: Value, cause: &Cause) -> (i64, Vec<Outgoing>) {
        let id = self.objects.add(kind, object);
        (id, self.saved(kind, id, None, cause))
    }

    /// Replaces an object, bumps its version and fires the rules.
    pub(crate) fn replace(&mut self, kind: Kind, id: i64, mut object: Value, cause: &Cause) -> Vec<Outgoing> {
        object["last_modified_by"] = cause.account.principal();
        let before = self.objects.replace(kind, id, object);
        if let (Kind::Incident, Some(before), Some(after)) = (kind, &before, self.objects.get(kind, id)) {
            self.newsfeed.note_phase_change(self.definitions.types(), id, (before, after), cause);
        }
        self.saved(kind, id, before, cause)
    }

    fn saved(&mut self, kind: Kind, id: i64, before: Option<Value>, cause: &Cause) -> Vec<Outgoing> {
        let Ok(incident) = self.objects.incident_of(kind, id) else { return Vec::new() };
        self.firing().saved(Subject { incident, kind, id }, before.as_ref(), cause)
    }

    /// A user chooses a rule in the Actions menu.
    pub(crate) fn invoke(
        &mut self,
        rule: i64,
        subject: Subject,
        properties: &Value,
        cause: &Cause,
    ) -> Result<Vec<Outgoing>, ApiError> {
        self.firing().invoke(rule, subject, properties, cause)
    }

    /// A workflow calls a function with these inputs, given in their wire format.
    pub(crate) fn call(
        &mut self,
        function: i64,
        inputs: &Value,
        cause: &Cause,
    ) -> Result<Outgoing, ApiError> {
        self.firing().call(function, inputs, cause, None)
    }

    /// The next message of a workflow.
    pub(super) fn advance(&mut self, course: Course) -> Option<Outgoing> {
        self.firing().advance(course)
    }

    /// Records a reply; see [`Invocations`].
    pub(super) fn take_reply(&mut self, received: Received) -> Option<(Event, Option<Course>)> {
        self.invocations.take_reply(received)
    }

    /// Creates a field; existing incidents get it too, empty.
    pub(crate) fn new_field(&mut self, type_name: &str, body: &Value) -> Result<Value, ApiError> {
        let field = self.definitions.new_field(type_name, body)?;
        if let (true, Some(name)) = (type_name == "incident", field["name"].as_str()) {
            self.objects.extend_incidents(name, &super::definitions::empty(&field));
        }
        Ok(field)
    }

    /// An incident as a client sees it, with the menu items that apply.
    pub(crate) fn incident_json(&self, id: i64) -> Option<Value> {
        shown_incident(&self.objects, &self.definitions, id)
    }
}

pub(super) fn shown_incident(objects: &Objects, definitions: &Definitions, id: i64) -> Option<Value> {
    let mut incident = objects.get(Kind::Incident, id)?.clone();
    incident["actions"] = definitions.menu_items(Kind::Incident);
    Some(incident)
}

//! What the platform stores, and the one way to change an object: check its version, bump it, fire the rules.
use std::collections::{BTreeMap, HashMap};

use serde_json::{Value, json};

use super::account::{API_KEY_HANDLE, Account, USER_ID};
use super::fields::Types;
use super::fire::{Cause, Outgoing, Record, Subject};
use super::token::Tokens;
use crate::api_error::ApiError;
use crate::clock::now_ms;
use crate::invocation::Reply;

/// Kinds of objects that rules work on; the numbers are the platform's type ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Incident = 0,
    Task = 1,
    Note = 2,
    Milestone = 3,
    Artifact = 4,
    Attachment = 5,
}

impl Kind {
    pub(crate) const ALL: [Self; 6] =
        [Self::Incident, Self::Task, Self::Note, Self::Milestone, Self::Artifact, Self::Attachment];

    /// The name in JSON and in condition fields.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Incident => "incident",
            Self::Task => "task",
            Self::Note => "note",
            Self::Milestone => "milestone",
            Self::Artifact => "artifact",
            Self::Attachment => "attachment",
        }
    }

    /// From a type id or a name, as handles come.
    pub(crate) fn from_handle(handle: &Value) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| handle == kind.name() || handle.as_i64() == Some(*kind as i64))
    }
}

/// Everything the platform stores.
pub(crate) struct State {
    pub(crate) org: Value,
    pub(crate) objects: BTreeMap<Kind, BTreeMap<i64, Value>>,
    pub(crate) rules: BTreeMap<i64, Value>,
    pub(crate) destinations: BTreeMap<i64, Value>,
    pub(crate) functions: BTreeMap<i64, Value>,
    pub(crate) users: BTreeMap<i64, Value>,
    pub(crate) types: Types,
    pub(crate) files: HashMap<i64, bytes::Bytes>,
    /// What happened to each incident, newest first.
    pub(crate) newsfeed: HashMap<i64, Vec<Value>>,
    pub(crate) invocations: BTreeMap<i64, Record>,
    /// All replies with their correlation ids, those that matched nothing included.
    pub(crate) replies: Vec<(String, Reply)>,
    /// Password sessions: JSESSIONID to csrf token.
    pub(crate) sessions: HashMap<String, String>,
    /// Exports that wait to be accepted.
    pub(crate) imports: HashMap<i64, Value>,
    pub(crate) scripts: Vec<Value>,
    pub(crate) workflows: Vec<Value>,
    pub(crate) playbooks: Vec<Value>,
    pub(crate) kept: super::kept::Kept,
    pub(crate) tokens: Tokens,
    pub(crate) next_id: i64,
}

impl State {
    pub(crate) fn new_id(&mut self) -> i64 {
        self.next_id += 1;
        self.next_id
    }

    pub(crate) fn get(&self, kind: Kind, id: i64) -> Option<&Value> {
        self.objects.get(&kind)?.get(&id)
    }

    pub(crate) fn find(&self, kind: Kind, id: i64) -> Result<&Value, ApiError> {
        self.get(kind, id).ok_or_else(|| ApiError::missing(kind.name(), id))
    }

    /// The objects of a kind that belong to an incident, in order of creation.
    pub(crate) fn of_incident(&self, kind: Kind, incident: i64) -> Vec<&Value> {
        let all = self.objects.get(&kind).into_iter().flat_map(BTreeMap::values);
        all.filter(|object| object["inc_id"] == incident).collect()
    }

    /// Stores a new object and fires the rules for it.
    pub(crate) fn create(&mut self, kind: Kind, mut object: Value, cause: &Cause) -> (i64, Vec<Outgoing>) {
        let id = self.new_id();
        object["id"] = id.into();
        object["vers"] = 1.into();
        let incident =
            if kind == Kind::Incident { id } else { object["inc_id"].as_i64().unwrap_or_default() };
        self.objects.entry(kind).or_default().insert(id, object);
        (id, self.saved(Subject { incident, kind, id }, None, cause))
    }

    /// Replaces an object, bumps its version and fires the rules.
    pub(crate) fn replace(&mut self, kind: Kind, id: i64, mut object: Value, cause: &Cause) -> Vec<Outgoing> {
        let before = self.get(kind, id).cloned();
        let vers = before.as_ref().and_then(|before| before["vers"].as_i64()).unwrap_or_default();
        object["vers"] = (vers + 1).into();
        object["last_modified_by"] = cause.account.principal();
        let incident =
            if kind == Kind::Incident { id } else { object["inc_id"].as_i64().unwrap_or_default() };
        if kind == Kind::Incident
            && let Some(before) = &before
        {
            self.note_phase_change(id, before, &object, cause);
        }
        self.objects.entry(kind).or_default().insert(id, object);
        self.saved(Subject { incident, kind, id }, before, cause)
    }

    pub(crate) fn delete(&mut self, kind: Kind, id: i64) -> Result<(), ApiError> {
        let objects = self.objects.entry(kind).or_default();
        objects.remove(&id).ok_or_else(|| ApiError::missing(kind.name(), id))?;
        if kind == Kind::Incident {
            for objects in self.objects.values_mut() {
                objects.retain(|_, object| object["inc_id"] != id);
            }
        }
        Ok(())
    }

    /// Refuses a version that is not the current one. A body without `vers` is taken as it is.
    pub(crate) fn check_version(&self, kind: Kind, id: i64, body: &Value) -> Result<(), ApiError> {
        let current = &self.find(kind, id)?["vers"];
        match body.get("vers").filter(|vers| !vers.is_null()) {
            Some(vers) if vers != current => Err(ApiError::stale(kind.name(), id)),
            _ => Ok(()),
        }
    }

    /// The rule of this name or id.
    pub(crate) fn rule_named(&self, name: &str) -> Option<i64> {
        self.rules.iter().find(|(_, rule)| rule["name"] == name).map(|(id, _)| *id)
    }

    pub(crate) fn destination_named(&self, name: &str) -> Option<i64> {
        self.destinations.iter().find(|(_, d)| d["programmatic_name"] == name).map(|(id, _)| *id)
    }

    /// Whether the destination of this programmatic name exists and lists the account.
    pub(crate) fn destination_lists(&self, name: &str, account: &Account) -> bool {
        let Some(destination) = self.destination_named(name).map(|id| &self.destinations[&id]) else {
            return false;
        };
        let (list, id) = match account.user_id() {
            Some(user) => (&destination["users"], user),
            None => (&destination["api_keys"], API_KEY_HANDLE),
        };
        list.as_array()
            .is_some_and(|list| list.iter().any(|handle| *handle == id || *handle == *account.login))
    }

    /// Makes sure that a destination exists, open to the sandbox's accounts.
    pub(crate) fn ensure_destination(&mut self, name: &str) -> i64 {
        if let Some(id) = self.destination_named(name) {
            return id;
        }
        let id = self.new_id();
        let destination = json!({
            "id": id, "name": name, "programmatic_name": name, "export_key": name, "destination_type": 0,
            "expect_ack": true, "users": [USER_ID], "api_keys": [API_KEY_HANDLE], "uuid": new_uuid(), "tags": [],
        });
        self.destinations.insert(id, destination);
        id
    }

    /// Stores a rule of the builder.
    pub(crate) fn add_rule(&mut self, rule: &crate::Rule) -> i64 {
        let destinations: Vec<i64> =
            rule.destinations.iter().map(|name| self.ensure_destination(name)).collect();
        let id = self.new_id();
        let rule = json!({
            "id": id, "name": rule.name, "export_key": rule.name, "type": i64::from(rule.menu_item),
            "object_type": rule.kind as i64, "conditions": rule.conditions, "logic_type": "all",
            "message_destinations": destinations, "automations": [], "view_items": [], "workflows": [],
            "timeout_seconds": 86400, "enabled": true, "uuid": new_uuid(), "tags": [],
        });
        self.rules.insert(id, rule);
        id
    }
}

/// A random UUID (version 4).
pub(crate) fn new_uuid() -> String {
    let bits = (fastrand::u128(..) & !(0xf << 76) & !(0xc << 60)) | (0x4 << 76) | (0x8 << 60);
    let hex = format!("{bits:032x}");
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

/// Now, as JSON.
pub(crate) fn now() -> Value {
    now_ms().into()
}

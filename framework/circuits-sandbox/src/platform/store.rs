//! The objects: incidents, the objects below them, and the bytes of attachments.
use std::collections::{BTreeMap, HashMap};

use bytes::Bytes;
use serde_json::Value;

use super::ids::Ids;
use super::kind::Kind;
use crate::api_error::ApiError;

/// All objects by kind and number.
pub(crate) struct Objects {
    all: BTreeMap<Kind, BTreeMap<i64, Value>>,
    /// By the number of the attachment.
    files: HashMap<i64, Bytes>,
    ids: Ids,
}

impl Objects {
    pub(super) fn new(ids: Ids) -> Self {
        Self { all: BTreeMap::new(), files: HashMap::new(), ids }
    }

    pub(crate) fn get(&self, kind: Kind, id: i64) -> Option<&Value> {
        self.all.get(&kind)?.get(&id)
    }

    pub(crate) fn find(&self, kind: Kind, id: i64) -> Result<&Value, ApiError> {
        self.get(kind, id).ok_or_else(|| ApiError::missing(kind.name(), id))
    }

    /// All objects of a kind, in order of creation.
    pub(crate) fn of(&self, kind: Kind) -> impl Iterator<Item = (i64, &Value)> {
        self.all.get(&kind).into_iter().flatten().map(|(id, object)| (*id, object))
    }

    /// The objects of a kind that belong to an incident, in order of creation.
    pub(crate) fn of_incident(&self, kind: Kind, incident: i64) -> impl Iterator<Item = &Value> {
        self.of(kind).map(|(_, object)| object).filter(move |object| object["inc_id"] == incident)
    }

    /// The number of the incident that an object belongs to: its own for an incident, 0 if it belongs to none.
    pub(crate) fn incident_of(&self, kind: Kind, id: i64) -> Result<i64, ApiError> {
        let object = self.find(kind, id)?;
        Ok(if kind == Kind::Incident { id } else { object["inc_id"].as_i64().unwrap_or_default() })
    }

    /// Refuses a version that is not the current one. A body without `vers` is accepted.
    pub(crate) fn check_version(&self, kind: Kind, id: i64, body: &Value) -> Result<(), ApiError> {
        let current = &self.find(kind, id)?["vers"];
        match body.get("vers").filter(|vers| !vers.is_null()) {
            Some(vers) if vers != current => Err(ApiError::stale(kind.name(), id)),
            _ => Ok(()),
        }
    }

    /// Stores a new object as its first version; returns its number.
    pub(super) fn add(&mut self, kind: Kind, mut object: Value) -> i64 {
        let id = self.ids.next();
        object["id"] = id.into();
        object["vers"] = 1.into();
        self.all.entry(kind).or_default().insert(id, object);
        id
    }

    /// Stores an object as the next version; returns the one before.
    pub(super) fn replace(&mut self, kind: Kind, id: i64, mut object: Value) -> Option<Value> {
        let vers = self.get(kind, id).and_then(|before| before["vers"].as_i64()).unwrap_or_default();
        object["vers"] = (vers + 1).into();
        self.all.entry(kind).or_default().insert(id, object)
    }

    /// Removes an object; for an incident, also everything below it.
    pub(crate) fn remove(&mut self, kind: Kind, id: i64) -> Result<(), ApiError> {
        let objects = self.all.entry(kind).or_default();
        objects.remove(&id).ok_or_else(|| ApiError::missing(kind.name(), id))?;
        if kind == Kind::Incident {
            for objects in self.all.values_mut() {
                objects.retain(|_, object| object["inc_id"] != id);
            }
        }
        let attachments = self.all.get(&Kind::Attachment);
        self.files.retain(|id, _| attachments.is_some_and(|all| all.contains_key(id)));
        Ok(())
    }

    /// Gives all incidents a new custom field.
    pub(super) fn extend_incidents(&mut self, field: &str, empty: &Value) {
        for incident in self.all.entry(Kind::Incident).or_default().values_mut() {
            incident["properties"][field] = empty.clone();
        }
    }

    /// The bytes of an attachment; empty if there are none.
    pub(crate) fn file(&self, attachment: i64) -> Bytes {
        self.files.get(&attachment).cloned().unwrap_or_default()
    }

    pub(crate) fn put_file(&mut self, attachment: i64, bytes: Bytes) {
        self.files.insert(attachment, bytes);
    }
}

//! The organisation, its users, and the sessions of those who logged in with a password.
use std::collections::{BTreeMap, HashMap};

use serde_json::Value;

/// The organisation and its people.
pub(crate) struct Accounts {
    org: Value,
    users: BTreeMap<i64, Value>,
    /// JSESSIONID to csrf token.
    sessions: HashMap<String, String>,
}

impl Accounts {
    pub(super) fn new(org: Value, users: BTreeMap<i64, Value>) -> Self {
        Self { org, users, sessions: HashMap::new() }
    }

    pub(crate) fn org(&self) -> &Value {
        &self.org
    }

    /// The number of the organisation.
    pub(crate) fn org_id(&self) -> &Value {
        &self.org["id"]
    }

    pub(crate) fn users(&self) -> impl Iterator<Item = &Value> {
        self.users.values()
    }

    pub(crate) fn user(&self, id: i64) -> Option<&Value> {
        self.users.get(&id)
    }

    /// User handles as ids; names are e-mail addresses.
    pub(super) fn user_ids(&self, handles: &Value) -> Value {
        let id = |handle: &Value| {
            let user = self.users.iter().find(|(_, user)| user["email"] == *handle);
            user.map_or_else(|| handle.clone(), |(id, _)| (*id).into())
        };
        handles.as_array().into_iter().flatten().map(id).collect()
    }

    pub(crate) fn open_session(&mut self, session: String, csrf: String) {
        self.sessions.insert(session, csrf);
    }

    pub(crate) fn close_sessions(&mut self) {
        self.sessions.clear();
    }

    /// Whether the session exists and this is its csrf token.
    pub(crate) fn is_session(&self, session: &str, csrf: Option<&str>) -> bool {
        self.sessions.get(session).is_some_and(|known| Some(known.as_str()) == csrf)
    }
}

//! Message destinations: where rules and functions send to, and who may read from there.
use serde_json::{Value, json};

use super::{Definitions, list, text};
use crate::api_error::ApiError;
use crate::platform::accounts::Accounts;
use crate::platform::identity::{API_KEY_HANDLE, Account, USER_ID};
use crate::platform::ids::new_uuid;

impl Definitions {
    pub(crate) fn destinations(&self) -> impl Iterator<Item = &Value> {
        self.destinations.values()
    }

    pub(crate) fn destination(&self, id: i64) -> Result<&Value, ApiError> {
        self.destinations.get(&id).ok_or_else(|| ApiError::missing("message_destination", id))
    }

    /// The destination with this id or programmatic name.
    pub(crate) fn destination_of(&self, handle: &Value) -> Option<&Value> {
        let mut all = self.destinations.iter();
        all.find(|(id, one)| *handle == **id || one["programmatic_name"] == *handle).map(|(_, one)| one)
    }

    pub(crate) fn destination_named(&self, name: &str) -> Option<i64> {
        self.destinations.iter().find(|(_, d)| d["programmatic_name"] == name).map(|(id, _)| *id)
    }

    /// Whether a destination with this programmatic name exists and lists the account.
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
        let id = self.ids.next();
        let destination = json!({
            "id": id, "name": name, "programmatic_name": name, "export_key": name, "destination_type": 0,
            "expect_ack": true, "users": [USER_ID], "api_keys": [API_KEY_HANDLE], "uuid": new_uuid(), "tags": [],
        });
        self.destinations.insert(id, destination);
        id
    }

    /// Creates a message destination. Names are unique; the programmatic name may contain neither a dot nor a slash.
    pub(crate) fn new_destination(&mut self, body: &Value, accounts: &Accounts) -> Result<Value, ApiError> {
        let name = text(body, "programmatic_name").or(text(body, "name"));
        let name =
            name.ok_or_else(|| ApiError::required("programmatic_name", "programmatic name", "text"))?;
        if !name.chars().all(|c| c.is_ascii_alphanumeric() || "_-".contains(c)) {
            return Err(ApiError::bad(format!(
                "The programmatic name {name:?} may contain only letters, digits, _ and -."
            )));
        }
        if self.destination_named(&name).is_some() {
            return Err(ApiError::bad(format!("There is already a message destination {name:?}.")));
        }
        let id = self.ids.next();
        let destination = json!({
            "id": id, "name": text(body, "name").unwrap_or_else(|| name.clone()), "programmatic_name": name,
            "export_key": name, "destination_type": body.get("destination_type").unwrap_or(&json!(0)),
            "expect_ack": body.get("expect_ack").unwrap_or(&json!(true)), "users": accounts.user_ids(&body["users"]),
            "api_keys": list(&body["api_keys"]), "uuid": new_uuid(), "tags": [],
        });
        self.destinations.insert(id, destination.clone());
        Ok(destination)
    }

    /// Changes who may use a destination and whether it expects acknowledgements.
    pub(crate) fn change_destination(
        &mut self,
        id: i64,
        body: &Value,
        accounts: &Accounts,
    ) -> Result<Value, ApiError> {
        let users = accounts.user_ids(&body["users"]);
        let destination =
            self.destinations.get_mut(&id).ok_or_else(|| ApiError::missing("message_destination", id))?;
        for key in ["name", "expect_ack", "destination_type"] {
            if let Some(value) = body.get(key).filter(|value| !value.is_null()) {
                destination[key] = value.clone();
            }
        }
        destination["users"] = users;
        destination["api_keys"] = list(&body["api_keys"]);
        Ok(destination.clone())
    }

    /// Lets the components of a test use a destination, or not, as an administrator would.
    pub(crate) fn grant(&mut self, destination: i64, allowed: bool) {
        if let Some(destination) = self.destinations.get_mut(&destination) {
            let (users, keys) =
                if allowed { (json!([USER_ID]), json!([API_KEY_HANDLE])) } else { (json!([]), json!([])) };
            destination["users"] = users;
            destination["api_keys"] = keys;
        }
    }
}

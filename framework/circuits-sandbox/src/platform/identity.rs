//! Who may log in: an API key account, a user, and an administrator of the broker for tests.
use serde_json::{Value, json};

use super::ids::new_uuid;

/// The names and secrets of one sandbox.
#[derive(Clone)]
pub(crate) struct Identity {
    pub(crate) org_id: i64,
    pub(crate) org_name: String,
    pub(crate) org_uuid: String,
    /// A second organisation without the Actions module, if wanted.
    pub(crate) second_org: Option<String>,
    pub(crate) api_key_id: String,
    pub(crate) api_key_secret: String,
    pub(crate) email: String,
    pub(crate) password: String,
    pub(crate) admin_password: String,
}

/// The id of the second organisation.
pub(crate) const SECOND_ORG: i64 = 202;
/// The handle of the API key account.
pub(crate) const API_KEY_HANDLE: i64 = 4;
/// The id of the user who can log in.
pub(crate) const USER_ID: i64 = 1;
/// The login that may use every queue of the broker.
pub(crate) const ADMIN: &str = "admin";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    ApiKey,
    User,
    Admin,
}

/// An accepted login.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    pub(crate) login: String,
    pub(crate) role: Role,
}

impl Account {
    /// The principal as the platform's JSON shows it.
    pub(crate) fn principal(&self) -> Value {
        match self.role {
            Role::ApiKey => {
                json!({"id": API_KEY_HANDLE, "type": "apikey", "name": self.login, "display_name": "Sandbox integration"})
            }
            _ => json!({"id": USER_ID, "type": "user", "name": self.login, "display_name": "Sam Sandbox"}),
        }
    }

    /// The id of the user; `None` for an API key.
    pub(crate) fn user_id(&self) -> Option<i64> {
        (self.role != Role::ApiKey).then_some(USER_ID)
    }
}

impl Identity {
    pub(crate) fn generate() -> Self {
        let secret = || -> String { std::iter::repeat_with(fastrand::alphanumeric).take(32).collect() };
        Self {
            org_id: 201,
            org_name: "Sandbox".to_owned(),
            org_uuid: new_uuid(),
            second_org: None,
            api_key_id: new_uuid(),
            api_key_secret: secret(),
            email: "sam@sandbox.example".to_owned(),
            password: secret(),
            admin_password: secret(),
        }
    }

    /// The account of a broker login.
    pub(crate) fn account(&self, login: &str, passcode: &str) -> Option<Account> {
        let role = if (login, passcode) == (&self.api_key_id, &self.api_key_secret) {
            Role::ApiKey
        } else if (login, passcode) == (&self.email, &self.password) {
            Role::User
        } else if (login, passcode) == (ADMIN, &self.admin_password) {
            Role::Admin
        } else {
            return None;
        };
        Some(Account { login: login.to_owned(), role })
    }

    /// The user as whom the sandbox itself acts, like a person at the platform's screen.
    pub(crate) fn user(&self) -> Account {
        Account { login: self.email.clone(), role: Role::User }
    }
}

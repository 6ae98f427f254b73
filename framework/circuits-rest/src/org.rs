//! Which organisation the account works in, and the error texts that operators know from the reference client.

use serde::Deserialize;
use serde_json::Value;

use crate::{Error, error::Kind};

/// The organisation that the client works in.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Org {
    /// Its number, as in paths and destinations.
    pub id: i64,
    /// Its name.
    pub name: String,
    /// Its uuid; older platforms do not send one.
    pub uuid: Option<String>,
    /// Its cloud account; only hosted platforms send one.
    pub cloud_account: Option<String>,
    /// Whether the platform sends actions at all. If not, there is nothing to subscribe to.
    pub actions_framework_enabled: bool,
}

/// The account that the client logged in with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Account {
    /// An API key account.
    ApiKey {
        /// `api_key_handle` of the session.
        handle: i64,
    },
    /// A user account.
    User {
        /// `user_id` of the session.
        id: i64,
    },
}

/// An organisation as the session lists it.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Listed {
    pub(crate) id: i64,
    #[serde(default)]
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) uuid: Option<String>,
    #[serde(default)]
    pub(crate) cloud_account: Option<String>,
    #[serde(default)]
    pub(crate) enabled: bool,
}

impl Listed {
    fn is(&self, wanted: &str) -> bool {
        self.cloud_account.as_deref() == Some(wanted)
            || self.uuid.as_deref() == Some(wanted)
            || self.name == wanted
    }
}

/// Chooses the organisation: the first that `wanted` names by cloud account, uuid or name, or the only one there is.
pub(crate) fn choose(orgs: &[Listed], wanted: Option<&str>, session: &Value) -> Result<Listed, Error> {
    let error = |message: String| Error::new(Kind::Org, message);
    let chosen = match (orgs, wanted) {
        ([], _) => return Err(error("User is not a member of any orgs".into())),
        (orgs, Some(wanted)) => orgs.iter().find(|org| org.is(wanted)).ok_or_else(|| {
            error(format!("The user is not a member of the specified organization '{wanted}'."))
                .hint(format!("set `org` to one of {}", names(orgs)))
        })?,
        ([only], None) => only,
        (orgs, None) => {
            return Err(error(format!(
                "Please specify the organization name to which you want to connect.\n\
                 The user is a member of the following organizations: {}",
                names(orgs)
            ))
            .hint("User is a member of multiple organizations; please specify one."));
        }
    };
    if chosen.enabled {
        return Ok(chosen.clone());
    }
    let ip = session.get("session_ip").and_then(Value::as_str).unwrap_or("unknown");
    Err(error(format!(
        "This organization is not accessible to you. The organization '{}' may refuse your IP address, or require \
         another way to log in. Your IP address is {ip}",
        chosen.name
    )))
}

fn names(orgs: &[Listed]) -> String {
    orgs.iter().map(|org| format!("'{}'", org.name)).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn orgs() -> Vec<Listed> {
        serde_json::from_value(json!([
            {"id": 201, "name": "Alpha", "uuid": "u-1", "cloud_account": "c-1", "enabled": true, "zip": null},
            {"id": 202, "name": "Правда", "uuid": "u-2", "cloud_account": null, "enabled": true},
            {"id": 404, "name": "Closed", "enabled": false},
        ]))
        .unwrap()
    }

    fn chosen(orgs: &[Listed], wanted: Option<&str>) -> Result<i64, String> {
        let session = json!({"session_ip": "203.0.113.12"});
        choose(orgs, wanted, &session).map(|org| org.id).map_err(|error| {
            assert!(error.is_org());
            error.to_string()
        })
    }

    #[test]
    fn an_org_is_found_by_cloud_account_uuid_and_name() {
        for (wanted, id) in [("c-1", 201), ("u-2", 202), ("Alpha", 201), ("Правда", 202)] {
            assert_eq!(chosen(&orgs(), Some(wanted)), Ok(id));
        }
        assert_eq!(chosen(&orgs()[..1], None), Ok(201));
    }

    #[test]
    fn the_error_texts_are_the_known_ones() {
        assert_eq!(chosen(&[], None).unwrap_err(), "User is not a member of any orgs");
        assert_eq!(chosen(&[], Some("Alpha")).unwrap_err(), "User is not a member of any orgs");
        let text = chosen(&orgs(), Some("Beta")).unwrap_err();
        assert!(
            text.starts_with("The user is not a member of the specified organization 'Beta'.\n"),
            "{text}"
        );
        assert!(text.contains("'Alpha', 'Правда', 'Closed'"), "{text}");
        let text = chosen(&orgs(), None).unwrap_err();
        assert!(
            text.starts_with("Please specify the organization name to which you want to connect."),
            "{text}"
        );
        assert!(text.contains("'Alpha', 'Правда', 'Closed'"), "{text}");
        assert!(text.contains("User is a member of multiple organizations; please specify one."), "{text}");
        let text = chosen(&orgs(), Some("Closed")).unwrap_err();
        assert!(text.starts_with("This organization is not accessible to you."), "{text}");
        assert!(text.contains("203.0.113.12"), "{text}");
    }
}

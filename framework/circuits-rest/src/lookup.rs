//! Names for numbers and numbers for names: the platform's lists of fields, users and groups, each read once and shared.

use std::{collections::HashMap, fmt, sync::Arc};

use serde_json::Value;

use crate::{Choice, Error, Fields, HandleFormat, Rest, TextFormat, cache::Cache, segment};

/// What makes two cached reads the same: the path and the formats asked for.
type Key = (bool, String, Option<HandleFormat>, Option<TextFormat>);

/// Everything that a client remembers of the platform's lists.
pub(crate) struct Lookups {
    values: Cache<Key, Value>,
    fields: Cache<String, Fields>,
    names: Cache<String, Names>,
}

impl Lookups {
    pub(crate) fn new(ttl: std::time::Duration) -> Self {
        Self { values: Cache::new(ttl), fields: Cache::new(ttl), names: Cache::new(ttl) }
    }
}

/// People or groups by number and by name.
#[derive(Clone, PartialEq)]
pub struct Names {
    by_id: HashMap<i64, String>,
    by_name: HashMap<String, i64>,
}

impl fmt::Debug for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Names of people do not belong in a log.
        f.debug_struct("Names").field("count", &self.by_id.len()).finish()
    }
}

impl Names {
    /// Reads a list, `{"entities": [..]}` or `{"<id>": {..}}`: platforms differ.
    fn new(value: &Value) -> Self {
        let list = value.get("entities").unwrap_or(value);
        let members: Vec<&Value> = match list {
            Value::Array(list) => list.iter().collect(),
            Value::Object(map) => map.values().collect(),
            _ => Vec::new(),
        };
        let mut names = Self { by_id: HashMap::new(), by_name: HashMap::new() };
        for member in members {
            let Some(id) = member.get("id").and_then(Value::as_i64) else { continue };
            let text = |key: &str| member.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
            let full = || Some(format!("{} {}", text("fname")?, text("lname")?));
            let name = text("display_name").or_else(|| text("name")).map(str::to_owned).or_else(full);
            let email = text("email").map(str::to_owned);
            for key in [&name, &email].into_iter().flatten() {
                names.by_name.entry(key.to_lowercase()).or_insert(id);
            }
            if let Some(name) = name.or(email) {
                names.by_id.insert(id, name);
            }
        }
        names
    }

    /// All of them as values of an owner field, labelled as the platform labels them: "Kim Lee (kim@example.com)".
    fn choices(&self) -> impl Iterator<Item = Choice> {
        self.by_id.iter().map(|(id, name)| {
            let mail = self.by_name.iter().find(|(key, other)| *other == id && key.contains('@'));
            let label = mail
                .filter(|(mail, _)| **mail != name.to_lowercase())
                .map_or_else(|| name.clone(), |(mail, _)| format!("{name} ({mail})"));
            Choice { value: (*id).into(), label, enabled: true }
        })
    }

    /// The name of number `id`.
    pub fn name(&self, id: i64) -> Option<&str> {
        self.by_id.get(&id).map(String::as_str)
    }

    /// The number of a name or e-mail address, in any case.
    pub fn id(&self, name: &str) -> Option<i64> {
        self.by_name.get(&name.to_lowercase()).copied()
    }
}

impl Rest {
    /// GET, remembered for [`Options::cache_ttl`](crate::Options::cache_ttl). For lists that change rarely, such as `/types`
    /// or, with [`Rest::absolute`], `/const`.
    ///
    /// # Errors
    /// As for [`Rest::get`]; an error is not remembered.
    pub async fn cached(&self, path: &str) -> Result<Arc<Value>, Error> {
        let (handles, text) = self.formats();
        let key = (self.absolute, path.to_owned(), handles, text);
        self.shared.lookups.values.get(key, self.get(path)).await
    }

    /// The fields of a type: `incident`, `task`, `artifact`; `actioninvocation` for the fields of menu-item rules,
    /// `__function` for the inputs of functions. Where the platform does not list who may be an owner or a member, these
    /// fields get the users and groups that the account may see. Remembered like [`Rest::cached`].
    ///
    /// # Errors
    /// As for [`Rest::get`].
    pub async fn fields(&self, of: &str) -> Result<Arc<Fields>, Error> {
        let path = format!("/types/{}/fields", segment(of));
        let fetch = async {
            let mut fields = Fields::new(of, self.relative().get(&path).await?);
            if fields.lack_people() {
                let mut people = Vec::new();
                for names in [self.users().await, self.groups().await] {
                    match names {
                        Ok(names) => people.extend(names.choices()),
                        // An account without the right to list them still has all other fields.
                        Err(error) => {
                            tracing::debug!(error = %error, "Owners cannot be read or set by name.")
                        }
                    }
                }
                fields.add_people(&people);
            }
            Ok(fields)
        };
        self.shared.lookups.fields.get(of.to_owned(), fetch).await
    }

    /// The users of the organisation, by number, name and e-mail address. Remembered like [`Rest::cached`].
    ///
    /// # Errors
    /// As for [`Rest::get`].
    pub async fn users(&self) -> Result<Arc<Names>, Error> {
        self.names("/users").await
    }

    /// The groups of the organisation, by number and name. Remembered like [`Rest::cached`].
    ///
    /// # Errors
    /// As for [`Rest::get`].
    pub async fn groups(&self) -> Result<Arc<Names>, Error> {
        self.names("/groups").await
    }

    /// Forgets everything that `cached`, `fields`, `users` and `groups` remember, for all handles of the client.
    pub fn forget(&self) {
        self.shared.lookups.values.clear();
        self.shared.lookups.fields.clear();
        self.shared.lookups.names.clear();
    }

    async fn names(&self, path: &str) -> Result<Arc<Names>, Error> {
        let fetch = async { Ok(Names::new(&self.relative().get(path).await?)) };
        self.shared.lookups.names.get(path.to_owned(), fetch).await
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_are_read_from_every_shape() {
        let kim = json!({"id": 7, "fname": "Kim", "lname": "Lee", "email": "kim@example.com"});
        for shape in [json!([kim]), json!({"entities": [kim]}), json!({"7": kim})] {
            let names = Names::new(&shape);
            assert_eq!(
                (names.name(7), names.id("KIM@example.com"), names.id("Kim Lee")),
                (Some("Kim Lee"), Some(7), Some(7))
            );
            assert!(!format!("{names:?}").contains("Kim"));
        }
        let groups = Names::new(&json!({"187": {"id": 187, "name": "Analysts", "members": [7]}}));
        assert_eq!(
            (groups.name(187), groups.id("analysts"), groups.id("none")),
            (Some("Analysts"), Some(187), None)
        );
    }
}

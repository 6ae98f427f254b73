//! PATCH: sends single fields with the values they had, so that the platform itself finds out which of them somebody else
//! has changed, and decides what to do about those.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::{Error, Method, Rest, error::Kind, update};

/// Changes to single fields of an object (the platform's PatchDTO). Each carries the value that the field had before.
///
/// ```
/// use circuits_rest::Patch;
/// use serde_json::json;
///
/// let mut patch = Patch::new(&json!({"vers": 99, "name": "a", "properties": {"ticket": null}}));
/// patch.set("name", "b")?.set("properties.ticket", "T-1")?;
/// assert_eq!(patch.fields(), ["name", "properties.ticket"]);
/// # Ok::<(), circuits_rest::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Patch {
    base: Value,
    changes: Vec<FieldChange>,
}

#[derive(Clone, Debug, PartialEq)]
struct FieldChange {
    field: String,
    old: Value,
    new: Value,
}

/// One field that somebody else has changed meanwhile.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq)]
#[non_exhaustive]
pub struct FieldConflict {
    /// The field's API name.
    pub field: String,
    /// The old value that the patch named.
    #[serde(default)]
    pub your_original_value: Value,
    /// The value that the field has now.
    #[serde(default)]
    pub actual_current_value: Value,
}

/// The platform's answer to a patch (PatchStatusDTO).
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[non_exhaustive]
pub struct PatchStatus {
    /// Whether all changes were made. If not, none of them was.
    #[serde(default)]
    pub success: bool,
    /// The fields that were in the way.
    #[serde(default)]
    pub field_failures: Vec<FieldConflict>,
    /// The platform's words.
    #[serde(default)]
    pub message: Option<String>,
}

/// What to do about fields that somebody else has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resolve {
    /// Send the patch again, as the callback has left it. If nothing is left in it, the call is finished.
    Again,
    /// Let the others' values stand: no change at all is made, and the call ends with an error that lists the conflicts.
    GiveUp,
    /// As [`Resolve::GiveUp`], but the call returns `Ok` with a status whose `success` is false.
    Accept,
}

impl Patch {
    /// A patch of `object` as it was read, its version (`vers`) included.
    pub fn new(object: &Value) -> Self {
        Self { base: object.clone(), changes: Vec::new() }
    }

    /// Sets `field` (`name`, `properties.ticket`) to `value`; its old value is taken from the object. A field that the
    /// object does not have counts as `null`. Setting a field again replaces what was set before.
    ///
    /// # Errors
    /// [`Error::is_invalid`] if the field holds an object, such as `properties`, or if the patch was made without an object.
    pub fn set(&mut self, field: &str, value: impl Into<Value>) -> Result<&mut Self, Error> {
        if self.base.as_object().is_none_or(serde_json::Map::is_empty) {
            return Err(Error::new(
                Kind::Invalid,
                "the patch was made without an object, so the old value is not known: read the object first or use `set_from`",
            ));
        }
        let old =
            field.split('.').try_fold(&self.base, |object, key| object.get(key)).unwrap_or(&Value::Null);
        if old.is_object() {
            return Err(Error::new(
                Kind::Invalid,
                format!("Invalid field_name parameter '{field}': the field holds an object"),
            )
            .hint(
                "name a field inside it, such as `properties.ticket`, or give its old value with `set_from`",
            ));
        }
        let old = old.clone();
        Ok(self.set_from(field, old, value))
    }

    /// Sets `field` to `value` if it still is `old`.
    pub fn set_from(&mut self, field: &str, old: impl Into<Value>, value: impl Into<Value>) -> &mut Self {
        let change = FieldChange { field: field.to_owned(), old: old.into(), new: value.into() };
        match self.changes.iter_mut().find(|change| change.field == field) {
            Some(there) => *there = change,
            None => self.changes.push(change),
        }
        self
    }

    /// Takes a field out again; returns whether it was there.
    pub fn remove(&mut self, field: &str) -> bool {
        let before = self.changes.len();
        self.changes.retain(|change| change.field != field);
        self.changes.len() < before
    }

    /// Accepts the current values of `conflicts` as the old ones, so that sending the patch again overwrites them.
    pub fn overwrite(&mut self, conflicts: &[FieldConflict]) -> &mut Self {
        for change in &mut self.changes {
            if let Some(conflict) = conflicts.iter().find(|conflict| conflict.field == change.field) {
                change.old = conflict.actual_current_value.clone();
            }
        }
        self
    }

    /// The names of its fields, in the order in which they were set.
    pub fn fields(&self) -> Vec<&str> {
        self.changes.iter().map(|change| change.field.as_str()).collect()
    }

    /// Whether there is nothing to send.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// The PatchDTO as it is sent.
    pub fn to_json(&self) -> Value {
        let changes: Vec<_> = self
            .changes
            .iter()
            .map(|change| {
                json!({
                    "field": change.field,
                    "old_value": {"object": change.old},
                    "new_value": {"object": change.new},
                })
            })
            .collect();
        let mut dto = json!({});
        // A version of 0 or none is left out, as the reference client does.
        if let Some(version) = self.base.get("vers").filter(|v| v.as_i64().is_some_and(|v| v != 0)) {
            dto["version"] = version.clone();
        }
        dto["changes"] = changes.into();
        dto
    }
}

impl PatchStatus {
    /// The conflict about `field`.
    ///
    /// # Errors
    /// [`Error::is_invalid`] if there is none.
    pub fn conflict(&self, field: &str) -> Result<&FieldConflict, Error> {
        self.field_failures
            .iter()
            .find(|conflict| conflict.field == field)
            .ok_or_else(|| Error::new(Kind::Invalid, format!("No conflict found for field {field}")))
    }
}

/// For [`Rest::patch_with`]: ours wins.
pub fn overwrite(status: &PatchStatus, patch: &mut Patch) -> Resolve {
    patch.overwrite(&status.field_failures);
    Resolve::Again
}

/// For [`Rest::patch_with`]: theirs wins, and the error lists the conflicts.
pub fn give_up(_: &PatchStatus, _: &mut Patch) -> Resolve {
    Resolve::GiveUp
}

impl Rest {
    /// Sends `patch` to `path` and asks `resolve` about fields that somebody else has changed meanwhile: [`overwrite`],
    /// [`give_up`] or a closure of your own, which may be asked several times. What it decides is sent at once; if somebody
    /// was faster again, it is asked about the values as they are after a growing pause. An answer of 409 (somebody is saving
    /// the object right now) is repeated with growing pauses too. [`Options::conflict_tries`](crate::Options::conflict_tries)
    /// limits both together.
    ///
    /// # Errors
    /// Those of the call; [`Error::is_conflict`] with [`Error::conflicts`] when conflicts remain;
    /// [`Error::is_invalid`] if `resolve` says [`Resolve::Again`] without having changed the patch.
    pub async fn patch_with<F>(
        &self,
        path: &str,
        mut patch: Patch,
        mut resolve: F,
    ) -> Result<PatchStatus, Error>
    where
        F: FnMut(&PatchStatus, &mut Patch) -> Resolve,
    {
        let turn = self.turn(path);
        let mut held = None;
        let mut tries = 0;
        let mut last = PatchStatus { success: true, field_failures: Vec::new(), message: None };
        while !patch.is_empty() {
            tries += 1;
            let begun = Instant::now();
            let mut sent = self.patch::<_, PatchStatus>(path, &patch.to_json()).await;
            let pause = update::pause(tries, begun.elapsed(), Arc::strong_count(&turn), fastrand::f64());
            let over = self.is_last(tries, pause);
            if tries > 1 && !over && sent.as_ref().is_ok_and(|status| !status.field_failures.is_empty()) {
                // Other callers in this process that lose the same race wait for us instead of making it harder.
                if held.is_none() {
                    let waiting = self.in_time(turn.lock()).await;
                    held = Some(waiting.map_err(|error| error.at(Method::Patch, path))?);
                }
                update::wait(pause).await;
                // The answer is out of date by now. Sending the same patch again does no harm and brings the present values.
                sent = self.patch(path, &patch.to_json()).await;
            }
            last = match sent {
                Ok(status) => status,
                Err(error) if error.status() == Some(409) && !over => {
                    update::wait(pause).await;
                    continue;
                }
                Err(error) => return Err(error.tries(tries)),
            };
            if last.success {
                return Ok(last);
            }
            let refused = || refusal(&last).at(Method::Patch, path).tries(tries);
            if last.field_failures.is_empty() || over {
                return Err(refused());
            }
            let before = patch.clone();
            match resolve(&last, &mut patch) {
                Resolve::GiveUp => return Err(refused()),
                Resolve::Accept => return Ok(last),
                Resolve::Again if patch == before => {
                    return Err(Error::new(
                        Kind::Invalid,
                        "invoked callback did not change the patch object, but returned True: the same patch would meet the \
                         same conflict",
                    )
                    .at(Method::Patch, path));
                }
                Resolve::Again => {}
            }
        }
        Ok(last)
    }
}

/// The error for a patch that was not made.
fn refusal(status: &PatchStatus) -> Error {
    let message = status.message.as_deref().unwrap_or("the platform did not make the changes");
    let list = status.field_failures.iter().map(|conflict| {
        let FieldConflict { field, your_original_value, actual_current_value } = conflict;
        format!("{field} was {your_original_value}, is {actual_current_value}")
    });
    let list: Vec<_> = list.collect();
    let kind = if list.is_empty() { Kind::Status } else { Kind::Conflict };
    let text = if list.is_empty() { message.to_owned() } else { format!("{message}: {}", list.join("; ")) };
    Error::new(kind, text).with_conflicts(status.field_failures.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base() -> Value {
        json!({"a": 1, "properties": {"b": 2}, "vers": 99})
    }

    #[test]
    fn a_patch_has_the_wire_form_that_the_peer_sends() {
        let mut patch = Patch::new(&base());
        patch.set("a", 5).unwrap().set("properties.b", 6).unwrap().set("c", 7).unwrap();
        let expected = json!({"version": 99, "changes": [
            {"field": "a", "old_value": {"object": 1}, "new_value": {"object": 5}},
            {"field": "properties.b", "old_value": {"object": 2}, "new_value": {"object": 6}},
            {"field": "c", "old_value": {"object": null}, "new_value": {"object": 7}},
        ]});
        assert_eq!(patch.to_json(), expected);
        let mut unversioned = Patch::new(&json!({"a": 1, "vers": 0}));
        unversioned.set("a", 2).unwrap();
        assert_eq!(unversioned.to_json().get("version"), None);
    }

    #[test]
    fn objects_and_unread_objects_are_refused() {
        let error = Patch::new(&base()).set("properties", 99).unwrap_err();
        assert!(error.is_invalid() && error.to_string().contains("Invalid field_name parameter"), "{error}");
        let error = Patch::new(&json!({})).set("a", 1).unwrap_err();
        assert!(error.is_invalid() && error.to_string().contains("set_from"), "{error}");
        let mut explicit = Patch::new(&Value::Null);
        explicit.set_from("a", 1, 2);
        assert_eq!(explicit.fields(), ["a"]);
    }

    #[test]
    fn setting_a_field_again_replaces_the_first() {
        let mut patch = Patch::new(&json!({"a": 5}));
        patch.set("a", 7).unwrap().set("a", 8).unwrap();
        assert_eq!(
            patch.to_json()["changes"],
            json!([{"field": "a", "old_value": {"object": 5}, "new_value": {"object": 8}}])
        );
        assert!(patch.remove("a") && !patch.remove("a") && patch.is_empty());
    }

    #[test]
    fn conflicts_are_found_by_field() {
        let status: PatchStatus = serde_json::from_value(json!({
            "success": false, "message": "Some message",
            "field_failures": [{"field": "x", "your_original_value": "o", "actual_current_value": "c"}],
        }))
        .unwrap();
        assert_eq!(status.conflict("x").unwrap().actual_current_value, "c");
        let error = status.conflict("blah").unwrap_err();
        assert_eq!(error.to_string(), "No conflict found for field blah");
        let error = refusal(&status);
        assert!(error.is_conflict());
        assert_eq!(error.to_string(), r#"Some message: x was "o", is "c""#);
    }
}

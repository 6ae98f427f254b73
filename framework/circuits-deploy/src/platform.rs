//! The objects of the platform, fetched only when they are needed, and only once.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use circuits::rest::{Account, HandleFormat, Rest};
use serde_json::{Value, json};

use crate::export::Export;
use circuits::{Error, Result};

/// A platform may take minutes for an export of some megabytes, or for the import of one.
pub(crate) const PATIENCE: Duration = Duration::from_secs(600);

/// The platform's objects.
pub(crate) struct Platform<'a> {
    rest: &'a Rest,
    /// The objects by list, then by name.
    lists: HashMap<&'static str, HashMap<String, Value>>,
    export: Option<Export>,
}

impl<'a> Platform<'a> {
    pub(crate) fn new(rest: &'a Rest) -> Self {
        Self { rest, lists: HashMap::new(), export: None }
    }

    pub(crate) fn rest(&self) -> &'a Rest {
        self.rest
    }

    /// The objects of one of the platform's lists, by name.
    ///
    /// # Errors
    /// When the platform does not list them.
    pub(crate) async fn list(&mut self, path: &'static str) -> Result<&HashMap<String, Value>> {
        if !self.lists.contains_key(path) {
            self.lists.insert(path, fetch(self.rest, path).await?);
        }
        Ok(&self.lists[path])
    }

    /// The object of this name in one of the platform's lists.
    ///
    /// # Errors
    /// As for [`list`](Self::list).
    pub(crate) async fn find(&mut self, path: &'static str, name: &str) -> Result<Option<&Value>> {
        Ok(self.list(path).await?.get(name))
    }

    /// The platform's whole configuration; only this shows the contents of scripts, workflows and playbooks.
    ///
    /// # Errors
    /// When the platform refuses the export.
    pub(crate) async fn export(&mut self) -> Result<&Export> {
        if self.export.is_none() {
            let export = Export::of(self.rest).await?;
            self.export = Some(export);
        }
        self.export.as_ref().ok_or_else(|| Error::new("there is no export"))
    }
}

/// The objects of a list by name.
pub(crate) async fn fetch(rest: &Rest, path: &'static str) -> Result<HashMap<String, Value>> {
    let (what, key) = match path {
        "/message_destinations" => ("the message destinations", "programmatic_name"),
        "/types" => ("the data tables", "type_name"),
        "/functions" => ("the functions", "name"),
        "/actions" => ("the rules", "name"),
        _ => ("the fields", "name"),
    };
    // Objects that refer to others should do so by name.
    let named = matches!(path, "/functions" | "/actions");
    let rest = rest.with_handles(if named { HandleFormat::Names } else { HandleFormat::Ids });
    let listed = match path {
        // The types come as a map by name.
        "/types" => {
            rest.get::<BTreeMap<String, Value>>(path).await.map(|types| types.into_values().collect())
        }
        _ => rest.list(path).await,
    };
    let listed: Vec<Value> =
        listed.map_err(|error| Error::from(error).context(format_args!("could not list {what}")))?;
    Ok(listed.into_iter().filter_map(|one| Some((one[key].as_str()?.to_owned(), one))).collect())
}

/// The list of a destination in which the acting account belongs, and the account's id there.
fn account(rest: &Rest) -> (&'static str, Value) {
    match rest.account() {
        Account::ApiKey { handle } => ("api_keys", json!(handle)),
        Account::User { id } => ("users", json!(id)),
    }
}

pub(crate) fn is_allowed(rest: &Rest, destination: &Value) -> bool {
    let (list, account) = account(rest);
    destination[list].as_array().is_some_and(|allowed| allowed.contains(&account))
}

/// Adds the acting account to those that may read a destination.
pub(crate) async fn allow(rest: &Rest, id: &Value) -> std::result::Result<(), circuits::rest::RestError> {
    let (list, account) = account(rest);
    let path = format!("/message_destinations/{id}");
    let added = rest.update(&path, |object| match object[list].as_array_mut() {
        Some(allowed) if allowed.contains(&account) => {}
        Some(allowed) => allowed.push(account.clone()),
        None => object[list] = json!([account]),
    });
    added.await.map(drop)
}

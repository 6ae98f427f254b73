//! Who works on an incident or a task: its members.

use serde_json::json;

use crate::{Change, Error, Rest};

impl Rest {
    /// Makes a user a member of the incident or task at `path`, such as `/incidents/2095`, unless the user is one already.
    /// Only members of an incident can own its tasks. The number of a user comes with the action, or from [`Rest::users`].
    ///
    /// ```no_run
    /// # async fn example(rest: &circuits_rest::Rest) -> Result<(), circuits_rest::Error> {
    /// if let Some(user) = rest.users().await?.id("kim@example.com") {
    ///     rest.add_member("/incidents/2095", user).await?;
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// As for [`Rest::update`].
    pub async fn add_member(&self, path: &str, user: i64) -> Result<(), Error> {
        let add = |object: &mut serde_json::Value| {
            let user = json!(user);
            match object["members"].as_array_mut() {
                Some(members) if members.contains(&user) => return Change::Skip,
                Some(members) => members.push(user),
                // For an object without members the platform sends no list.
                None => object["members"] = json!([user]),
            }
            Change::Save
        };
        self.update(&format!("{path}/members"), add).await.map(drop)
    }
}

//! Accounts in the runner's store.

use std::net::IpAddr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Rights;
use super::attempts::Attempts;
use crate::store::{Query, Record, Store, Write};
use crate::{Error, Result};

/// The owner of what is set up in the runner's shell; no account has this name.
pub const OPERATOR: &str = "operator";

/// Accounts by name; the rank is the time of the last change of the password.
const ACCOUNT: &str = "account";

/// One account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserAccount {
    /// Its name.
    pub name: String,
    /// What it may see and change.
    pub rights: Rights,
    /// The hash of its password, in a form that names its method (PHC string); `None` if it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
    /// When it was made, in milliseconds since 1970.
    pub created: i64,
    /// When its password was last set or taken away: tokens of before are no longer good.
    pub password_changed: i64,
}

/// The accounts in a store. Cheap to clone.
#[derive(Clone)]
pub struct Accounts {
    store: Arc<dyn Store>,
    attempts: Arc<Attempts>,
}

impl Accounts {
    /// Those of this store.
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self { store, attempts: Arc::default() }
    }

    /// Whether there is any. As long as there is none, nobody needs to log in.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn any(&self) -> Result<bool> {
        Ok(self.store.count(ACCOUNT, &Query::default()).await? > 0)
    }

    /// The account with this name.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn get(&self, name: &str) -> Result<Option<UserAccount>> {
        self.store.get(ACCOUNT, name).await?.map(read).transpose()
    }

    /// Every account, sorted by name.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn all(&self) -> Result<Vec<UserAccount>> {
        let records = self.store.list(ACCOUNT, &Query::default()).await?;
        let mut all = records.into_iter().map(read).collect::<Result<Vec<_>>>()?;
        all.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(all)
    }

    /// Makes an account. False if there is one with its name.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn add(&self, account: &UserAccount) -> Result<bool> {
        let made = self.store.apply(vec![Write::insert(ACCOUNT, record(account)?)]).await?;
        self.store.flush().await?;
        Ok(made == [true])
    }

    /// Stores an account in place of what it was.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn put(&self, account: &UserAccount) -> Result<()> {
        self.store.apply(vec![Write::put(ACCOUNT, record(account)?)]).await?;
        self.store.flush().await
    }

    /// Deletes the account with this name. False if there is none.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn remove(&self, name: &str) -> Result<bool> {
        let gone = self.store.apply(vec![Write::delete(ACCOUNT, name)]).await?;
        self.store.flush().await?;
        Ok(gone == [true])
    }

    /// The seconds until an attempt to log in from this address is looked at, after too many wrong ones; `None` if it is now.
    pub fn later(&self, from: IpAddr) -> Option<u64> {
        self.attempts.later(from)
    }

    /// Counts a wrong attempt from this address.
    pub fn failed(&self, from: IpAddr) {
        self.attempts.failed(from);
    }

    /// The store, for what else is kept about accounts.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }
}

fn record(account: &UserAccount) -> Result<Record> {
    Ok(Record::new(&account.name, account.password_changed, serde_json::to_string(account)?))
}

fn read(record: Record) -> Result<UserAccount> {
    serde_json::from_str(&record.value).map_err(|error| {
        Error::new(format_args!("the stored account {} cannot be read: {error}", record.key))
    })
}

impl std::fmt::Debug for Accounts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Accounts").finish_non_exhaustive()
    }
}

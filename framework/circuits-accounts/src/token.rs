//! Tokens: 256 random bits, of which the store has only a digest, so that nobody can use what they read there. A token ends when
//! its time is over, when its owner logs out, when its account goes, and when the account's password is changed.

use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use circuits::account::{Accounts, UserAccount};
use circuits::store::{Query, Record, Write};
use circuits::{Error, Result};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Digests of tokens; the rank is the end of their time.
const TOKEN: &str = "account.token";
/// What a token begins with, so that scanners for leaked secrets can know one.
const PREFIX: &str = "circuits_";
/// How many ended ones are forgotten when one is made.
const BATCH: u32 = 100;

#[derive(Serialize, Deserialize)]
struct Stored {
    account: String,
    made: i64,
}

/// A token and the end of its time.
#[derive(Debug)]
pub struct Issued {
    /// The token. It is not kept anywhere.
    pub token: String,
    /// When it ends, in milliseconds since 1970.
    pub ends: i64,
}

/// Makes a token for an account.
///
/// # Errors
/// When the store cannot be written, or the system has no randomness.
pub async fn issue(accounts: &Accounts, account: &UserAccount, ttl: Duration) -> Result<Issued> {
    let mut secret = [0; 32];
    getrandom::fill(&mut secret).map_err(|error| Error::new(format_args!("no randomness: {error}")))?;
    let token = format!("{PREFIX}{}", BASE64_URL_SAFE_NO_PAD.encode(secret));
    let now = Timestamp::now().as_millisecond();
    let ends = now.saturating_add(i64::try_from(ttl.as_millis()).unwrap_or(i64::MAX));
    let value = serde_json::to_string(&Stored { account: account.name.clone(), made: now })?;
    let mut changes = vec![Write::put(TOKEN, Record::new(digest(&token), ends, value))];
    let old = Query { through: Some(now), limit: Some(BATCH), ..Query::default() };
    changes.extend(
        accounts.store().list(TOKEN, &old).await?.into_iter().map(|old| Write::delete(TOKEN, old.key)),
    );
    accounts.store().apply(changes).await?;
    Ok(Issued { token, ends })
}

/// The account that a token is good for now.
///
/// # Errors
/// When the store cannot be read.
pub async fn account_of(accounts: &Accounts, token: &str) -> Result<Option<UserAccount>> {
    let now = Timestamp::now().as_millisecond();
    let Some(record) = accounts.store().get(TOKEN, &digest(token)).await?.filter(|record| record.rank > now)
    else {
        return Ok(None);
    };
    let Stored { account, made } = serde_json::from_str(&record.value)?;
    // One of the same name that was made later is another account.
    Ok(accounts.get(&account).await?.filter(|account| made >= account.created.max(account.password_changed)))
}

/// Ends a token, if there is one like this.
///
/// # Errors
/// When the store cannot be written.
pub async fn end(accounts: &Accounts, token: &str) -> Result<()> {
    accounts.store().apply(vec![Write::delete(TOKEN, digest(token))]).await?;
    accounts.store().flush().await
}

fn digest(token: &str) -> String {
    hmac_sha256::Hash::hash(token.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

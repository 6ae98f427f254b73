//! Accounts of the HTTP side. As long as there is none, the listener is for this machine alone and a proxy names users; with the
//! first one (`circuits account add`) every caller must say who they are.
//!
//! The accounts themselves are in [`circuits::account`]; here are passwords, tokens, the login, and five kinds of authentication:
//! `basic`, `token`, `session`, `client_cert` and `trusted_header`.

mod kinds;
mod login;
pub mod password;
mod session;
pub mod token;

use std::time::Duration;

use circuits::account::{Accounts, OPERATOR, Rights, UserAccount, chosen_auth};
use circuits::config::Config;
use circuits::extension::{Context, Extension, ExtensionFuture, Opened};
use circuits::web::Mount;
use circuits::web::axum::Router;
use circuits::web::axum::routing::post;
use circuits::{Error, Result};
use jiff::Timestamp;

use login::Login;
use session::{Cookie, Sessions};

/// Characters that a name has at most.
const LONGEST_NAME: usize = 200;

circuits::register! {
    Extension::new("accounts", |config| Box::pin(std::future::ready(Ok(open(config)))))
        .version(env!("CARGO_PKG_VERSION"))
        .about("lets those use the HTTP listener who have an account (circuits account)")
}

fn open(config: &Config) -> Option<Box<dyn Opened>> {
    let settings = config.settings();
    settings.http_port?;
    let sessions =
        chosen_auth(config).is_ok_and(|kinds| kinds.iter().any(|kind| kind.name() == session::KIND));
    let cookie = sessions.then(|| Cookie::new(settings));
    Some(Box::new(Ready { ttl: settings.http_token_ttl, cookie }))
}

struct Ready {
    ttl: Duration,
    /// `None` where cookies do not count.
    cookie: Option<Cookie>,
}

impl Opened for Ready {
    fn keeps_records(&self) -> bool {
        true
    }

    fn attach(&mut self, context: &Context) {
        let login = Login { accounts: context.accounts().clone(), ttl: self.ttl };
        if let Some(cookie) = self.cookie {
            let sessions = Sessions { login: login.clone(), cookie };
            let methods = post(session::begin).delete(session::end);
            let router = Router::new().route(session::PATH, methods).with_state(sessions);
            context.web().mount(Mount::new(session::PATH, router).open());
        }
        let router = Router::new().route("/management/auth", post(login::answer)).with_state(login);
        context.web().mount(Mount::new("/management/auth", router).open());
    }

    fn run(self: Box<Self>, context: Context) -> ExtensionFuture<'static, ()> {
        Box::pin(async move { context.stopped().await })
    }
}

/// Makes an account; without a password it can only be used with tokens and through a trusted proxy.
///
/// # Errors
/// When there is an account of this name, name or password cannot be used, or the store cannot be written.
pub async fn add(accounts: &Accounts, name: &str, rights: Rights, password: Option<&str>) -> Result<()> {
    let odd = |c: char| c.is_control() || c.is_whitespace() || c == ':';
    if name.is_empty() || name.chars().count() > LONGEST_NAME || name.chars().any(odd) {
        return Err(Error::new(format_args!(
            "an account's name has 1 to {LONGEST_NAME} characters, none of them a blank or a colon"
        )));
    }
    if name == OPERATOR {
        return Err(Error::new(format_args!(
            "`{OPERATOR}` is whoever works in the runner's shell; take another name"
        )));
    }
    let hash = match password {
        Some(password) => Some(password::hash(password).await?),
        None => None,
    };
    let now = Timestamp::now().as_millisecond();
    let account =
        UserAccount { name: name.to_owned(), rights, password: hash, created: now, password_changed: now };
    if accounts.add(&account).await? {
        return Ok(());
    }
    Err(Error::new(format_args!(
        "the account {name} exists; `circuits account passwd {name}` gives it another password, `circuits account rm {name}` \
         deletes it"
    )))
}

/// Gives an account another password, and ends its tokens.
///
/// # Errors
/// When there is no such account, the password cannot be used, or the store cannot be written.
pub async fn set_password(accounts: &Accounts, name: &str, password: &str) -> Result<()> {
    let mut account = find(accounts, name).await?;
    account.password = Some(password::hash(password).await?);
    account.password_changed = Timestamp::now().as_millisecond();
    accounts.put(&account).await
}

/// The account with this name.
///
/// # Errors
/// When there is none, or the store cannot be read.
pub async fn find(accounts: &Accounts, name: &str) -> Result<UserAccount> {
    let unknown =
        || Error::new(format_args!("there is no account {name}; `circuits account list` shows them"));
    accounts.get(name).await?.ok_or_else(unknown)
}

//! Who calls: each kind of authentication that the settings name looks at a request, once there are accounts.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::Body;
use circuits::account::{Accounts, Authenticator, Caller, Verdict, auth_kinds, chosen_auth};
use circuits::config::Config;
use circuits::web::{OF_A_PAGE, STORE_FAILED, axum, refusal, unauthorized};
use http::header::AUTHORIZATION;
use http::request::Parts;
use http::{Response, StatusCode};
use tracing::{error, warn};

/// The kind that names users as long as there is no account.
const WITHOUT_ACCOUNTS: &str = "trusted_header";

/// Lets callers in, or says why not.
pub(crate) struct Gate {
    accounts: Accounts,
    kinds: Vec<Arc<dyn Authenticator>>,
    without_accounts: Option<Arc<dyn Authenticator>>,
}

impl Gate {
    /// # Errors
    /// When a kind is unknown, or its settings are wrong.
    pub(crate) fn new(config: &Config, accounts: &Accounts) -> circuits::Result<Self> {
        let kinds = chosen_auth(config)?.into_iter().map(|kind| kind.open(config, accounts));
        let kinds = kinds.collect::<circuits::Result<_>>()?;
        let header = auth_kinds().into_iter().find(|kind| kind.name() == WITHOUT_ACCOUNTS);
        let without_accounts = header.map(|kind| kind.open(config, accounts)).transpose()?;
        Ok(Self { accounts: accounts.clone(), kinds, without_accounts })
    }

    /// The caller; `None` for one without a name, as long as there is no account. Otherwise the refusal.
    pub(crate) async fn caller(
        &self,
        head: &Parts,
        from: SocketAddr,
    ) -> Result<Option<Caller>, Response<Body>> {
        self.look(head, from).await.map_err(|barred| match barred {
            Barred::Said(text) => self.refuse(head, text, None),
            Barred::Answered(answer) => *answer,
            Barred::Wrong(later) => {
                warn!(from = %from.ip(), "An HTTP request was refused: what it says about its caller is wrong");
                self.refuse(head, "name, password, token or client certificate is wrong", later)
            }
            Barred::Failed(error) => {
                error!(%error, "Nobody could be let in over HTTP");
                refusal(StatusCode::SERVICE_UNAVAILABLE, STORE_FAILED)
            }
        })
    }

    async fn look(&self, head: &Parts, from: SocketAddr) -> Result<Option<Caller>, Barred> {
        if !self.accounts.any().await? {
            if !from.ip().to_canonical().is_loopback() {
                return Err(Barred::Said(
                    "there is no account yet, so only this machine may call; `circuits account add` makes one",
                ));
            }
            let Some(kind) = &self.without_accounts else { return Ok(None) };
            return Ok(match kind.authenticate(head, from).await? {
                Verdict::Is(caller) => Some(caller),
                _ => None,
            });
        }
        if head.headers.get_all(AUTHORIZATION).iter().nth(1).is_some() {
            return Err(Barred::Said("there is more than one header Authorization"));
        }
        for kind in &self.kinds {
            match kind.authenticate(head, from).await? {
                Verdict::NotMine => {}
                Verdict::Is(caller) => return Ok(Some(caller)),
                Verdict::Refused => return Err(Barred::Wrong(None)),
                Verdict::Answer(answer) => return Err(Barred::Answered(answer)),
                Verdict::Later(seconds) => return Err(Barred::Wrong(Some(seconds))),
            }
        }
        Err(Barred::Said(
            "say who you are: with a token from POST /management/auth, or with name and password",
        ))
    }

    fn refuse(&self, head: &Parts, text: &str, later: Option<u64>) -> Response<Body> {
        let mut challenges: Vec<_> = self.kinds.iter().filter_map(|kind| kind.challenge()).collect();
        // A browser would ask for a password in place of the page that made the request.
        if head.headers.contains_key(OF_A_PAGE) {
            challenges.retain(|challenge| !challenge.starts_with("Basic "));
        }
        // A refusal with 401 must have one (RFC 9110, 15.5.2).
        let challenges = if challenges.is_empty() { &["Bearer realm=\"circuits\""] } else { &challenges[..] };
        unauthorized(text, challenges, later)
    }
}

/// Why somebody is not let in.
enum Barred {
    /// They did not say who they are, as this text asks.
    Said(&'static str),
    /// They are not let in, as this answer says.
    Answered(Box<Response<Body>>),
    /// What they said is wrong, perhaps so often that the next attempt has to wait so many seconds.
    Wrong(Option<u64>),
    /// Nobody could be looked up.
    Failed(circuits::Error),
}

impl From<circuits::Error> for Barred {
    fn from(error: circuits::Error) -> Self {
        Self::Failed(error)
    }
}

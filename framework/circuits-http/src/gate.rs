//! Who calls: each kind of authentication that the settings name looks at a request, once there are accounts.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use circuits::account::{Accounts, Authenticator, Caller, Verdict, auth_kinds, chosen_auth};
use circuits::config::Config;
use http::header::{AUTHORIZATION, RETRY_AFTER, WWW_AUTHENTICATE};
use http::request::Parts;
use http::{HeaderValue, Response, StatusCode};
use tracing::{error, warn};

use crate::answer::refusal;

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

    /// The caller; `None` for one without a name, as long as there is no account.
    pub(crate) async fn caller(
        &self,
        head: &Parts,
        from: SocketAddr,
    ) -> Result<Option<Caller>, Box<Response<Bytes>>> {
        self.look(head, from).await.unwrap_or_else(|error| {
            error!(%error, "Nobody could be let in over HTTP");
            let text = "the runner's store cannot be used at the moment; its log says more";
            Err(Box::new(refusal(StatusCode::SERVICE_UNAVAILABLE, text)))
        })
    }

    async fn look(
        &self,
        head: &Parts,
        from: SocketAddr,
    ) -> circuits::Result<Result<Option<Caller>, Box<Response<Bytes>>>> {
        if !self.accounts.any().await? {
            if !from.ip().to_canonical().is_loopback() {
                let text = "there is no account yet, so only this machine may call; `circuits account add` makes one";
                return Ok(Err(self.refuse(text, None)));
            }
            let Some(kind) = &self.without_accounts else { return Ok(Ok(None)) };
            return Ok(match kind.authenticate(head, from).await? {
                Verdict::Is(caller) => Ok(Some(caller)),
                _ => Ok(None),
            });
        }
        if head.headers.get_all(AUTHORIZATION).iter().nth(1).is_some() {
            return Ok(Err(self.refuse("there is more than one header Authorization", None)));
        }
        for kind in &self.kinds {
            let verdict = kind.authenticate(head, from).await?;
            if let Verdict::Is(caller) = verdict {
                return Ok(Ok(Some(caller)));
            }
            if verdict != Verdict::NotMine {
                warn!(from = %from.ip(), "An HTTP request was refused: what it says about its caller is wrong");
                let later = if let Verdict::Later(seconds) = verdict { Some(seconds) } else { None };
                return Ok(Err(self.refuse("name, password or token is wrong", later)));
            }
        }
        Ok(Err(self.refuse(
            "say who you are: with a token from POST /management/auth, or with name and password",
            None,
        )))
    }

    fn refuse(&self, text: &str, later: Option<u64>) -> Box<Response<Bytes>> {
        let text = match later {
            None => text.to_owned(),
            Some(seconds) => format!("too many wrong attempts from this address; try again in {seconds} s"),
        };
        let mut response = refusal(StatusCode::UNAUTHORIZED, &text);
        let headers = response.headers_mut();
        // A refusal with 401 must have one (RFC 9110, 15.5.2).
        let challenges: Vec<_> = self.kinds.iter().filter_map(|kind| kind.challenge()).collect();
        for challenge in if challenges.is_empty() { vec!["Bearer realm=\"circuits\""] } else { challenges } {
            headers.append(WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
        }
        if let Some(seconds) = later {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        Box::new(response)
    }
}

//! Who calls, and what they may see and change. A right for a component counts for its message destination if the account has it
//! for every component there: which of them handles an action is not known before it begins.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use circuits::DestinationInfo;
use circuits::account::{Caller, Right, Rights, Scope};
use http::request::Parts;

use crate::api::Api;
use crate::refusal::Refusal;

/// The account that calls.
#[derive(Clone, Debug)]
pub(crate) struct Who {
    pub(crate) name: String,
    pub(crate) rights: Rights,
    /// The address that the request came from.
    pub(crate) from: String,
    /// Those that the runner listens on.
    all: Vec<DestinationInfo>,
}

impl FromRequestParts<Arc<Api>> for Who {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<Api>) -> Result<Self, Refusal> {
        let caller = parts.extensions.get::<Caller>().cloned();
        // Without any account, whoever is on this machine could name themselves.
        let caller = if api.context.accounts().any().await? { caller } else { None };
        let Some(Caller { name, rights }) = caller else {
            return Err(Refusal::forbidden(
                "there is no account yet, and the API shows nothing without one; `circuits account add` makes one",
            ));
        };
        if !rights.allow_somewhere(Right::Read) {
            return Err(Refusal::forbidden(format!(
                "the account {name} has no right to see anything; `circuits account add` gives rights"
            )));
        }
        let from = parts.extensions.get::<SocketAddr>();
        let from = from.map_or_else(|| "?".to_owned(), |from| from.ip().to_canonical().to_string());
        Ok(Self { name, rights, from, all: api.context.steering().destinations() })
    }
}

impl Who {
    /// Whether they have this right for everything.
    pub(crate) fn may_all(&self, right: Right) -> bool {
        self.rights.allow(right, &Scope::All)
    }

    /// Whether they have this right for the destination with this programmatic name.
    pub(crate) fn may(&self, right: Right, destination: &str) -> bool {
        let here = self.all.iter().find(|one| one.name == destination);
        let components = here.map_or(&[][..], |one| &one.components);
        let of = |name: &&'static str| self.rights.allow(right, &Scope::Component((*name).to_owned()));
        self.rights.allow(right, &Scope::Destination(destination.to_owned()))
            || (!components.is_empty() && components.iter().all(of))
    }

    /// The destinations that they have this right for.
    pub(crate) fn destinations(&self, right: Right) -> impl Iterator<Item = &DestinationInfo> {
        self.all.iter().filter(move |one| self.may(right, &one.name))
    }

    /// The full names of the destinations that they may see; `None` if they may see everything.
    pub(crate) fn visible(&self) -> Option<Vec<String>> {
        let names = || self.destinations(Right::Read).map(|one| one.full_name.clone()).collect();
        (!self.may_all(Right::Read)).then(names)
    }

    /// Whether they may see what came from the destination with this full name.
    pub(crate) fn sees(&self, full_name: &str) -> bool {
        self.may_all(Right::Read) || self.may(Right::Read, name_of(full_name))
    }

    /// The full name of a destination of this runner.
    pub(crate) fn full_name(&self, name: &str) -> Option<&str> {
        self.all.iter().find(|one| one.name == name).map(|one| one.full_name.as_str())
    }
}

/// The programmatic name within the full one, `actions.<org>.<name>`.
pub(crate) fn name_of(full_name: &str) -> &str {
    full_name.splitn(3, '.').nth(2).unwrap_or(full_name)
}

//! The kinds of authentication: name and password, token, client certificate, and the header of a trusted proxy. That
//! of browsers is in `session`.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use circuits::account::{
    Accounts, AuthFuture, AuthKind, Authenticator, CLIENT_CERT, Caller, ClientCertificate, Rights,
    UserAccount, Verdict,
};
use circuits::web::credentials;
use http::HeaderName;
use http::request::Parts;

use crate::{password, token};

circuits::register! {
    AuthKind::new("basic", |_, accounts| Ok(Arc::new(Basic(accounts.clone())))).about("name and password (RFC 7617)")
}
circuits::register! {
    AuthKind::new("token", |_, accounts| Ok(Arc::new(Bearer(accounts.clone())))).about("a token (RFC 6750)")
}
circuits::register! {
    AuthKind::new(CLIENT_CERT, |_, accounts| Ok(Arc::new(Certificate(accounts.clone()))))
        .about("a client certificate (http_client_ca)")
}
circuits::register! {
    AuthKind::new("trusted_header", |config, accounts| {
        let settings = config.settings();
        let header = settings.http_user_header.parse().map_err(circuits::Error::new)?;
        let proxies = settings.http_trusted_proxies.clone();
        Ok(Arc::new(TrustedHeader { header, proxies, accounts: accounts.clone() }))
    })
    .about("a header of a proxy (http_user_header, http_trusted_proxies)")
}

pub(crate) fn caller(account: UserAccount) -> Verdict {
    Verdict::Is(Caller { name: account.name, rights: account.rights })
}

/// What `basic` asks for (RFC 7617).
pub(crate) const BASIC: &str = "Basic realm=\"circuits\", charset=\"UTF-8\"";

/// What `token` asks for (RFC 6750).
pub(crate) const BEARER: &str = "Bearer realm=\"circuits\"";

struct Basic(Accounts);

impl Authenticator for Basic {
    fn authenticate<'a>(&'a self, head: &'a Parts, from: SocketAddr) -> AuthFuture<'a> {
        Box::pin(async move {
            let Some(given) = credentials(&head.headers, "Basic") else { return Ok(Verdict::NotMine) };
            let given = BASE64_STANDARD.decode(given).ok().and_then(|given| String::from_utf8(given).ok());
            match given.as_deref().and_then(|given| given.split_once(':')) {
                Some((name, password)) => check(&self.0, name, password, from.ip()).await,
                None => Ok(Verdict::Refused),
            }
        })
    }

    fn challenge(&self) -> Option<&'static str> {
        Some(BASIC)
    }
}

/// Whether this is the account's password. An unknown name takes as long as a wrong password.
pub(crate) async fn check(
    accounts: &Accounts,
    name: &str,
    password: &str,
    from: IpAddr,
) -> circuits::Result<Verdict> {
    if let Some(seconds) = accounts.later(from) {
        return Ok(Verdict::Later(seconds));
    }
    let account = accounts.get(name).await?;
    let hash = account.as_ref().and_then(|account| account.password.as_deref());
    if !password::verify(password, hash).await? {
        accounts.failed(from);
        return Ok(Verdict::Refused);
    }
    Ok(account.map_or(Verdict::Refused, caller))
}

struct Bearer(Accounts);

impl Authenticator for Bearer {
    fn authenticate<'a>(&'a self, head: &'a Parts, from: SocketAddr) -> AuthFuture<'a> {
        Box::pin(async move {
            let Some(given) = credentials(&head.headers, "Bearer") else { return Ok(Verdict::NotMine) };
            let given = std::str::from_utf8(given).unwrap_or_default();
            // A good one always counts: guesses of others from the same address must not keep its owner out.
            match token::account_of(&self.0, given).await? {
                Some(account) => Ok(caller(account)),
                None => {
                    self.0.failed(from.ip());
                    Ok(self.0.later(from.ip()).map_or(Verdict::Refused, Verdict::Later))
                }
            }
        })
    }

    fn challenge(&self) -> Option<&'static str> {
        Some(BEARER)
    }
}

struct Certificate(Accounts);

impl Authenticator for Certificate {
    fn authenticate<'a>(&'a self, head: &'a Parts, _from: SocketAddr) -> AuthFuture<'a> {
        Box::pin(async move {
            let Some(shown) = head.extensions.get::<ClientCertificate>() else { return Ok(Verdict::NotMine) };
            let [name] = &shown.common_names[..] else { return Ok(Verdict::Refused) };
            Ok(self.0.get(name).await?.map_or(Verdict::Refused, caller))
        })
    }
}

struct TrustedHeader {
    header: HeaderName,
    proxies: Vec<IpAddr>,
    accounts: Accounts,
}

impl Authenticator for TrustedHeader {
    fn authenticate<'a>(&'a self, head: &'a Parts, from: SocketAddr) -> AuthFuture<'a> {
        Box::pin(async move {
            let mut given = head.headers.get_all(&self.header).iter();
            let (Some(user), further) = (given.next(), given.next()) else { return Ok(Verdict::NotMine) };
            if further.is_some() {
                // One of them is the proxy's, the other one the client's.
                return Ok(Verdict::Refused);
            }
            let user = user.to_str().unwrap_or_default().trim();
            if !self.proxies.contains(&from.ip().to_canonical()) || user.is_empty() || user.len() > 200 {
                return Ok(Verdict::Refused);
            }
            match self.accounts.get(user).await? {
                Some(account) => Ok(caller(account)),
                // Nobody has rights yet, so nobody can lack any.
                None if !self.accounts.any().await? => {
                    Ok(Verdict::Is(Caller { name: user.to_owned(), rights: Rights::read_all() }))
                }
                None => Ok(Verdict::Refused),
            }
        })
    }
}

//! A handshake that failed, in words: who refused, why, which setting is wrong and what to do.

use std::path::Path;

use crate::Authorities;
use crate::reason::{Ours, Reason};

/// The other side of the failed handshake, and the settings that lead to it.
#[derive(Clone, Copy, Debug)]
pub struct Peer<'a> {
    who: &'a str,
    host: &'a str,
    place: &'a str,
    cafile: &'a str,
    identity: &'a str,
    trusted: Option<&'a Path>,
    /// `None` where it is not known.
    shows_identity: Option<bool>,
}

impl<'a> Peer<'a> {
    /// The platform's REST API at `host`.
    pub fn platform(host: &'a str) -> Self {
        Self {
            who: "the platform",
            host,
            place: "`host` and `port`",
            cafile: "`cafile`",
            identity: "`client_auth_cert` and `client_auth_key`",
            trusted: None,
            shows_identity: None,
        }
    }

    /// The broker at `host`.
    pub fn broker(host: &'a str) -> Self {
        Self {
            who: "the broker",
            place: "`stomp_host` and `stomp_port`",
            cafile: "`stomp_cafile` (or `cafile` for both)",
            identity: "`stomp_client_auth_cert` and `stomp_client_auth_key`",
            ..Self::platform(host)
        }
    }

    /// The proxy at `host`, which the settings in `place` name.
    pub fn proxy(host: &'a str, place: &'a str) -> Self {
        Self { who: "the proxy", place, ..Self::platform(host) }
    }

    /// The file or directory that says whom we trust; without it we trust the system's certificates.
    #[must_use]
    pub fn trusting(self, trusted: Option<&'a Path>) -> Self {
        Self { trusted, ..self }
    }

    /// Whether we have a client certificate to show. Unless this is called, the words fit both cases.
    #[must_use]
    pub fn showing_identity(self, shows_identity: bool) -> Self {
        Self { shows_identity: Some(shows_identity), ..self }
    }
}

/// Why a handshake failed.
#[derive(Debug)]
pub struct Refusal {
    reason: Reason,
    text: String,
    cure: String,
}

impl Refusal {
    /// What `cause`, the text of a TLS error, means; `None` if it only says that the connection broke.
    pub fn explain(cause: &str, peer: &Peer<'_>) -> Option<Self> {
        let reason = Reason::of(cause)?;
        let (text, cure) = peer.words(reason);
        Some(Self { reason, text, cure })
    }

    /// What happened.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What to do about it, with the setting's name.
    pub fn cure(&self) -> &str {
        &self.cure
    }

    /// A certificate was refused: theirs by us, or ours by them.
    pub fn is_certificate(&self) -> bool {
        !matches!(self.reason, Reason::NotTls | Reason::Version | Reason::Agreement | Reason::UnknownHost)
    }

    /// The other side refused our certificate or asks for one.
    pub fn is_identity(&self) -> bool {
        matches!(self.reason, Reason::Ours(_))
    }

    /// What answers does not speak TLS.
    pub fn is_not_tls(&self) -> bool {
        self.reason == Reason::NotTls
    }
}

impl Peer<'_> {
    /// What happened, and what to do.
    fn words(&self, reason: Reason) -> (String, String) {
        let Self { who, host, place, cafile, .. } = self;
        let theirs = format!("the certificate of {who}");
        match reason {
            Reason::WrongName => (
                format!("{theirs} was issued for another host name than {host}"),
                format!(
                    "name {who} in {place} as its certificate does, or have the certificate renewed with {host} as \
                     subject alternative name"
                ),
            ),
            Reason::Expired => self.expired(),
            Reason::NotYetValid => (
                format!("{theirs} is not valid yet"),
                format!("check the clocks of this machine and of {who}"),
            ),
            Reason::Weak => (
                format!(
                    "{theirs}, or one in its chain, has a key or a signature weaker than this machine's OpenSSL allows"
                ),
                "have it renewed with an RSA key of at least 2048 bits (or EC) and SHA-256; until then OpenSSL's security \
                     level on this machine (CipherString in openssl.cnf) decides".to_owned(),
            ),
            Reason::Revoked => (format!("{theirs} was revoked"), format!("have it renewed on {who}")),
            Reason::Purpose => (
                format!("{theirs} or that of its issuer is not made for this use"),
                format!(
                    "have it renewed on {who} with the extended key usage serverAuth, by an authority (CA:TRUE)"
                ),
            ),
            Reason::SelfSigned | Reason::IssuerMissing => self.not_trusted(reason),
            Reason::Certificate => (
                format!("{theirs} does not verify"),
                format!(
                    "check that {place} lead to the right server, and that {cafile} holds the certificate of its issuer"
                ),
            ),
            Reason::Ours(ours) => self.ours(ours),
            Reason::NotTls => (
                format!("{who} does not speak TLS at this port"),
                format!("check {place}: they must lead to a port for TLS"),
            ),
            Reason::Version => (
                format!("{who} does not offer TLS 1.2 or later"),
                "switch on TLS 1.2 or 1.3 there; older versions are not supported".to_owned(),
            ),
            Reason::Agreement if self.shows_identity == Some(true) => (
                format!(
                    "{who} and this machine have no cipher in common, or it refuses our client certificate"
                ),
                format!("compare the ciphers, and check {}", self.identity),
            ),
            Reason::Agreement => (
                format!("{who} and this machine have no cipher in common, or it wants a client certificate"),
                format!("compare the ciphers; a client certificate belongs in {}", self.identity),
            ),
            Reason::UnknownHost => (
                format!("{who} does not know the host name {host}"),
                format!("name it in {place} as its certificate does"),
            ),
        }
    }

    fn expired(&self) -> (String, String) {
        let Self { who, cafile, .. } = self;
        let text = format!("the certificate of {who}, or one in its chain, has expired");
        let cure = format!("have it renewed on {who}, and check this machine's clock");
        // Bundles hold old roots that have nothing to do with it, so this is only a possibility.
        match self.authorities().and_then(|it| Some((it.path().display().to_string(), it.expired()?))) {
            Some((path, name)) => {
                let ours = format!(
                    "'{name}' in {path} has expired; if that is the one, save the renewed one there ({cafile})"
                );
                (text, format!("{ours}, else {cure}"))
            }
            None => (text, cure),
        }
    }

    fn not_trusted(&self, reason: Reason) -> (String, String) {
        let Self { who, cafile, .. } = self;
        let Some(authorities) = self.authorities() else {
            let what = match reason {
                Reason::SelfSigned => "is self-signed or signed by an authority of its own",
                _ => "was issued by an authority",
            };
            return (
                format!("the certificate of {who} {what} that this system does not know"),
                format!("save the certificate of the issuer in a file (PEM) and name it with {cafile}"),
            );
        };
        let path = authorities.path().display();
        if let Some((subject, issuer)) = authorities.gap() {
            return (
                format!(
                    "{path} holds the certificate of '{subject}', but not that of '{issuer}', which issued it: that is the one \
                     to trust"
                ),
                format!(
                    "add the certificate of '{issuer}' to {path} ({cafile}); the issuer of the first one has it"
                ),
            );
        }
        (
            format!(
                "the certificate of {who} was not issued by the certificates in {path} ({})",
                authorities.names()
            ),
            format!("name the certificate of its issuer (PEM) with {cafile}"),
        )
    }

    fn ours(&self, ours: Ours) -> (String, String) {
        let Self { who, identity, .. } = self;
        let cure = format!("set {identity} to a pair that it trusts");
        match self.shows_identity {
            Some(true) => {}
            Some(false) => return (format!("{who} wants a client certificate"), cure),
            None => {
                return (format!("{who} refused our client certificate, or asks for one and got none"), cure);
            }
        }
        let why = match ours {
            Ours::Required => "did not accept our client certificate",
            Ours::Expired => "refused our client certificate, because it has expired",
            Ours::UnknownIssuer => "refused our client certificate, because it does not trust the issuer",
            Ours::Refused => "refused our client certificate",
        };
        (format!("{who} {why}"), cure)
    }

    fn authorities(&self) -> Option<Authorities> {
        Authorities::read(self.trusted?).ok()
    }
}

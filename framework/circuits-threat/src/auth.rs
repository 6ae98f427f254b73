//! HTTP Basic authentication against one user and password (RFC 7617).

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use circuits::web::credentials;
use http::HeaderMap;

/// The user and the password, as their digest.
#[derive(Clone)]
pub(crate) struct Login([u8; 32]);

impl Login {
    pub(crate) fn new(user: &str, password: &str) -> Self {
        Self(hmac_sha256::Hash::hash(format!("{user}:{password}").as_bytes()))
    }

    /// Whether a request names this user and this password. The time that it takes says nothing about how much of them is right:
    /// digests are compared, and nobody can choose theirs.
    pub(crate) fn permits(&self, headers: &HeaderMap) -> bool {
        let Some(given) = credentials(headers, "Basic") else { return false };
        hmac_sha256::Hash::hash(&STANDARD.decode(given).unwrap_or_default()) == self.0
    }
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Login(***)")
    }
}

#[cfg(test)]
mod tests {
    use http::header::AUTHORIZATION;

    use super::*;

    #[test]
    fn only_the_user_with_the_password_is_permitted() {
        let login = Login::new("soar", "p\u{e4}ss:word");
        for (header, permitted) in [
            (Some(format!("Basic {}", STANDARD.encode("soar:p\u{e4}ss:word"))), true),
            (Some(format!("basic  {}", STANDARD.encode("soar:p\u{e4}ss:word"))), true),
            (Some(format!("Basic {}", STANDARD.encode("soar:p\u{e4}ss:wor"))), false),
            (Some(format!("Basic {}", STANDARD.encode("Soar:p\u{e4}ss:word"))), false),
            (Some(format!("Bearer {}", STANDARD.encode("soar:p\u{e4}ss:word"))), false),
            (Some("Basic".to_owned()), false),
            (Some("Basic !!!".to_owned()), false),
            (Some(String::new()), false),
            (None, false),
        ] {
            let mut headers = HeaderMap::new();
            headers.extend(header.as_ref().map(|header| (AUTHORIZATION, header.parse().unwrap())));
            assert_eq!(login.permits(&headers), permitted, "{header:?}");
        }
        assert!(!format!("{login:?}").contains("word"));
    }
}

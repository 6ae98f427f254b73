//! What a subscription says to its target to be let in: nothing, a user with a password, or a header's credentials.

use std::fmt;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use http::HeaderValue;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use serde_json::{Map, Value, json};

use super::{Invalid, attributes::short};
use crate::environment::{Environment, Fault, fill, is_name};

/// Stands where a secret is. Whoever puts it back keeps the secret that is stored.
const MASK: &str = "***";
const MAX_TEXT: usize = 8 * 1024;

const USERNAME: &str = "auth.basic.username";
const PASSWORD: &str = "auth.basic.password";
const SCHEME: &str = "auth.header.type";
const CREDENTIALS: &str = "auth.header.credentials";

/// How a target is asked to let events in. Its serde form is for the store and holds the secret.
#[derive(Clone, Default)]
pub enum Auth {
    /// The target asks for nothing.
    #[default]
    None,
    /// `Authorization: Basic …`.
    Basic {
        /// The user's name.
        username: String,
        /// The user's password.
        password: SecretString,
    },
    /// `Authorization: <scheme> <credentials>`.
    Header {
        /// Such as `Bearer`.
        scheme: String,
        /// What follows it.
        credentials: SecretString,
    },
}

impl Auth {
    /// Reads the field `auth`. `***` stands for the secret in `stored`.
    pub(super) fn read(value: &Value, stored: Option<&Self>) -> Result<Self, Invalid> {
        let auth =
            value.as_object().ok_or_else(|| Invalid::at("auth", "must be an object; {} stands for none"))?;
        if auth.is_empty() {
            return Ok(Self::None);
        }
        match auth.get("type").and_then(Value::as_str) {
            Some("basic") => {
                let block = block(auth, "basic", &["username", "password"])?;
                let username = text(block, "username", USERNAME)?;
                if username.is_empty() || username.contains(':') {
                    return Err(Invalid::at(USERNAME, "must not be empty and must not hold a colon"));
                }
                let password = secret(text(block, "password", PASSWORD)?, PASSWORD, || match stored {
                    Some(Self::Basic { password, .. }) => Some(password),
                    _ => None,
                })?;
                Ok(Self::Basic { username: username.to_owned(), password })
            }
            Some("header") => {
                let block = block(auth, "header", &["type", "credentials"])?;
                let scheme = text(block, "type", SCHEME)?;
                if !is_scheme(scheme) {
                    return Err(Invalid::at(SCHEME, "must be one word such as Bearer"));
                }
                let credentials = text(block, "credentials", CREDENTIALS)?;
                if credentials.is_empty() || HeaderValue::from_str(credentials).is_err() {
                    return Err(Invalid::at(CREDENTIALS, "must be text that can stand in a header"));
                }
                let credentials = secret(credentials, CREDENTIALS, || match stored {
                    Some(Self::Header { credentials, .. }) => Some(credentials),
                    _ => None,
                })?;
                Ok(Self::Header { scheme: scheme.to_owned(), credentials })
            }
            Some(other) => {
                Err(Invalid::at("auth.type", format!("must be basic or header, not {}", short(other))))
            }
            None => Err(Invalid::at("auth.type", "is missing; it is basic or header")),
        }
    }

    pub(super) fn shown(&self) -> Value {
        self.form(|secret| if is_reference(secret) { secret } else { MASK })
    }

    fn form(&self, show: impl Fn(&str) -> &str) -> Value {
        match self {
            Self::None => json!({}),
            Self::Basic { username, password } => {
                let password = show(password.expose_secret());
                json!({"type": "basic", "basic": {"username": username, "password": password}})
            }
            Self::Header { scheme, credentials } => {
                let credentials = show(credentials.expose_secret());
                json!({"type": "header", "header": {"type": scheme, "credentials": credentials}})
            }
        }
    }

    pub(super) fn authorization(
        &self,
        environment: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Option<SecretString>, Invalid> {
        let (field, value) = match self {
            Self::None => return Ok(None),
            Self::Basic { username, password } => {
                let username = expand(username, USERNAME, environment)?;
                if username.contains(':') {
                    return Err(Invalid::at(USERNAME, "holds a colon once its variables are put in"));
                }
                let password = expand(password.expose_secret(), PASSWORD, environment)?;
                (USERNAME, format!("Basic {}", BASE64_STANDARD.encode(format!("{username}:{password}"))))
            }
            Self::Header { scheme, credentials } => {
                let credentials = expand(credentials.expose_secret(), CREDENTIALS, environment)?;
                (CREDENTIALS, format!("{scheme} {credentials}"))
            }
        };
        if HeaderValue::from_str(&value).is_err() {
            return Err(Invalid::at(field, "cannot stand in a header once its variables are put in"));
        }
        Ok(Some(value.into()))
    }
}

/// The object that goes with the type, and nothing beside it.
fn block<'a>(
    auth: &'a Map<String, Value>,
    kind: &str,
    keys: &[&str],
) -> Result<&'a Map<String, Value>, Invalid> {
    if let Some(other) = auth.keys().find(|key| !matches!(key.as_str(), "type") && key.as_str() != kind) {
        let field = format!("auth.{}", short(other));
        return Err(Invalid::at(field, format!("does not go with the type {kind}; leave it out")));
    }
    let field = format!("auth.{kind}");
    let block = auth
        .get(kind)
        .and_then(Value::as_object)
        .ok_or_else(|| Invalid::at(&field, format!("must be an object with {}", keys.join(" and "))))?;
    match block.keys().find(|key| !keys.contains(&key.as_str())) {
        Some(other) => Err(Invalid::at(
            format!("{field}.{}", short(other)),
            format!("is unknown; {field} has {}", keys.join(" and ")),
        )),
        None => Ok(block),
    }
}

/// The text of a key. Errors never hold it.
fn text<'a>(block: &'a Map<String, Value>, key: &str, field: &str) -> Result<&'a str, Invalid> {
    let value = block.get(key).ok_or_else(|| Invalid::missing(field))?;
    let text = value.as_str().ok_or_else(|| Invalid::at(field, "must be text"))?;
    if text.len() > MAX_TEXT {
        return Err(Invalid::at(field, format!("has {} bytes; {MAX_TEXT} are allowed", text.len())));
    }
    if text.chars().any(char::is_control) {
        return Err(Invalid::at(field, "must not hold control characters"));
    }
    // An open reference would be sent as it stands, and the target would answer 401 for no visible reason.
    expand(text, field, &|_| Some("-".to_owned()))?;
    Ok(text)
}

fn secret<'a>(
    text: &str,
    field: &str,
    stored: impl FnOnce() -> Option<&'a SecretString>,
) -> Result<SecretString, Invalid> {
    if text != MASK {
        return Ok(text.into());
    }
    stored()
        .cloned()
        .ok_or_else(|| Invalid::at(field, "is *** but no such secret is stored; give the secret"))
}

/// Whether the text can name an authentication scheme (a token of HTTP).
fn is_scheme(text: &str) -> bool {
    let odd = "!#$%&'*+-.^_`|~";
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || odd.contains(c))
}

/// Whether the text is exactly one `${NAME}`. Such a text is not secret.
fn is_reference(text: &str) -> bool {
    text.strip_prefix("${").and_then(|rest| rest.strip_suffix('}')).is_some_and(is_name)
}

/// Puts in the variables.
fn expand(text: &str, field: &str, environment: Environment<'_>) -> Result<String, Invalid> {
    fill(text, environment).map_err(|faults| {
        Invalid::at(
            field,
            match faults.first() {
                Some(Fault::Missing(name)) => {
                    format!("the environment variable {name} is not set, or not open to subscriptions")
                }
                _ => {
                    "holds ${ without a variable's name and }; a secret with ${ in it belongs into a variable"
                        .to_owned()
                }
            },
        )
    })
}

impl fmt::Debug for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "None",
            Self::Basic { .. } => "Basic(***)",
            Self::Header { .. } => "Header(***)",
        })
    }
}

impl Serialize for Auth {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.form(|secret| secret).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Auth {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::read(&Value::deserialize(deserializer)?, None).map_err(D::Error::custom)
    }
}

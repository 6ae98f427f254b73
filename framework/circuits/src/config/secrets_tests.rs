//! Substitution as the Python runner does it, and names told apart by whole words.

use super::*;

fn env() -> BTreeMap<String, String> {
    let pairs = [("A", "one"), ("B", "two"), ("ODD", "x${A}$B}{"), ("EMPTY", "")];
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

#[test]
fn substitutes_from_the_environment() {
    for (text, expected) in [
        ("plain", "plain"),
        ("$A", "one"),
        ("${A}", "one"),
        ("https://${A}/${B}?x", "https://one/two?x"),
        ("x$A", "x$A"),
        ("$A and more", "$A and more"),
        ("$", "$"),
        ("${", "${"),
        ("${A", "${A"),
        ("a}b", "a}b"),
        ("${EMPTY}", ""),
        // What was put in is not looked at again, what follows it is.
        ("${ODD}-${A}", "x${A}$B}{-one"),
        ("$ODD", "x${A}$B}{"),
        // Not found: unchanged, and the rest is still done.
        ("${NOPE} ${A}", "${NOPE} one"),
        ("$NOPE", "$NOPE"),
    ] {
        assert_eq!(resolve(text, &env()).text, expected, "{text}");
    }
    assert_eq!(resolve("${NOPE} ${A} ${B}", &env()).missing, ["NOPE"]);
    assert_eq!(resolve("${NOPE} ${A} ${B}", &env()).inserted, ["one", "two"]);
}

#[test]
fn names_of_secrets() {
    for name in [
        "password",
        "Password",
        "db_password",
        "passwd",
        "passphrase",
        "secret",
        "api_key_secret",
        "api_key",
        "X-API-KEY",
        "apiKey",
        "APIKey",
        "private_key",
        "access-token",
        "csrf_token",
        "Co3ContextToken",
        "Authorization",
        "Set-Cookie",
        "JSESSIONID",
        "X-sess-id",
        "clientSecret",
        "jwt",
        "passcode",
        "proxy_password",
        "auth_password",
        "pin",
        "db_pass",
        "credentials",
    ] {
        assert!(is_secret_name(name), "{name}");
    }
    for name in [
        "mapping",
        "shipping_address",
        "api_key_id",
        "keyboard",
        "key",
        "monkey",
        "tokenizer",
        "passenger",
        "bypass",
        "compass",
        "secretary",
        "routing_key",
        "primary-key",
        "message-id",
        "correlation-id",
        "session",
        "sessions",
        "content-type",
        "password_expiration_date",
        "token_url",
        "secret_name",
        "api_key_handle",
        "max_tokens",
        "pass_through",
        "host",
        "",
        "destination",
        "pinned",
    ] {
        assert!(!is_secret_name(name), "{name}");
    }
}

#[test]
fn vault_references_are_told_from_regular_expressions() {
    for text in ["^PASSWORD", "^engine.path.key", "^safe/object", "x^{NAME}y"] {
        assert!(asks_vault(text), "{text}");
    }
    for text in ["^[0-9]+$", "^", "^https?://.*", "a^b", "^{2}x"] {
        assert!(!asks_vault(text), "{text}");
    }
}

#[test]
fn only_upper_case_reads_like_a_variable() {
    assert!(is_variable_name("API_KEY_2"));
    assert!(is_variable_name("_X"));
    for name in ["", "ecret1", "PASS word", "Hunter2", "1A"] {
        assert!(!is_variable_name(name), "{name}");
    }
}

#[test]
fn passwords_in_addresses() {
    assert_eq!(url_password("http://user:pw@proxy:3000/x"), Some("pw"));
    assert_eq!(url_password("https://user:p@ss@proxy"), Some("p@ss"));
    for text in [
        "https://proxy:3000",
        "user:pw@host",
        "https://user@host",
        "https://host/a:b@c",
        "https://user:@host",
    ] {
        assert_eq!(url_password(text), None, "{text}");
    }
}

//! Names told apart by whole words.

use super::*;

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
        // As people write them.
        "smtppw",
        "dbpwd",
        "userpass",
        "smtppassword",
        "authtoken",
        "wifi_psk",
        "co3contexttoken",
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
        "trespass",
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

//! The address of a webhook: checked at load, shown only as it is written.

use ::url::{ParseError, Url};

use super::references::fill;
use crate::environment::Environment;

/// The address with the values of its `${NAME}`.
///
/// # Errors
/// Every fault, in texts that show no secret.
pub(crate) fn read(written: &str, environment: Environment<'_>) -> Result<String, Vec<String>> {
    let text = fill(written, environment)?;
    let fault = |text: &str| Err(vec![text.to_owned()]);
    if text.chars().any(char::is_control) {
        return fault("it holds a control character, perhaps a line break at the end of a variable's value");
    }
    if text.contains("{{") || text.contains("{%") {
        return fault("it is not a template; {{ }} works in the payload only");
    }
    // What the parser would forgive, such as https:h or https:///h, is more likely a slip.
    let host = text.split_once("://").map(|(_, host)| host);
    let url = match Url::parse(&text) {
        Ok(url) => url,
        Err(ParseError::RelativeUrlWithoutBase) => {
            return fault("it has no scheme; begin it with https:// or http://");
        }
        Err(error) => return fault(&format!("it is not an address: {error}")),
    };
    if !matches!(url.scheme(), "http" | "https") {
        return fault("it must begin with https:// or http://");
    }
    if host.is_none_or(|host| host.is_empty() || host.starts_with(['/', '\\'])) {
        return fault("it names no host");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return fault(
            "it holds a user or a password; take them out and send an Authorization header with ${NAME}",
        );
    }
    Ok(url.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_http_addresses_with_a_host_are_taken() {
        for good in ["http://h", "https://h:8443/a?b=c", "http://[::1]/", "HTTPS://h/x"] {
            assert!(read(good, &|_| None).is_ok(), "{good}");
        }
        for bad in [
            "failing_url",
            "http://",
            "http:h",
            "https:///h",
            "ftp://h/x",
            "https://h\n/x",
            "https://h/{{ incident.id }}",
            "file:///etc/passwd",
            "h:80/x",
        ] {
            assert_eq!(read(bad, &|_| None).unwrap_err().len(), 1, "{bad}");
        }
    }

    #[test]
    fn a_user_in_the_address_is_refused_and_its_password_not_shown() {
        for bad in ["https://user:hunter2@h/", "https://hunter2@h/", "https://:hunter2@h/"] {
            let fault = read(bad, &|_| None).unwrap_err().join(" ");
            assert!(fault.contains("Authorization header") && !fault.contains("hunter2"), "{fault}");
        }
    }
}

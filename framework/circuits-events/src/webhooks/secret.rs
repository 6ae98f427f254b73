//! The signing secret of a webhook, in the form that the Standard Webhooks specification gives it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::environment::{Environment, fill};

/// The lengths that the specification allows.
const BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// The secret, checked.
///
/// # Errors
/// What is wrong with it, without showing it.
pub(crate) fn read(written: &str, environment: Environment<'_>) -> Result<String, Vec<String>> {
    let secret = fill(written, environment)?;
    let key = STANDARD.decode(secret.strip_prefix("whsec_").unwrap_or(&secret)).map_err(|_| {
        vec!["it is not whsec_ and base64; make one with: echo whsec_$(openssl rand -base64 32)".to_owned()]
    })?;
    if BYTES.contains(&key.len()) {
        return Ok(secret);
    }
    let (least, most) = (BYTES.start(), BYTES.end());
    Err(vec![format!("it holds {} bytes; a signing secret has {least} to {most}", key.len())])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_has_the_length_that_the_specification_allows_and_is_never_shown() {
        let of = |bytes: usize| format!("whsec_{}", STANDARD.encode(vec![7; bytes]));
        let read = |text: &str| read(text, &|_| None);
        for bytes in [24, 64] {
            assert_eq!(read(&of(bytes)).unwrap(), of(bytes));
        }
        assert!(read(&STANDARD.encode([7; 32])).is_ok());
        for bad in [of(23), of(65), "hunter2!".to_owned()] {
            let faults = read(&bad).unwrap_err().join(" ");
            assert!(!faults.contains(&bad), "{faults}");
        }
    }
}

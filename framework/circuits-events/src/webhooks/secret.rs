//! The signing secret of a webhook, in the form that the Standard Webhooks specification gives it.

use super::references::fill;
use crate::environment::Environment;
use crate::send::{BYTES, KeyFault, key};

/// The secret, checked.
///
/// # Errors
/// What is wrong with it, without showing it.
pub(crate) fn read(written: &str, environment: Environment<'_>) -> Result<String, Vec<String>> {
    let secret = fill(written, environment)?;
    let (least, most) = (BYTES.start(), BYTES.end());
    match key(&secret) {
        Ok(_) => Ok(secret),
        Err(KeyFault::Base64) => Err(vec![
            "it is not whsec_ and base64; make one with: echo whsec_$(openssl rand -base64 32)".to_owned(),
        ]),
        Err(KeyFault::Length(bytes)) => {
            Err(vec![format!("it holds {bytes} bytes; a signing secret has {least} to {most}")])
        }
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;

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

//! Passwords: hashed with Argon2id, with the parameters that OWASP's Password Storage Cheat Sheet names first after 2023
//! (19 MiB, 2 passes, 1 lane), which are the crate's defaults.

use std::sync::LazyLock;

use argon2::Argon2;
use argon2::password_hash::{PasswordHash, PasswordHasher as _, PasswordVerifier as _, SaltString};
use circuits::{Error, Result};
use tokio::sync::Semaphore;

/// Characters that a password has at least, as NIST SP 800-63B asks of one that is not the only means of a login.
pub const SHORTEST: usize = 8;
/// Bytes that it has at most.
pub const LONGEST: usize = 1024;
/// How many are hashed at a time: each takes 19 MiB.
static ROOM: Semaphore = Semaphore::const_new(2);

/// The hash of a password, as a PHC string.
///
/// # Errors
/// When the password is too short or too long, or the system has no randomness.
pub async fn hash(password: &str) -> Result<String> {
    if password.chars().count() < SHORTEST || password.len() > LONGEST {
        return Err(Error::new(format_args!(
            "a password must have at least {SHORTEST} characters, and at most {LONGEST} bytes"
        )));
    }
    let password = password.to_owned();
    on_a_thread(move || hashed(&password)).await?
}

fn hashed(password: &str) -> Result<String> {
    let mut salt = [0; 16];
    getrandom::fill(&mut salt).map_err(|error| Error::new(format_args!("no randomness: {error}")))?;
    let wrong = |error: argon2::password_hash::Error| Error::new(format_args!("hashing: {error}"));
    let salt = SaltString::encode_b64(&salt).map_err(wrong)?;
    Ok(Argon2::default().hash_password(password.as_bytes(), &salt).map_err(wrong)?.to_string())
}

/// Whether a password is the one of this hash. Without a hash it takes as long, and is not.
///
/// # Errors
/// When the process ends.
pub async fn verify(password: &str, hash: Option<&str>) -> Result<bool> {
    /// Of a password that nobody knows: for names that nobody has, so that both take the same time.
    static NOBODY: LazyLock<Option<String>> = LazyLock::new(|| {
        let mut unknown = [0; 32];
        getrandom::fill(&mut unknown).ok()?;
        hashed(&unknown.map(|byte| format!("{byte:02x}")).concat()).ok()
    });
    let known = hash.is_some();
    let (password, hash) = (password.to_owned(), hash.map(str::to_owned));
    let verified = on_a_thread(move || {
        let Some(hash) = hash.or_else(|| NOBODY.clone()) else { return false };
        let Ok(hash) = PasswordHash::new(&hash) else { return false };
        password.len() <= LONGEST && Argon2::default().verify_password(password.as_bytes(), &hash).is_ok()
    });
    Ok(verified.await? && known)
}

async fn on_a_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    // It is never closed.
    let _room = ROOM.acquire().await.ok();
    tokio::task::spawn_blocking(work).await.map_err(|_| Error::new("the process ends"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_password_is_known_by_its_hash_alone() {
        let hash = hash("correct horse").await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$") && !hash.contains("horse"), "{hash}");
        assert!(verify("correct horse", Some(&hash)).await.unwrap());
        for wrong in ["correct horsf", "", "Correct horse", "correct horse\u{0}"] {
            assert!(!verify(wrong, Some(&hash)).await.unwrap(), "{wrong:?}");
        }
        assert!(!verify("correct horse", None).await.unwrap());
        assert!(!verify("correct horse", Some("not a hash")).await.unwrap());
        assert_ne!(hash, super::hash("correct horse").await.unwrap(), "each hash has a salt of its own");
    }

    #[tokio::test]
    async fn what_is_too_short_or_too_long_is_refused() {
        for wrong in ["", "1234567", "ééééééé", &"x".repeat(LONGEST + 1)] {
            let error = hash(wrong).await.unwrap_err().to_string();
            assert!(error.contains("at least 8 characters"), "{error}");
        }
        hash("éééééééé").await.unwrap();
    }
}

//! The section `[custom_threat_service]` of app.config: the Python client's keys, and a few more.

use std::ops::RangeInclusive;
use std::time::Duration;

use circuits::config::{Config, Section};
use serde::Deserialize;

use crate::auth::Login;
use crate::engine::Limits;

/// The section's name.
pub(crate) const SECTION: &str = "custom_threat_service";

/// What the section says, checked.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// The path above those of the services, such as `/cts`.
    pub(crate) urlbase: String,
    /// Whether the platform may send files.
    pub(crate) upload_file: bool,
    /// Bytes of a request with a file.
    pub(crate) upload_max: usize,
    /// After how many seconds the platform asks for the first time.
    pub(crate) first_retry: u64,
    /// After how many it asks again.
    pub(crate) later_retry: u64,
    /// Who may ask; anybody if it is not set.
    pub(crate) login: Option<Login>,
    pub(crate) limits: Limits,
}

#[derive(Deserialize)]
#[serde(default)]
struct Keys {
    urlbase: String,
    upload_file: bool,
    upload_max_mb: u64,
    first_retry_secs: u64,
    later_retry_secs: u64,
    max_retries: u32,
    cache_size: u64,
    cache_ttl: u64,
    auth_user: Option<String>,
    auth_password: Option<String>,
    patience_ms: u64,
    lookup_timeout: u64,
    max_lookups: u64,
}

impl Default for Keys {
    fn default() -> Self {
        Self {
            urlbase: "/cts".to_owned(),
            upload_file: false,
            upload_max_mb: 10,
            first_retry_secs: FIRST_RETRY,
            later_retry_secs: LATER_RETRY,
            max_retries: 60,
            cache_size: 10_000,
            cache_ttl: 600,
            auth_user: None,
            auth_password: None,
            patience_ms: 500,
            lookup_timeout: 120,
            max_lookups: 25,
        }
    }
}

const FIRST_RETRY: u64 = 5;
const LATER_RETRY: u64 = 60;
const DAY: u64 = 86_400;

/// The settings, or everything that is wrong with them.
pub(crate) fn read(config: &Config) -> Result<Settings, Vec<String>> {
    let section = config.section_or_empty(SECTION);
    let keys: Keys = section.settings().map_err(|error| vec![error.to_string()])?;
    let mut faults = Vec::new();
    let mut number = |key: &str, value: u64, range: RangeInclusive<u64>| {
        if !range.contains(&value) {
            faults.push(fault(&section, key, &format!("must be from {} to {}", range.start(), range.end())));
        }
    };
    number("upload_max_mb", keys.upload_max_mb, 1..=100);
    number("first_retry_secs", keys.first_retry_secs, 0..=DAY);
    number("later_retry_secs", keys.later_retry_secs, 0..=DAY);
    number("cache_size", keys.cache_size, 1..=1_000_000);
    number("cache_ttl", keys.cache_ttl, 1..=365 * DAY);
    number("patience_ms", keys.patience_ms, 0..=20_000);
    number("lookup_timeout", keys.lookup_timeout, 1..=DAY);
    number("max_lookups", keys.max_lookups, 1..=1000);
    // As in the Python client, 0 is the default.
    let or = |value, default| if value == 0 { default } else { value };
    let (first, later) = (or(keys.first_retry_secs, FIRST_RETRY), or(keys.later_retry_secs, LATER_RETRY));
    let longest = first.max(later);
    if faults.is_empty() && keys.cache_ttl < longest {
        let text = format!(
            "must be at least {longest}, or a result is forgotten before the platform asks for it (first_retry_secs, later_retry_secs)"
        );
        faults.push(fault(&section, "cache_ttl", &text));
    }
    let urlbase = keys.urlbase.trim_end_matches('/');
    let is_path = urlbase.strip_prefix('/').is_some_and(|path| path.split('/').all(is_segment));
    if !is_path {
        faults.push(fault(&section, "urlbase", "must be a path such as /cts"));
    }
    let login = match (&keys.auth_user, &keys.auth_password) {
        (Some(user), Some(_)) if user.contains(':') => {
            faults.push(fault(
                &section,
                "auth_user",
                "must not contain a colon, which ends a user's name in HTTP",
            ));
            None
        }
        (Some(user), Some(password)) => Some(Login::new(user, password)),
        (None, None) => None,
        (user, _) => {
            let (set, missing) =
                if user.is_some() { ("auth_user", "auth_password") } else { ("auth_password", "auth_user") };
            faults.push(fault(&section, set, &format!("needs {missing} beside it; set both, or neither")));
            None
        }
    };
    if !faults.is_empty() {
        return Err(faults);
    }
    let whole = |value: u64| usize::try_from(value).unwrap_or(usize::MAX);
    Ok(Settings {
        urlbase: urlbase.to_owned(),
        upload_file: keys.upload_file,
        upload_max: whole(keys.upload_max_mb) * 1024 * 1024,
        first_retry: first,
        later_retry: later,
        login,
        limits: Limits {
            patience: Duration::from_millis(keys.patience_ms),
            timeout: Duration::from_secs(keys.lookup_timeout),
            at_a_time: whole(keys.max_lookups),
            polls: keys.max_retries,
            size: whole(keys.cache_size),
            ttl: Duration::from_secs(keys.cache_ttl),
        },
    })
}

/// A fault in the form of all faults of app.config. The value of a password is not shown.
fn fault(section: &Section, key: &str, text: &str) -> String {
    let origin = section.origin(key).map(|origin| format!("{origin}: ")).unwrap_or_default();
    let value = match section.get(key) {
        Some(value) if key != "auth_password" => format!(" = `{value}`"),
        _ => String::new(),
    };
    format!("{origin}[{}] `{key}`{value}: {text}", section.name())
}

/// Whether this can be a part of a path without being written in another way.
pub(crate) fn is_segment(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    !text.is_empty() && text.bytes().all(plain) && text != "." && text != ".."
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(lines: &str) -> Result<Settings, Vec<String>> {
        let text = format!(
            "[resilient]\nhost=h.example\napi_key_id=i\napi_key_secret=s\n[custom_threat_service]\n{lines}\n"
        );
        read(&Config::from_text(&text).unwrap())
    }

    #[test]
    fn the_python_clients_sample_and_an_empty_section_are_read() {
        let sample = settings(
            "urlbase=/cts\nupload_file=False\nfirst_retry_secs=5\nlater_retry_secs=60\nmax_retries=60\ncache_size=10000\n\
             cache_ttl=600000\nauth_user=\nauth_password=",
        )
        .unwrap();
        assert_eq!((sample.first_retry, sample.limits.ttl.as_secs()), (5, 600_000));
        assert!(sample.login.is_none());
        let empty = settings("").unwrap();
        assert_eq!((empty.urlbase.as_str(), empty.later_retry, empty.limits.polls), ("/cts", 60, 60));
        assert_eq!((empty.limits.size, empty.limits.ttl.as_secs(), empty.upload_file), (10_000, 600, false));
        let other =
            settings("urlbase=/a/b/\nupload_file=yes\nfirst_retry_secs=0\nauth_user=u\nauth_password=p");
        let other = other.unwrap();
        assert_eq!((other.urlbase.as_str(), other.upload_file, other.first_retry), ("/a/b", true, 5));
        assert!(other.login.is_some());
    }

    #[test]
    fn wrong_values_are_refused_with_their_place_and_cure() {
        for (lines, says) in [
            ("retries=3", "`retries` is not a key"),
            ("first_retry_sec=3", "did you mean `first_retry_secs`?"),
            ("max_retries=-1", "`max_retries` = `-1`"),
            ("upload_file=maybe", "must be true or false"),
            ("urlbase=cts", "must be a path such as /cts"),
            ("urlbase=/", "must be a path such as /cts"),
            ("urlbase=/c t", "must be a path such as /cts"),
            ("urlbase=/cts/..", "must be a path such as /cts"),
            ("cache_size=0", "`cache_size` = `0`: must be from 1 to 1000000"),
            ("cache_ttl=59", "`cache_ttl` = `59`: must be at least 60"),
            ("max_lookups=0", "from 1 to 1000"),
            ("lookup_timeout=0", "from 1 to 86400"),
            ("patience_ms=20001", "from 0 to 20000"),
            ("upload_max_mb=101", "from 1 to 100"),
            ("auth_user=u", "needs auth_password beside it"),
            ("auth_password=geheim", "needs auth_user beside it"),
            ("auth_user=a:b\nauth_password=geheim", "must not contain a colon"),
        ] {
            let faults = settings(lines).unwrap_err().join("\n");
            assert!(faults.contains(says) && faults.contains("[custom_threat_service]"), "{lines}: {faults}");
            assert!(!faults.contains("geheim"), "{faults}");
        }
        let both = settings("cache_size=0\nurlbase=x").unwrap_err();
        assert_eq!(both.len(), 2, "{both:?}");
        assert!(both[0].contains(":6: [custom_threat_service] `cache_size`"), "{both:?}");
    }
}

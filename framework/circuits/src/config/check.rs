//! From texts to [`Settings`]: every value checked, every fault collected, with the range or the choices that are allowed.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use secrecy::SecretString;

use super::section::Entry;
use super::settings::{ClientAuth, Credentials, Endpoint, Proxy, ReplyMode, Settings, Verify, VirtualHost};
use super::warning::Warning;
use super::{Fault, LogLevel, RESILIENT, values};

/// A `stomp_timeout` below this is taken for a mistake, as the Python runner does ...
const SHORTEST_STOMP_TIMEOUT: i64 = 30;
/// ... and replaced by this.
const RAISED_STOMP_TIMEOUT: i64 = 45;

const PORTS: RangeInclusive<i64> = 1..=65535;
const SECONDS: RangeInclusive<i64> = 0..=31_536_000;

/// The settings that `entries` give; what is unfit keeps its default and is noted in `faults`.
pub(super) fn check(
    entries: &[Entry],
    file: &str,
    home: Option<&Path>,
    faults: &mut Vec<Fault>,
    warnings: &mut Vec<Warning>,
) -> Settings {
    let mut check = Check { entries, file, home, faults };
    let defaults = Settings::default();
    let mut settings = Settings {
        host: check.required("host", "the host name of the platform's REST API"),
        credentials: check.credentials().unwrap_or(defaults.credentials),
        org: check.text("org"),
        verify: check.verify("cafile"),
        client_auth: check.client_auth("client_auth_cert", "client_auth_key"),
        proxy: check.proxy(),
        resource_prefix: check.text("resource_prefix"),
        stomp_vhost: match check.text("stomp_vhost") {
            None => VirtualHost::HostName,
            Some(name) if name.eq_ignore_ascii_case("none") => VirtualHost::Omit,
            Some(name) => VirtualHost::Name(name),
        },
        noload: check
            .text("noload")
            .map(|text| values::list(&text).map(str::to_owned).collect())
            .unwrap_or_default(),
        logdir: check.path("logdir").unwrap_or(defaults.logdir),
        logfile: check.text("logfile").unwrap_or(defaults.logfile),
        loglevel: check.parsed("loglevel", defaults.loglevel, LogLevel::NAMES),
        reply_mode: check.parsed("reply_mode", defaults.reply_mode, "confirmed, transaction"),
        stomp: check.flag("stomp", defaults.stomp),
        ..Settings::default()
    };
    check.number("port", PORTS, &mut settings.port);
    check.seconds("cache_ttl", &mut settings.cache_ttl);
    check.unlimited("max_connection_retries", -1, &mut settings.max_connection_retries);
    check.number("request_max_retries", 1..=1000, &mut settings.request_max_retries);
    check.seconds("request_retry_delay", &mut settings.request_retry_delay);
    check.number("request_retry_backoff", 1..=100, &mut settings.request_retry_backoff);
    check.number("stomp_port", PORTS, &mut settings.stomp_port);
    check.seconds("stomp_heartbeat", &mut settings.stomp_heartbeat);
    check.number("stomp_max_body", 1024..=1_073_741_824, &mut settings.stomp_max_body);
    check.unlimited("stomp_max_retries", 0, &mut settings.stomp_max_retries);
    check.number("num_workers", 1..=2000, &mut settings.num_workers);
    settings.stomp_prefetch_limit = u32::try_from(settings.num_workers).unwrap_or(2000);
    check.number("stomp_prefetch_limit", 1..=2000, &mut settings.stomp_prefetch_limit);
    let mut limit = Duration::ZERO;
    check.seconds("handler_timeout", &mut limit);
    settings.handler_timeout = Some(limit).filter(|limit| !limit.is_zero());
    check.number("max_attempts", 1..=1000, &mut settings.max_attempts);
    check.seconds("shutdown_timeout", &mut settings.shutdown_timeout);
    if let Some(bytes) = check.integer(
        "log_max_bytes",
        |bytes| bytes == 0 || bytes >= 100_000,
        "log_max_bytes must be either 0 or >= 100000",
    ) {
        settings.log_max_bytes = bytes.unsigned_abs();
    }
    let count = check.integer(
        "log_backup_count",
        |count| (0..=100_000).contains(&count),
        "log_backup_count must be a positive value",
    );
    settings.log_backup_count =
        count.and_then(|count| u32::try_from(count).ok()).unwrap_or(settings.log_backup_count);

    let timeout = check
        .integer("stomp_timeout", |seconds| SECONDS.contains(&seconds), &range("stomp_timeout", &SECONDS))
        .unwrap_or(60);
    if timeout < SHORTEST_STOMP_TIMEOUT {
        warnings.push(Warning::new(format!(
            "stomp_timeout is {timeout}, which is too short for a busy broker; {RAISED_STOMP_TIMEOUT} is used (the least is {SHORTEST_STOMP_TIMEOUT})"
        )));
    }
    let timeout = if timeout < SHORTEST_STOMP_TIMEOUT { RAISED_STOMP_TIMEOUT } else { timeout };
    settings.stomp_timeout = Duration::from_secs(timeout.unsigned_abs());

    settings.stomp_verify = if check.text("stomp_cafile").is_some() {
        check.verify("stomp_cafile")
    } else {
        settings.verify.clone()
    };
    settings.stomp_client_auth = check
        .client_auth("stomp_client_auth_cert", "stomp_client_auth_key")
        .or_else(|| settings.client_auth.clone());
    settings.stomp_hosts = check.hosts(&settings);
    settings
}

fn range(key: &str, allowed: &RangeInclusive<i64>) -> String {
    format!("{key} must be in the range {} <= {}", allowed.start(), allowed.end())
}

struct Check<'a> {
    entries: &'a [Entry],
    file: &'a str,
    home: Option<&'a Path>,
    faults: &'a mut Vec<Fault>,
}

impl Check<'_> {
    fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.key == key)
    }

    /// The text of a key; an empty one counts as not set.
    fn text(&self, key: &str) -> Option<String> {
        self.entry(key)?.text.clone().filter(|text| !text.is_empty())
    }

    fn path(&self, key: &str) -> Option<PathBuf> {
        self.text(key).map(|text| values::path(&text, self.home))
    }

    fn fault(&mut self, key: &str, allowed: impl Display) {
        let fault = match self.entry(key) {
            Some(entry) => {
                Fault::new(&entry.origin, RESILIENT, key, format!("{key} = {}: {allowed}", entry.shown()))
            }
            None => Fault::new(self.file, RESILIENT, key, allowed.to_string()),
        };
        self.faults.push(fault);
    }

    fn required(&mut self, key: &str, what: &str) -> String {
        self.text(key).unwrap_or_else(|| {
            self.fault(key, format_args!("{key} is mandatory and is not set; give it {what}"));
            String::new()
        })
    }

    fn integer(&mut self, key: &str, allowed: impl Fn(i64) -> bool, refusal: &str) -> Option<i64> {
        let text = self.text(key)?;
        let number = values::integer(&text).filter(|&number| allowed(number));
        if number.is_none() {
            self.fault(key, refusal);
        }
        number
    }

    fn number<N: TryFrom<i64>>(&mut self, key: &str, allowed: RangeInclusive<i64>, into: &mut N) {
        let refusal = range(key, &allowed);
        if let Some(number) = self
            .integer(key, |number| allowed.contains(&number), &refusal)
            .and_then(|number| N::try_from(number).ok())
        {
            *into = number;
        }
    }

    fn seconds(&mut self, key: &str, into: &mut Duration) {
        let refusal = format!("{} (seconds)", range(key, &SECONDS));
        if let Some(seconds) = self.integer(key, |seconds| SECONDS.contains(&seconds), &refusal) {
            *into = Duration::from_secs(seconds.unsigned_abs());
        }
    }

    /// A count for which 0, and where `least` is -1 that too, means no limit.
    fn unlimited(&mut self, key: &str, least: i64, into: &mut Option<u32>) {
        let allowed = least..=i64::from(u32::MAX);
        if let Some(count) = self.integer(key, |count| allowed.contains(&count), &range(key, &allowed)) {
            *into = u32::try_from(count).ok().filter(|&count| count > 0);
        }
    }

    fn flag(&mut self, key: &str, default: bool) -> bool {
        let Some(text) = self.text(key) else { return default };
        values::boolean(&text).unwrap_or_else(|| {
            self.fault(key, "must be true or false");
            default
        })
    }

    fn parsed<T: FromStr>(&mut self, key: &str, default: T, choices: &str) -> T {
        let Some(text) = self.text(key) else { return default };
        text.trim().parse().unwrap_or_else(|_| {
            self.fault(key, format_args!("must be one of {choices}"));
            default
        })
    }

    fn verify(&self, key: &str) -> Verify {
        match self.text(key) {
            None => Verify::System,
            Some(text) if text.eq_ignore_ascii_case("false") => Verify::Off,
            Some(text) => Verify::CaFile(values::path(&text, self.home)),
        }
    }

    fn client_auth(&mut self, cert: &str, key: &str) -> Option<ClientAuth> {
        match (self.path(cert), self.path(key)) {
            (Some(cert), Some(key)) => Some(ClientAuth { cert, key }),
            (None, None) => None,
            (Some(_), None) => {
                self.fault(cert, format_args!("needs {key} beside it"));
                None
            }
            (None, Some(_)) => {
                self.fault(key, format_args!("needs {cert} beside it"));
                None
            }
        }
    }

    fn credentials(&mut self) -> Option<Credentials> {
        let pair =
            |check: &Self, name, secret| Some((check.text(name)?, SecretString::from(check.text(secret)?)));
        if let Some((id, secret)) = pair(self, "api_key_id", "api_key_secret") {
            return Some(Credentials::ApiKey { id, secret });
        }
        if let Some((email, password)) = pair(self, "email", "password") {
            return Some(Credentials::User { email, password });
        }
        let text = "no credentials: set api_key_id and api_key_secret, or email and password";
        self.faults.push(Fault::new(self.file, RESILIENT, "api_key_id", text));
        None
    }

    fn proxy(&mut self) -> Option<Proxy> {
        let mut port = 0_u16;
        self.number("proxy_port", 0..=65535, &mut port);
        Some(Proxy {
            host: self.text("proxy_host")?,
            port: Some(port).filter(|&port| port > 0),
            user: self.text("proxy_user"),
            password: self.text("proxy_password").map(SecretString::from),
        })
    }

    fn hosts(&mut self, settings: &Settings) -> Vec<Endpoint> {
        let Some(list) = self.text("stomp_hosts") else {
            let host = self.text("stomp_host").unwrap_or_else(|| settings.host.clone());
            return vec![Endpoint { host, port: settings.stomp_port }];
        };
        let hosts: Option<Vec<_>> =
            values::list(&list).map(|text| endpoint(text, settings.stomp_port)).collect();
        hosts.filter(|hosts| !hosts.is_empty()).unwrap_or_else(|| {
            self.fault(
                "stomp_hosts",
                "must be host or host:port, several separated by commas; an IPv6 address in brackets",
            );
            Vec::new()
        })
    }
}

/// `host`, `host:port`, `[v6]` or `[v6]:port`.
fn endpoint(text: &str, default_port: u16) -> Option<Endpoint> {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => rest.split_once(']').map(|(host, rest)| (host, rest.strip_prefix(':')))?,
        None => text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port))),
    };
    let port = port.map_or(Some(default_port), |port| port.parse().ok().filter(|&port| port > 0))?;
    (!host.is_empty()).then(|| Endpoint { host: host.to_owned(), port })
}

impl FromStr for ReplyMode {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        [Self::Confirmed, Self::Transaction]
            .into_iter()
            .find(|mode| mode.to_string() == text.to_lowercase())
            .ok_or(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::Config;
    use super::*;
    use secrecy::ExposeSecret;

    const BASE: &str = "[resilient]\nhost=h\napi_key_id=i\napi_key_secret=hunter22\n";

    fn config(text: &str) -> Config {
        Config::from_text(&format!("{BASE}{text}")).unwrap()
    }

    #[test]
    fn the_least_file_gives_the_defaults() {
        let config = config("");
        let settings = config.settings();
        assert_eq!((settings.port, settings.num_workers, settings.stomp_prefetch_limit), (443, 25, 25));
        assert_eq!(settings.stomp_hosts, [Endpoint { host: "h".to_owned(), port: 65001 }]);
        let Credentials::ApiKey { secret, .. } = &settings.credentials else { panic!() };
        assert_eq!(secret.expose_secret(), "hunter22");
        assert!(config.warnings().is_empty(), "{:?}", config.warnings());
    }

    #[test]
    fn every_fault_is_named_in_one_run() {
        let text = "num_workers=2001\nlog_max_bytes=99999\nlog_backup_count=-1\nstomp_prefetch_limit=0\nport=https\nreply_mode=maybe\n\
                    stomp_hosts=a:b\nloglevel=LOUD\n";
        let error = Config::from_text(&format!("[resilient]\n{text}")).unwrap_err();
        let shown = error.to_string();
        for part in [
            "app.config:2: [resilient] num_workers = 2001: num_workers must be in the range 1 <= 2000",
            "log_max_bytes = 99999: log_max_bytes must be either 0 or >= 100000",
            "log_backup_count = -1: log_backup_count must be a positive value",
            "stomp_prefetch_limit = 0: stomp_prefetch_limit must be in the range 1 <= 2000",
            "port = https: port must be in the range 1 <= 65535",
            "reply_mode = maybe: must be one of confirmed, transaction",
            "app.config:8: [resilient] stomp_hosts = a:b",
            "loglevel = LOUD",
            "host is mandatory",
            "api_key_id and api_key_secret, or email and password",
        ] {
            assert!(shown.contains(part), "{part}\nis not in\n{shown}");
        }
        assert_eq!(error.faults().len(), 10, "{shown}");
    }

    #[test]
    fn hosts_and_follow_on_defaults() {
        let config = config(
            "stomp_hosts=a, b:61614, [::1]:1\ncafile=/ca\nstomp_timeout=5\nstomp_vhost=none\nnum_workers=7\n",
        );
        let settings = config.settings();
        let hosts: Vec<_> = settings.stomp_hosts.iter().map(|host| (host.host.as_str(), host.port)).collect();
        assert_eq!(hosts, [("a", 65001), ("b", 61614), ("::1", 1)]);
        assert_eq!(settings.stomp_verify, Verify::CaFile("/ca".into()));
        assert_eq!(settings.stomp_timeout, Duration::from_secs(45));
        assert_eq!(settings.stomp_vhost, VirtualHost::Omit);
        assert_eq!(settings.stomp_prefetch_limit, 7);
        assert!(config.warnings()[0].to_string().contains("stomp_timeout is 5"), "{:?}", config.warnings());
    }

    #[test]
    fn secrets_are_put_in_and_never_shown() {
        let mut sources = super::super::Sources {
            env: [("PW".to_owned(), "s3cr3t".to_owned())].into(),
            ..Default::default()
        };
        sources.overrides = vec![("num_workers".to_owned(), "0".to_owned())];
        sources.config_file = Some("/no/such/file".into());
        assert!(Config::load(sources).unwrap_err().to_string().contains("/no/such/file: cannot be read"));
        let config = config("[mine]\nurl=https://u:pw9999@host\nmapping=plain\n");
        let shown: Vec<_> = config.effective().into_iter().filter_map(|one| one.value).collect();
        assert!(
            !shown.iter().any(|value| value.contains("hunter22") || value.contains("pw9999")),
            "{shown:?}"
        );
        assert!(shown.contains(&"plain".to_owned()));
        assert!(!format!("{config:?}").contains("hunter22"), "{config:?}");
    }

    #[test]
    fn unknown_keys_get_a_hint() {
        let config = config("num_worker=3\n");
        assert!(
            config.warnings()[0].to_string().contains(
                "app.config:5: [resilient] has no setting `num_worker`; did you mean `num_workers`?"
            )
        );
    }
}

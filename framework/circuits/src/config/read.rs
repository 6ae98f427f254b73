//! Reads [`Settings`] out of the layered `[resilient]` values. Nothing stops at the first fault: all are collected.

mod broker;
mod events;

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use secrecy::SecretString;

use super::LogLevel;
use super::error::Fault;
use super::host;
use super::layers::RESILIENT;
use super::section::{Entry, Section};
use super::settings::{ClientAuth, Credentials, DAY, JOURNAL, MEBIBYTE, Proxy, STORE, Settings, Verify};
use super::table::{self, Key, Kind};
use super::values::{boolean, integer, list, path, shown};
use super::warning::Warning;
use crate::store::store_kinds;

/// The settings (as far as they could be read), and what is wrong or remarkable.
pub(crate) struct Reading {
    pub(crate) settings: Settings,
    pub(crate) faults: Vec<Fault>,
    pub(crate) warnings: Vec<Warning>,
}

/// Reads all settings from the section, whose unset keys are present with their defaults.
/// `missing_too`: whether to report what is absent; pointless when half of the file could not be read.
pub(crate) fn read(section: &Section, home: Option<&Path>, missing_too: bool) -> Reading {
    let mut reader = Reader { section, home, missing_too, faults: Vec::new(), warnings: Vec::new() };
    let settings = reader.settings();
    Reading { settings, faults: reader.faults, warnings: reader.warnings }
}

/// What holds where nothing is set: the defaults of the table.
pub(crate) fn defaults() -> Settings {
    let entry = |key: &Key| Entry {
        key: key.name().to_owned(),
        value: key.default_text().map(str::to_owned),
        origin: "default".to_owned(),
        secret: key.is_secret(),
        inherited: false,
        emptied_by: Vec::new(),
    };
    let entries = table::keys().map(entry).collect();
    let section = Section { name: RESILIENT.to_owned(), origin: String::new(), present: false, entries };
    read(&section, None, false).settings
}

struct Reader<'a> {
    section: &'a Section,
    home: Option<&'a Path>,
    missing_too: bool,
    faults: Vec<Fault>,
    warnings: Vec<Warning>,
}

impl<'a> Reader<'a> {
    fn settings(&mut self) -> Settings {
        let host = self.host();
        let stomp_port = self.number("stomp_port");
        Settings {
            stomp_hosts: self.stomp_hosts(&host, stomp_port),
            host,
            port: self.number("port"),
            credentials: self.credentials(),
            org: self.text("org"),
            verify: self.verify("cafile"),
            client_auth: self.client_auth("client_auth_cert", "client_auth_key"),
            proxy: self.proxy(),
            resource_prefix: self.text("resource_prefix"),
            cache_ttl: self.seconds("cache_ttl"),
            max_connection_retries: u32::try_from(self.number::<i64>("max_connection_retries"))
                .ok()
                .filter(|&tries| tries > 0),
            request_max_retries: self.number("request_max_retries"),
            request_retry_delay: self.seconds("request_retry_delay"),
            request_retry_backoff: self.number("request_retry_backoff"),
            stomp: self.flag("stomp"),
            stomp_port,
            stomp_vhost: self.stomp_vhost(),
            stomp_verify: self.verify("stomp_cafile"),
            stomp_client_auth: self.client_auth("stomp_client_auth_cert", "stomp_client_auth_key"),
            stomp_timeout: self.stomp_timeout(),
            stomp_heartbeat: self.seconds("stomp_heartbeat"),
            stomp_max_body: self.number("stomp_max_body"),
            stomp_max_retries: self.optional("stomp_max_retries"),
            stomp_prefetch_limit: self.optional("stomp_prefetch_limit"),
            reply_mode: self.reply_mode(),
            num_workers: self.number("num_workers"),
            handler_timeout: self.optional("handler_timeout").map(Duration::from_secs),
            trap_exception: self.flag("trap_exception"),
            max_attempts: self.number("max_attempts"),
            shutdown_timeout: self.seconds("shutdown_timeout"),
            selftest_timeout: self.seconds("selftest_timeout"),
            journal: self.journal(),
            journal_keep: self.optional("journal_keep_days").map(|days: u32| DAY * days),
            journal_max_bytes: self.optional("journal_max_mb").map(|megabytes: u64| megabytes * MEBIBYTE),
            store: self.store(),
            store_file: self.store_file(),
            health_port: self.optional("health_port"),
            health_host: self.host_name("health_host", "health_port").unwrap_or_default(),
            log_http_responses: self.path("log_http_responses"),
            test_actions: self.flag("test_actions"),
            test_host: self.host_name("test_host", "test_port").unwrap_or_default(),
            test_port: self.number("test_port"),
            test_token: self.text("test_token").map(SecretString::from),
            webhooks: self.paths("webhooks"),
            subscriptions: self.flag("subscriptions"),
            events_policy_url: self.url("events_policy_url"),
            events_tries: self.number("events_tries"),
            events_timeout: self.seconds("events_timeout"),
            events_max_waiting: self.number("events_max_waiting"),
            events_variables: self.names("events_variables"),
            events_cafile: self.path("events_cafile"),
            events_link_local: self.flag("events_link_local"),
            http_port: self.optional("http_port"),
            http_host: self.host_name("http_host", "http_port").unwrap_or_default(),
            http_identity: self.client_auth("http_cert", "http_key"),
            http_client_ca: self.path("http_client_ca"),
            http_plain: self.flag("http_plain"),
            http_url: self.url("http_url"),
            http_user_header: self.header_name("http_user_header"),
            http_auth: self.names("http_auth"),
            http_token_ttl: self.seconds("http_token_ttl"),
            http_trusted_proxies: self.addresses("http_trusted_proxies"),
            noload: self.names("noload"),
            logdir: self.path("logdir").unwrap_or_default(),
            logfile: self.logfile(),
            loglevel: self.parsed("loglevel").unwrap_or(LogLevel::Info),
            log_max_bytes: self.number("log_max_bytes"),
            log_backup_count: self.number("log_backup_count"),
        }
    }

    fn host(&mut self) -> String {
        let host = self.host_name("host", "port");
        if host.is_none() {
            let note = self.note("host");
            self.missing("host", &format!("host is missing; add host=<the platform's host name>{note}"));
        }
        host.unwrap_or_default()
    }

    /// The text of a key that names a host, refused if it is something else.
    fn host_name(&mut self, key: &'static str, port: &str) -> Option<String> {
        let text = self.text(key)?;
        if let Some(fault) = host::fault(&text, port) {
            self.refuse(key, &fault);
        }
        Some(text)
    }

    /// An API key wins over a user, as it does in the Python client.
    fn credentials(&mut self) -> Credentials {
        let [id, secret, email, password] =
            ["api_key_id", "api_key_secret", "email", "password"].map(|key| self.text(key));
        match (id, secret, email, password) {
            (Some(id), Some(secret), _, _) => Credentials::ApiKey { id, secret: secret.into() },
            (id, secret, Some(email), Some(password)) => {
                if id.is_some() || secret.is_some() {
                    let text =
                        "only one of api_key_id and api_key_secret is set; email and password are used";
                    self.warnings.push(Warning::caution(format!("[{RESILIENT}] {text}")));
                }
                let text =
                    "login with email and password is deprecated; prefer api_key_id and api_key_secret";
                self.warnings.push(Warning::caution(format!("[{RESILIENT}] {text}")));
                Credentials::User { email, password: password.into() }
            }
            (id, secret, email, password) => {
                let found = [
                    (id, "api_key_id"),
                    (secret, "api_key_secret"),
                    (email, "email"),
                    (password, "password"),
                ];
                let found: Vec<&str> =
                    found.iter().filter(|(value, _)| value.is_some()).map(|(_, key)| *key).collect();
                let found = match found.as_slice() {
                    [] => "neither is set".to_owned(),
                    [only] => format!("only {only} is set"),
                    found => format!("only {} are set", found.join(" and ")),
                };
                let notes: String =
                    ["api_key_id", "api_key_secret", "email", "password"].map(|key| self.note(key)).concat();
                self.missing(
                    "api_key_id",
                    &format!(
                        "credentials are missing: set api_key_id and api_key_secret, or email and password ({found}){notes}"
                    ),
                );
                Credentials::ApiKey { id: String::new(), secret: SecretString::default() }
            }
        }
    }

    fn client_auth(&mut self, cert: &'static str, key: &'static str) -> Option<ClientAuth> {
        let (set, missing) = match (self.path(cert), self.path(key)) {
            (Some(cert), Some(key)) => return Some(ClientAuth { cert, key }),
            (Some(_), None) => (cert, key),
            (None, Some(_)) => (key, cert),
            (None, None) => return None,
        };
        // One that is taken over from the REST certificate is complained about there.
        if self.entry(set).is_some_and(|entry| entry.origin != "default") {
            self.missing(missing, &format!("{set} is set and {missing} is not; a certificate needs both"));
        }
        None
    }

    fn proxy(&mut self) -> Option<Proxy> {
        let port = self.optional("proxy_port");
        let host = self.text("proxy_host")?;
        if let Some(fault) = host::proxy_fault(&host, port) {
            self.refuse("proxy_host", &fault);
        }
        Some(Proxy {
            host,
            port,
            user: self.text("proxy_user"),
            password: self.text("proxy_password").map(SecretString::from),
        })
    }

    fn verify(&mut self, key: &'static str) -> Verify {
        match self.text(key) {
            None => Verify::System,
            Some(text) if text.eq_ignore_ascii_case("true") => Verify::System,
            Some(text) if text.eq_ignore_ascii_case("false") => {
                let what = if key == "cafile" { "the platform" } else { "the broker" };
                self.warnings.push(Warning::caution(format!(
                    "[{RESILIENT}] {key}=false: the certificate of {what} is NOT verified; whoever stands between can read the password and alter every message"
                )));
                Verify::Off
            }
            Some(text) => Verify::CaFile(path(&text, self.home)),
        }
    }

    /// Beside the log's directory, and not in it: what cleans up logs must not take the journal along.
    fn beside_logs(&self) -> PathBuf {
        self.path("logdir").unwrap_or_default().with_file_name(JOURNAL)
    }

    fn journal(&self) -> Option<PathBuf> {
        match self.text("journal") {
            None => Some(self.beside_logs()),
            // Not every word that reads as no: `notes/journal` is a path.
            Some(text) => match text.to_ascii_lowercase().as_str() {
                "off" | "false" | "no" | "0" => None,
                _ => Some(path(&text, self.home)),
            },
        }
    }

    /// What is to outlive the process does so together with the messages that it is about, if a store for that is linked.
    fn store(&self) -> String {
        let lasts = || self.journal().is_some() && store_kinds().iter().any(|kind| kind.name() == "sqlite");
        self.text("store").unwrap_or_else(|| if lasts() { "sqlite" } else { "memory" }.to_owned())
    }

    fn store_file(&self) -> PathBuf {
        let beside = || {
            let mut name = self.journal().unwrap_or_else(|| self.beside_logs()).into_os_string();
            name.push(STORE);
            name.into()
        };
        self.path("store_file").unwrap_or_else(beside)
    }

    fn logfile(&mut self) -> String {
        let name = self.text("logfile").unwrap_or_default();
        if name.is_empty() {
            self.refuse("logfile", "must be the name of a file");
        }
        name
    }

    fn entry(&self, key: &str) -> Option<&'a Entry> {
        self.section.entry(key)
    }

    /// The names in a list.
    fn names(&self, key: &str) -> Vec<String> {
        list(&self.text(key).unwrap_or_default()).map(str::to_owned).collect()
    }

    /// The IP addresses in a list.
    fn addresses(&mut self, key: &'static str) -> Vec<IpAddr> {
        let (mut addresses, mut wrong) = (Vec::new(), false);
        for name in self.names(key) {
            match name.parse() {
                Ok(address) => addresses.push(address),
                Err(_) => wrong = true,
            }
        }
        if wrong {
            self.refuse(key, "must be IP addresses, separated by commas");
        }
        addresses
    }

    /// The text of a key; an empty value counts as not set.
    fn text(&self, key: &str) -> Option<String> {
        self.entry(key)?.value.clone().filter(|value| !value.is_empty())
    }

    fn path(&self, key: &str) -> Option<PathBuf> {
        self.text(key).map(|text| path(&text, self.home))
    }

    fn flag(&mut self, key: &'static str) -> bool {
        let default = || super::table::find(key).and_then(|key| key.default_text());
        let value = boolean(&self.text(key).or_else(|| default().map(str::to_owned)).unwrap_or_default());
        if value.is_none() {
            self.refuse(key, "must be true or false");
        }
        value.unwrap_or_default()
    }

    fn parsed<T: std::str::FromStr<Err: std::fmt::Display>>(&mut self, key: &'static str) -> Option<T> {
        match self.text(key).unwrap_or_default().parse() {
            Ok(value) => Some(value),
            Err(error) => {
                self.refuse(key, &error.to_string());
                None
            }
        }
    }

    /// `None` after a refusal, or for a key that nothing sets.
    fn integer(&mut self, key: &'static str) -> Option<i64> {
        let text = self.entry(key)?.value.as_deref()?;
        let value = integer(text);
        if value.is_none() {
            self.refuse(key, "must be a whole number");
        }
        value
    }

    /// A number as the table of settings allows it. Zero after a refusal, and for a key that nothing sets.
    fn number<T: TryFrom<i64> + Default>(&mut self, key: &'static str) -> T {
        let (range, unit) = match table::find(key).map(Key::kind) {
            Some(Kind::Number(range)) => (range, ""),
            Some(Kind::Seconds(range)) => (range, " of seconds"),
            _ => return T::default(),
        };
        let Some(text) = self.entry(key).and_then(|entry| entry.value.as_deref()) else {
            return T::default();
        };
        let value =
            integer(text).filter(|&value| range.holds(value)).and_then(|value| T::try_from(value).ok());
        if value.is_none() {
            self.refuse(key, &range.rule(unit));
        }
        value.unwrap_or_default()
    }

    /// A number where 0, or none at all, means that there is none.
    fn optional<T: TryFrom<i64> + Default + PartialEq>(&mut self, key: &'static str) -> Option<T> {
        Some(self.number(key)).filter(|value| *value != T::default())
    }

    fn seconds(&mut self, key: &'static str) -> Duration {
        Duration::from_secs(self.number(key))
    }

    fn refuse(&mut self, key: &'static str, rule: &str) {
        // A value taken over from another key is refused once, where it is written.
        let Some(entry) = self.entry(key).filter(|entry| entry.origin != "default") else { return };
        let value = entry.shown().unwrap_or_default();
        let unset = entry.value.as_deref().is_some_and(|value| value.starts_with('$'));
        let unset = if unset { "; the environment has no such variable" } else { "" };
        let value = if value.is_empty() { "is empty".to_owned() } else { format!("= `{}`", shown(&value)) };
        let text = format!("{key} {value}: {rule}{unset}{}", self.note(key));
        self.faults.push(Fault::new(&entry.origin, RESILIENT, key, text));
    }

    /// Where a key has no value because a variable of the environment has none: which one.
    fn note(&self, key: &str) -> String {
        self.entry(key).map(Entry::note).unwrap_or_default()
    }

    fn missing(&mut self, key: &'static str, text: &str) {
        if self.missing_too {
            // An empty value has a line of its own.
            let own = self.entry(key).map(|entry| &entry.origin).filter(|origin| *origin != "default");
            self.faults.push(Fault::new(own.unwrap_or(&self.section.origin), RESILIENT, key, text));
        }
    }
}

#[cfg(test)]
#[path = "read_tests.rs"]
mod tests;

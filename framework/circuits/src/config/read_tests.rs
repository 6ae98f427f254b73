//! The runner's settings: defaults, what the Python runner accepts, and every refusal with its text.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "test code")]

use proptest::prelude::*;
use secrecy::ExposeSecret as _;

use super::*;
use crate::config::{Config, Endpoint, LogLevel, ReplyMode, VirtualHost};

const LOGIN: &str = "[resilient]\nhost=soar.example.com\napi_key_id=id\napi_key_secret=s3cret\n";

fn settings(lines: &str) -> Settings {
    Config::from_text(&format!("{LOGIN}{lines}")).unwrap().settings().clone()
}

fn warnings(lines: &str) -> Vec<String> {
    Config::from_text(&format!("{LOGIN}{lines}"))
        .unwrap()
        .warnings()
        .iter()
        .map(ToString::to_string)
        .collect()
}

fn refusal(lines: &str) -> String {
    Config::from_text(&format!("{LOGIN}{lines}")).unwrap_err().to_string()
}

#[test]
fn defaults() {
    let settings = settings("");
    assert_eq!((settings.port, settings.stomp_port), (443, 65001));
    assert_eq!(settings.stomp_hosts, [Endpoint { host: "soar.example.com".to_owned(), port: 65001 }]);
    assert_eq!((settings.num_workers, settings.stomp_prefetch_limit), (25, None));
    assert_eq!(settings.stomp_timeout, Duration::from_secs(60));
    assert_eq!((settings.max_connection_retries, settings.stomp_max_retries), (None, Some(8)));
    assert_eq!((settings.log_max_bytes, settings.log_backup_count), (10_000_000, 10));
    assert_eq!((settings.verify, settings.stomp_verify), (Verify::System, Verify::System));
    assert_eq!(settings.reply_mode, ReplyMode::Confirmed);
    assert_eq!(settings.handler_timeout, None);
    assert_eq!(settings.loglevel, LogLevel::Info);
}

#[test]
fn one_key_stands_in_for_another() {
    let settings = settings("cafile=/ca.pem\nclient_auth_cert=c\nclient_auth_key=k\n");
    assert_eq!(settings.stomp_verify, Verify::CaFile("/ca.pem".into()));
    assert_eq!(settings.stomp_client_auth, settings.client_auth);
    let own = self::settings(
        "cafile=/ca.pem\nstomp_cafile=FALSE\nstomp_host=mq\nstomp_port=61613\nstomp_prefetch_limit=3\n",
    );
    assert_eq!((own.verify, own.stomp_verify), (Verify::CaFile("/ca.pem".into()), Verify::Off));
    assert_eq!(own.stomp_hosts, [Endpoint { host: "mq".to_owned(), port: 61613 }]);
    assert_eq!(own.stomp_prefetch_limit, Some(3));
}

#[test]
fn the_default_prefetch_follows_the_workers() {
    for (lines, working, waiting) in [
        ("", 50, 1050),
        ("num_workers=3", 6, 1006),
        ("num_workers=3\nreply_mode=transaction", 3, 1003),
        ("num_workers=2000", 2000, 3000),
        ("stomp_prefetch_limit=7\nnum_workers=3", 7, 7),
    ] {
        let settings = settings(lines);
        assert_eq!((settings.prefetch(false), settings.prefetch(true)), (working, waiting), "{lines}");
    }
}

#[test]
fn brokers_by_name_and_port() {
    let settings = settings("stomp_hosts = a, b:61613, [::1]:7, ::2\n  [::3]\nstomp_port = 99\n");
    let brokers: Vec<_> =
        settings.stomp_hosts.iter().map(|broker| (broker.host.as_str(), broker.port)).collect();
    assert_eq!(brokers, [("a", 99), ("b", 61613), ("::1", 7), ("::2", 99), ("::3", 99)]);
    for text in ["a:x", "a:0", ":1", "tcp://a:1", "[::1", "a b", "[::1]x"] {
        assert!(refusal(&format!("stomp_hosts = {text}\n")).contains("is not host or host:port"), "{text}");
    }
    assert!(refusal("stomp_hosts = ,\n").contains("must name at least one host"));
}

#[test]
fn what_is_not_a_host_is_refused_with_the_cure() {
    for (line, expected) in [
        (
            "stomp_host=https://mq.example.com",
            "app.config:5: [resilient] stomp_host = `https://mq.example.com`: is a URL: write mq.example.com alone",
        ),
        ("stomp_host=mq:61613", "write mq, and stomp_port=61613"),
        ("stomp_host=<broker>", "is still a placeholder"),
        ("stomp_host=${MQ", "is still a placeholder"),
        ("stomp_hosts=tcp://mq", "stomp_hosts = `tcp://mq`: is not host or host:port"),
        ("stomp_hosts=a, b:c", "`b:c` is not host or host:port"),
        ("proxy_host=socks5://p", "proxy_host = `socks5://p`: the scheme socks5 is not supported"),
        ("proxy_host=p:1\nproxy_port=2", "remove one of them"),
    ] {
        let text = refusal(&format!("{line}\n"));
        assert!(text.contains(expected) && text.lines().count() == 1, "{line}: {text}");
    }
    for host in ["https://soar.example.com", "soar.example.com:443", "{{SOAR_HOST}}", "<host>"] {
        let config = LOGIN.replace("host=soar.example.com", &format!("host={host}"));
        let text = Config::from_text(&config).unwrap_err().to_string();
        assert!(text.contains("[resilient] host = `") && text.lines().count() == 1, "{text}");
    }
}

#[test]
fn an_api_key_wins_over_a_user() {
    let both = settings("email=a@b\npassword=pw\n");
    assert!(matches!(both.credentials, Credentials::ApiKey { ref id, .. } if id == "id"));
    let user = Config::from_text("[resilient]\nhost=h\nemail=a@b\npassword=pw\n").unwrap();
    let Credentials::User { email, password } = &user.settings().credentials else { panic!("not a user") };
    assert_eq!((email.as_str(), password.expose_secret()), ("a@b", "pw"));
    assert!(user.warnings()[0].to_string().contains("deprecated"));
}

#[test]
fn missing_things_are_named_together() {
    let error = Config::from_text("[resilient]\nemail=a@b\n").unwrap_err();
    let keys: Vec<_> = error.faults().iter().map(crate::config::Fault::key).collect();
    assert_eq!(keys, ["host", "api_key_id"]);
    let text = error.to_string();
    assert!(
        text.contains("set api_key_id and api_key_secret, or email and password (only email is set)"),
        "{text}"
    );
    assert!(text.contains("host is missing; add host="), "{text}");
    assert_eq!(
        refusal("client_auth_cert=c\n"),
        "app.config:1: [resilient] client_auth_cert is set and client_auth_key is not; a certificate needs both"
    );
}

#[test]
fn every_refusal_names_place_value_and_range() {
    for (line, expected) in [
        ("num_workers=2001", "num_workers = `2001`: num_workers must be in the range 1 <= 2000"),
        ("num_workers=0", "num_workers = `0`: num_workers must be in the range 1 <= 2000"),
        ("stomp_prefetch_limit=0", "stomp_prefetch_limit must be in the range 1 <= 1000000"),
        ("log_max_bytes=99999", "log_max_bytes = `99999`: log_max_bytes must be either 0 or >= 100000"),
        ("log_backup_count=-1", "log_backup_count = `-1`: log_backup_count must be a positive value"),
        ("port=ssh", "port = `ssh`: must be a whole number from 1 to 65535"),
        ("port=", "port is empty: must be a whole number from 1 to 65535"),
        ("port=65536", "port = `65536`: must be a whole number from 1 to 65535"),
        (
            "stomp_port=$PORT",
            "stomp_port = `$PORT`: must be a whole number from 1 to 65535; the environment has no such variable",
        ),
        ("proxy_port=x", "proxy_port = `x`: must be 0 (the scheme's own) or a whole number from 1 to 65535"),
        ("stomp_timeout=soon", "stomp_timeout = `soon`: must be a whole number"),
        ("shutdown_timeout=3601", "must be a whole number of seconds from 0 to 3600"),
        ("handler_timeout=-1", "must be 0 (no limit) or a whole number of seconds from 1 to 604800"),
        ("max_attempts=0", "max_attempts = `0`: must be a whole number from 1 to 1000"),
        ("max_connection_retries=-2", "must be a whole number from -1 to 2147483647"),
        ("stomp_max_body=10", "must be a whole number from 1024 to 1073741824"),
        ("reply_mode=both", "reply_mode = `both`: must be confirmed or transaction"),
        ("loglevel=LOUD", "loglevel = `LOUD`: must be one of DEBUG, INFO, WARNING, ERROR, CRITICAL"),
        ("stomp=maybe", "stomp = `maybe`: must be true or false"),
        ("logfile=", "logfile is empty: must be the name of a file"),
    ] {
        let text = refusal(&format!("{line}\n"));
        assert!(text.starts_with("app.config:5: [resilient] "), "{line}: {text}");
        assert!(text.contains(expected), "{line}: {text}");
    }
}

#[test]
fn all_faults_in_one_run_without_secrets() {
    let text = refusal("port=x\nnum_workers=0\nbroken line\nreply_mode=s3cret-ish\n");
    assert_eq!(text.lines().count(), 5, "{text}");
    assert!(text.starts_with("4 faults in the configuration:"), "{text}");
    assert!(
        !Config::from_text("[resilient]\nhost=h\nport=x\npassword=hunter2\n")
            .unwrap_err()
            .to_string()
            .contains("hunter2")
    );
}

#[test]
fn unlimited_and_off() {
    let settings = settings(
        "max_connection_retries=0\nstomp_max_retries=0\nstomp_heartbeat=0\nhandler_timeout=0\nstomp=0\n",
    );
    assert_eq!((settings.max_connection_retries, settings.stomp_max_retries), (None, None));
    assert!(settings.stomp_heartbeat.is_zero());
    assert_eq!(settings.handler_timeout, None);
    assert!(!settings.stomp);
    assert_eq!(self::settings("max_connection_retries=7\n").max_connection_retries, Some(7));
}

#[test]
fn a_short_stomp_timeout_is_raised() {
    for text in ["29", "0", "-5"] {
        let line = format!("stomp_timeout={text}\n");
        assert_eq!(settings(&line).stomp_timeout, Duration::from_secs(45));
        assert!(warnings(&line)[0].contains("45 s are used"));
    }
    assert_eq!(settings("stomp_timeout=30\n").stomp_timeout, Duration::from_secs(30));
}

#[test]
fn verification_off_is_warned_about_loudly() {
    let warnings = warnings("cafile=False\n");
    assert_eq!(warnings.iter().filter(|text| text.contains("is NOT verified")).count(), 2, "{warnings:?}");
}

#[test]
fn virtual_host() {
    assert_eq!(settings("stomp_vhost=/\n").stomp_vhost, VirtualHost::Name("/".to_owned()));
    assert_eq!(settings("stomp_vhost=None\n").stomp_vhost, VirtualHost::Omit);
}

#[test]
fn proxy() {
    let proxy =
        settings("proxy_host=http://p\nproxy_port=3128\nproxy_user=u\nproxy_password=pw\n").proxy.unwrap();
    assert_eq!((proxy.host.as_str(), proxy.port, proxy.user.as_deref()), ("http://p", Some(3128), Some("u")));
    assert_eq!(proxy.password.unwrap().expose_secret(), "pw");
    assert!(settings("proxy_port=3128\n").proxy.is_none());
}

#[test]
fn debug_shows_no_secret() {
    let config =
        Config::from_text(&format!("{LOGIN}proxy_host=p\nproxy_password=pr0xy\n[c]\ntoken=t0ken\n")).unwrap();
    let text = format!("{config:?} {:?} {:?}", config.settings(), config.sections().collect::<Vec<_>>());
    for secret in ["s3cret", "pr0xy", "t0ken"] {
        assert!(!text.contains(secret), "{text}");
    }
}

proptest! {
    #[test]
    fn no_value_makes_the_reader_panic(key in 0..crate::config::keys().count(), value in "\\PC{0,30}|-?[0-9]{1,25}|[$^{}A-Z]{0,9}") {
        let key = crate::config::keys().nth(key).unwrap().name();
        let _ = Config::from_text(&format!("[resilient]\n{key}={value}\n"));
    }
}

#[test]
fn the_journal_is_beside_the_logs_or_where_it_is_put() {
    let journal = |lines: &str| settings(lines).journal;
    let path = |text: &str| Some(PathBuf::from(text));
    assert_eq!(journal(""), Settings::default().journal);
    assert_eq!(journal("logdir=/var/log/circuits"), path("/var/log/circuits.journal"));
    assert_eq!(journal("logdir=/srv/x/logs/"), path("/srv/x/circuits.journal"));
    assert_eq!(journal("journal=notes/journal"), path("notes/journal"));
    for off in ["off", "OFF", "false", "no", "0"] {
        assert_eq!(journal(&format!("journal={off}")), None, "{off}");
    }
}

#[test]
fn what_the_journal_keeps() {
    let kept = |lines: &str| (settings(lines).journal_keep, settings(lines).journal_max_bytes);
    let days = |days: u64| Some(Duration::from_secs(days * 86_400));
    assert_eq!(kept(""), (days(30), Some(1 << 30)));
    assert_eq!(kept("journal_keep_days=0\njournal_max_mb=0"), (None, None));
    assert_eq!(kept("journal_keep_days=7\njournal_max_mb=16"), (days(7), Some(16 << 20)));
    let error = refusal("journal_keep_days=-1\njournal_max_mb=15");
    assert!(error.contains("from 1 to 3650") && error.contains("0 (no limit)"), "{error}");
}

#[test]
fn an_empty_switch_counts_as_not_set() {
    let read = settings("stomp=\ntest_actions=\n");
    assert!(read.stomp && !read.test_actions);
}

//! The configuration as a whole: search order, precedence, origins, secrets, warnings, real files and the sample file.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "test code")]

use std::fs;

use super::*;

const LOGIN: &str = "[resilient]\nhost=soar\napi_key_id=id\napi_key_secret=s3cret\n";

struct Place {
    folder: tempfile::TempDir,
    sources: Sources,
}

impl Place {
    /// A home and a working directory of its own, and this environment.
    fn new(env: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let sources = Sources {
            env: env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            home: Some(folder.path().join("home")),
            cwd: folder.path().join("cwd"),
            ..Sources::default()
        };
        Self { folder, sources }
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    fn load(&self) -> Result<Config, ConfigError> {
        Config::load(self.sources.clone())
    }
}

fn effective(config: &Config, section: &str, key: &str) -> (Option<String>, String) {
    let all = config.effective();
    let one = all.iter().find(|one| one.section == section && one.key == key).unwrap();
    (one.value.clone(), one.origin.clone())
}

fn texts(config: &Config) -> Vec<String> {
    config.warnings().iter().map(ToString::to_string).collect()
}

#[test]
fn search_order() {
    let mut place = Place::new(&[]);
    let home = place.write("home/.resilient/app.config", LOGIN);
    assert_eq!(place.load().unwrap().file(), Some(home.as_path()));
    let cwd = place.write("cwd/app.config", LOGIN);
    assert_eq!(place.load().unwrap().file(), Some(cwd.as_path()));
    let named = place.write("home/elsewhere.config", LOGIN);
    place.sources.env.insert("APP_CONFIG_FILE".to_owned(), "~/elsewhere.config".to_owned());
    assert_eq!(place.load().unwrap().file(), Some(named.as_path()));
    let given = place.write("cwd/given.config", LOGIN);
    place.sources.config_file = Some("given.config".into());
    assert_eq!(place.load().unwrap().file(), Some(given.as_path()));
}

#[test]
fn a_named_file_must_be_readable() {
    let mut place = Place::new(&[("APP_CONFIG_FILE", "/no/such/app.config")]);
    place.write("cwd/app.config", LOGIN);
    let text = place.load().unwrap_err().to_string();
    assert!(text.starts_with("/no/such/app.config: cannot be read: No such file"), "{text}");
    let latin = place.write("cwd/latin.config", LOGIN);
    fs::write(&latin, b"[resilient]\norg=M\xfcller\n").unwrap();
    place.sources.config_file = Some(latin);
    let text = place.load().unwrap_err().to_string();
    assert!(text.contains("is not UTF-8 text in line 2"), "{text}");
}

#[test]
fn without_a_file_the_places_are_named() {
    let text = Place::new(&[]).load().unwrap_err().to_string();
    assert!(text.contains("cwd/app.config and ") && text.contains("home/.resilient/app.config"), "{text}");
    assert!(text.contains("host is missing"), "{text}");
    let mut place = Place::new(&[]);
    for (key, value) in [("host", "h"), ("api-key-id", "i"), ("api_key_secret", "s3cret")] {
        place.sources.overrides.push((key.to_owned(), value.to_owned()));
    }
    let config = place.load().unwrap();
    assert_eq!((config.settings().host.as_str(), config.file()), ("h", None));
    assert!(texts(&config)[0].starts_with("no app.config (looked for"), "{:?}", texts(&config));
}

#[test]
fn a_variable_that_is_set_to_nothing_is_named() {
    let place = Place::new(&[("SOAR_KEY", ""), ("PORT", ""), ("HOST", "")]);
    place.write(
        "cwd/app.config",
        "[resilient]\nhost=$HOST\napi_key_id=i\napi_key_secret=$SOAR_KEY\nport=${PORT}\n[c]\nn=$PORT\n",
    );
    let text = place.load().unwrap_err().to_string();
    for part in [
        "host is missing; add host=<the platform's host name>; host comes from the environment, where HOST is set to nothing",
        "(only api_key_id is set); api_key_secret comes from the environment, where SOAR_KEY is set to nothing",
        "port is empty: must be a whole number from 1 to 65535; port comes from the environment, where PORT is set to nothing",
    ] {
        assert!(text.contains(part), "{text}");
    }
    place.write("cwd/app.config", &format!("{LOGIN}[c]\nn=$PORT\n"));
    #[derive(Debug, serde::Deserialize)]
    struct Own {
        #[expect(dead_code, reason = "only its absence counts")]
        n: u32,
    }
    let error = place.load().unwrap().section_or_empty("c").settings::<Own>().unwrap_err().to_string();
    assert!(error.contains("`n` is empty: ") && error.contains("where PORT is set to nothing"), "{error}");
}

#[test]
fn command_line_over_environment_over_file_over_default() {
    let mut place =
        Place::new(&[("LOGLEVEL", "ERROR"), ("RESILIENT_STOMP_TIMEOUT", "90"), ("RESOURCE_PREFIX", "")]);
    let path = place
        .write("cwd/app.config", &format!("{LOGIN}loglevel=DEBUG\nstomp_timeout=70\nresource_prefix=/api\n"));
    place.sources.overrides = vec![("loglevel".to_owned(), "WARNING".to_owned())];
    let config = place.load().unwrap();
    assert_eq!(
        effective(&config, "resilient", "loglevel"),
        (Some("WARNING".to_owned()), "command line".to_owned())
    );
    assert_eq!(
        effective(&config, "resilient", "stomp_timeout"),
        (Some("90".to_owned()), "environment RESILIENT_STOMP_TIMEOUT".to_owned())
    );
    // An empty variable counts as not set.
    assert_eq!(
        effective(&config, "resilient", "resource_prefix"),
        (Some("/api".to_owned()), format!("{}:7", path.display()))
    );
    assert_eq!(effective(&config, "resilient", "port"), (Some("443".to_owned()), "default".to_owned()));
    assert_eq!(
        effective(&config, "resilient", "stomp_host"),
        (Some("soar".to_owned()), "default".to_owned())
    );
    assert_eq!(effective(&config, "resilient", "org"), (None, "default".to_owned()));
    assert_eq!(config.settings().loglevel, LogLevel::Warning);
}

#[test]
fn the_log_directory_variable_is_a_default_only() {
    let place = Place::new(&[("APP_LOG_DIR", "/var/log/circuits")]);
    place.write("cwd/app.config", LOGIN);
    assert_eq!(place.load().unwrap().settings().logdir, Path::new("/var/log/circuits"));
    place.write("cwd/app.config", &format!("{LOGIN}logdir=mine\n"));
    assert_eq!(place.load().unwrap().settings().logdir, Path::new("mine"));
}

#[test]
fn every_variable_of_the_environment() {
    let place = Place::new(&[
        ("RESILIENT_MAX_CONNECTION_RETRIES", "4"),
        ("RESILIENT_STOMP_MAX_RETRIES", "0"),
        ("RESOURCE_PREFIX", "/api/respond"),
    ]);
    place.write("cwd/app.config", &format!("{LOGIN}max_connection_retries=9\nstomp_max_retries=9\n"));
    let config = place.load().unwrap();
    let settings = config.settings();
    assert_eq!((settings.max_connection_retries, settings.stomp_max_retries), (Some(4), None));
    assert_eq!(settings.resource_prefix.as_deref(), Some("/api/respond"));
}

#[test]
fn a_fault_names_the_layer_it_comes_from() {
    let mut place = Place::new(&[("LOGLEVEL", "LOUD")]);
    place.write("cwd/app.config", LOGIN);
    place.sources.overrides =
        vec![("num_workers".to_owned(), "0".to_owned()), ("num_wrokers".to_owned(), "1".to_owned())];
    let text = place.load().unwrap_err().to_string();
    assert!(text.contains("environment LOGLEVEL: [resilient] loglevel = `LOUD`"), "{text}");
    assert!(text.contains("command line: [resilient] num_workers = `0`"), "{text}");
    assert!(
        text.contains("command line: [resilient] `num_wrokers` is not a key; did you mean `num_workers`?"),
        "{text}"
    );
}

#[test]
fn unknown_keys_warn_with_the_nearest() {
    let config = Config::from_text(&format!(
        "{LOGIN}num_wrokers=3\ncomponentsdir=x\nselftest_timeout=10\n[integrations]\ntimout=3\n[free]\nanything=1\n"
    ))
    .unwrap();
    assert_eq!(
        texts(&config),
        [
            "app.config:5: [resilient] `num_wrokers` is not a known key and has no effect; did you mean `num_workers`?",
            "app.config:6: [resilient] `componentsdir` has no effect here: components are linked at compile time, no directory is searched for them",
            "app.config:9: [integrations] `timout` is not a known key and has no effect; did you mean `timeout`?",
        ]
    );
    assert_eq!(config.warnings()[1].severity(), Severity::Info);
}

#[test]
fn a_misspelt_key_is_named_beside_what_it_leaves_missing() {
    let text = Config::from_text("[resilient]\nhots=soar\napi_key_id=i\napi_key_secret=s3cret\n")
        .unwrap_err()
        .to_string();
    assert_eq!(
        text,
        "app.config:1: [resilient] host is missing; add host=<the platform's host name>
  also: app.config:2: [resilient] `hots` is not a known key and has no effect; did you mean `host`?"
    );
}

#[test]
fn secrets_come_from_the_environment_and_stay_hidden() {
    let place = Place::new(&[("KEY_SECRET", "fr0m-env"), ("TOKEN", "t0ken"), ("PORT", "8443")]);
    place.write(
        "cwd/app.config",
        "[resilient]\nhost=soar\napi_key_id=id\napi_key_secret=$KEY_SECRET\nport=$PORT\n\
         [c]\nurl=https://x/${TOKEN}/y\nnote=plain\npassword=typed\nproxy=http://u:pr0xy@p\nmapping=open\n",
    );
    let config = place.load().unwrap();
    assert_eq!(config.section("c").unwrap().get("url").as_deref(), Some("https://x/t0ken/y"));
    assert_eq!(config.settings().port, 8443);
    for secret in ["fr0m-env", "t0ken", "https://x/t0ken/y", "typed", "pr0xy"] {
        assert!(config.secrets().iter().any(|known| known == secret), "{secret}");
    }
    // A port is a number like others: hiding it would hide it everywhere.
    assert!(!config.secrets().iter().any(|known| known == "8443" || known == "plain" || known == "open"));
    for (key, shown) in
        [("url", "***"), ("password", "***"), ("proxy", "***"), ("note", "plain"), ("mapping", "open")]
    {
        assert_eq!(effective(&config, "c", key).0.as_deref(), Some(shown), "{key}");
    }
    assert_eq!(effective(&config, "resilient", "api_key_secret").0.as_deref(), Some("***"));
}

#[test]
fn a_missing_variable_leaves_the_text_and_is_told() {
    let config =
        Config::from_text(&format!("{LOGIN}[c]\na=$NOT_FOUND\npassword=$hunter2\nb=^VAULT\nc=^[0-9]+$\n"))
            .unwrap();
    assert_eq!(config.section("c").unwrap().get("a").as_deref(), Some("$NOT_FOUND"));
    let texts = texts(&config);
    assert_eq!(texts.len(), 3, "{texts:?}");
    assert!(texts[0].contains("app.config:6: [c]") && texts[0].contains("not set, NOT_FOUND;"), "{texts:?}");
    // What begins with $ may be the password itself.
    assert!(!texts[1].contains("hunter2"), "{texts:?}");
    assert!(texts[2].contains("password vault"), "{texts:?}");
}

#[test]
fn section_names_with_dots_and_case() {
    let config =
        Config::from_text(&format!("{LOGIN}[fn.main[0]]\nA=1\n[FN]\na=2\n[fn]\na=3\n[DEFAULT]\nd=4\n"))
            .unwrap();
    let names: Vec<_> = config.sections().map(Section::name).collect();
    assert_eq!(names, ["resilient", "fn.main[0]", "FN", "fn"]);
    let get = |section: &str, key: &str| config.section(section).and_then(|section| section.get(key));
    assert_eq!(get("fn.main[0]", "a").as_deref(), Some("1"));
    assert_eq!((get("FN", "a").as_deref(), get("fn", "a").as_deref()), (Some("2"), Some("3")));
    assert_eq!(get("fn", "d").as_deref(), Some("4"));
    assert!(config.section("Fn").is_none());
    assert_eq!(config.section("fn").unwrap().keys().collect::<Vec<_>>(), ["a", "d"]);
}

#[test]
fn real_files() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/configs");
    if !folder.is_dir() {
        println!("skipped: no ../shared/data");
        return;
    }
    let load = |name: &str| Config::from_text(&fs::read_to_string(folder.join(name)).unwrap()).unwrap();
    let mock = load("mock_app_config");
    let settings = mock.settings();
    assert_eq!(
        (settings.num_workers, settings.log_max_bytes, settings.log_backup_count),
        (50, 20_000_000, 11)
    );
    assert_eq!(mock.section("integrations").unwrap().get("timeout").as_deref(), Some("50"));
    let commented = load("mock_commented_app_config");
    let settings = commented.settings();
    assert_eq!(
        (settings.num_workers, settings.log_max_bytes, settings.log_backup_count),
        (25, 10_000_000, 10)
    );
    assert_eq!(commented.section("integrations").unwrap().keys().count(), 0);
    let lookup = load("example_file-lookup_app.config");
    assert_eq!(lookup.section("lookup").unwrap().get("queue").as_deref(), Some("filelookup"));
    assert!(matches!(lookup.settings().credentials, Credentials::User { .. }));
    load("app.config.base_v51");
    load("example_taskadd_app.config");
}

/// The sample with every setting uncommented: a line `#key=value` is a setting, a line `# text` is not.
fn whole_sample() -> String {
    let uncomment = |line: &str| match line.strip_prefix('#') {
        Some(rest) if rest.starts_with(|c: char| c.is_ascii_lowercase()) => rest.to_owned(),
        _ => line.to_owned(),
    };
    sample().lines().map(uncomment).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_sample_shows_every_setting_with_its_default() {
    let (ini, faults) = ini::Ini::parse(&whole_sample());
    assert_eq!(faults, []);
    let [resilient, integrations] = &ini.sections[..] else { panic!("two sections") };
    let shown: Vec<&str> = resilient.items.iter().map(|item| item.key.as_str()).collect();
    assert_eq!(shown, keys().map(Key::name).collect::<Vec<_>>(), "the table's keys in the table's order");
    for (key, item) in keys().zip(&resilient.items) {
        // Without a default: the sample shows an invented value, or nothing.
        assert!(key.default_text().is_none_or(|default| item.value == default), "{}", key.name());
    }
    assert_eq!(integrations.items.len(), table::INTEGRATIONS.len());
}

#[test]
fn the_sample_can_be_used_as_it_is_and_uncommented() {
    let plain = Config::from_text(&sample()).unwrap();
    let full = Config::from_text(&whole_sample()).unwrap();
    assert_eq!(full.settings().num_workers, plain.settings().num_workers);
    for config in [plain, full] {
        assert!(texts(&config).iter().all(|text| !text.contains("not a known key")), "{:?}", texts(&config));
    }
}

#[test]
fn a_switch_of_the_python_runner_is_not_a_secret_by_its_name() {
    let config =
        Config::from_text("[resilient]\nhost=h\napi_key_id=i\napi_key_secret=s\nno_prompt_password=false\n")
            .unwrap();
    assert!(!config.secrets().iter().any(|secret| secret == "false"), "{:?}", config.secrets().len());
}

#[test]
fn a_section_in_other_letters_is_pointed_out() {
    let config =
        Config::from_text("[resilient]\nhost=h\napi_key_id=i\napi_key_secret=s\n[Integrations]\ntimeout=1\n");
    let texts = texts(&config.unwrap());
    assert!(
        texts
            .iter()
            .any(|text| text.ends_with("5: [Integrations] is not read; did you mean [integrations]?")),
        "{texts:?}"
    );
}

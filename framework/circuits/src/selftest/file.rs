//! Checks app.config alone, without a platform, and reports everything that is wrong with it in one go.

use std::path::{Path, PathBuf};

use super::{certificates, folders};
use crate::config::{Config, Section, Sources};
use crate::extension::extensions;
use crate::registry::{Registration, select};
use crate::runtime::requirements::missing_keys;
use crate::store::check_store;

/// The value of `host` in app.config.example.
const EXAMPLE_HOST: &str = "resilient.example.com";

/// What [`check_config`] found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checked {
    /// The file, if there is one.
    pub file: Option<PathBuf>,
    /// The faults that keep a runner from starting, each with its place and its cure.
    pub faults: Vec<String>,
    /// What an operator should know as well.
    pub warnings: Vec<String>,
    /// What was found in order, where that is worth a line.
    pub notes: Vec<String>,
}

/// Reads a configuration as a runner of these components does, and reports everything at once: lines that cannot be read,
/// values that are not allowed, files and folders that it names and that cannot be used, required keys that are missing.
///
/// The values of the components' own sections are not checked: that needs their constructors, and those need a platform.
pub async fn check_config(sources: &Sources, linked: &[&'static Registration]) -> Checked {
    let (config, faults) = Config::examine(sources);
    let mut checked =
        Checked { faults: faults.iter().map(ToString::to_string).collect(), ..Checked::default() };
    let Some(config) = config else { return checked };
    checked.file = config.file().map(Path::to_owned);
    checked.warnings.extend(config.warnings().iter().map(ToString::to_string));
    checked.warnings.extend(checked.file.as_deref().and_then(readable_by_others));
    let settings = config.settings();
    let resilient = config.section_or_empty("resilient");
    if settings.host == EXAMPLE_HOST {
        checked.faults.push(at(
            &resilient,
            "host",
            &format!("host = `{EXAMPLE_HOST}` is the example's; set host=<the platform's host name>"),
        ));
    }
    checked.faults.extend(certificates::faults(settings, &resilient).await);
    checked.faults.extend(folders::faults(settings, &resilient));
    let registrations = match select(linked, &settings.noload) {
        Ok(registrations) => registrations,
        Err(error) => {
            checked.faults.push(at(&resilient, "noload", &error.to_string()));
            linked.to_vec()
        }
    };
    checked.faults.extend(check_store(&config).err().map(|error| error.to_string()));
    for extension in extensions().iter().filter(|one| settings.noload.iter().all(|name| name != one.name())) {
        let found = extension.checked(&config);
        checked.faults.extend(found.faults);
        checked.warnings.extend(found.warnings);
        checked.notes.extend(found.notes);
    }
    for registration in registrations {
        let section = config.section_or_empty(registration.section());
        let missing = missing_keys(registration, &config);
        checked.faults.extend(missing.iter().map(|text| at(&section, "", text)));
        if !section.is_present() && !registration.config_text().is_empty() {
            checked.warnings.push(format!(
                "there is no section [{}] for the component `{}`, so it runs with its defaults; `circuits config -u` adds it",
                section.name(),
                registration.name()
            ));
        }
    }
    checked
}

/// `file:line: [section] text`, with the line of the key if it has one, otherwise that of the section.
pub(super) fn at(section: &Section, key: &str, text: &str) -> String {
    let own = section.origin(key).filter(|origin| *origin != "default");
    format!("{}: [{}] {text}", own.unwrap_or(&section.origin), section.name())
}

#[cfg(unix)]
fn readable_by_others(file: &Path) -> Option<String> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = std::fs::metadata(file).ok()?.permissions().mode() & 0o777;
    (mode & 0o004 != 0).then(|| {
        format!(
            "{} may hold secrets and everybody on this machine can read it (mode {mode:03o}); run `chmod 600` on it",
            file.display()
        )
    })
}

#[cfg(not(unix))]
fn readable_by_others(_: &Path) -> Option<String> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Component, Error, Setup};

    fn none(_: &Setup) -> crate::Result<Component> {
        Err(Error::new("not built here"))
    }
    static DEMANDING: Registration =
        Registration::new("demanding", none).config("[mail]\nserver=mx.example.com\n").requires(&["server"]);

    /// The faults of this text in a folder with these files.
    async fn faults_among(text: &str, files: &[(&str, &str)]) -> Vec<String> {
        let directory = tempfile::tempdir().unwrap();
        let place = format!("{}/", directory.path().display());
        for (name, content) in files {
            std::fs::write(directory.path().join(name), content).unwrap();
        }
        // Relative names would be those of the test's own folder.
        std::fs::write(directory.path().join("app.config"), text.replace("./", &place)).unwrap();
        let sources = Sources { cwd: directory.path().to_owned(), ..Sources::default() };
        let checked = check_config(&sources, &[&DEMANDING]).await;
        assert_eq!(checked.file, Some(directory.path().join("app.config")));
        checked.faults.iter().map(|fault| fault.replace(&place, "")).collect()
    }

    async fn faults(text: &str) -> Vec<String> {
        faults_among(&text.replace("[resilient]\n", "[resilient]\nlogdir=./logs\n"), &[]).await
    }

    #[tokio::test]
    async fn required_keys_are_told_beside_the_faults_of_the_file() {
        let found = faults("[resilient]\nhost=h\nport=x\n[mail]\nserver=mx.example.com\n").await;
        assert_eq!(found.len(), 3, "{found:#?}");
        assert!(found[0].starts_with("app.config:4: [resilient] port = `x`"), "{found:#?}");
        assert!(found[1].contains("credentials are missing"), "{found:#?}");
        assert!(
            found[2].starts_with("app.config:5: [mail] 'server' is mandatory and still has"),
            "{found:#?}"
        );
        let absent = faults("[resilient]\nhost=h\napi_key_id=i\napi_key_secret=s\n").await;
        assert!(
            absent[0].starts_with("app.config: [mail] 'server' is mandatory and is not set"),
            "{absent:#?}"
        );
    }

    const SOUND: &str = "[resilient]\nhost=h\napi_key_id=i\napi_key_secret=s\nlogdir=./logs\njournal=./j\n[mail]\nserver=mx\n";

    #[tokio::test]
    async fn files_and_folders_that_cannot_be_used_are_told() {
        assert_eq!(faults_among(SOUND, &[]).await, Vec::<String>::new());
        let files = [("text.pem", "not a certificate\n"), ("empty.pem", ""), ("file", "")];
        for (line, expected) in [
            ("cafile=./none.pem", "cafile = `none.pem` cannot be read: No such file"),
            ("cafile=./text.pem", "holds no certificate"),
            ("cafile=./empty.pem", "holds no certificate"),
            ("stomp_cafile=./text.pem", "stomp_cafile = `text.pem`: "),
            (
                "log_http_responses=./none",
                "log_http_responses = `none`: the recording needs a folder that exists",
            ),
            ("log_http_responses=./file", "needs a folder that exists"),
            ("test_actions=true\ntest_host=0.0.0.0", "test_host = `0.0.0.0` is not loopback"),
            ("noload=nobody", "noload names `nobody`"),
            ("test_actions=true\nhealth_port=8008", "test_port = 8008 are the same"),
            ("logfile=sub/app.log", "logfile = `sub/app.log`: the folder"),
        ] {
            let text = SOUND.replace("[mail]", &format!("{line}\n[mail]"));
            let found = faults_among(&text, &files).await;
            assert!(found.len() == 1 && found[0].contains(expected), "{line}: {found:#?}");
            assert!(
                found[0].starts_with("app.config:7") || found[0].starts_with("app.config:8"),
                "{found:#?}"
            );
        }
        for (from, to, expected) in [
            (
                "logdir=./logs",
                "logdir=./file/logs",
                "app.config:5: [resilient] logdir = `file/logs`: the log cannot be written, for file is not a folder",
            ),
            (
                "journal=./j",
                "journal=./file/j",
                "app.config:6: [resilient] journal = `file/j`: the journal cannot be written",
            ),
            ("journal=./j", "journal=./", "the journal cannot be written"),
            ("journal=./j", "journal=./text.pem", "would replace a file of another kind; name another file"),
        ] {
            let found = faults_among(&SOUND.replace(from, to), &files).await;
            assert!(found.len() == 1 && found[0].contains(expected), "{to}: {found:#?}");
        }
    }
}

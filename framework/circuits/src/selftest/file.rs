//! Checks app.config alone, without a platform: everything that is wrong with it in one go.

use std::path::{Path, PathBuf};

use crate::config::{Config, Section, Settings, Sources, Verify};
use crate::registry::{Registration, select};
use crate::runtime::requirements::missing_keys;

/// What `host` is in app.config.example.
const EXAMPLE_HOST: &str = "resilient.example.com";

/// What [`check_config`] found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checked {
    /// The file, if there is one.
    pub file: Option<PathBuf>,
    /// What keeps a runner from starting, each with its place and its cure.
    pub faults: Vec<String>,
    /// What an operator should know besides.
    pub warnings: Vec<String>,
}

/// Reads a configuration as a runner of these components does, and reports everything at once: lines that cannot be read,
/// values that are not allowed, files that it names and that are not there, required keys that are missing.
///
/// The values of the components' own sections are not judged: that takes their constructors, and those a platform.
pub fn check_config(sources: &Sources, linked: &[&'static Registration]) -> Checked {
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
    checked.faults.extend(unreadable(settings, &resilient));
    let registrations = match select(linked, &settings.noload) {
        Ok(registrations) => registrations,
        Err(error) => {
            checked.faults.push(at(&resilient, "noload", &error.to_string()));
            linked.to_vec()
        }
    };
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

/// `file:line: [section] text`, with the line of the key if it has one, else that of the section.
fn at(section: &Section, key: &str, text: &str) -> String {
    let own = section.origin(key).filter(|origin| *origin != "default");
    format!("{}: [{}] {text}", own.unwrap_or(&section.origin), section.name())
}

/// The files that `[resilient]` names and that cannot be read. What one key takes over from another is told once.
fn unreadable(settings: &Settings, section: &Section) -> Vec<String> {
    let ca = |verify: &Verify| match verify {
        Verify::CaFile(path) => Some(path.clone()),
        _ => None,
    };
    let rest = settings.client_auth.as_ref();
    let stomp = settings.stomp_client_auth.as_ref();
    let files = [
        ("cafile", ca(&settings.verify)),
        ("stomp_cafile", ca(&settings.stomp_verify)),
        ("client_auth_cert", rest.map(|client| client.cert.clone())),
        ("client_auth_key", rest.map(|client| client.key.clone())),
        ("stomp_client_auth_cert", stomp.map(|client| client.cert.clone())),
        ("stomp_client_auth_key", stomp.map(|client| client.key.clone())),
    ];
    let fault = |(key, path): (&str, Option<PathBuf>)| {
        let path = path.filter(|_| section.origin(key).is_some_and(|origin| origin != "default"))?;
        let error = std::fs::read(&path).err()?;
        let text = format!("{key} = `{}` cannot be read: {error}; name a PEM file", path.display());
        Some(at(section, key, &text))
    };
    files.into_iter().filter_map(fault).collect()
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

    fn faults(text: &str) -> Vec<String> {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("app.config"), text).unwrap();
        let sources = Sources { cwd: directory.path().to_owned(), ..Sources::default() };
        let place = format!("{}/", directory.path().display());
        let checked = check_config(&sources, &[&DEMANDING]);
        assert_eq!(checked.file, Some(directory.path().join("app.config")));
        checked.faults.iter().map(|fault| fault.replace(&place, "")).collect()
    }

    #[test]
    fn required_keys_are_told_beside_the_faults_of_the_file() {
        let found = faults("[resilient]\nhost=h\nport=x\n[mail]\nserver=mx.example.com\n");
        assert_eq!(found.len(), 3, "{found:#?}");
        assert!(found[0].starts_with("app.config:3: [resilient] port = `x`"), "{found:#?}");
        assert!(found[1].contains("credentials are missing"), "{found:#?}");
        assert!(
            found[2].starts_with("app.config:4: [mail] 'server' is mandatory and still has"),
            "{found:#?}"
        );
        let absent = faults("[resilient]\nhost=h\napi_key_id=i\napi_key_secret=s\n");
        assert!(
            absent[0].starts_with("app.config: [mail] 'server' is mandatory and is not set"),
            "{absent:#?}"
        );
    }
}

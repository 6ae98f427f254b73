//! The section `[consumer]`: its values, the bounds that it sets to each run, and the environment that
//! programs see.

use std::ffi::OsString;
use std::time::Duration;

use circuits::prelude::*;
use serde::Deserialize;

/// Variables that every program sees, if the runner has them.
const KEPT: [&str; 2] = ["PATH", "LANG"];

/// Variables that are a folder of each run's own.
pub(crate) const OWN: [&str; 2] = ["HOME", "TMPDIR"];

#[derive(Deserialize)]
#[serde(default)]
struct Settings {
    consumers: String,
    /// Seconds.
    timeout: u64,
    memory_mb: u64,
    output_kb: u64,
    files_mb: u64,
    max_files: u64,
    environment: Vec<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            consumers: String::new(),
            timeout: 300,
            memory_mb: 1024,
            output_kb: 100,
            files_mb: 100,
            max_files: 100,
            environment: Vec::new(),
        }
    }
}

/// The bounds of a run; sizes are in bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub(crate) time: Duration,
    /// Address space of each process.
    pub(crate) memory: u64,
    /// Output that is kept.
    pub(crate) output: usize,
    /// All downloads together, all uploads together, and each file that the program writes.
    pub(crate) files: u64,
    /// Number of downloads, and of uploads.
    pub(crate) count: usize,
}

/// The variables that every program sees; the runner's others may be secrets.
pub(crate) struct Environment(Vec<(String, OsString)>);

impl Environment {
    /// # Errors
    /// Names a variable that a run sets itself, or that is not set.
    fn new(names: Vec<String>) -> Result<Self> {
        let mut variables: Vec<_> =
            KEPT.iter().filter_map(|name| Some(((*name).to_owned(), std::env::var_os(name)?))).collect();
        for name in names {
            if OWN.contains(&name.as_str()) {
                return Err(Error::new(format_args!(
                    "environment in [consumer] names {name}, which is a folder of each run's own; remove it"
                )));
            }
            // A NUL or an = would be no name; asking the environment for it must not be tried.
            let value = Some(&name).filter(|name| !name.contains(['=', '\0'])).and_then(std::env::var_os);
            let value = value.ok_or_else(|| {
                Error::new(format_args!(
                    "environment in [consumer] names {name}, which is not set; \
                     set it for the runner, or remove it"
                ))
            })?;
            variables.push((name, value));
        }
        Ok(Self(variables))
    }

    pub(crate) fn variables(&self) -> impl Iterator<Item = (&String, &OsString)> {
        self.0.iter().map(|(name, value)| (name, value))
    }
}

/// The list of consumers, the bounds and the environment.
///
/// # Errors
/// Names the key that is out of its range or invalid.
pub(crate) fn read(setup: &Setup) -> Result<(String, Bounds, Environment)> {
    let settings: Settings = setup.settings()?;
    for (key, value, least, most) in [
        ("timeout", settings.timeout, 1, 86_400),
        ("memory_mb", settings.memory_mb, 16, 1_048_576),
        ("output_kb", settings.output_kb, 1, 10_000),
        ("files_mb", settings.files_mb, 1, 10_000),
        ("max_files", settings.max_files, 1, 10_000),
    ] {
        if !(least..=most).contains(&value) {
            return Err(Error::new(format_args!(
                "{key} in [consumer] must be in the range {least} to {most}"
            )));
        }
    }
    let bounds = Bounds {
        time: Duration::from_secs(settings.timeout),
        memory: settings.memory_mb << 20,
        output: usize::try_from(settings.output_kb << 10)?,
        files: settings.files_mb << 20,
        count: usize::try_from(settings.max_files)?,
    };
    Ok((settings.consumers, bounds, Environment::new(settings.environment)?))
}

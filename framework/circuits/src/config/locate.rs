//! Which app.config is read, and how it is read from disk.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::error::Fault;
use super::values;

/// Where a configuration comes from. Nothing else is looked at: the caller passes in what the process has.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// The file named on the command line; the search order is not used then.
    pub config_file: Option<PathBuf>,
    /// Environment variables.
    pub env: BTreeMap<String, String>,
    /// Home directory, for `~` and `~/.resilient/app.config`.
    pub home: Option<PathBuf>,
    /// Working directory, for `app.config` and relative names of the file.
    pub cwd: PathBuf,
    /// Keys of `[resilient]` given on the command line (`-` counts as `_`) with their values; the last one wins.
    pub overrides: Vec<(String, String)>,
}

impl Sources {
    /// What this process has: its environment, home and working directory.
    ///
    /// # Errors
    /// When the working directory is gone.
    pub fn of_process() -> std::io::Result<Self> {
        let utf8 = |text: OsString| text.into_string().ok();
        Ok(Self {
            env: std::env::vars_os().filter_map(|(name, value)| Some((utf8(name)?, utf8(value)?))).collect(),
            home: std::env::home_dir(),
            cwd: std::env::current_dir()?,
            ..Self::default()
        })
    }

    /// The file to read.
    ///
    /// # Errors
    /// The places that were looked at in vain.
    pub fn locate(&self) -> Result<PathBuf, Vec<PathBuf>> {
        if let Some(path) = &self.config_file {
            return Ok(self.absolute(path));
        }
        if let Some(path) = self.env.get("APP_CONFIG_FILE").filter(|path| !path.is_empty()) {
            return Ok(self.absolute(Path::new(path)));
        }
        let mut places = vec![self.cwd.join("app.config")];
        places.extend(self.home.as_ref().map(|home| home.join(".resilient").join("app.config")));
        match places.iter().find(|path| path.is_file()) {
            Some(path) => Ok(path.clone()),
            None => Err(places),
        }
    }

    fn absolute(&self, path: &Path) -> PathBuf {
        let path =
            path.to_str().map_or_else(|| path.to_owned(), |text| values::path(text, self.home.as_deref()));
        self.cwd.join(path)
    }
}

/// Reads a file that must exist and be UTF-8.
pub(crate) fn read(path: &Path) -> Result<String, Fault> {
    let fault = |text: String| Fault::new(&path.display().to_string(), "", "", text);
    let bytes = std::fs::read(path).map_err(|error| fault(format!("cannot be read: {error}")))?;
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let line = error.as_bytes().iter().take(at).filter(|&&byte| byte == b'\n').count() + 1;
        fault(format!("is not UTF-8 text in line {line}; save it with UTF-8 encoding"))
    })
}

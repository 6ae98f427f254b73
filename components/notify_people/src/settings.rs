//! The section `[notify]`.

use std::path::PathBuf;
use std::time::Duration;

use circuits::prelude::*;
use serde::Deserialize;

/// It has no `Debug`, because it contains secrets.
#[derive(Deserialize)]
#[serde(default)]
pub(crate) struct Settings {
    pub(crate) smtp_host: Option<String>,
    /// The default depends on `smtp_security`.
    pub(crate) smtp_port: Option<u16>,
    pub(crate) smtp_security: Security,
    pub(crate) smtp_user: Option<String>,
    pub(crate) smtp_password: Option<String>,
    pub(crate) mail_from: Option<String>,
    pub(crate) mail_to: Vec<String>,
    pub(crate) mail_subject: String,
    pub(crate) mail_template: Option<PathBuf>,
    pub(crate) webhook_url: Option<String>,
    pub(crate) webhook_template: Option<PathBuf>,
    /// Seconds.
    pub(crate) time_limit: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            smtp_host: None,
            smtp_port: None,
            smtp_security: Security::default(),
            smtp_user: None,
            smtp_password: None,
            mail_from: None,
            mail_to: Vec::new(),
            mail_subject: "[Incident {{ incident.id }}] {{ incident.name }}".to_owned(),
            mail_template: None,
            webhook_url: None,
            webhook_template: None,
            time_limit: 30,
        }
    }
}

impl Settings {
    pub(crate) fn time_limit(&self) -> Result<Duration> {
        if (1..=600).contains(&self.time_limit) {
            Ok(Duration::from_secs(self.time_limit))
        } else {
            Err(Error::new("time_limit must be in the range 1 to 600 (seconds)"))
        }
    }
}

/// How the connection to the mail server is protected.
#[derive(Clone, Copy, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Security {
    /// STARTTLS: the connection switches to TLS; if the server does not offer that, nothing is sent.
    #[default]
    Starttls,
    /// TLS from the first byte.
    Tls,
    /// No encryption.
    None,
}

//! A second platform or organisation that a component talks to, described by a section of its own.

use circuits_rest::{Client, Rest};
use tokio::sync::OnceCell;

use crate::config::{Config, ConfigError};
use crate::runtime::connect;
use crate::{Result, RunError};

/// Another platform; made by [`Setup::platform`](crate::Setup::platform).
///
/// It logs in when it is first used, once for all handlers. The runner's own platform has [`Setup::rest`](crate::Setup::rest)
/// and, in handlers, [`Action::rest`](crate::Action::rest).
pub struct Platform {
    section: String,
    config: Config,
    client: OnceCell<Client>,
}

impl Platform {
    pub(crate) fn new(config: &Config, section: &str) -> Result<Self, ConfigError> {
        Ok(Self { section: section.to_owned(), config: config.platform(section)?, client: OnceCell::new() })
    }

    /// A client of it. It carries no context token: that of an action belongs to the platform that sent the action.
    ///
    /// # Errors
    /// When the login fails; the next call tries again.
    pub async fn rest(&self) -> Result<Rest> {
        let connect = || Client::connect(connect::rest_options(self.config.settings(), |_| {}));
        let client = self.client.get_or_try_init(connect).await.map_err(RunError::rest);
        let client = client.map_err(|error| {
            crate::Error::from(error)
                .context(format_args!("Logging in with the section [{}] failed", self.section))
        })?;
        Ok(client.with_token(None))
    }
}

impl std::fmt::Debug for Platform {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Platform").field("section", &self.section).finish_non_exhaustive()
    }
}

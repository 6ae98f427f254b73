//! Names that the prompt completes: those on the platform of app.config, if there is one.

use std::sync::{Arc, PoisonError, RwLock};

use circuits::Rest;

use crate::cli::Target;

/// Names of the platform; empty until it has answered.
#[derive(Clone, Debug, Default)]
pub(super) struct Names(Arc<RwLock<Known>>);

/// The names of the platform.
#[derive(Clone, Debug, Default)]
pub(super) struct Known {
    pub(super) destinations: Vec<String>,
    pub(super) rules: Vec<String>,
    pub(super) functions: Vec<String>,
}

impl Names {
    /// Asks the platform in the background. Without a platform, nothing is completed and no error is shown.
    pub(super) fn of(target: &Target) -> Self {
        let names = Self::default();
        if let Ok(config) = target.config() {
            let names = names.clone();
            tokio::spawn(async move {
                if let Ok(rest) = circuits::login(&config, |_| {}).await {
                    let known = Known {
                        destinations: list(&rest, "/message_destinations", "programmatic_name").await,
                        rules: list(&rest, "/actions", "name").await,
                        functions: list(&rest, "/functions", "name").await,
                    };
                    *names.0.write().unwrap_or_else(PoisonError::into_inner) = known;
                }
            });
        }
        names
    }

    pub(super) fn known(&self) -> Known {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

async fn list(rest: &Rest, path: &str, key: &str) -> Vec<String> {
    let found = rest.list(path).await.unwrap_or_default();
    found.iter().filter_map(|one| one[key].as_str().map(str::to_owned)).collect()
}

//! Keeps secrets out of whatever people see: the one rule for the log, recordings, `config show` and the event log. A secret is
//! what the configuration or a login says it is, and what stands behind a name like `password`.

mod named;
mod names;
mod redactor;

pub(crate) use named::{named_secrets, secret_of_setting};
pub use names::is_secret_name;
pub use redactor::Redactor;

/// What stands in place of a secret.
pub(crate) const HIDDEN: &str = "***";

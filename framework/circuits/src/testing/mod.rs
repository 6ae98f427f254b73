//! Tests for components, without a server (feature `testing`).
//!
//! | level | what runs | for | how long |
//! |---|---|---|---|
//! | [`Kit`] | a handler, on a paused clock; calls to the platform are answered by a [`Mock`], without any network | what a handler answers and calls, conflicts, waits | milliseconds |
//! | [`Stage`] | runner and component on a whole platform in this process, over TLS | rules, fields, what is on the platform afterwards | a quarter of a second |
//! | [`replay_dir!`](crate::replay_dir) | each message of a folder that was recorded, with the platform's recorded answers | that a change of the component changes nothing else | milliseconds |
//!
//! In the component's Cargo.toml:
//!
//! ```toml
//! [dev-dependencies]
//! circuits = { path = "..", features = ["testing"] }
//! tokio = { version = "1", features = ["macros", "rt-multi-thread", "test-util"] }
//! ```
//!
//! They find the component by the name that it is registered with, so the test links it: `use my_component as _;`.
//!
//! For those who come from the Python client: `circuits_app` and `configure_resilient` are a [`Stage`] with its definitions,
//! `new_incident` is [`Builder::incident_with`], `ResilientMock` is a [`Mock`] and `@resilient_endpoint` its
//! [`on`](Mock::on).

mod kit;
mod recorded;
mod replay;
mod stage;

pub use circuits_sandbox::{
    Answer, Builder, Call, Invocation, Mock, MockServer, Rule, Sandbox, Status, Target,
};
pub use kit::{Done, Kit};
pub use recorded::recorded;
pub use replay::replay;
pub use stage::Stage;

use crate::config::Config;
use crate::{Error, Registration, Result, registrations};

/// The linked component with this name.
fn find(component: &str) -> Result<&'static Registration> {
    let linked = registrations();
    let names = || linked.iter().map(|one| one.name()).collect::<Vec<_>>().join(", ");
    linked.iter().find(|one| one.name() == component).copied().ok_or_else(|| {
        Error::new(format_args!(
            "No component `{component}` is linked into this test. Add `use <its crate> as _;`. Linked are: {}",
            names()
        ))
    })
}

/// A configuration for the component: these sections, or its own with its defaults.
fn configuration(registration: &Registration, resilient: &str, sections: &str) -> Result<Config> {
    let sections = if sections.trim().is_empty() { registration.config_text() } else { sections };
    Ok(Config::from_text(&format!("{resilient}{sections}"))?)
}

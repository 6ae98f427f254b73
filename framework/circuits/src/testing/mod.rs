//! The parts of `circuits-testing` that need to look into a component: the kit and the replay of recordings. Tests import them from
//! there.

mod kit;
mod recorded;
mod replay;

pub use circuits_sandbox::{
    Answer, Builder, Call, Invocation, Mock, MockServer, Rule, Sandbox, Status, Target,
};
pub use kit::{Done, Kit};
pub use recorded::recorded;
pub use replay::replay;

use crate::config::Config;
use crate::{Error, Registration, Result, registrations};

/// The linked component with this name.
///
/// # Errors
/// When it is not linked.
pub fn find(component: &str) -> Result<&'static Registration> {
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
///
/// # Errors
/// When the sections are invalid.
pub fn configuration(registration: &Registration, resilient: &str, sections: &str) -> Result<Config> {
    let sections = if sections.trim().is_empty() { registration.config_text() } else { sections };
    Ok(Config::from_text(&format!("{resilient}{sections}"))?)
}

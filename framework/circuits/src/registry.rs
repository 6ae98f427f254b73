//! The components linked into this binary: each registers itself at compile time, and the runner reads the list here.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::config::{Config, Section};
use crate::definitions::Definitions;
use crate::extension::extensions;
use crate::listener::listeners;
use crate::runtime::platform::Platform;
use crate::{Component, Error, Result};
use circuits_rest::Rest;
use serde::de::DeserializeOwned;

/// How a component makes itself known; const, so that [`register!`](crate::register) can place it at link time.
#[derive(Debug)]
pub struct Registration {
    name: &'static str,
    version: &'static str,
    build: fn(&Setup) -> Result<Component>,
    config: &'static str,
    requires: &'static [&'static str],
    definitions: Option<fn() -> Definitions>,
}

inventory::collect!(Registration);

impl Registration {
    /// A component with its name (as in `noload` and `circuits list`) and its constructor, which runs once at start.
    pub const fn new(name: &'static str, build: fn(&Setup) -> Result<Component>) -> Self {
        Self { name, version: "", build, config: "", requires: &[], definitions: None }
    }

    /// The component's version; usually `env!("CARGO_PKG_VERSION")`.
    #[must_use]
    pub const fn version(mut self, version: &'static str) -> Self {
        self.version = version;
        self
    }

    /// The component's section of app.config with its defaults, as a user should find it in a new file.
    #[must_use]
    pub const fn config(mut self, text: &'static str) -> Self {
        self.config = text;
        self
    }

    /// Keys of the component's section that must be set, to something other than what the section's text has for them.
    /// If one is missing, the runner does not start, and names it along with everything else that is missing.
    #[must_use]
    pub const fn requires(mut self, keys: &'static [&'static str]) -> Self {
        self.requires = keys;
        self
    }

    /// What the component needs on the platform: destinations, fields, functions, rules, ...
    #[must_use]
    pub const fn definitions(mut self, definitions: fn() -> Definitions) -> Self {
        self.definitions = Some(definitions);
        self
    }

    /// The component's name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The component's version; empty if it gave none.
    pub fn component_version(&self) -> &'static str {
        self.version
    }

    /// The component's section text for a new app.config; empty if it has none.
    pub fn config_text(&self) -> &'static str {
        self.config
    }

    /// The value that the section's text has for a key.
    pub(crate) fn example(&self, key: &str) -> Option<&'static str> {
        let pairs = self.config.lines().filter_map(|line| line.split_once('='));
        pairs.into_iter().find(|(name, _)| name.trim() == key).map(|(_, value)| value.trim())
    }

    /// Keys of the component's section that must be set.
    pub fn required_keys(&self) -> &'static [&'static str] {
        self.requires
    }

    /// The name of the component's section in app.config: that of its section text, otherwise its own name.
    pub fn section(&self) -> &'static str {
        let header = self.config.lines().map(str::trim).find(|line| line.starts_with('['));
        header.and_then(|line| line.strip_prefix('[')?.strip_suffix(']')).unwrap_or(self.name)
    }

    /// What the component needs on the platform.
    pub fn platform_definitions(&self) -> Definitions {
        self.definitions.map_or_else(Definitions::default, |definitions| definitions())
    }

    pub(crate) fn build(&self, setup: &Setup) -> Result<Component> {
        let mut component = (self.build)(setup)?;
        if let Some(queue) =
            setup.section().and_then(|section| section.get("queue")).filter(|queue| !queue.is_empty())
        {
            component.destination = queue;
        }
        crate::component::check(self.name, &component)?;
        Ok(component)
    }
}

/// Registers a component with every binary that links its crate:
/// `register! { Registration::new("escalation", component).config(include_str!("app.config")) }`.
///
/// A Cargo dependency alone links nothing: the binary must also say `use <crate> as _;`.
#[macro_export]
macro_rules! register {
    ($registration:expr) => {
        $crate::__private::inventory::submit! { $registration }
    };
}

/// Makes a type of an extension's crate one that [`register!`](crate::register) takes, and a function that lists what is
/// registered:
///
/// ```
/// /// A feed of indicators.
/// pub struct Feed {
///     name: &'static str,
/// }
///
/// circuits::registry! {
///     /// Every linked feed, in no particular order.
///     pub fn feeds() -> Feed
/// }
///
/// circuits::register! { Feed { name: "daily" } }
///
/// assert_eq!(feeds().map(|feed| feed.name).collect::<Vec<_>>(), ["daily"]);
/// ```
#[macro_export]
macro_rules! registry {
    ($(#[$attribute:meta])* $visibility:vis fn $list:ident() -> $kind:ty) => {
        $crate::__private::inventory::collect!($kind);

        $(#[$attribute])*
        $visibility fn $list() -> impl Iterator<Item = &'static $kind> {
            $crate::__private::inventory::iter::<$kind>.into_iter()
        }
    };
}

/// Every linked registration, sorted by name.
pub fn registrations() -> Vec<&'static Registration> {
    let mut all: Vec<_> = inventory::iter::<Registration>.into_iter().collect();
    all.sort_by_key(|registration| registration.name);
    all
}

/// Refuses a `noload` that names anything but these components and the linked extensions, their parts, and listeners.
///
/// # Errors
/// The first name that nothing linked has, with all that could be meant.
pub fn check_noload(components: &[&'static Registration], noload: &[String]) -> Result<()> {
    let mut names: BTreeSet<_> = components.iter().map(|registration| registration.name).collect();
    names.extend(extensions().iter().map(|extension| extension.name()));
    names.extend(extensions().iter().flat_map(|extension| extension.part_names()));
    names.extend(listeners().iter().map(|listener| listener.name()));
    let Some(unknown) = noload.iter().find(|name| !names.contains(name.as_str())) else { return Ok(()) };
    let names = names.into_iter().collect::<Vec<_>>().join(", ");
    Err(Error::new(format_args!(
        "noload names `{unknown}`, which is neither a linked component nor an extension or a listener. Linked are: {names}. Correct or remove it in [resilient]"
    )))
}

/// The registrations that are to run: all except those that `noload` names.
///
/// # Errors
/// An empty registry, two components with the same name, a `noload` name that nothing linked has: each with its cure.
pub(crate) fn select(all: &[&'static Registration], noload: &[String]) -> Result<Vec<&'static Registration>> {
    if all.is_empty() {
        return Err(Error::new(
            "No components are linked into this binary. Add `use <component crate> as _;` (or `use components as _;`) to its \
             main.rs: a Cargo dependency alone registers nothing",
        ));
    }
    let mut names = BTreeSet::new();
    for registration in all {
        if !names.insert(registration.name) {
            return Err(Error::new(format_args!(
                "Two linked components are named `{}`. Rename one in its `register!`, or unlink one",
                registration.name
            )));
        }
    }
    check_noload(all, noload)?;
    let left: Vec<_> = all.iter().copied().filter(|r| !noload.iter().any(|name| name == r.name)).collect();
    if left.is_empty() {
        return Err(Error::new(
            "noload names every linked component, so nothing would run. Remove a name from it in [resilient]",
        ));
    }
    Ok(left)
}

/// What a component's constructor is given.
#[derive(Debug)]
pub struct Setup {
    registration: &'static Registration,
    config: Arc<Config>,
    rest: Rest,
}

impl Setup {
    pub(crate) fn new(registration: &'static Registration, config: Arc<Config>, rest: Rest) -> Self {
        Self { registration, config, rest }
    }

    /// The component's section of app.config as a struct of its own. A missing section reads as an empty one.
    ///
    /// # Errors
    /// Names section, key, file and line of a value that is missing or invalid.
    pub fn settings<T: DeserializeOwned>(&self) -> Result<T> {
        Ok(self.config.section_or_empty(self.registration.section()).settings()?)
    }

    /// The component's section of app.config, key by key.
    pub fn section(&self) -> Option<&Section> {
        self.config.section(self.registration.section())
    }

    /// The whole configuration.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Another platform or organisation, described by a section with keys as in `[resilient]`: `host`, `port`, `org`, `api_key_id`
    /// and `api_key_secret` or `email` and `password`, `cafile`, and so on. Other keys of the section are the component's own.
    ///
    /// # Errors
    /// What is missing or wrong in the section, with file and line.
    pub fn platform(&self, section: &str) -> Result<Platform> {
        Ok(Platform::new(&self.config, section)?)
    }

    /// A REST client without a context token, for look-ups at start and background work.
    pub fn rest(&self) -> &Rest {
        &self.rest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn none(_: &Setup) -> Result<Component> {
        Err(Error::new("not built here"))
    }
    static A: Registration = Registration::new("a", none).config("# c\n[first]\nx=1\n[second]\n");
    static B: Registration = Registration::new("b", none);

    #[test]
    fn section_is_the_first_of_the_text_or_the_name() {
        assert_eq!((A.section(), B.section()), ("first", "b"));
    }

    #[test]
    fn refusals_name_the_cure() {
        let text = |all: &[&'static Registration], noload: &[&str]| {
            select(all, &noload.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>()).unwrap_err().to_string()
        };
        assert!(text(&[], &[]).contains("use components as _;"));
        assert!(text(&[&A, &A], &[]).contains("Two linked components are named `a`"));
        assert!(text(&[&A, &B], &["c"]).contains("Linked are: a, b"));
        assert!(text(&[&A], &["a"]).contains("every linked component"));
        let left = select(&[&A, &B], &["a".to_owned()]).unwrap();
        assert_eq!(left.iter().map(|r| r.name()).collect::<Vec<_>>(), ["b"]);
    }
}

//! What a reload can replace while messages are handled: the configuration and the components.

use std::sync::Arc;

use circuits_rest::Client;
use tokio_util::sync::{CancellationToken, DropGuard};
use tracing::info;

use crate::component::Timer;
use crate::config::Config;
use crate::registry::{Registration, Setup};
use crate::runtime::requirements::{missing_fields, missing_keys};
use crate::runtime::routes::Routes;
use crate::{Component, Error, RunError};

/// The configuration and the components as they are now.
pub(crate) struct Live {
    pub(crate) config: Arc<Config>,
    pub(crate) routes: Routes,
    loaded: Vec<Arc<Loaded>>,
}

/// A component; its timers end with it.
pub(crate) struct Loaded {
    pub(crate) registration: &'static Registration,
    pub(crate) component: Component,
    replaced: CancellationToken,
    _on_drop: DropGuard,
}

impl Live {
    /// Builds the components and checks what they require.
    ///
    /// # Errors
    /// All faults of all components together.
    pub(crate) async fn build(
        config: &Arc<Config>,
        registrations: &[&'static Registration],
        client: &Client,
    ) -> Result<Self, RunError> {
        let built = registrations.iter().map(|registration| construct(registration, config, client));
        Self::assemble(config, client, built.collect()).await
    }

    /// The same with the components rebuilt whose section has `changed`; the others keep their state.
    ///
    /// # Errors
    /// As for [`build`](Self::build).
    pub(crate) async fn rebuild(
        &self,
        config: &Arc<Config>,
        client: &Client,
        changed: impl Fn(&str) -> bool,
    ) -> Result<Self, RunError> {
        let again = |old: &Arc<Loaded>| {
            if !changed(old.registration.section()) {
                return Ok(Arc::clone(old));
            }
            let mut new = construct(old.registration, config, client)?;
            if let Some(new) = Arc::get_mut(&mut new) {
                // Another destination needs another subscription, and that needs a restart.
                new.component.destination.clone_from(&old.component.destination);
            }
            Ok(new)
        };
        Self::assemble(config, client, self.loaded.iter().map(again).collect()).await
    }

    async fn assemble(
        config: &Arc<Config>,
        client: &Client,
        built: Vec<Result<Arc<Loaded>, Vec<String>>>,
    ) -> Result<Self, RunError> {
        let mut faults = Vec::new();
        let mut loaded = Vec::with_capacity(built.len());
        for result in built {
            result.map_or_else(|found| faults.extend(found), |component| loaded.push(component));
        }
        let required = loaded.iter().flat_map(|one: &Arc<Loaded>| {
            one.component.required.iter().map(|field| (one.registration.name(), field))
        });
        faults.extend(missing_fields(&client.with_token(None), required).await.map_err(RunError::rest)?);
        if !faults.is_empty() {
            return Err(RunError::components(report(&faults)));
        }
        let components = loaded.iter().map(|one| (one.registration.name(), &one.component));
        let routes = Routes::new(components).map_err(RunError::components)?;
        Ok(Self { config: Arc::clone(config), routes, loaded })
    }

    /// The timers of components that `before` does not have, each with the token that ends it.
    pub(crate) fn new_timers<'a>(
        &'a self,
        before: Option<&'a Self>,
    ) -> impl Iterator<Item = (&'static str, &'a Timer, &'a CancellationToken)> {
        let old = move |one: &Arc<Loaded>| {
            before.is_some_and(|before| before.loaded.iter().any(|other| Arc::ptr_eq(one, other)))
        };
        self.loaded.iter().filter(move |one| !old(one)).flat_map(|one| {
            one.component.timers.iter().map(|timer| (one.registration.name(), timer, &one.replaced))
        })
    }

    /// The components.
    pub(crate) fn loaded(&self) -> &[Arc<Loaded>] {
        &self.loaded
    }

    /// The names of the sections that belong to its components.
    pub(crate) fn sections(&self) -> impl Iterator<Item = &'static str> {
        self.loaded.iter().map(|one| one.registration.section())
    }
}

/// Builds one component.
///
/// # Errors
/// The required keys that are missing, or why its constructor failed.
pub(crate) fn construct(
    registration: &'static Registration,
    config: &Arc<Config>,
    client: &Client,
) -> Result<Arc<Loaded>, Vec<String>> {
    let missing = missing_keys(registration, config);
    if !missing.is_empty() {
        return Err(missing);
    }
    let setup = Setup::new(registration, Arc::clone(config), client.with_token(None));
    let component = registration.build(&setup).map_err(|error| {
        let (name, version) = (registration.name(), registration.component_version());
        vec![error.context(format_args!("Failed to load the component `{name}` {version}")).to_string()]
    })?;
    info!(component = registration.name(), destination = component.destination, "Component loaded");
    let replaced = CancellationToken::new();
    Ok(Arc::new(Loaded { registration, component, _on_drop: replaced.clone().drop_guard(), replaced }))
}

fn report(faults: &[String]) -> Error {
    match faults {
        [only] => Error::new(only),
        _ => Error::new(format_args!("{} faults:\n- {}", faults.len(), faults.join("\n- "))),
    }
}

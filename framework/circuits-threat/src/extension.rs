//! The extension: opens the linked services, mounts their paths, and runs lookups on a thread of its own.

use std::sync::Arc;

use circuits::Error;
use circuits::config::Config;
use circuits::extension::{Context, Extension, ExtensionFuture, Findings, Opened, own_thread};
use tracing::{info, warn};

use crate::engine::{Engine, Jobs};
use crate::http::Side;
use crate::service::{self, Service, threat_services};
use crate::settings::{self, SECTION, Settings};

/// How much less urgent than messages all of this is to the system (nice value).
const NICENESS: i32 = 10;

circuits::register! {
    Extension::new("threat", |config| Box::pin(std::future::ready(open(config))))
        .version(env!("CARGO_PKG_VERSION"))
        .about("answers the platform's questions about artifacts: custom threat services")
        .parts(|| threat_services().map(crate::ThreatService::name).collect())
        .check(check)
}

/// The services that are to run, with the settings; `None` if none is.
fn ready(config: &Config) -> Result<Option<(Vec<Service>, Settings)>, Vec<String>> {
    let wanted = service::wanted(config);
    if wanted.is_empty() {
        return Ok(None);
    }
    if config.settings().http_port.is_none() {
        if !config.section_or_empty(SECTION).is_present() {
            return Ok(None);
        }
        let names: Vec<_> = wanted.iter().map(|service| service.name()).collect();
        return Err(vec![format!(
            "[{SECTION}]: the platform asks threat services ({}) over HTTP, and no port is open: set http_port= in [resilient], or \
             name them in noload=",
            names.join(", ")
        )]);
    }
    match (service::open(&wanted, config), settings::read(config)) {
        (Ok(services), Ok(settings)) => Ok(Some((services, settings))),
        (services, settings) => {
            let faults = services.err().into_iter().chain(settings.err());
            Err(faults.flatten().collect())
        }
    }
}

fn check(config: &Config) -> Findings {
    let mut findings = Findings::default();
    match ready(config) {
        Ok(Some((services, settings))) => {
            let shown = services.iter().map(|service| format!("{} ({})", service.name, service.kinds()));
            findings.notes.push(format!("threat services: {}", shown.collect::<Vec<_>>().join(", ")));
            findings.warnings.extend(without_files(&services, &settings));
        }
        Ok(None) if config.section_or_empty(SECTION).is_present() => findings.warnings.push(format!(
            "[{SECTION}] is of no use: no linked threat service is to run. Link one with `use <crate> as _;`, remove it from noload=, \
             or remove the section"
        )),
        Ok(None) => {}
        Err(faults) => findings.faults = faults,
    }
    findings
}

/// The services that want files and get none.
fn without_files(services: &[Service], settings: &Settings) -> Option<String> {
    let names: Vec<_> =
        services.iter().filter(|service| service.files).map(|service| service.name.as_str()).collect();
    (!settings.upload_file && !names.is_empty()).then(|| {
        format!(
            "threat services that want files get none ({}): set upload_file=true in [{SECTION}]",
            names.join(", ")
        )
    })
}

fn open(config: &Config) -> circuits::Result<Option<Box<dyn Opened>>> {
    let ready = ready(config).map_err(|faults| Error::new(faults.join("\n")))?;
    let Some((services, settings)) = ready else { return Ok(None) };
    if let Some(warning) = without_files(&services, &settings) {
        warn!("{warning}");
    }
    for Service { name, about, .. } in &services {
        info!(about, "Threat service {}/{name}", settings.urlbase);
    }
    Ok(Some(Box::new(Ready { services, settings: Arc::new(settings), work: None })))
}

/// All that is needed, but for the runner.
struct Ready {
    services: Vec<Service>,
    settings: Arc<Settings>,
    work: Option<(Arc<Engine>, Jobs)>,
}

impl Opened for Ready {
    fn attach(&mut self, context: &Context) {
        let health = context.health().clone();
        let count = Box::new(move |name| health.count(name, 1));
        let services = std::mem::take(&mut self.services);
        let (engine, jobs) = Engine::new(services, self.settings.limits.clone(), count);
        let side = Side { engine: Arc::clone(&engine), settings: Arc::clone(&self.settings) };
        // With credentials of its own it looks at each request itself; otherwise the accounts decide, once there are any.
        let mount = side.mount();
        context.web().mount(if self.settings.login.is_some() { mount.open() } else { mount });
        self.work = Some((engine, jobs));
    }

    fn run(self: Box<Self>, context: Context) -> ExtensionFuture<'static, ()> {
        Box::pin(async move {
            let Some((engine, jobs)) = self.work else { return };
            let run = async move {
                tokio::select! {
                    () = engine.run(jobs) => {}
                    () = context.stopped() => {}
                }
            };
            own_thread("threat", NICENESS, || run).await;
        })
    }
}

#[cfg(test)]
#[path = "extension_tests.rs"]
mod tests;

//! How a threat service makes itself known, and the services that run.

use std::collections::BTreeSet;

use circuits::Result;
use circuits::config::Config;

use crate::settings::is_segment;
use crate::{Artifact, Searcher};

/// Makes the searcher of a service. It reads settings of its own, such as `config.section_or_empty("my_service").settings()?`, and
/// connects to nothing: `circuits config check` calls it too.
pub type OpenSearcher = fn(&Config) -> Result<Searcher>;

/// A custom threat service; const, so that [`register!`](circuits::register) can place it at link time.
#[derive(Debug)]
pub struct ThreatService {
    name: &'static str,
    about: &'static str,
    artifacts: &'static [&'static str],
    files: bool,
    open: OpenSearcher,
}

circuits::registry! {
    /// Every linked threat service, in no particular order.
    pub fn threat_services() -> ThreatService
}

impl ThreatService {
    /// A service with its name, which is the last part of its URL and stands for it in `noload`.
    pub const fn new(name: &'static str, open: OpenSearcher) -> Self {
        Self { name, about: "", artifacts: &[], files: false, open }
    }

    /// What it knows, in a few words.
    #[must_use]
    pub const fn about(mut self, about: &'static str) -> Self {
        self.about = about;
        self
    }

    /// The types of artifacts that it looks up. About others the platform hears at once that there is nothing. Without this
    /// they are the types that have a handler.
    #[must_use]
    pub const fn artifacts(mut self, kinds: &'static [&'static str]) -> Self {
        self.artifacts = kinds;
        self
    }

    /// It wants the content of files. The platform sends it if `upload_file=true` is set too.
    #[must_use]
    pub const fn files(mut self) -> Self {
        self.files = true;
        self
    }

    /// The service's name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// What it knows; empty if it does not say.
    pub fn purpose(&self) -> &'static str {
        self.about
    }
}

/// A service at work.
#[derive(Debug)]
pub(crate) struct Service {
    pub(crate) name: String,
    pub(crate) about: &'static str,
    artifacts: &'static [&'static str],
    pub(crate) files: bool,
    pub(crate) searcher: Searcher,
}

impl Service {
    /// Whether it looks artifacts of this type up.
    pub(crate) fn takes(&self, artifact: &Artifact) -> bool {
        let kind = artifact.kind();
        self.searcher.takes(kind) && (self.artifacts.is_empty() || self.artifacts.contains(&kind))
    }

    /// The types that it takes, for people.
    pub(crate) fn kinds(&self) -> String {
        if !self.artifacts.is_empty() {
            return self.artifacts.join(", ");
        }
        let any = self.searcher.takes_any().then_some("any type");
        any.map_or_else(|| self.searcher.kinds().collect::<Vec<_>>().join(", "), str::to_owned)
    }
}

/// The linked services that `noload` does not name, sorted by name.
pub(crate) fn wanted(config: &Config) -> Vec<&'static ThreatService> {
    let noload = &config.settings().noload;
    let mut all: Vec<_> =
        threat_services().filter(|service| noload.iter().all(|name| name != service.name)).collect();
    all.sort_by_key(|service| service.name);
    all
}

/// Opens these services.
///
/// # Errors
/// Everything that is wrong with them.
pub(crate) fn open(wanted: &[&'static ThreatService], config: &Config) -> Result<Vec<Service>, Vec<String>> {
    let (mut services, mut faults, mut names) = (Vec::new(), Vec::new(), BTreeSet::new());
    for service in wanted {
        let ThreatService { name, about, artifacts, files, open } = service;
        if !is_segment(name) {
            faults.push(format!(
                "threat service `{name}`: its name is a part of its URL and may have letters, digits and -._~ alone; rename it in \
                 its `register!`"
            ));
        }
        if !names.insert(name) {
            faults.push(format!(
                "two linked threat services are named `{name}`; rename one in its `register!`, or unlink one"
            ));
        }
        match open(config) {
            Ok(searcher) => {
                faults.extend(mismatches(service, &searcher));
                let name = (*name).to_owned();
                services.push(Service { name, about, artifacts, files: *files, searcher });
            }
            Err(error) => faults.push(format!("threat service `{name}`: {error}")),
        }
    }
    if faults.is_empty() { Ok(services) } else { Err(faults) }
}

/// Where the handlers are not those that the registration promises.
fn mismatches(service: &ThreatService, searcher: &Searcher) -> Vec<String> {
    let ThreatService { name, artifacts, .. } = service;
    let twice = searcher.twice.iter().map(|kind| {
        format!("threat service `{name}`: {kind} has two handlers; remove one `.on(\"{kind}\", ..)`")
    });
    let unhandled = artifacts.iter().filter(|kind| !searcher.takes(kind)).map(|kind| {
        format!("threat service `{name}`: no handler takes {kind}, which its .artifacts(..) names; add one, or remove it there")
    });
    let unnamed =
        searcher.kinds().filter(|kind| !artifacts.is_empty() && !artifacts.contains(kind)).map(|kind| {
            format!(
                "threat service `{name}`: its .artifacts(..) lacks {kind}, which has a handler; add it there"
            )
        });
    let none = (searcher.kinds().next().is_none() && !searcher.takes_any())
        .then(|| format!("threat service `{name}`: it has no handler; add one with .on(..) or .on_any(..)"));
    twice.chain(unhandled).chain(unnamed).chain(none).collect()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::Lookup;

    async fn nothing(_: Artifact) -> Result<Lookup> {
        Ok(Lookup::none())
    }

    fn addresses(_: &Config) -> Result<Searcher> {
        Ok(Searcher::builder(()).on("net.ip", nothing).build())
    }

    fn twice(_: &Config) -> Result<Searcher> {
        Ok(Searcher::builder(()).on("net.ip", nothing).on("net.ip", nothing).build())
    }

    fn any(_: &Config) -> Result<Searcher> {
        Ok(Searcher::builder(()).on_any(nothing).build())
    }

    fn empty(_: &Config) -> Result<Searcher> {
        Ok(Searcher::builder(()).build())
    }

    fn fails(config: &Config) -> Result<Searcher> {
        #[derive(serde::Deserialize)]
        struct Own {
            #[serde(rename = "key")]
            _key: String,
        }
        let Own { .. } = config.section_or_empty("feed").settings()?;
        addresses(config)
    }

    /// A service for everything that its searcher takes.
    pub(crate) fn service(name: &str, searcher: Searcher) -> Service {
        Service { name: name.to_owned(), about: "", artifacts: &[], files: false, searcher }
    }

    pub(crate) fn config(more: &str) -> Config {
        Config::from_text(&format!("[resilient]\nhost=h.example\napi_key_id=i\napi_key_secret=s\n{more}"))
            .unwrap()
    }

    #[test]
    fn a_service_is_for_the_types_that_it_names_or_handles() {
        static NAMED: ThreatService = ThreatService::new("named", any).artifacts(&["net.ip", "net.uri"]);
        static HANDLED: ThreatService = ThreatService::new("handled", addresses);
        static ANY: ThreatService = ThreatService::new("any", any);
        let services = open(&[&NAMED, &HANDLED, &ANY], &config("")).unwrap();
        let takes =
            |kind| services.iter().map(|one| one.takes(&Artifact::new(kind, "x"))).collect::<Vec<_>>();
        assert_eq!(takes("net.ip"), [true, true, true]);
        assert_eq!(takes("net.uri"), [true, false, true]);
        assert_eq!(takes("hash.md5"), [false, false, true]);
        let kinds: Vec<_> = services.iter().map(Service::kinds).collect();
        assert_eq!(kinds, ["net.ip, net.uri", "net.ip", "any type"]);
    }

    #[test]
    fn every_fault_of_a_service_names_it_and_the_cure() {
        static SPACE: ThreatService = ThreatService::new("a b", any);
        static SAME: ThreatService = ThreatService::new("same", any);
        static TWICE: ThreatService = ThreatService::new("twice", twice);
        static EMPTY: ThreatService = ThreatService::new("empty", empty);
        static FEED: ThreatService = ThreatService::new("feed", fails);
        static MORE: ThreatService = ThreatService::new("more", addresses).artifacts(&["net.ip", "net.uri"]);
        static LESS: ThreatService = ThreatService::new("less", addresses).artifacts(&["net.uri"]);
        for (services, says) in [
            (&[&SPACE][..], "`a b`: its name"),
            (&[&SAME, &SAME], "two linked threat services are named `same`"),
            (&[&TWICE], "`twice`: net.ip has two handlers"),
            (&[&EMPTY], "`empty`: it has no handler"),
            (&[&FEED], "key `key` is needed; add the section"),
            (&[&MORE], "`more`: no handler takes net.uri"),
            (&[&LESS], "`less`: its .artifacts(..) lacks net.ip"),
        ] {
            let faults = open(services, &config("")).unwrap_err().join("\n");
            assert!(faults.contains(says), "{faults}");
        }
        assert_eq!(open(&[&SPACE, &EMPTY, &FEED], &config("")).unwrap_err().len(), 3, "all at once");
    }
}

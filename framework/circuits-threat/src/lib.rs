//! Custom threat services: the platform asks about an artifact over HTTP, and gets hits.
//!
//! A crate registers a [`ThreatService`] as it registers a component. Its handlers are plain `async fn`s: one for each type of
//! artifact, or one for every type.
//!
//! ```
//! use std::sync::Arc;
//!
//! use circuits::Result;
//! use circuits::config::Config;
//! use circuits_threat::{Artifact, Hit, Lookup, Searcher, ThreatService};
//!
//! circuits::register! { ThreatService::new("watchlist", open).about("addresses that we watch") }
//!
//! struct Watchlist;
//!
//! fn open(_config: &Config) -> Result<Searcher> {
//!     Ok(Searcher::builder(Watchlist).on("net.ip", Watchlist::address).build())
//! }
//!
//! impl Watchlist {
//!     async fn address(self: Arc<Self>, artifact: Artifact) -> Result<Lookup> {
//!         if artifact.value() != "203.0.113.7" {
//!             return Ok(Lookup::none());
//!         }
//!         Ok(Hit::new().string("List", "internal").number("Score", 90).into())
//!     }
//! }
//! ```
//!
//! The extension `threat` answers the platform under `/cts/watchlist`. A lookup runs on a thread of its own, beside the messages:
//! the platform gets the hits if they come at once, and otherwise an id and a time after which it asks again.

mod artifact;
mod auth;
mod engine;
mod extension;
mod hit;
mod http;
mod id;
mod lookup;
mod memory;
mod scan;
mod searcher;
mod service;
mod settings;

pub use artifact::{Artifact, ArtifactFile};
pub use hit::Hit;
pub use lookup::Lookup;
pub use searcher::{LookupFuture, LookupHandler, Searcher, SearcherBuilder, Stateless, WithState};
pub use service::{OpenSearcher, ThreatService, threat_services};

//! A REST session with the platform: it logs in, chooses the organisation, keeps the session alive and sends requests
//! that cannot forget the context token of the message they belong to.
//!
//! - [`Options`] says where and as whom; [`Client::connect`] logs in.
//! - [`Client::with_token`] gives a [`Rest`], the handle that handlers hold.
//! - [`Rest::update`] reads, applies a change and writes it back, again when somebody else was faster (409).
//! - [`Error`] names method, path, status and the platform's own words, and never a secret.
//!
//! Every call is bounded in time and is repeated only where that cannot do something twice ([`RetryPolicy`]); when a session
//! is lost, one new login serves all callers together.

mod answer;
mod backoff;
mod breaker;
mod cache;
mod client;
mod date;
mod error;
mod exchange;
mod fields;
mod files;
mod gate;
mod lookup;
mod members;
mod no_proxy;
mod options;
mod org;
mod pages;
mod patch;
mod request;
mod rest;
mod retry;
mod said;
mod script;
mod secret;
mod session;
mod transport;
mod update;
mod via;
mod way;

pub use answer::Answer;
pub use client::{Client, RuleDef};
pub use error::Error;
pub use exchange::Exchange;
pub use fields::{Choice, Field, Fields};
pub use files::{Download, Upload};
pub use lookup::Names;
pub use options::{Credentials, Options, Proxy, Verify};
pub use org::{Account, Org};
pub use patch::{FieldConflict, Patch, PatchStatus, Resolve, give_up, overwrite};
pub use request::{HandleFormat, Method, Request, TextFormat, segment};
pub use rest::Rest;
pub use retry::RetryPolicy;
pub use script::{Asked, Script};
pub use update::Change;

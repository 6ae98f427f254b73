//! Tells other systems what happens to actions.
//!
//! Every signal of the runner is a CloudEvents 1.0 event ([`envelope`], [`schema`]). The journal notes the events that somebody
//! wants together with what they are about; from there they go to webhooks ([`webhooks`]) and subscribers ([`subscription`]),
//! each target at its own pace. Events from outside come in over HTTP ([`receive`]). What went where, and what became of it, is
//! in the [`book`].
//!
//! All of it runs on a thread of its own, behind the messages: a reply never waits for it.

pub mod book;
mod engine;
pub mod envelope;
mod environment;
mod extension;
mod http;
#[cfg(feature = "internals")]
pub mod internals;
pub mod policy;
pub mod receive;
pub mod schema;
pub mod send;
pub mod subscription;
pub mod webhooks;

//! Write action processors for a security operations platform (IBM Resilient, QRadar SOAR and compatible servers).
//!
//! The platform puts a JSON *action message* on a message queue whenever a rule fires. A [`Component`] handles the messages
//! of one message destination: a handler for each rule, each a plain `async fn` that takes the [`Action`] and returns the
//! [`Reply`] the analyst will read. The [`Runner`] connects, routes, answers and reconnects.
//!
//! ```
//! use std::sync::Arc;
//! use circuits::prelude::*;
//!
//! circuits::register! { Registration::new("greeter", component) }
//!
//! struct Greeter;
//!
//! fn component(_setup: &Setup) -> Result<Component> {
//!     Ok(Component::builder("greeter", Greeter).on("Greet", Greeter::greet).build())
//! }
//!
//! impl Greeter {
//!     async fn greet(self: Arc<Self>, action: Action) -> Result<Reply> {
//!         let name = action.incident()?["name"].as_str().unwrap_or("nobody");
//!         Ok(Reply::completed(format!("Hello, {name}")))
//!     }
//! }
//! ```
//!
//! # How a message is handled
//! Every message ends in one reply and one acknowledgement, in this order: the handler's result is noted in the
//! [journal](journal::Journal), the reply is sent persistent and confirmed by the broker, and only then is the message
//! acknowledged. If anything breaks in between, the message is redelivered, recognised by its `message-id` and answered
//! without running the handler again. Messages of one incident keep their order; different incidents run in parallel.
//! Errors, panics and timeouts of a handler become error replies.

pub mod account;
mod action;
mod backoff;
mod blocking;
mod callback;
mod component;
pub mod config;
pub mod definitions;
mod delivery;
mod error;
pub mod extension;
pub mod handler;
pub mod history;
#[cfg(feature = "internals")]
pub mod internals;
pub mod journal;
mod kind;
mod listener;
pub mod message;
pub mod outbox;
mod private_file;
pub mod recording;
pub mod redact;
mod registry;
mod reply;
mod runtime;
pub mod selftest;
mod side_queue;
pub mod signal;
pub mod store;
#[cfg(feature = "testing")]
pub mod testing;
pub mod web;

pub use action::Action;
pub use blocking::blocking;
pub use callback::{CallbackOutcome, Callbacks};
pub use circuits_rest::Rest;
pub use component::{Builder, Component};
pub use delivery::pauses::Paused;
pub use delivery::submit::{Replies, Submitter};
pub use error::{Error, Result};
pub use kind::Kind;
pub use listener::{Listener, ListenerFuture, listeners};
pub use private_file::private_file;
pub use registry::{Registration, Setup, check_noload, registrations};
pub use reply::Reply;
pub use runtime::broker::Broker;
pub use runtime::connect::login;
pub use runtime::health::{Health, Report, Running};
pub use runtime::held::{HeldAction, HeldState};
pub use runtime::inspect::{Handled, Inspected, inspect};
pub use runtime::log_control::LogControl;
pub use runtime::platform::Platform;
pub use runtime::reload::{Reloaded, Reloader};
pub use runtime::run_error::{Failure, RunError};
pub use runtime::runner::Runner;
pub use runtime::steering::{DestinationInfo, NotSetAside, Steering};
pub use side_queue::{QueueMessage, QueueSender, SideQueue};
pub use signal::{EventKind, EventKinds, Signal};

/// The types that calls of [`Rest`] take and return, for components that name them.
pub mod rest {
    pub use circuits_rest::{
        Account, Change, Choice, Download, Error as RestError, Field as FieldInfo, FieldConflict, Fields,
        HandleFormat, Method, Names, Patch, PatchStatus, Request, Resolve, Rest, TextFormat, Upload, give_up,
        overwrite, segment,
    };
}

/// Everything that a first component imports. The types for what it defines on the platform are in [`definitions`].
pub mod prelude {
    pub use crate::handler::{
        Policy, background, concurrency, debounce, defer, once_per, rate_limit, retry, timeout,
    };
    pub use crate::{Action, Component, Error, Registration, Reply, Rest, Result, Setup};
}

#[doc(hidden)]
pub mod __private {
    pub use inventory;
}

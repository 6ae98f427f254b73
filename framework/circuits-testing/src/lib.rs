//! Tests for components, without a server.
//!
//! | level | what runs | for | how long |
//! |---|---|---|---|
//! | [`Kit`] | a handler, on a paused clock; calls to the platform are answered by a [`Mock`], without any network | what a handler answers and calls, conflicts, waits | milliseconds |
//! | [`Stage`] | runner and component on a whole platform in this process, over TLS | rules, fields, what is on the platform afterwards | a quarter of a second |
//! | [`replay_dir!`] | each message of a folder that was recorded, with the platform's recorded answers | that a change of the component changes nothing else | milliseconds |
//!
//! In the component's Cargo.toml:
//!
//! ```toml
//! [dev-dependencies]
//! circuits-testing = { path = ".." }
//! tokio = { version = "1", features = ["macros", "rt-multi-thread", "test-util"] }
//! ```
//!
//! They find the component by the name that it is registered with, so the test links it: `use my_component as _;`.
//!
//! For those who come from the Python client: `circuits_app` and `configure_resilient` are a [`Stage`] with its definitions,
//! `new_incident` is [`Builder::incident_with`], `ResilientMock` is a [`Mock`] and `@resilient_endpoint` its
//! [`on`](Mock::on).

mod stage;

pub use circuits::replay_dir;
pub use circuits::testing::{
    Answer, Builder, Call, Done, Invocation, Kit, Mock, MockServer, Rule, Sandbox, Status, Target, recorded,
    replay,
};
pub use stage::Stage;

/// Holds the component in the README to the compiler.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;

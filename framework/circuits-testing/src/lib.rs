//! Tests for components, without a server.
//!
//! | level | what runs | for | how long |
//! |---|---|---|---|
//! | [`Kit`] | a handler, on a paused clock; a [`Mock`] answers calls to the platform, without any network | the handler's answers and calls, conflicts, waits | milliseconds |
//! | [`Stage`] | runner and component on a whole platform in this process, over TLS | rules, fields, the result on the platform | a quarter of a second |
//! | [`replay_dir!`] | each recorded message of a folder, with the platform's recorded answers | changes of a component that should alter nothing else | milliseconds |
//!
//! In the component's Cargo.toml:
//!
//! ```toml
//! [dev-dependencies]
//! circuits-testing = { path = ".." }
//! tokio = { version = "1", features = ["macros", "rt-multi-thread", "test-util"] }
//! ```
//!
//! They find the component by the name under which it is registered, so the test must link it: `use my_component as _;`.
//!
//! For users of the Python client: `circuits_app` and `configure_resilient` correspond to a [`Stage`] with its definitions,
//! `new_incident` to [`Builder::incident_with`], `ResilientMock` to a [`Mock`] and `@resilient_endpoint` to its
//! [`on`](Mock::on).

mod stage;
mod store_contract;

pub use circuits::replay_dir;
pub use circuits::testing::{
    Answer, Builder, Call, Done, Invocation, Kit, Mock, MockServer, Rule, Sandbox, Status, Target, recorded,
    replay,
};
pub use stage::Stage;
pub use store_contract::store_contract;

/// Compiles the component in the README.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;

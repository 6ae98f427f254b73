//! Compiles the Rust in the book. The first component is not here: a separate test writes and runs it.

#[doc = include_str!("../../docs/src/components.md")]
struct Components;

#[doc = include_str!("../../docs/src/combinators.md")]
struct Combinators;

#[doc = include_str!("../../docs/src/definitions.md")]
struct Definitions;

#[doc = include_str!("../../docs/src/testing.md")]
struct Testing;

#[doc = include_str!("../../docs/src/web-components.md")]
struct WebComponents;

#[doc = include_str!("../../docs/src/extensions.md")]
struct Extensions;

#[doc = include_str!("../../docs/src/events.md")]
struct Events;

#[doc = include_str!("../../docs/src/accounts.md")]
struct TheAccounts;

#[doc = include_str!("../../docs/src/webhooks.md")]
struct Webhooks;

#[doc = include_str!("../../docs/src/threat-services.md")]
struct ThreatServices;

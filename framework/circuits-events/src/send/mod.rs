//! The one HTTP sender that webhooks, subscriptions and the policy hook share: a [`Call`] becomes an
//! [`Attempt`], which says what happened and whether another try makes sense. [`pause`] says how long to wait
//! before that.
//!
//! A receiver's address is typed in by people, so the sender trusts it little: it follows no redirect, takes
//! no proxy, calls no link-local address, reads no more of an answer than it shows, and ends each call in
//! time.

mod addresses;
mod attempt;
mod body;
mod call;
mod failure;
mod pause;
mod redirect;
mod sender;
#[cfg(test)]
mod sender_tests;
mod setup_error;
mod sign;

pub use attempt::{Attempt, Outcome};
pub use call::Call;
pub use pause::pause;
pub use sender::{Sender, SenderOptions};
pub use setup_error::SetupError;
pub use sign::SigningKey;
pub(crate) use sign::{BYTES, KeyFault, key};

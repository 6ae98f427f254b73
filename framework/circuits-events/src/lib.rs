//! Tells other systems what happens to actions.

pub mod webhooks;

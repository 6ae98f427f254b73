//! One file for each subcommand.

pub(crate) mod account;
pub(crate) mod completions;
pub(crate) mod config;
pub(crate) mod control;
pub(crate) mod customize;
pub(crate) mod db;
pub(crate) mod dead;
pub(crate) mod events;
pub(crate) mod list;
pub(crate) mod man;
pub(crate) mod new;
pub(crate) mod run;
pub(crate) mod sandbox;
pub(crate) mod selftest;
pub(crate) mod status;
pub(crate) mod subscriptions;

//! Everything around the delivery of messages: building the components, connecting, running, reloading, and the runner's health.

pub(crate) mod announcer;
pub(crate) mod beside;
pub(crate) mod broker;
pub(crate) mod connect;
pub(crate) mod following;
pub(crate) mod functions;
pub(crate) mod health;
pub(crate) mod held;
pub(crate) mod inspect;
pub(crate) mod live;
pub(crate) mod log_control;
pub(crate) mod own_thread;
pub(crate) mod platform;
pub(crate) mod reload;
pub(crate) mod requirements;
pub(crate) mod routes;
pub(crate) mod rules;
pub(crate) mod run_error;
pub(crate) mod runner;
pub(crate) mod shared;
pub(crate) mod steering;
pub(crate) mod timer;
pub(crate) mod vitals;
pub(crate) mod web;

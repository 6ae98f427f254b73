//! A message's way through the runner, one file per stage, forward only: [`intake`] takes it off the session,
//! [`admission`] decides what becomes of it, [`run`] runs its handler, and [`settle`] answers it.

pub(crate) mod about;
mod admission;
pub(crate) mod attempt;
pub(crate) mod handling;
pub(crate) mod headroom;
pub(crate) mod identity;
pub(crate) mod in_flight;
pub(crate) mod intake;
pub(crate) mod lanes;
pub(crate) mod pauses;
mod rerun;
pub(crate) mod run;
pub(crate) mod seat;
pub(crate) mod settle;
pub(crate) mod submit;

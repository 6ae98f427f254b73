//! A message's way through the runner, one file per stage, forward only: [`intake`] takes it off the session,
//! [`admission`] decides what becomes of it, [`run`] runs its handler, and [`settle`] answers it.

pub(crate) mod attempt;
pub(crate) mod dispatch;
pub(crate) mod headroom;
pub(crate) mod identity;
pub(crate) mod in_flight;
pub(crate) mod lanes;
pub(crate) mod rerun;
pub(crate) mod seat;
pub(crate) mod settle;
pub(crate) mod submit;

//! Tells other systems what happens to actions.

pub mod policy;
pub mod receive;
pub mod subscription;

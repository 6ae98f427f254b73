//! Deploys the definitions of components (`circuits::definitions`) to a platform: compares, plans, carries the plan out, and
//! reads exports. `circuits customize`, `new`, `selftest` and the stage of tests use it; a component does not.

mod apply;
mod compare;
mod contents;
mod deploy;
mod difference;
mod export;
mod kinds;
mod objects;
mod packages;
mod plan;
mod planner;
mod platform;
mod report;

pub use apply::Progress;
pub use deploy::{Deployed, deploy};
pub use difference::Difference;
pub use export::{download, read_export};
pub use objects::{Object, objects};
pub use packages::packages;
pub use plan::{Note, ObjectChange, Plan, plan};
pub use report::report;

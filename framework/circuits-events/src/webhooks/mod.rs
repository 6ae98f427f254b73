//! Webhooks: requests to other systems, defined in files and sent when something happens to an action.
//!
//! [`load`] reads the definitions and finds every fault in them; [`Webhook::render`] makes the body of one
//! request from [`variables`]. Nothing here sends anything or looks at a clock.

mod compile;
mod definition;
mod document;
mod engine;
mod error;
mod format;
mod headers;
mod load;
#[cfg(test)]
mod load_tests;
mod payload;
mod references;
#[cfg(test)]
mod render_tests;
mod scan;
mod secret;
#[cfg(test)]
mod test_files;
mod url;
mod variables;
mod webhook;

pub use error::Error;
#[cfg(feature = "internals")]
pub(crate) use load::of_text;
pub use load::{Fault, Loaded, load};
pub use variables::variables;
pub use webhook::{Body, Webhook};

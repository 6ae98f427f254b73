//! Recordings of real messages: files in a folder, each of which is an action message, its headers, its reply, or an answer
//! of the platform.
//!
//! The runner writes them with `log_http_responses`; `action-test replay` and the tests of components read them. Names and
//! contents are those of the Python client, so its recordings can be used as well:
//!
//! | file | content |
//! |---|---|
//! | `ActionMessage_<rule>_<time>` | the message, JSON |
//! | `ActionHeaders_<rule>_<time>` | its STOMP headers, a JSON object |
//! | `ActionReply_<rule>_<time>` | the final reply, JSON |
//! | `<status>_JSON_<METHOD>_<path>_<query>_<time>` | an answer of the platform; `DATA` instead of `JSON` if it is not JSON |
//! | `<status>_HEADER_<METHOD>_<path>_<query>_<time>` | its headers, a JSON object |
//! | `<status>_SENT_<METHOD>_<path>_<query>_<time>` | what was sent, JSON |
//!
//! In names `/` is `_` and `:` is `-`. Times are local, `2017-03-07T15-07-14.033583`; those with colons are read too, and so
//! are names that end in `.json`. `ActionHeaders`, `ActionReply`, `SENT` and the query are additions of this runner.

mod folder;
mod name;
mod recorder;

pub use folder::{Folder, Message, RecordedAnswer};
pub(crate) use recorder::{Mark, Recorder};

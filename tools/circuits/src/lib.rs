//! The `circuits` command as a library, so that a component's own binary is two lines:
//! `use my_component as _;` and `fn main() -> std::process::ExitCode { circuits_cli::main() }`.

mod cli;
mod cmd;
mod confirm;
mod event_log;
mod exit;
mod fire;
mod journal;
mod lock;
mod logging;
mod overrides;
mod platform;
mod records;
mod safe_file;
mod selection;
mod shutdown;
mod status;
mod store;
mod test_port;

// Extensions that the command ships with.
use circuits_accounts as _;
use circuits_api as _;
use circuits_control as _;
use circuits_events as _;
use circuits_http as _;
use circuits_page as _;

pub use cli::{check_command_line, main};

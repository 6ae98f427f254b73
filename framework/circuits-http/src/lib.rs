//! The HTTP side of the runner.

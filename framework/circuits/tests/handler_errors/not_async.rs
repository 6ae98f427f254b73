//! A handler that is not `async`.
use std::sync::Arc;

use circuits::prelude::*;

struct State;

fn handler(_state: Arc<State>, _action: Action) -> Result<Reply> {
    Ok("done".into())
}

fn main() {
    Component::builder("queue", State).on("Rule", handler).build();
}

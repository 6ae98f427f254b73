//! A handler that does not take the action.
use std::sync::Arc;

use circuits::prelude::*;

struct State;

async fn handler(_state: Arc<State>) -> Result<Reply> {
    Ok("done".into())
}

fn main() {
    Component::builder("queue", State).on("Rule", handler).build();
}

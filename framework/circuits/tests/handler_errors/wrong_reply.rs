//! A handler that returns something else than a reply, inside a combinator.
use std::sync::Arc;
use std::time::Duration;

use circuits::prelude::*;

struct State;

async fn handler(_state: Arc<State>, _action: Action) -> Result<String> {
    Ok("done".into())
}

fn main() {
    Component::builder("queue", State).on("Rule", timeout(Duration::from_secs(1), handler)).build();
}

//! A handler that takes its state by reference.
use circuits::prelude::*;

struct State;

impl State {
    async fn handler(&self, _action: Action) -> Result<Reply> {
        Ok("done".into())
    }
}

fn main() {
    Component::builder("queue", State).on("Rule", State::handler).build();
}

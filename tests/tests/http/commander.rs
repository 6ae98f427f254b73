//! The one who gives commands to a runner over its control queue, on a real broker.

use bytes::Bytes;
use circuits_stomp::{Deliveries, Outgoing, Session, Subscription};
use circuits_tests::world::World;
use serde_json::Value;

/// Where commands go.
pub(crate) const QUEUE: &str = "circuits.201.r1.control";
/// Where answers come.
pub(crate) const REPLY: &str = "circuits.201.r1.status";

pub(crate) struct Commander {
    session: Session,
    answers: Deliveries,
}

impl Commander {
    /// Listens to the answers of the runners of this world.
    pub(crate) async fn of(world: &World) -> Self {
        let (session, answers) = world.somebody();
        session.subscribe(Subscription { destination: REPLY.to_owned(), prefetch: 100 }).await.unwrap();
        Self { session, answers }
    }

    /// Sends this, whether it is a command or not.
    pub(crate) async fn say(&self, headers: &[(String, String)], body: &str) {
        let (headers, body) = (headers.to_vec(), Bytes::from(body.to_owned()));
        self.session.send(Outgoing { destination: QUEUE.to_owned(), headers, body }).await.unwrap();
    }

    /// The next answer.
    pub(crate) async fn answer(&mut self) -> Value {
        let answer = self.answers.recv().await.unwrap();
        self.session.ack(&answer.token);
        serde_json::from_slice(&answer.body).unwrap()
    }

    /// Gives a command, and returns the next answer.
    pub(crate) async fn ask(&mut self, command: Value) -> Value {
        self.say(&[], &command.to_string()).await;
        self.answer().await
    }
}

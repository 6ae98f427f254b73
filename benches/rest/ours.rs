//! The client under test.

use circuits_rest::{Client, Credentials, Options, Rest, Verify};
use serde_json::Value;
use tokio::runtime::Handle;
use tokio::task::block_in_place;

use crate::bare::{Bare, change, unversioned};
use crate::sandbox::Platform;
use crate::{Caller, Operation};

#[derive(Clone)]
pub(crate) struct Ours {
    rest: Rest,
    /// Makes the conflicts.
    other: Bare,
}

impl Ours {
    pub(crate) async fn new(platform: &Platform, other: Bare) -> Self {
        let (id, secret) = platform.key.clone();
        let options = Options::new("localhost", platform.port)
            .credentials(Credentials::ApiKey { id, secret: secret.into() })
            .verify(Verify::CaFile(platform.ca_file.clone()));
        let client = Client::connect(options).await.unwrap();
        Self { rest: client.with_token(Some("a-token-of-ours")), other }
    }
}

impl Caller for Ours {
    async fn call(&self, operation: Operation, incident: i64) {
        let path = format!("/incidents/{incident}");
        match operation {
            Operation::Get => drop(self.rest.get::<Value>(&path).await.unwrap()),
            Operation::Put => drop(self.rest.put::<_, Value>(&path, &unversioned()).await.unwrap()),
            Operation::Update => drop(self.rest.update(&path, change).await.unwrap()),
            Operation::Conflict => {
                let mut disturbed = false;
                let apply = |object: &mut Value| {
                    change(object);
                    if !std::mem::replace(&mut disturbed, true) {
                        block_in_place(|| Handle::current().block_on(self.other.interfere(incident)));
                    }
                };
                drop(self.rest.update(&path, apply).await.unwrap());
            }
        }
    }
}

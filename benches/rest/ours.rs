//! The client under test.

use circuits_rest::{Client, Credentials, Options, Rest, Verify};
use serde_json::Value;

use crate::bare::{change, outdate, unversioned};
use crate::sandbox::Platform;
use crate::{Caller, Operation};

#[derive(Clone)]
pub(crate) struct Ours {
    rest: Rest,
}

impl Ours {
    pub(crate) async fn new(platform: &Platform) -> Self {
        let (id, secret) = platform.key.clone();
        let options = Options::new("localhost", platform.port)
            .credentials(Credentials::ApiKey { id, secret: secret.into() })
            .verify(Verify::CaFile(platform.ca_file.clone()));
        let client = Client::connect(options).await.unwrap();
        Self { rest: client.with_token(Some("a-token-of-ours")) }
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
                let mut first = true;
                let apply = |object: &mut Value| {
                    change(object);
                    if std::mem::take(&mut first) {
                        outdate(object);
                    }
                };
                drop(self.rest.update(&path, apply).await.unwrap());
            }
        }
    }
}

//! The same calls written with reqwest alone, to compare our client with.

use reqwest::{Certificate, Client, RequestBuilder, StatusCode};
use serde_json::{Value, json};

use crate::sandbox::Platform;
use crate::{Caller, Operation};

#[derive(Clone)]
pub(crate) struct Bare {
    http: Client,
    base: String,
    key: (String, String),
}

impl Bare {
    pub(crate) fn new(platform: &Platform) -> Self {
        let pem = std::fs::read(&platform.ca_file).unwrap();
        let http =
            Client::builder().tls_certs_only(Certificate::from_pem_bundle(&pem).unwrap()).build().unwrap();
        let base = format!("https://localhost:{}/rest/orgs/{}/incidents", platform.port, platform.org);
        Self { http, base, key: platform.key.clone() }
    }

    /// Creates this many incidents.
    pub(crate) async fn incidents(&self, count: usize) -> Vec<i64> {
        let mut ids = Vec::new();
        for n in 0..count {
            let body = json!({"name": format!("Bench {n}"), "discovered_date": 0});
            let made: Value =
                self.sign(self.http.post(&self.base)).json(&body).send().await.unwrap().json().await.unwrap();
            ids.push(made["id"].as_i64().unwrap());
        }
        ids
    }

    fn sign(&self, request: RequestBuilder) -> RequestBuilder {
        request.basic_auth(&self.key.0, Some(&self.key.1))
    }

    async fn get(&self, incident: i64) -> Value {
        let request = self.http.get(format!("{}/{incident}", self.base));
        self.sign(request).send().await.unwrap().error_for_status().unwrap().json().await.unwrap()
    }

    async fn put(&self, incident: i64, body: &Value) -> StatusCode {
        let request = self.http.put(format!("{}/{incident}", self.base)).json(body);
        let answer = self.sign(request).send().await.unwrap();
        let status = answer.status();
        if status.is_success() {
            answer.json::<Value>().await.unwrap();
        } else {
            answer.bytes().await.unwrap();
        }
        status
    }
}

/// A body without a version never conflicts.
pub(crate) fn unversioned() -> Value {
    json!({"name": "Bench", "description": "put", "properties": {"custom1": "x"}})
}

/// The change that an update makes.
pub(crate) fn change(incident: &mut Value) {
    let count = incident["exposure"].as_i64().unwrap();
    incident["exposure"] = (count + 1).into();
}

/// Makes an incident look as if it had been read before somebody else's change.
pub(crate) fn outdate(incident: &mut Value) {
    incident["vers"] = (incident["vers"].as_i64().unwrap() - 1).into();
}

impl Caller for Bare {
    async fn call(&self, operation: Operation, incident: i64) {
        match operation {
            Operation::Get => drop(self.get(incident).await),
            Operation::Put => assert!(self.put(incident, &unversioned()).await.is_success()),
            Operation::Update | Operation::Conflict => {
                let mut first = operation == Operation::Conflict;
                loop {
                    let mut object = self.get(incident).await;
                    change(&mut object);
                    if std::mem::take(&mut first) {
                        outdate(&mut object);
                    }
                    if self.put(incident, &object).await != StatusCode::CONFLICT {
                        break;
                    }
                }
            }
        }
    }
}

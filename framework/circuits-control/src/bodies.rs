//! Bodies of requests and answers that a command only names. They are records in the runner's store, for an hour, and over HTTP
//! under `/control/bodies/<requestKey>/<variable>`.

use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use circuits::account::{Caller, Right, Scope};
use circuits::extension::Context;
use circuits::store::{Query, Record, Store, Write};
use circuits::web::axum::Router;
use circuits::web::axum::extract::{Path, State};
use circuits::web::axum::response::{IntoResponse as _, Response};
use circuits::web::axum::routing::get;
use circuits::web::{Mount, STORE_FAILED, refusal};
use circuits::{Error, Result};
use http::StatusCode;
use http::header::CONTENT_TYPE;
use jiff::Timestamp;
use tracing::error;

/// Bodies by request and variable; the rank is the end of their time.
const TABLE: &str = "control.body";
/// Requests that may not be begun twice; the rank is the end of their time.
const BEGUN: &str = "control.begun";
/// How long one is kept, in milliseconds.
const KEPT: i64 = 60 * 60 * 1000;
/// How many ended ones are forgotten when one is kept.
const BATCH: u32 = 100;

/// The bodies in a store. Cheap to clone.
#[derive(Clone)]
pub struct Bodies(Arc<dyn Store>);

impl Bodies {
    /// Those in this store.
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self(store)
    }

    /// Keeps a body for an hour.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn put(&self, request: &str, variable: &str, body: &[u8]) -> Result<()> {
        let (now, mut changes) = self.ended(TABLE).await?;
        let record = Record::new(key(request, variable), now + KEPT, BASE64_STANDARD.encode(body));
        changes.push(Write::put(TABLE, record));
        self.0.apply(changes).await.map(drop)
    }

    /// Notes that a request begins. False if it began before, within the last hour.
    pub(crate) async fn begin(&self, request: &str) -> Result<bool> {
        let (now, mut changes) = self.ended(BEGUN).await?;
        changes.push(Write::insert(BEGUN, Record::new(request, now + KEPT, "")));
        Ok(self.0.apply(changes).await?.last() == Some(&true))
    }

    /// The time, and what deletes some of the records whose time is over.
    async fn ended(&self, table: &str) -> Result<(i64, Vec<Write>)> {
        let now = Timestamp::now().as_millisecond();
        let ended = Query { through: Some(now), limit: Some(BATCH), ..Query::default() };
        let ended = self.0.list(table, &ended).await?;
        Ok((now, ended.into_iter().map(|old| Write::delete(table, old.key)).collect()))
    }

    /// The body that a request names, unless its hour is over.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn get(&self, request: &str, variable: &str) -> Result<Option<Bytes>> {
        let now = Timestamp::now().as_millisecond();
        let found = self.0.get(TABLE, &key(request, variable)).await?.filter(|record| record.rank > now);
        found.map(|record| Ok(BASE64_STANDARD.decode(record.value).map_err(Error::new)?.into())).transpose()
    }
}

impl std::fmt::Debug for Bodies {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bodies").finish_non_exhaustive()
    }
}

/// No two pairs have the same.
fn key(request: &str, variable: &str) -> String {
    format!("{}:{request}/{variable}", request.len())
}

/// Lets those read and write bodies over HTTP who may manage everything: a body may be of any component.
pub(crate) fn mount(context: &Context) {
    let router = Router::new()
        .route("/control/bodies/{request}/{variable}", get(read).put(write))
        .with_state(Bodies::new(Arc::clone(context.store())));
    context.web().mount(Mount::new("/control/bodies", router));
}

async fn read(
    State(bodies): State<Bodies>,
    caller: Caller,
    Path((request, variable)): Path<(String, String)>,
) -> Response {
    if let Some(refused) = barred(&caller) {
        return refused;
    }
    match bodies.get(&request, &variable).await {
        Ok(Some(body)) => ([(CONTENT_TYPE, "application/octet-stream")], body).into_response(),
        Ok(None) => refusal(StatusCode::NOT_FOUND, "there is no such body, or its hour is over"),
        Err(error) => failed(&error),
    }
}

async fn write(
    State(bodies): State<Bodies>,
    caller: Caller,
    Path((request, variable)): Path<(String, String)>,
    body: Bytes,
) -> Response {
    if let Some(refused) = barred(&caller) {
        return refused;
    }
    match bodies.put(&request, &variable, &body).await {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(error) => failed(&error),
    }
}

fn barred(caller: &Caller) -> Option<Response> {
    let text = "this takes the right `manage` for everything, which your account does not have";
    (!caller.rights.allow(Right::Manage, &Scope::All)).then(|| refusal(StatusCode::FORBIDDEN, text))
}

fn failed(error: &Error) -> Response {
    error!(%error, "A body of a command could not be kept or found");
    refusal(StatusCode::SERVICE_UNAVAILABLE, STORE_FAILED)
}

//! `GET /api/v1/stream`: the runner live, as server-sent events.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::Sse;
use axum::response::sse::{Event, KeepAlive};
use futures_util::{Stream, StreamExt as _, stream};

use crate::access::Who;
use crate::api::Api;
use crate::refusal::{Refusal, Refused};
use crate::view::Snapshot;

/// How often a reader hears that the stream still lives.
const ALIVE: Duration = Duration::from_secs(15);
/// After which the reader has to ask again, as browsers do by themselves: what its account may see may have changed.
const LONGEST: Duration = Duration::from_secs(5 * 60);

/// Events `snapshot`, each with all that there is to see: at once, then at most once a second, and only when something changed.
#[utoipa::path(get, path = "/api/v1/stream", tag = "runner",
    responses((status = 200, content_type = "text/event-stream", body = Snapshot), (status = 403, body = Refused)))]
pub(super) async fn stream(
    State(api): State<Arc<Api>>,
    who: Who,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Refusal> {
    let mut reader = api.readers.join(who);
    reader.mark_changed();
    let snapshots = stream::unfold(reader, async |mut reader| {
        loop {
            reader.changed().await.ok()?;
            let newest = Arc::clone(&reader.borrow_and_update());
            // Before the first there is nothing to tell.
            if !newest.is_empty() {
                return Some((Ok(Event::default().event("snapshot").data(&*newest)), reader));
            }
        }
    });
    let over = async move {
        tokio::select! {
            () = api.context.stopped() => {}
            () = tokio::time::sleep(LONGEST) => {}
        }
    };
    let snapshots = snapshots.take_until(Box::pin(over));
    Ok(Sse::new(Box::pin(snapshots)).keep_alive(KeepAlive::new().interval(ALIVE)))
}

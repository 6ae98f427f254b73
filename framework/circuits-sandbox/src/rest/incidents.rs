//! Incidents: list, create, read, replace, patch, delete and query.
use std::sync::Arc;

use axum::extract::State;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};

use super::Answer;
use super::extract::{Body, Caller, Path};
use crate::api_error::ApiError;
use crate::core::Core;
use crate::platform::{Format, Kind};

type Shared = State<Arc<Core>>;

pub(super) fn routes(app: Router<Arc<Core>>) -> Router<Arc<Core>> {
    app.route("/rest/orgs/{org}/incidents", get(list).post(create))
        .route("/rest/orgs/{org}/incidents/query", post(query))
        .route("/rest/orgs/{org}/incidents/query_paged", post(query_paged))
        .route("/rest/orgs/{org}/incidents/{id}", get(read).put(replace).patch(patch).delete(delete))
}

/// One object as the caller wants its handles.
pub(super) fn show(core: &Core, kind: Kind, id: i64, caller: &Caller) -> Answer {
    let state = core.platform.lock();
    let mut object = match kind {
        Kind::Incident => state.incident_json(id).ok_or_else(|| ApiError::missing(kind.name(), id))?,
        _ => state.find(kind, id)?.clone(),
    };
    if caller.format == Format::Names {
        state.types.to_names(kind, &mut object);
    }
    Ok(Json(object))
}

/// PUT of any object: version, change, rules.
pub(super) fn put(core: &Core, kind: Kind, id: i64, body: Value, caller: &Caller) -> Answer {
    let outgoing = {
        let mut state = core.platform.lock();
        state.check_version(kind, id, &body)?;
        let object = state.changed(kind, id, body)?;
        state.replace(kind, id, object, &caller.cause)
    };
    core.send(outgoing);
    show(core, kind, id, caller)
}

/// PATCH of any object. Conflicts are answered with 200 and `success: false` (PatchStatus).
pub(super) fn patch_object(core: &Core, kind: Kind, id: i64, patch: &Value, caller: &Caller) -> Answer {
    let outgoing = {
        let mut state = core.platform.lock();
        match state.patched(kind, id, patch)? {
            Err(conflicts) => return Ok(Json(conflicts)),
            Ok(object) => state.replace(kind, id, object, &caller.cause),
        }
    };
    core.send(outgoing);
    Ok(Json(json!({"success": true, "title": null, "message": null, "field_failures": []})))
}

/// DELETE of any object.
pub(super) fn remove(core: &Core, kind: Kind, id: i64) -> Answer {
    core.platform.lock().delete(kind, id)?;
    Ok(Json(json!({"success": true, "title": null, "message": null})))
}

/// All incidents, in the short form of lists unless `full`.
fn all(core: &Core, caller: &Caller, full: bool) -> Vec<Value> {
    const SHORT: [&str; 14] = [
        "id",
        "name",
        "description",
        "discovered_date",
        "create_date",
        "due_date",
        "end_date",
        "owner_id",
        "phase_id",
        "plan_status",
        "severity_code",
        "incident_type_ids",
        "org_id",
        "vers",
    ];
    let state = core.platform.lock();
    let ids = state.objects.get(&Kind::Incident).map(|all| all.keys().copied().collect::<Vec<_>>());
    let incidents = ids.unwrap_or_default().into_iter().filter_map(|id| state.incident_json(id));
    let shown = incidents.map(|mut incident| {
        if caller.format == Format::Names {
            state.types.to_names(Kind::Incident, &mut incident);
        }
        if let (false, Value::Object(incident)) = (full, &mut incident) {
            incident.retain(|key, _| SHORT.contains(&key.as_str()));
        }
        incident
    });
    shown.collect()
}

async fn list(State(core): Shared, caller: Caller) -> Answer {
    Ok(Json(all(&core, &caller, false).into()))
}

async fn create(State(core): Shared, caller: Caller, Body(body): Body) -> Answer {
    let (id, outgoing) = {
        let mut state = core.platform.lock();
        let incident = state.new_incident(body, &caller.cause)?;
        state.create(Kind::Incident, incident, &caller.cause)
    };
    core.send(outgoing);
    show(&core, Kind::Incident, id, &caller)
}

async fn read(State(core): Shared, Path((_, id)): Path<(i64, i64)>, caller: Caller) -> Answer {
    show(&core, Kind::Incident, id, &caller)
}

async fn replace(
    State(core): Shared,
    Path((_, id)): Path<(i64, i64)>,
    caller: Caller,
    Body(body): Body,
) -> Answer {
    put(&core, Kind::Incident, id, body, &caller)
}

async fn patch(
    State(core): Shared,
    Path((_, id)): Path<(i64, i64)>,
    caller: Caller,
    Body(body): Body,
) -> Answer {
    patch_object(&core, Kind::Incident, id, &body, &caller)
}

async fn delete(State(core): Shared, Path((_, id)): Path<(i64, i64)>, _: Caller) -> Answer {
    remove(&core, Kind::Incident, id)
}

/// A subset of QueryDTO: `filters[].conditions[]` with `field_name`, `method`, `value`; conditions of one filter all
/// hold, one of the filters is enough.
fn matching(core: &Core, caller: &Caller, query: &Value, full: bool) -> Result<Vec<Value>, ApiError> {
    let filters = query["filters"].as_array().cloned().unwrap_or_default();
    let state = core.platform.lock();
    let all_ids: Vec<i64> =
        state.objects.get(&Kind::Incident).map(|all| all.keys().copied().collect()).unwrap_or_default();
    let mut kept = Vec::new();
    for id in all_ids {
        let incident = state.find(Kind::Incident, id)?;
        if filters.is_empty() || filters.iter().any(|filter| state.filter_holds(filter, incident)) {
            kept.push(id);
        }
    }
    drop(state);
    Ok(all(core, caller, full)
        .into_iter()
        .filter(|incident| kept.iter().any(|id| incident["id"] == *id))
        .collect())
}

async fn query(State(core): Shared, uri: axum::http::Uri, caller: Caller, Body(query): Body) -> Answer {
    let full = uri.query().is_some_and(|query| query.contains("return_level=full"));
    Ok(Json(matching(&core, &caller, &query, full)?.into()))
}

async fn query_paged(State(core): Shared, uri: axum::http::Uri, caller: Caller, Body(query): Body) -> Answer {
    let full = uri.query().is_some_and(|query| query.contains("return_level=full"));
    let found = matching(&core, &caller, &query, full)?;
    let number = |key: &str| query[key].as_u64().and_then(|n| usize::try_from(n).ok());
    let (start, length) = (number("start").unwrap_or(0), number("length").unwrap_or(usize::MAX));
    let total = found.len();
    let page: Vec<Value> = found.into_iter().skip(start).take(length).collect();
    Ok(Json(json!({"recordsTotal": total, "recordsFiltered": total, "data": page})))
}

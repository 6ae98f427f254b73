//! Incidents: list, create, query. The other requests are the same for all objects.
use std::sync::Arc;

use axum::extract::State;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};

use super::Answer;
use super::children::whole;
use super::extract::{Body, Caller};
use super::verbs;
use crate::core::Core;
use crate::platform::{Format, Kind};

type Shared = State<Arc<Core>>;

pub(super) fn routes(app: Router<Arc<Core>>) -> Router<Arc<Core>> {
    app.route("/rest/orgs/{org}/incidents", get(list).post(create))
        .route("/rest/orgs/{org}/incidents/query", post(query))
        .route("/rest/orgs/{org}/incidents/query_paged", post(query_paged))
        .route("/rest/orgs/{org}/incidents/{id}", whole(Kind::Incident))
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
    let incidents = state.objects.of(Kind::Incident).filter_map(|(id, _)| state.incident_json(id));
    let shown = incidents.map(|mut incident| {
        if caller.format == Format::Names {
            state.definitions.types().to_names(Kind::Incident, &mut incident);
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
    let id = verbs::create(&core, Kind::Incident, &caller, |state| state.new_incident(body, &caller.cause))?;
    verbs::show(&core, Kind::Incident, id, &caller)
}

/// A subset of QueryDTO: `filters[].conditions[]` with `field_name`, `method`, `value`; all conditions
/// of a filter must hold, and one filter is enough.
fn matching(core: &Core, caller: &Caller, query: &Value, full: bool) -> Vec<Value> {
    let filters = query["filters"].as_array().map(Vec::as_slice).unwrap_or_default();
    let kept: Vec<i64> = {
        let state = core.platform.lock();
        let types = state.definitions.types();
        let passes = |incident: &Value| {
            filters.is_empty() || filters.iter().any(|filter| types.filter_holds(filter, incident))
        };
        state.objects.of(Kind::Incident).filter(|(_, one)| passes(one)).map(|(id, _)| id).collect()
    };
    let all = all(core, caller, full).into_iter();
    all.filter(|incident| kept.iter().any(|id| incident["id"] == *id)).collect()
}

async fn query(State(core): Shared, uri: axum::http::Uri, caller: Caller, Body(query): Body) -> Answer {
    let full = uri.query().is_some_and(|query| query.contains("return_level=full"));
    Ok(Json(matching(&core, &caller, &query, full).into()))
}

async fn query_paged(State(core): Shared, uri: axum::http::Uri, caller: Caller, Body(query): Body) -> Answer {
    let full = uri.query().is_some_and(|query| query.contains("return_level=full"));
    let found = matching(&core, &caller, &query, full);
    let number = |key: &str| query[key].as_u64().and_then(|n| usize::try_from(n).ok());
    let (start, length) = (number("start").unwrap_or(0), number("length").unwrap_or(usize::MAX));
    let total = found.len();
    let page: Vec<Value> = found.into_iter().skip(start).take(length).collect();
    Ok(Json(json!({"recordsTotal": total, "recordsFiltered": total, "data": page})))
}

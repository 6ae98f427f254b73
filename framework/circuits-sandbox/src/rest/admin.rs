//! Organisation, constants, users, and what administrators configure: types, fields, rules, destinations, functions.
use std::sync::Arc;

use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

use super::Answer;
use super::extract::{Body, Caller, Path};
use crate::api_error::ApiError;
use crate::core::Core;
use crate::platform::{State as Store, TypeDef};

type Shared = State<Arc<Core>>;

pub(super) fn routes(app: Router<Arc<Core>>) -> Router<Arc<Core>> {
    app.route("/rest/orgs/{org}/users", get(users))
        .route("/rest/orgs/{org}/users/{id}", get(user))
        .route("/rest/orgs/{org}/types", get(types).post(create_type))
        .route("/rest/orgs/{org}/types/{name}", get(one_type))
        .route("/rest/orgs/{org}/types/{name}/fields", get(fields).post(create_field))
        .route("/rest/orgs/{org}/types/{name}/fields/{id}", get(field).put(change_field))
        .route("/rest/orgs/{org}/actions", get(rules).post(create_rule))
        .route("/rest/orgs/{org}/actions/{id}", get(rule).put(change_rule).delete(delete_rule))
        .route("/rest/orgs/{org}/message_destinations", get(destinations).post(create_destination))
        .route("/rest/orgs/{org}/message_destinations/{id}", get(destination).put(change_destination))
        .route("/rest/orgs/{org}/functions", get(functions).post(create_function))
        .route("/rest/orgs/{org}/functions/{name}", get(function).put(change_function))
}

pub(super) async fn constants(_: Caller) -> Answer {
    let version = json!({"v": 51, "r": 0, "m": 0, "f": 0, "build_number": 0, "major": 51, "minor": 0, "version": "51.0.0.0.0"});
    Ok(Json(json!({"server_version": version, "actions_framework_enabled": true, "time_zone": "UTC"})))
}

pub(super) async fn org(State(core): Shared, Path(org): Path<i64>, _: Caller) -> Answer {
    let state = core.platform.lock();
    if *state.accounts.org_id() == org {
        return Ok(Json(state.accounts.org().clone()));
    }
    let name = &core.platform.identity.second_org;
    Ok(Json(json!({"id": org, "name": name, "enabled": true, "actions_framework_enabled": false})))
}

async fn users(State(core): Shared, _: Caller) -> Answer {
    Ok(Json(core.platform.lock().accounts.users().cloned().collect()))
}

async fn user(State(core): Shared, Path((_, id)): Path<(i64, i64)>, _: Caller) -> Answer {
    core.platform.lock().accounts.user(id).cloned().map(Json).ok_or_else(|| ApiError::missing("user", id))
}

fn type_json(name: &str, def: &TypeDef) -> Value {
    let fields = def.fields.values();
    let fields = fields.map(|field| (field["name"].as_str().unwrap_or_default().to_owned(), field.clone()));
    json!({"id": def.id, "type_name": name, "display_name": def.display_name,
        "fields": fields.collect::<serde_json::Map<_, _>>()})
}

async fn types(State(core): Shared, _: Caller) -> Answer {
    let state = core.platform.lock();
    let all = state.definitions.types().0.iter().map(|(name, def)| (name.clone(), type_json(name, def)));
    Ok(Json(all.collect::<serde_json::Map<_, _>>().into()))
}

async fn one_type(State(core): Shared, Path((_, name)): Path<(i64, String)>, _: Caller) -> Answer {
    let state = core.platform.lock();
    let def = state.definitions.types().0.get(&name).ok_or_else(|| ApiError::missing("type", &name))?;
    Ok(Json(type_json(&name, def)))
}

async fn create_type(State(core): Shared, _: Caller, Body(body): Body) -> Answer {
    let mut state = core.platform.lock();
    let name = state.definitions.new_type(&body)?;
    Ok(Json(type_json(&name, &state.definitions.types().0[&name])))
}

async fn fields(State(core): Shared, Path((_, name)): Path<(i64, String)>, _: Caller) -> Answer {
    let state = core.platform.lock();
    let def = state.definitions.types().0.get(&name).ok_or_else(|| ApiError::missing("type", &name))?;
    Ok(Json(def.fields.values().cloned().collect()))
}

async fn field(
    State(core): Shared,
    Path((_, name, field)): Path<(i64, String, String)>,
    _: Caller,
) -> Answer {
    let state = core.platform.lock();
    let is = |candidate: &&Value| is_handle(candidate, &field);
    let found = state.definitions.types().fields(&name).find(is).cloned();
    found.map(Json).ok_or_else(|| ApiError::missing("field", &field))
}

async fn create_field(
    State(core): Shared,
    Path((_, name)): Path<(i64, String)>,
    _: Caller,
    Body(body): Body,
) -> Answer {
    core.platform.lock().new_field(&name, &body).map(Json)
}

async fn change_field(
    State(core): Shared,
    Path((_, name, id)): Path<(i64, String, i64)>,
    _: Caller,
    Body(body): Body,
) -> Answer {
    core.platform.lock().definitions.change_field(&name, id, &body).map(Json)
}

fn entities(list: impl Iterator<Item = Value>) -> Json<Value> {
    Json(json!({"entities": list.collect::<Vec<_>>()}))
}

async fn rules(State(core): Shared, caller: Caller) -> Answer {
    let state = core.platform.lock();
    Ok(entities(state.definitions.rules().map(|rule| state.definitions.rule_json(rule, caller.format))))
}

async fn rule(State(core): Shared, Path((_, id)): Path<(i64, i64)>, caller: Caller) -> Answer {
    let state = core.platform.lock();
    let rule = state.definitions.rule(id)?;
    Ok(Json(state.definitions.rule_json(rule, caller.format)))
}

async fn create_rule(State(core): Shared, caller: Caller, Body(body): Body) -> Answer {
    let mut state = core.platform.lock();
    let rule = state.definitions.new_rule(&body)?;
    Ok(Json(state.definitions.rule_json(&rule, caller.format)))
}

async fn change_rule(
    State(core): Shared,
    Path((_, id)): Path<(i64, i64)>,
    caller: Caller,
    Body(body): Body,
) -> Answer {
    let mut state = core.platform.lock();
    let rule = state.definitions.change_rule(id, &body)?;
    Ok(Json(state.definitions.rule_json(&rule, caller.format)))
}

async fn delete_rule(State(core): Shared, Path((_, id)): Path<(i64, i64)>, _: Caller) -> Answer {
    core.platform.lock().definitions.remove_rule(id)?;
    Ok(Json(json!({"success": true, "message": null})))
}

async fn destinations(State(core): Shared, _: Caller) -> Answer {
    Ok(entities(core.platform.lock().definitions.destinations().cloned()))
}

async fn destination(State(core): Shared, Path((_, id)): Path<(i64, i64)>, _: Caller) -> Answer {
    core.platform.lock().definitions.destination(id).cloned().map(Json)
}

async fn create_destination(State(core): Shared, _: Caller, Body(body): Body) -> Answer {
    let mut state = core.platform.lock();
    let Store { definitions, accounts, .. } = &mut *state;
    definitions.new_destination(&body, accounts).map(Json)
}

async fn change_destination(
    State(core): Shared,
    Path((_, id)): Path<(i64, i64)>,
    _: Caller,
    Body(body): Body,
) -> Answer {
    let mut state = core.platform.lock();
    let Store { definitions, accounts, .. } = &mut *state;
    definitions.change_destination(id, &body, accounts).map(Json)
}

/// Whether a path segment names the object, by name or by id.
fn is_handle(object: &Value, handle: &str) -> bool {
    object["name"] == handle || handle.parse::<i64>().is_ok_and(|id| object["id"] == id)
}

async fn functions(State(core): Shared, _: Caller) -> Answer {
    Ok(entities(core.platform.lock().definitions.functions().cloned()))
}

async fn function(State(core): Shared, Path((_, name)): Path<(i64, String)>, _: Caller) -> Answer {
    let state = core.platform.lock();
    let is = |function: &&Value| is_handle(function, &name);
    state
        .definitions
        .functions()
        .find(is)
        .cloned()
        .map(Json)
        .ok_or_else(|| ApiError::missing("function", &name))
}

async fn change_function(
    State(core): Shared,
    Path((_, id)): Path<(i64, i64)>,
    _: Caller,
    Body(body): Body,
) -> Answer {
    core.platform.lock().definitions.change_function(id, &body).map(Json)
}

async fn create_function(State(core): Shared, caller: Caller, Body(body): Body) -> Answer {
    core.platform.lock().definitions.new_function(body, &caller.cause.account).map(Json)
}

//! The requests that every object accepts: read, replace, patch, delete; and, below an incident, list and create.
use axum::Json;
use serde_json::{Value, json};

use super::Answer;
use super::extract::Caller;
use crate::api_error::ApiError;
use crate::core::Core;
use crate::platform::{Format, Kind, State as Store};

/// GET of any object, with its handles in the format that the caller wants.
pub(super) fn show(core: &Core, kind: Kind, id: i64, caller: &Caller) -> Answer {
    let state = core.platform.lock();
    let mut object = match kind {
        Kind::Incident => state.incident_json(id).ok_or_else(|| ApiError::missing(kind.name(), id))?,
        _ => state.objects.find(kind, id)?.clone(),
    };
    if caller.format == Format::Names {
        state.definitions.types().to_names(kind, &mut object);
    }
    Ok(Json(object))
}

/// PUT of any object: version, change, rules.
pub(super) fn put(core: &Core, kind: Kind, id: i64, body: Value, caller: &Caller) -> Answer {
    let outgoing = {
        let mut state = core.platform.lock();
        state.objects.check_version(kind, id, &body)?;
        let object = state.changed(kind, id, body)?;
        state.replace(kind, id, object, &caller.cause)
    };
    core.send(outgoing);
    show(core, kind, id, caller)
}

/// PATCH of any object. Conflicts are answered with 200 and `success: false` (PatchStatus).
pub(super) fn patch(core: &Core, kind: Kind, id: i64, patch: &Value, caller: &Caller) -> Answer {
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
    core.platform.lock().objects.remove(kind, id)?;
    Ok(Json(json!({"success": true, "title": null, "message": null})))
}

/// GET of a list: the objects of a kind below an incident.
pub(super) fn list(core: &Core, kind: Kind, incident: i64, caller: &Caller) -> Answer {
    let state = core.platform.lock();
    state.objects.find(Kind::Incident, incident)?;
    let mut found: Vec<Value> = state.objects.of_incident(kind, incident).cloned().collect();
    if caller.format == Format::Names {
        found.iter_mut().for_each(|object| state.definitions.types().to_names(kind, object));
    }
    Ok(Json(found.into()))
}

/// POST: creates what `build` makes, and fires the rules.
pub(super) fn create(
    core: &Core,
    kind: Kind,
    caller: &Caller,
    build: impl FnOnce(&Store) -> Result<Value, ApiError>,
) -> Result<i64, ApiError> {
    let (id, outgoing) = {
        let mut state = core.platform.lock();
        let object = build(&state)?;
        state.create(kind, object, &caller.cause)
    };
    core.send(outgoing);
    Ok(id)
}

/// Refuses an object that does not belong to the incident in the path.
pub(super) fn belongs(core: &Core, kind: Kind, incident: i64, id: i64) -> Result<(), ApiError> {
    let of = core.platform.lock().objects.incident_of(kind, id)?;
    if of == incident { Ok(()) } else { Err(ApiError::missing(kind.name(), id)) }
}

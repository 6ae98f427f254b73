//! `/rest/session`: log in with e-mail and password (POST), or ask whose API key it is (GET).
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::extract::{Body, account};
use crate::api_error::ApiError;
use crate::core::Core;
use crate::platform::{Identity, Role, SECOND_ORG, new_uuid};

/// A wrong password and a missing one get the same answer.
fn refused() -> ApiError {
    ApiError::new(401, "Invalid user name or password.")
}

pub(super) async fn log_in(State(core): State<Arc<Core>>, Body(body): Body) -> Result<Response, ApiError> {
    let identity = &core.platform.identity;
    let (email, password) =
        (body["email"].as_str().unwrap_or_default(), body["password"].as_str().unwrap_or_default());
    let account =
        identity.account(email, password).filter(|account| account.role == Role::User).ok_or_else(refused)?;
    let plain = || new_uuid().replace('-', "");
    let (session, csrf) = (plain(), plain());
    core.platform.lock().accounts.open_session(session.clone(), csrf.clone());
    let answer = json!({
        "csrf_token": csrf, "orgs": orgs(identity), "user_id": account.user_id(), "user_email": account.login,
        "user_fname": "Sam", "user_lname": "Sandbox", "session_ip": "127.0.0.1", "is_saml": false, "is_ldap": false,
        "saml_alias": null, "password_expiration_date": null,
    });
    let cookie = format!("JSESSIONID={session}; Path=/; Secure; HttpOnly");
    Ok(([(header::SET_COOKIE, cookie)], Json(answer)).into_response())
}

pub(super) async fn whoami(State(core): State<Arc<Core>>, headers: HeaderMap) -> super::Answer {
    let account = account(&headers, &core).ok_or_else(refused)?;
    let principal = account.principal();
    let mut answer = json!({
        "orgs": orgs(&core.platform.identity), "client_id": account.login,
        "display_name": principal["display_name"], "session_ip": "127.0.0.1", "password_expiration_date": null,
    });
    match account.user_id() {
        Some(id) => answer["user_id"] = id.into(),
        None => answer["api_key_handle"] = principal["id"].clone(),
    }
    Ok(Json(answer))
}

fn orgs(identity: &Identity) -> Value {
    let org = |id: i64, name: &str, uuid: &str| {
        json!({
            "id": id, "name": name, "uuid": uuid, "cloud_account": null, "enabled": true, "has_saml": false,
            "require_saml": false, "supports_ldap": false, "attachments_enabled": true, "tasks_private": false,
            "incident_deletion_allowed": true, "twofactor_cookie_lifetime_secs": 0, "session_timeout": 1200,
            "perms": {"administrator": false, "observer": false, "master_administrator": true, "create_incs": true},
        })
    };
    let first = org(identity.org_id, &identity.org_name, &identity.org_uuid);
    let second = identity
        .second_org
        .as_ref()
        .map(|name| org(SECOND_ORG, name, "00000000-0000-4000-8000-000000000202"));
    std::iter::once(first).chain(second).collect()
}

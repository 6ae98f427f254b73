//! Logging in to the REST API, and which requests are refused to whom.

use crate::support::Rest;
use circuits_sandbox::Sandbox;
use serde_json::{Value, json};

async fn start() -> (Sandbox, Rest) {
    let sandbox = Sandbox::builder().second_org("No Actions").start().await.unwrap();
    let rest = Rest::new(&sandbox);
    (sandbox, rest)
}

/// Cookie and csrf token of a password log-in.
async fn log_in(sandbox: &Sandbox, rest: &Rest) -> (String, String) {
    let credentials = sandbox.credentials();
    let body = json!({"email": credentials.email, "password": credentials.password});
    let response = rest.http.post(format!("{}/session", rest.base)).json(&body).send().await.unwrap();
    assert_eq!(response.status().as_u16(), 200);
    assert_eq!(response.headers()["content-type"], "application/json;charset=UTF-8");
    let cookie = response.headers()["set-cookie"].to_str().unwrap().to_owned();
    assert!(cookie.ends_with("; Path=/; Secure; HttpOnly"), "{cookie}");
    let session: Value = response.json().await.unwrap();
    assert_eq!((&session["user_id"], &session["user_email"]), (&json!(1), &json!(credentials.email)));
    let orgs: Vec<_> =
        session["orgs"].as_array().unwrap().iter().map(|org| (&org["id"], &org["name"])).collect();
    assert_eq!(orgs, [(&json!(201), &json!("Sandbox")), (&json!(202), &json!("No Actions"))]);
    (cookie.split(';').next().unwrap().to_owned(), session["csrf_token"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn a_password_session_needs_its_cookie_and_its_csrf_token() {
    let (sandbox, rest) = start().await;
    let (cookie, csrf) = log_in(&sandbox, &rest).await;
    let status = async |cookie: Option<&str>, csrf: Option<&str>| {
        let mut request = rest.http.get(format!("{}/orgs/201", rest.base));
        if let Some(cookie) = cookie {
            request = request.header("cookie", cookie);
        }
        if let Some(csrf) = csrf {
            request = request.header("X-sess-id", csrf);
        }
        request.send().await.unwrap().status().as_u16()
    };
    assert_eq!(status(Some(&cookie), Some(&csrf)).await, 200);
    assert_eq!(status(Some(&cookie), None).await, 401);
    assert_eq!(status(Some(&cookie), Some("wrong")).await, 401);
    assert_eq!(status(None, Some(&csrf)).await, 401);
    sandbox.faults().expire_sessions();
    assert_eq!(status(Some(&cookie), Some(&csrf)).await, 401, "an expired session");
    let (cookie, csrf) = log_in(&sandbox, &rest).await;
    assert_eq!(status(Some(&cookie), Some(&csrf)).await, 200, "until the next log-in");
}

#[tokio::test]
async fn an_api_key_asks_who_it_is() {
    let (sandbox, rest) = start().await;
    let session = rest.get("!/session").await;
    assert_eq!(session["api_key_handle"], 4);
    assert_eq!(session["client_id"], json!(sandbox.credentials().api_key_id));
    assert_eq!(session["orgs"][0]["cloud_account"], Value::Null);
    assert_eq!(session["orgs"][0]["uuid"].as_str().unwrap().len(), 36);
    assert_eq!(session.get("csrf_token"), None);
}

#[tokio::test]
async fn wrong_credentials_get_401_in_the_platforms_words() {
    let (sandbox, rest) = start().await;
    let url = format!("{}/session", rest.base);
    let body = json!({"email": sandbox.credentials().email, "password": "wrong"});
    let response = rest.http.post(&url).json(&body).send().await.unwrap();
    assert_eq!(response.status().as_u16(), 401);
    let error: Value = response.json().await.unwrap();
    assert_eq!(
        error,
        json!({"success": false, "title": null, "message": "Invalid user name or password.", "hints": [], "error_code": "generic"})
    );
    for (id, secret) in [("x", "y"), ("admin", sandbox.credentials().admin_password.as_str())] {
        let response = rest.http.get(&url).basic_auth(id, Some(secret)).send().await.unwrap();
        assert_eq!(response.status().as_u16(), 401, "{id}");
    }
    assert_eq!(rest.http.get(&url).send().await.unwrap().status().as_u16(), 401);
}

#[tokio::test]
async fn organisations_constants_and_users() {
    let (_sandbox, rest) = start().await;
    let org = rest.get("").await;
    assert_eq!((&org["id"], &org["actions_framework_enabled"]), (&json!(201), &json!(true)));
    assert_eq!(org["phases"]["1004"]["name"], "Initial");
    assert_eq!(org["incident_severities"]["50"]["name"], "Low");
    assert_eq!(rest.get("!/orgs/202").await["actions_framework_enabled"], false);
    for path in ["!/orgs/202/incidents", "!/orgs/7"] {
        assert_eq!(rest.call("GET", path, None).await.0, 403, "{path}");
    }
    assert_eq!(rest.get("!/const").await["server_version"]["version"], "51.0.0.0.0");
    assert_eq!(rest.get("/users").await.as_array().unwrap().len(), 3);
    assert_eq!(rest.get("/users/2").await["fname"], "Alex");
    assert_eq!(rest.call("GET", "/users/99", None).await.0, 404);
    let (status, error) = rest.call("GET", "/nonsense", None).await;
    assert_eq!((status, &error["success"]), (404, &json!(false)));
    assert_eq!(rest.call("DELETE", "/users", None).await.0, 404);
    let (status, error) = rest.call("GET", "/incidents/x", None).await;
    assert_eq!((status, &error["error_code"]), (404, &json!("generic")));
}

#[tokio::test]
async fn requests_are_recorded_with_headers_query_and_body() {
    let (sandbox, rest) = start().await;
    let mut events = sandbox.events();
    let request = rest.request("POST", "/incidents/query?return_level=full").header("X-Co3ContextToken", "t");
    request.json(&json!({"filters": []})).send().await.unwrap();
    let requests = sandbox.requests();
    let [request] = requests.as_slice() else { panic!("{requests:?}") };
    assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", "/rest/orgs/201/incidents/query"));
    assert_eq!(
        (request.query.as_str(), request.header("x-co3contexttoken")),
        ("return_level=full", Some("t"))
    );
    assert_eq!((request.json(), request.status), (json!({"filters": []}), Some(200)));
    let event = events.recv().await.unwrap();
    assert!(matches!(event, circuits_sandbox::Event::Rest { status: 200, .. }), "{event:?}");
}

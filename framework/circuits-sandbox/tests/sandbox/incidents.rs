//! Incidents through REST: life, versions, conflicts, patches, formats, queries.

use crate::support::Rest;
use circuits_sandbox::Sandbox;
use serde_json::{Value, json};

const PATH: &str = "/incidents/2095";

async fn start() -> (Sandbox, Rest) {
    let sandbox = Sandbox::builder().incident("Lost laptop").start().await.unwrap();
    let rest = Rest::new(&sandbox);
    (sandbox, rest)
}

#[tokio::test]
async fn an_incident_lives_from_post_to_delete() {
    let (sandbox, rest) = start().await;
    let body = json!({"name": "test", "discovered_date": 1_524_236_957_000_u64, "severity_code": {"name": "High"},
        "incident_type_ids": ["Malware"], "properties": {"custom1": "x"}});
    let incident = rest.post("/incidents", body).await;
    let id = incident["id"].as_i64().unwrap();
    assert_eq!((&incident["vers"], &incident["plan_status"]), (&json!(1), &json!("A")));
    assert_eq!((&incident["severity_code"], &incident["incident_type_ids"]), (&json!(52), &json!([19])));
    assert_eq!(incident["properties"], json!({"custom1": "x", "custom2": null}));
    assert_eq!(rest.get(&format!("/incidents/{id}")).await, incident);
    assert_eq!(sandbox.incident(id), incident);
    rest.post(&format!("/incidents/{id}/tasks"), json!({"name": "t"})).await;
    assert_eq!(rest.call("DELETE", &format!("/incidents/{id}"), None).await.0, 200);
    assert_eq!(sandbox.tasks(id).len(), 0);
    let (status, error) = rest.call("GET", &format!("/incidents/{id}"), None).await;
    assert_eq!(status, 404);
    assert_eq!(error["message"], format!("Unable to find object with ID {id} of type incident"));
    assert_eq!(rest.call("DELETE", &format!("/incidents/{id}"), None).await.0, 404);
}

#[tokio::test]
async fn required_fields_are_named_as_in_the_guide() {
    let (_sandbox, rest) = start().await;
    let (status, error) = rest.call("POST", "/incidents", Some(json!({"name": "test"}))).await;
    assert_eq!(status, 400);
    assert_eq!(error["message"], "Field discovered date is required.");
    assert_eq!(
        error["hints"],
        json!([{"field_defs": [{"name": "discovered_date", "type": "date", "required": true}], "error_code": "generic"}])
    );
    let (status, error) =
        rest.call("POST", "/incidents", Some(json!({"discovered_date": 1, "name": ""}))).await;
    assert_eq!((status, &error["message"]), (400, &json!("Field name is required.")));
    let wrong = json!({"name": "n", "discovered_date": 1, "severity_code": "Unheard of"});
    assert_eq!(rest.call("POST", "/incidents", Some(wrong)).await.0, 400);
    let response = rest.request("POST", "/incidents").body("{").send().await.unwrap();
    assert_eq!(response.status().as_u16(), 400);
}

#[tokio::test]
async fn a_stale_version_is_a_conflict_and_changes_nothing() {
    let (sandbox, rest) = start().await;
    let read = rest.get(PATH).await;
    sandbox.edit_incident(2095, json!({"city": "Bern"})).unwrap();
    let mut mine = read.clone();
    mine["name"] = "mine".into();
    let (status, error) = rest.call("PUT", PATH, Some(mine)).await;
    assert_eq!((status, &error["success"]), (409, &json!(false)));
    assert!(error["message"].as_str().unwrap().contains("2095"), "{error}");
    let mut again = rest.get(PATH).await;
    assert_eq!((&again["vers"], &again["name"], &again["city"]), (&json!(2), &read["name"], &json!("Bern")));
    again["name"] = "mine".into();
    again["id"] = 7.into();
    let done = rest.put(PATH, again).await;
    assert_eq!((&done["vers"], &done["name"], &done["id"]), (&json!(3), &json!("mine"), &json!(2095)));
    let (status, _) = rest.call("PUT", PATH, Some(json!({"vers": 3, "name": null}))).await;
    assert_eq!(status, 400, "required on change as well");
    assert_eq!(rest.call("PUT", "/incidents/1", Some(json!({}))).await.0, 404);
}

#[tokio::test]
async fn a_patch_compares_field_by_field() {
    let (sandbox, rest) = start().await;
    let change = |field: &str, old: Value, new: Value| json!({"field": field, "old_value": {"object": old}, "new_value": {"object": new}});
    let version = rest.get(PATH).await["vers"].clone();
    sandbox.edit_incident(2095, json!({"city": "Bern"})).unwrap();
    // The version is stale, but the fields are not: no conflict.
    let patch = json!({"version": version, "changes": [
        change("properties.custom1", Value::Null, json!("new")),
        change("severity_code", json!("Medium"), json!("High")),
    ]});
    let (status, answer) = rest.call("PATCH", PATH, Some(patch.clone())).await;
    assert_eq!((status, &answer["success"]), (200, &json!(true)));
    let incident = rest.get(PATH).await;
    assert_eq!((&incident["vers"], &incident["severity_code"]), (&json!(3), &json!(52)));
    assert_eq!(incident["properties"], json!({"custom1": "new", "custom2": null}));

    let (status, answer) = rest.call("PATCH", PATH, Some(patch)).await;
    assert_eq!((status, &answer["success"]), (200, &json!(false)));
    assert_eq!(
        answer["field_failures"],
        json!([
            {"field": "properties.custom1", "your_original_value": null, "actual_current_value": "new"},
            {"field": "severity_code", "your_original_value": "Medium", "actual_current_value": 52},
        ])
    );
    assert_eq!(rest.get(PATH).await["vers"], 3, "nothing changed");
    let unknown = json!({"changes": [change("blah", Value::Null, json!(1))]});
    assert_eq!(rest.call("PATCH", PATH, Some(unknown)).await.0, 400);
    assert_eq!(rest.call("PATCH", PATH, Some(json!({"changes": []}))).await.0, 400);
}

#[tokio::test]
async fn handles_are_shown_as_names_on_request() {
    let (_sandbox, rest) = start().await;
    let named = rest.get("/incidents/2095?handle_format=names").await;
    assert_eq!(
        (&named["severity_code"], &named["incident_type_ids"]),
        (&json!("Medium"), &json!(["Phishing"]))
    );
    let response = rest.request("GET", PATH).header("handle_format", "names").send().await.unwrap();
    assert_eq!(response.json::<Value>().await.unwrap()["phase_id"], "Engage");
    assert_eq!(rest.get(PATH).await["phase_id"], 1003);
    let list = rest.get("/incidents?handle_format=names").await;
    assert_eq!(list[0]["plan_status"], "Active");
}

#[tokio::test]
async fn incidents_are_listed_and_queried() {
    let (sandbox, rest) = start().await;
    sandbox.edit_incident(2095, json!({"plan_status": "C"})).unwrap();
    let list = rest.get("/incidents").await;
    assert_eq!(list.as_array().unwrap().len(), 2);
    assert_eq!(list[0].get("properties"), None, "lists are short");
    let query = |field: &str, method: &str, value: Value| json!({"filters": [{"conditions": [{"field_name": field, "method": method, "value": value}]}]});
    let found =
        rest.post("/incidents/query?return_level=full", query("plan_status", "equals", json!("A"))).await;
    assert_eq!((found.as_array().unwrap().len(), &found[0]["name"]), (1, &json!("Lost laptop")));
    assert!(found[0]["properties"].is_object());
    let by_custom =
        rest.post("/incidents/query", query("properties.custom1", "has_a_value", Value::Null)).await;
    assert_eq!(by_custom, json!([]));
    let mut paged = json!({"start": 1, "length": 5});
    let page = rest.post("/incidents/query_paged", paged.clone()).await;
    assert_eq!((&page["recordsTotal"], &page["data"][0]["name"]), (&json!(2), &json!("Lost laptop")));
    paged["filters"] = query("name", "contains", json!("Phishing"))["filters"].clone();
    assert_eq!(rest.post("/incidents/query_paged", paged).await["recordsTotal"], 1);
}

#[tokio::test]
async fn text_is_searched() {
    let (_sandbox, rest) = start().await;
    rest.post("/incidents/2095/comments", json!({"text": "Called the CFO"})).await;
    let found = rest.post("!/search_ex", json!({"query": "cfo", "types": ["note", "incident"]})).await;
    assert_eq!(
        (&found["results"][0]["type_id"], &found["results"][0]["inc_id"]),
        (&json!("note"), &json!(2095))
    );
    assert_eq!(
        rest.post("!/search_ex", json!({"query": "cfo", "types": ["incident"]})).await["results"],
        json!([])
    );
    assert_eq!(rest.call("POST", "!/search_ex", Some(json!({}))).await.0, 400);
}

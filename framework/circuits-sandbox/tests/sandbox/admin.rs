//! Deployment tools create destinations, rules, fields, types and functions; what they create works.

use crate::support::{Rest, Stomp};
use circuits_sandbox::Sandbox;
use serde_json::{Value, json};

async fn start() -> (Sandbox, Rest) {
    let sandbox = Sandbox::builder().start().await.unwrap();
    let rest = Rest::new(&sandbox);
    (sandbox, rest)
}

fn named<'a>(list: &'a Value, name: &str) -> &'a Value {
    let list = list.get("entities").unwrap_or(list);
    list.as_array().unwrap().iter().find(|object| object["name"] == name).unwrap()
}

#[tokio::test]
async fn a_destination_is_readable_by_those_it_lists() {
    let (sandbox, rest) = start().await;
    let body = json!({"name": "My queue", "programmatic_name": "my_queue", "users": ["sam@sandbox.example"]});
    let mut destination = rest.post("/message_destinations", body.clone()).await;
    assert_eq!((&destination["expect_ack"], &destination["users"]), (&json!(true), &json!([1])));
    assert_eq!(destination["api_keys"], json!([]));
    let (status, error) = rest.call("POST", "/message_destinations", Some(body)).await;
    assert_eq!(
        (status, &error["message"]),
        (400, &json!("There is already a message destination \"my_queue\"."))
    );
    for wrong in [json!({}), json!({"programmatic_name": "a.b"})] {
        assert_eq!(rest.call("POST", "/message_destinations", Some(wrong)).await.0, 400);
    }

    let mut stomp = Stomp::connect(&sandbox).await;
    let subscribe = "SUBSCRIBE\nid:1\ndestination:actions.201.my_queue\nreceipt:r\n\n\0";
    stomp.send(subscribe).await;
    assert!(stomp.frame().await.get("message").contains("is not authorized to read from"));
    destination["api_keys"] = json!([4]);
    let path = format!("/message_destinations/{}", destination["id"]);
    rest.put(&path, destination).await;
    stomp.send(subscribe).await;
    assert_eq!(stomp.frame().await.command, "RECEIPT");
    assert_eq!(rest.get(&path).await["api_keys"], json!([4]));
    assert_eq!(named(&rest.get("/message_destinations").await, "My queue")["programmatic_name"], "my_queue");
    assert_eq!(rest.call("PUT", "/message_destinations/1", Some(json!({}))).await.0, 404);
}

#[tokio::test]
async fn a_rule_may_name_its_parts_and_fires() {
    let (sandbox, rest) = start().await;
    rest.post("/message_destinations", json!({"programmatic_name": "q", "api_keys": [4]})).await;
    let body =
        json!({"name": "Add Task", "type": 1, "object_type": "incident", "message_destinations": ["q"]});
    let rule = rest.post("/actions?handle_format=names", body.clone()).await;
    assert_eq!((&rule["object_type"], &rule["message_destinations"]), (&json!("incident"), &json!(["q"])));
    let listed = rest.get("/actions").await;
    let listed = named(&listed, "Add Task");
    assert_eq!((&listed["object_type"], &listed["timeout_seconds"]), (&json!(0), &json!(86400)));
    assert!(listed["message_destinations"][0].is_i64());
    assert_eq!(rest.call("POST", "/actions", Some(body)).await.0, 400, "names are unique");
    for wrong in [
        json!({"type": 0}),
        json!({"name": "x", "object_type": "spaceship"}),
        json!({"name": "x", "message_destinations": ["nowhere"]}),
    ] {
        assert_eq!(rest.call("POST", "/actions", Some(wrong)).await.0, 400);
    }
    let menu = rest.get("/incidents/2095").await["actions"].clone();
    assert_eq!(menu, json!([{"id": rule["id"], "name": "Add Task", "enabled": true}]));
    sandbox.fire("Add Task", 2095, json!({})).unwrap();
    assert_eq!(sandbox.queue_stats("actions.201.q").ready, 1);
    let path = format!("/actions/{}", rule["id"]);
    assert_eq!(rest.get(&path).await["name"], "Add Task");
    assert_eq!(rest.call("DELETE", &path, None).await.0, 200);
    assert_eq!(rest.call("GET", &path, None).await.0, 404);
}

#[tokio::test]
async fn fields_are_created_changed_and_explained_in_messages() {
    let (sandbox, rest) = start().await;
    let field = json!({"name": "priority", "text": "Priority", "input_type": "select", "required": "always",
        "values": [{"label": "Low"}, {"label": "High"}]});
    let mut field = rest.post("/types/actioninvocation/fields", field).await;
    assert_eq!((&field["prefix"], &field["type_id"]), (&json!("properties"), &json!(6)));
    let high = field["values"][1]["value"].clone();
    assert!(high.is_i64());
    field["values"] = json!([{"label": "High"}, {"label": "Urgent"}]);
    let path = format!("/types/actioninvocation/fields/{}", field["id"]);
    let changed = rest.put(&path, field).await;
    assert_eq!(changed["values"][0]["value"], high, "a known label keeps its value");
    assert_eq!(rest.get("/types/actioninvocation/fields/priority").await, changed);
    assert_eq!(rest.get("/types/actioninvocation/fields").await.as_array().unwrap().len(), 1);

    rest.post("/message_destinations", json!({"programmatic_name": "q", "api_keys": [4]})).await;
    rest.post("/actions", json!({"name": "R", "type": 1, "object_type": 0, "message_destinations": ["q"]}))
        .await;
    sandbox.fire("R", 2095, json!({"priority": high})).unwrap();
    let message = Stomp::connect(&sandbox).await.subscribe("actions.201.q", "").await.remove(0);
    let data: Value = serde_json::from_slice(&message.body).unwrap();
    let info = &data["type_info"]["actioninvocation"]["fields"]["priority"];
    assert_eq!(info["values"][high.to_string()]["label"], "High", "{info}");

    rest.post(
        "/types/incident/fields",
        json!({"name": "tags", "input_type": "multiselect", "values": ["a"]}),
    )
    .await;
    assert_eq!(sandbox.incident(2095)["properties"]["tags"], json!([]));
    assert_eq!(rest.call("POST", "/types/incident/fields", Some(json!({"name": "tags"}))).await.0, 400);
    for path in ["/types/nothing/fields", "/types/incident/fields/nothing"] {
        assert_eq!(rest.call("GET", path, None).await.0, 404);
    }
    assert_eq!(rest.call("PUT", "/types/incident/fields/99999", Some(json!({}))).await.0, 404);
}

#[tokio::test]
async fn types_and_functions() {
    let (_sandbox, rest) = start().await;
    let table = json!({"type_name": "table", "display_name": "Table", "fields": {"col": {"text": "Column"}}});
    let created = rest.post("/types", table.clone()).await;
    assert_eq!(created["fields"]["col"]["text"], "Column");
    assert_eq!(rest.call("POST", "/types", Some(table)).await.0, 400);
    assert_eq!(rest.get("/types/table").await["display_name"], "Table");
    assert_eq!(rest.get("/types").await["incident"]["id"], 0);
    assert_eq!(rest.call("GET", "/types/nothing", None).await.0, 404);

    let function = rest.post("/functions", json!({"name": "fn_x", "destination_handle": "q"})).await;
    assert_eq!((&function["display_name"], &function["destination_handle"]), (&json!("fn_x"), &json!("q")));
    assert_eq!(rest.get("/functions/fn_x?handle_format=names").await, function);
    assert_eq!(rest.get(&format!("/functions/{}", function["id"])).await, function);
    assert_eq!(named(&rest.get("/functions").await, "fn_x"), &function);
    assert_eq!(rest.call("POST", "/functions", Some(json!({"name": "fn_x"}))).await.0, 400);
    assert_eq!(rest.call("GET", "/functions/nothing", None).await.0, 404);
}

#[tokio::test]
async fn names_are_kept_with_the_blanks_at_their_ends() {
    let (sandbox, rest) = start().await;
    rest.post("/message_destinations", json!({"programmatic_name": "q", "name": " Queue "})).await;
    rest.post("/functions", json!({"name": "lookup", "display_name": "Look up ", "destination_handle": "q"}))
        .await;
    rest.post("/types/incident/fields", json!({"name": "word", "text": "Word ", "input_type": "text"})).await;
    rest.post("/types", json!({"type_name": "table", "display_name": " Table"})).await;
    let rule = |name: &str| json!({"name": name, "type": 1, "object_type": "incident", "message_destinations": ["q"]});
    let made = rest.post("/actions", rule("Run Query ")).await;
    let import = json!({"export_format_version": 2, "actions": [rule(" Imported ")], "scripts": [{"name": "Script "}]});
    let import = rest.post("/configurations/imports", import).await;
    let path = format!("/configurations/imports/{}", import["id"]);
    rest.put(&path, json!({"status": "ACCEPTED"})).await;

    let changed = rest.put(&format!("/actions/{}", made["id"]), rule("Run Query ")).await;
    assert_eq!((&changed["name"], &changed["export_key"]), (&json!("Run Query "), &json!("Run Query ")));
    let export = rest.post("/configurations/exports", json!({})).await;
    for (list, key, name) in [
        ("message_destinations", "name", " Queue "),
        ("functions", "display_name", "Look up "),
        ("fields", "text", "Word "),
        ("types", "display_name", " Table"),
        ("actions", "name", "Run Query "),
        ("actions", "name", " Imported "),
        ("scripts", "name", "Script "),
    ] {
        let mut all = export[list].as_array().unwrap().iter();
        assert!(all.any(|object| object[key] == name), "{name:?} in {list}: {}", export[list]);
    }
    sandbox.fire("Run Query ", 2095, json!({})).unwrap();
    assert!(sandbox.fire("Run Query", 2095, json!({})).unwrap_err().is_unknown());
    assert_eq!(rest.call("POST", "/actions", Some(rule("  "))).await.0, 400, "a name of blanks alone");
}

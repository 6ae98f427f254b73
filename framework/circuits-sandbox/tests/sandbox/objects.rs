//! The objects below incidents: tasks, members, artifacts, notes, attachments.

use crate::support::Rest;
use circuits_sandbox::Sandbox;
use serde_json::json;

async fn start() -> (Sandbox, Rest) {
    let sandbox = Sandbox::builder().incident("Other").start().await.unwrap();
    let rest = Rest::new(&sandbox);
    (sandbox, rest)
}

#[tokio::test]
async fn tasks() {
    let (sandbox, rest) = start().await;
    let body = json!({"name": "Call", "phase_id": {"name": "Respond"}, "instr_text": "Use the phone"});
    let created = rest.post("/incidents/2095/tasks", body).await;
    assert_eq!(created.as_object().unwrap().len(), 1, "the platform answers with the id only");
    let path = format!("/tasks/{}", created["id"]);
    let mut task = rest.get(&path).await;
    assert_eq!(
        (&task["phase_id"], &task["status"], &task["inc_id"]),
        (&json!(1002), &json!("O"), &json!(2095))
    );
    assert_eq!(rest.get("/incidents/2095/tasks?handle_format=names").await[0]["phase_id"], "Respond");
    let stale = task.clone();
    task["status"] = "C".into();
    assert_eq!(rest.put(&path, task).await["vers"], 2);
    assert_eq!(rest.call("PUT", &path, Some(stale)).await.0, 409);
    let change = json!({"changes": [{"field": "name", "old_value": {"text": "Call"}, "new_value": {"text": "Write"}}]});
    assert_eq!(rest.call("PATCH", &path, Some(change)).await.1["success"], true);
    assert_eq!(sandbox.tasks(2095)[0]["name"], "Write");
    assert_eq!(rest.call("POST", "/incidents/2095/tasks", Some(json!({}))).await.0, 400);
    assert_eq!(rest.call("POST", "/incidents/1/tasks", Some(json!({"name": "x"}))).await.0, 404);
    assert_eq!(rest.call("DELETE", &path, None).await.0, 200);
    assert_eq!(rest.call("GET", &path, None).await.0, 404);
}

#[tokio::test]
async fn members_share_the_version_of_their_object() {
    let (_sandbox, rest) = start().await;
    let path = "/incidents/2095/members";
    assert_eq!(rest.get(path).await, json!({"members": [], "vers": 1}));
    assert_eq!(
        rest.put(path, json!({"members": [1, 3], "vers": 1})).await,
        json!({"members": [1, 3], "vers": 2})
    );
    assert_eq!(rest.call("PUT", path, Some(json!({"members": [], "vers": 1}))).await.0, 409);
    assert_eq!(rest.call("PUT", path, Some(json!({"members": [99], "vers": 2}))).await.0, 400);
    assert_eq!(rest.get("/incidents/2095").await["members"], json!([1, 3]));
    let task = rest.post("/incidents/2095/tasks", json!({"name": "t"})).await["id"].clone();
    let path = format!("/tasks/{task}/members");
    assert_eq!(rest.put(&path, json!({"members": [2], "vers": 1})).await["members"], json!([2]));
    assert_eq!(rest.call("GET", "/tasks/1/members", None).await.0, 404);
}

#[tokio::test]
async fn artifacts() {
    let (sandbox, rest) = start().await;
    let body = json!({"type": {"name": "IP Address"}, "value": "192.0.2.1", "description": {"format": "text", "content": "seen"}});
    let created = rest.post("/incidents/2095/artifacts", body).await;
    assert_eq!((&created[0]["type"], &created[0]["value"]), (&json!(1), &json!("192.0.2.1")));
    let path = format!("/incidents/2095/artifacts/{}", created[0]["id"]);
    let mut artifact = rest.get(&path).await;
    artifact["value"] = "192.0.2.2".into();
    assert_eq!(rest.put(&path, artifact.clone()).await["vers"], 2);
    assert_eq!(rest.call("PUT", &path, Some(artifact)).await.0, 409);
    assert_eq!(sandbox.artifacts(2095)[0]["value"], "192.0.2.2");
    assert_eq!(rest.get("/incidents/2095/artifacts").await.as_array().unwrap().len(), 1);
    let other = path.replace("2095", "2096");
    assert_eq!(rest.call("GET", &other, None).await.0, 404, "of another incident");
    for wrong in
        [json!({"value": "x"}), json!({"type": "String"}), json!({"type": "Unheard of", "value": "x"})]
    {
        assert_eq!(rest.call("POST", "/incidents/2095/artifacts", Some(wrong)).await.0, 400);
    }
    assert_eq!(rest.call("DELETE", &path, None).await.0, 200);
    assert_eq!(sandbox.artifacts(2095).len(), 0);
}

#[tokio::test]
async fn notes() {
    let (sandbox, rest) = start().await;
    let text = json!({"text": {"format": "html", "content": "<b>hi</b>"}});
    let note = rest.post("/incidents/2095/comments", text).await;
    assert_eq!((&note["text"], &note["type"]), (&json!("<b>hi</b>"), &json!("incident")));
    let path = format!("/incidents/2095/comments/{}", note["id"]);
    assert_eq!(rest.put(&path, json!({"text": {"content": "new"}})).await["text"], "new");
    let task = rest.post("/incidents/2095/tasks", json!({"name": "t"})).await["id"].clone();
    let below = rest.post(&format!("/tasks/{task}/comments"), json!({"text": "on a task"})).await;
    assert_eq!((&below["task_id"], &below["inc_id"]), (&task, &json!(2095)));
    assert_eq!(rest.get(&format!("/tasks/{task}/comments")).await.as_array().unwrap().len(), 1);
    assert_eq!(sandbox.notes(2095).len(), 2);
    assert_eq!(rest.call("POST", "/incidents/2095/comments", Some(json!({}))).await.0, 400);
    assert_eq!(rest.call("DELETE", &path, None).await.0, 200);
    assert_eq!(rest.get("/incidents/2095/comments").await.as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn attachments_come_back_byte_for_byte() {
    let (_sandbox, rest) = start().await;
    let data: Vec<u8> = (0..=255).chain(*b"\r\n--\r\n\r\n").collect();
    let part =
        reqwest::multipart::Part::bytes(data.clone()).file_name("a b.bin").mime_str("image/png").unwrap();
    let form = reqwest::multipart::Form::new().text("other", "field").part("file", part);
    let response = rest.request("POST", "/incidents/2095/attachments").multipart(form).send().await.unwrap();
    assert_eq!(response.status().as_u16(), 200);
    let list = rest.get("/incidents/2095/attachments").await;
    let one = &list[0];
    assert_eq!(
        (&one["name"], &one["content_type"], &one["size"]),
        (&json!("a b.bin"), &json!("image/png"), &json!(data.len()))
    );
    let path = format!("/incidents/2095/attachments/{}", one["id"]);
    let contents = rest.request("GET", &format!("{path}/contents")).send().await.unwrap();
    assert_eq!(contents.headers()["content-type"], "image/png");
    assert_eq!(contents.bytes().await.unwrap(), data);
    let task = rest.post("/incidents/2095/tasks", json!({"name": "t"})).await["id"].clone();
    let part = reqwest::multipart::Part::bytes(b"x".to_vec()).file_name("t.txt");
    let form = reqwest::multipart::Form::new().part("file", part);
    let response =
        rest.request("POST", &format!("/tasks/{task}/attachments")).multipart(form).send().await.unwrap();
    assert_eq!(response.json::<serde_json::Value>().await.unwrap()["task_id"], task);
    let (status, _) = rest.call("POST", "/incidents/2095/attachments", Some(json!({}))).await;
    assert_eq!(status, 400);
    assert_eq!(rest.call("DELETE", &path, None).await.0, 200);
    assert_eq!(rest.call("GET", &path, None).await.0, 404);
}

#[tokio::test]
async fn several_tasks_are_changed_at_once_or_not_at_all() {
    let (sandbox, rest) = start().await;
    let mut tasks = Vec::new();
    for name in ["a", "b"] {
        let id = rest.post("/incidents/2095/tasks", json!({"name": name})).await["id"].clone();
        tasks.push(rest.get(&format!("/tasks/{id}")).await);
    }
    let stale = tasks[0].clone();
    for task in &mut tasks {
        task["owner_id"] = 2.into();
    }
    let answer = rest.put("/tasks", tasks.into()).await;
    assert_eq!((&answer[0]["owner_id"], &answer[1]["vers"]), (&json!(2), &json!(2)));
    let mut fresh = answer[1].clone();
    fresh["name"] = "changed".into();
    assert_eq!(rest.call("PUT", "/tasks", Some(json!([fresh, stale]))).await.0, 409);
    assert_eq!(sandbox.tasks(2095)[1]["name"], "b", "the fresh one was not changed either");
    assert_eq!(rest.call("PUT", "/tasks", Some(json!({}))).await.0, 400);
    assert_eq!(rest.call("PUT", "/tasks", Some(json!([{"name": "x"}]))).await.0, 400);
    assert_eq!(rest.call("PUT", "/tasks", Some(json!([{"id": 1}]))).await.0, 404);
}

#[tokio::test]
async fn milestones() {
    let (sandbox, rest) = start().await;
    let path = "/incidents/2095/milestones";
    assert_eq!(rest.get(path).await, json!([]));
    let body = json!({"title": "Contained", "date": 1_500_000_000_000_i64, "description": "at last"});
    let milestone = rest.post(path, body).await;
    assert_eq!((&milestone["title"], &milestone["inc_id"]), (&json!("Contained"), &json!(2095)));
    assert_eq!(rest.get(path).await, json!([milestone]));
    let one = format!("{path}/{}", milestone["id"]);
    let mut changed = rest.get(&one).await;
    changed["title"] = "Recovered".into();
    assert_eq!(rest.put(&one, changed).await["vers"], 2);
    assert_eq!(sandbox.milestones(2095)[0]["title"], "Recovered");
    assert_eq!(rest.call("POST", path, Some(json!({"title": "x"}))).await.0, 400);
    assert_eq!(
        rest.call("POST", "/incidents/1/milestones", Some(json!({"title": "x", "date": 1}))).await.0,
        404
    );
    assert_eq!(rest.call("DELETE", &one, None).await.0, 200);
    assert_eq!(rest.call("GET", &one, None).await.0, 404);
}

#[tokio::test]
async fn the_newsfeed_tells_of_changes_of_the_phase() {
    let (sandbox, rest) = start().await;
    for phase in ["Respond", "Respond", "Post-Incident"] {
        sandbox.edit_incident(2095, json!({"phase_id": phase})).unwrap();
    }
    let news = rest.get("/incidents/2095/newsfeed").await;
    let shown = |entry: &serde_json::Value| (entry["before"].clone(), entry["after"].clone());
    let news: Vec<_> = news.as_array().unwrap().iter().map(shown).collect();
    assert_eq!(
        news,
        [(json!("Respond"), json!("Post-Incident")), (json!("Engage"), json!("Respond"))],
        "newest first"
    );
    let wanted = "/incidents/2095/newsfeed?object_type=INCIDENT&entry_type=PHASE_CHANGE&limit=1";
    assert_eq!(rest.get(wanted).await.as_array().unwrap().len(), 1);
    assert_eq!(rest.get("/incidents/2095/newsfeed?object_type=TASK").await, json!([]));
    assert_eq!(rest.call("GET", "/incidents/1/newsfeed", None).await.0, 404);
}

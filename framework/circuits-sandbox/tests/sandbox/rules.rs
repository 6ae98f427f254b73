//! Rules: which of them fire, what their messages contain, and what happens to the replies.

use crate::support::{Rest, Stomp, soon, unescape};
use circuits_sandbox::{Event, Rule, Sandbox, Status, Target};
use serde_json::{Value, json};

async fn lookup() -> Sandbox {
    let rule = Rule::menu_item("Lookup Value").to("filelookup");
    Sandbox::builder().rule(rule).start().await.unwrap()
}

#[tokio::test]
async fn a_fired_rule_arrives_and_its_reply_settles_the_invocation() {
    let sandbox = lookup().await;
    let mut events = sandbox.events();
    let mut stomp = Stomp::connect(&sandbox).await;
    let queue = sandbox.queue("filelookup");
    stomp.subscribe(&queue, "ack:client-individual\n").await;
    let id = sandbox.fire("Lookup Value", 2095, json!({"key": "value"})).unwrap();
    let message = stomp.frame().await;

    assert_eq!(message.command, "MESSAGE");
    assert_eq!(message.get("subscription"), queue);
    assert_eq!(message.get("destination"), format!("/queue/{queue}"));
    assert_eq!(unescape(message.get("correlation-id")), id.correlation_id());
    assert_eq!(message.get("reply-to"), "/queue/acks.201.filelookup");
    assert_eq!(message.get("Co3MessagePayload"), "ActionDataDTO");
    assert_eq!(message.get("Co3ContentType"), "application/json");
    for (name, value) in [("persistent", "true"), ("priority", "4"), ("expires", "0")] {
        assert_eq!(message.get(name), value);
    }
    assert!(message.get("timestamp").parse::<u64>().is_ok());
    assert!(message.get("message-id").starts_with("ID\\csandbox-"), "escaped as ActiveMQ does: {message:?}");
    assert!(message.get("ack").starts_with("ID\\csandbox-"));
    assert_eq!(message.get("Co3ContextToken").split('.').count(), 3);
    assert_eq!(message.find("redelivered"), None);

    let data: Value = serde_json::from_slice(&message.body).unwrap();
    assert_eq!(data["incident"]["id"], 2095);
    assert_eq!(data["properties"], json!({"key": "value"}));
    assert_eq!(data["object_type"], 0);
    assert_eq!(data["user"]["id"], 1);
    assert_eq!(data["principal"]["type"], "user");
    for absent in ["task", "artifact", "note", "milestone", "attachment", "workflow"] {
        assert_eq!(data[absent], Value::Null, "{absent}");
    }
    let severity = data["incident"]["severity_code"].to_string();
    assert_eq!(
        data["type_info"]["incident"]["fields"]["severity_code"]["values"][severity]["label"],
        "Medium"
    );

    let reply = |body: &str, extra: &str| {
        let correlation = message.get("correlation-id");
        format!(
            "SEND\ndestination:/queue/acks.201.filelookup\ncorrelation-id:{correlation}\n{extra}\n{body}\0"
        )
    };
    stomp.send(reply(r#"{"message_type":0,"message":"Started","complete":false}"#, "")).await;
    let interim = soon("interim", sandbox.until(id, |i| !i.messages.is_empty())).await;
    assert_eq!((interim.status, interim.final_replies), (Status::Pending, 0));
    stomp
        .send(reply(
            r#"{"message_type":0,"message":"Done","complete":true,"results":{"a":1}}"#,
            "persistent:true\n",
        ))
        .await;
    let done = soon("settled", sandbox.settled(id)).await;
    assert_eq!(done.status, Status::Completed);
    assert_eq!(done.text(), "Started\nDone");
    assert_eq!((done.final_replies, done.deliveries), (1, 1));
    assert_eq!(done.replies[1].header("persistent"), Some("true"));
    assert_eq!(done.replies[1].results, Some(json!({"a": 1})));

    stomp.send(reply("again", "")).await;
    let twice = soon("second reply", sandbox.until(id, |i| i.replies.len() == 3)).await;
    assert_eq!(twice.final_replies, 2, "a second final reply is counted, so that tests can refuse it");
    assert_eq!(sandbox.replies(&id.correlation_id()).len(), 3);

    let mut seen = Vec::new();
    while let Ok(event) = events.try_recv() {
        seen.push(event);
    }
    assert!(
        matches!(&seen[..3], [Event::Connected { .. }, Event::Subscribed { .. }, Event::RuleFired { .. }]),
        "{seen:?}"
    );
    assert!(seen.iter().any(|e| matches!(e, Event::Status { text, complete: true, .. } if text == "Done")));
}

#[tokio::test]
async fn replies_in_text_follow_the_header_and_errors_show() {
    let sandbox = lookup().await;
    let fire = || sandbox.fire("Lookup Value", 2095, json!({})).unwrap();
    let reply = |id: circuits_sandbox::InvocationId, extra: &[(&str, &str)], body: &'static str| {
        let own = ("correlation-id".to_owned(), id.correlation_id());
        let extra = extra.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        sandbox.reply(std::iter::once(own).chain(extra).collect(), body);
        let seen = sandbox.invocation(id).unwrap();
        (seen.status, seen.text())
    };
    assert_eq!(
        reply(fire(), &[], "Processing complete"),
        (Status::Completed, "Processing complete".to_owned())
    );
    let id = fire();
    assert_eq!(
        reply(id, &[("Co3InvocationComplete", "false")], "half way"),
        (Status::Pending, "half way".to_owned())
    );
    assert_eq!(reply(id, &[], r#"{"message":"done"}"#), (Status::Completed, "half way\ndone".to_owned()));
    let json = r#"{"message_type":1,"message":"no","complete":true}"#;
    assert_eq!(reply(fire(), &[("Co3InvocationComplete", "false")], json), (Status::Error, "no".to_owned()));
    let stray = vec![("correlation-id".to_owned(), "invid:1".to_owned())];
    sandbox.reply(stray, "nobody asked");
    assert_eq!(sandbox.replies("invid:1").len(), 1);
    assert_eq!(soon("the stray one", sandbox.replied("invid:1", 1)).await[0].text(), "nobody asked");
}

#[tokio::test]
async fn the_menu_and_the_action_status_list_work_through_rest() {
    let sandbox = Sandbox::builder()
        .rule(Rule::menu_item("Close").when("incident.plan_status", "equals", "Closed").to("a"))
        .rule(Rule::menu_item("On artifact").on_artifact().to("a").to("b"))
        .start()
        .await
        .unwrap();
    let rest = Rest::new(&sandbox);
    let rules = rest.get("/actions").await;
    let id = |name: &str| {
        rules["entities"].as_array().unwrap().iter().find(|r| r["name"] == name).unwrap()["id"].clone()
    };
    let invoke = |body: Value| rest.call("POST", "/incidents/2095/action_invocations", Some(body));
    let (status, error) = invoke(json!({"action_id": id("Close")})).await;
    assert_eq!(
        (status, &error["message"]),
        (400, &json!("The conditions of the rule \"Close\" do not hold."))
    );
    assert_eq!(invoke(json!({"action_id": 1})).await.0, 404);
    assert_eq!(invoke(json!({})).await.0, 400);
    let artifact =
        rest.post("/incidents/2095/artifacts", json!({"type": "String", "value": "x"})).await[0]["id"]
            .clone();
    assert_eq!(invoke(json!({"action_id": id("On artifact")})).await.0, 400, "not on the incident itself");
    let (status, invocation) =
        invoke(json!({"action_id": id("On artifact"), "artifact_id": artifact, "properties": {"p": 1}}))
            .await;
    assert_eq!(status, 200);
    assert_eq!(
        (&invocation["action"]["name"], &invocation["status"]),
        (&json!("On artifact"), &json!("pending"))
    );
    assert_eq!(sandbox.invocations().len(), 2, "one for each destination");

    let own = vec![("correlation-id".to_owned(), format!("invid:{}", invocation["id"]))];
    sandbox.reply(own, r#"{"message_type":1,"message":"broken","complete":true}"#);
    let list = rest.get("/incidents/2095/action_invocations").await;
    let first = &list["entities"][0];
    assert_eq!((&first["status"], &first["messages"][0]["message"]), (&json!("error"), &json!("broken")));
    assert!(first["messages"][0]["date"].is_u64());
    assert_eq!(list["entities"][1]["status"], "pending");

    let mut stomp = Stomp::connect(&sandbox).await;
    let message = stomp.subscribe("actions.201.b", "").await.remove(0);
    let data: Value = serde_json::from_slice(&message.body).unwrap();
    assert_eq!(
        (&data["artifact"]["id"], &data["type_id"], &data["incident"]["id"]),
        (&artifact, &json!(4), &json!(2095))
    );
    assert_eq!(data["type_info"]["artifact"]["fields"]["type"]["values"]["29"]["label"], "String");
    assert_eq!((&data["user"], &data["principal"]["type"]), (&Value::Null, &json!("apikey")));
}

#[tokio::test]
async fn automatic_rules_fire_when_their_conditions_hold() {
    let custom = "incident.properties.custom1";
    let sandbox = Sandbox::builder()
        .rule(Rule::automatic("changed").when_changed(custom).to("q"))
        .rule(Rule::automatic("changed to").when(custom, "changed_to", "b").to("q"))
        .rule(Rule::automatic("equals").when("incident.severity_code", "equals", "High").to("q"))
        .rule(Rule::automatic("contains").when("incident.incident_type_ids", "contains", 19).to("q"))
        .rule(Rule::automatic("added").when("incident.incident_type_ids", "value_added", Value::Null).to("q"))
        .rule(Rule::automatic("created").when_created().to("q"))
        .rule(
            Rule::automatic("task created")
                .on_task()
                .when_created()
                .when("incident.severity_code", "equals", 52)
                .to("q"),
        )
        .start()
        .await
        .unwrap();
    let mut seen = 0;
    let mut fired = || {
        let all = sandbox.invocations();
        let new: Vec<String> = all[seen..].iter().map(|invocation| invocation.rule.clone()).collect();
        seen = all.len();
        new
    };
    let edit = |fields: Value| sandbox.edit_incident(2095, fields).unwrap();
    assert_eq!(fired(), Vec::<String>::new(), "nothing fires for what is there at the start");
    edit(json!({"properties": {"custom1": "a"}}));
    assert_eq!(fired(), ["changed"]);
    edit(json!({"properties": {"custom1": "b"}}));
    assert_eq!(fired(), ["changed", "changed to"]);
    edit(json!({"properties": {"custom1": "b"}}));
    assert_eq!(fired(), Vec::<String>::new());
    edit(json!({"severity_code": "High"}));
    assert_eq!(fired(), ["equals"]);
    edit(json!({"severity_code": 50, "incident_type_ids": ["Malware", 22]}));
    assert_eq!(fired(), ["contains", "added"]);
    sandbox.create_incident(json!({"name": "n", "discovered_date": 1, "severity_code": {"id": 52}})).unwrap();
    assert_eq!(fired(), ["equals", "created"]);
    let rest = Rest::new(&sandbox);
    rest.post("/incidents/2095/tasks", json!({"name": "low"})).await;
    assert_eq!(fired(), Vec::<String>::new());
    edit(json!({"severity_code": 52}));
    rest.post("/incidents/2095/tasks", json!({"name": "high"})).await;
    assert_eq!(fired(), ["equals", "contains", "task created"]);
    assert_eq!(soon("all", sandbox.fired("contains", 2)).await.len(), 2);
}

#[tokio::test]
async fn the_context_token_keeps_a_rule_from_firing_itself() {
    let sandbox = Sandbox::builder()
        .rule(Rule::automatic("first").to("q"))
        .rule(Rule::automatic("second").when_changed("incident.properties.custom2").to("q"))
        .start()
        .await
        .unwrap();
    let mut stomp = Stomp::connect(&sandbox).await;
    stomp.subscribe("actions.201.q", "").await;
    sandbox.edit_incident(2095, json!({"name": "changed"})).unwrap();
    let mut rest = Rest::new(&sandbox);
    rest.token = Some(stomp.frame().await.get("Co3ContextToken").to_owned());
    let mut incident = rest.get("/incidents/2095").await;
    incident["properties"]["custom2"] = "by the handler".into();
    let incident = rest.put("/incidents/2095", incident).await;
    let rules: Vec<String> = sandbox.invocations().into_iter().map(|i| i.rule).collect();
    assert_eq!(rules, ["first", "second"], "the rule of the token did not fire again, the other one did");

    // The token of the second message names both rules, so a loop of rules ends too.
    rest.token = Some(stomp.frame().await.get("Co3ContextToken").to_owned());
    let mut again = incident.clone();
    again["properties"]["custom2"] = "by the second handler".into();
    rest.put("/incidents/2095", again).await;
    assert_eq!(sandbox.invocations().len(), 2);

    rest.token = Some("dummy".to_owned());
    let mut again = rest.get("/incidents/2095").await;
    again["name"] = "without a token".into();
    rest.put("/incidents/2095", again).await;
    assert_eq!(sandbox.invocations().len(), 3, "a foreign token guards nothing");
}

#[tokio::test]
async fn without_expected_acknowledgement_an_action_is_complete_at_once() {
    let sandbox = Sandbox::builder().rule(Rule::menu_item("Tell").to("tell")).start().await.unwrap();
    let rest = Rest::new(&sandbox);
    let destination = rest.get("/message_destinations").await["entities"][0].clone();
    let mut changed = destination.clone();
    changed["expect_ack"] = false.into();
    rest.put(&format!("/message_destinations/{}", destination["id"]), changed).await;
    let id = sandbox.fire("Tell", 2095, json!({})).unwrap();
    assert_eq!(sandbox.invocation(id).unwrap().status, Status::Completed);
    let unknown = sandbox.fire("Nonsense", 2095, json!({})).unwrap_err();
    assert!(unknown.is_unknown() && unknown.to_string().contains("Tell"), "{unknown}");
    assert!(sandbox.fire("Tell", 1, json!({})).unwrap_err().is_refused());
}

#[tokio::test]
async fn deliveries_of_an_invocation_are_counted_and_can_be_waited_for() {
    let sandbox = lookup().await;
    let id = sandbox.fire("Lookup Value", 2095, json!({})).unwrap();
    assert_eq!(sandbox.invocation(id).unwrap().deliveries, 0);
    let queue = sandbox.queue("filelookup");
    let mut stomp = Stomp::connect(&sandbox).await;
    stomp.subscribe(&queue, "ack:client-individual\n").await;
    drop(stomp);
    let mut stomp = Stomp::connect(&sandbox).await;
    let (seen, _) = tokio::join!(
        soon("the second delivery", sandbox.until(id, |invocation| invocation.deliveries == 2)),
        stomp.subscribe(&queue, "ack:client-individual\n"),
    );
    assert_eq!(seen.status, Status::Pending);
}

#[tokio::test]
async fn a_rule_on_an_email_message_sends_a_message_without_an_incident() {
    let automatic = Rule::automatic("Read Mail").on_email_message().when_created().to("mail");
    let menu_item = Rule::menu_item("Answer Mail").on_email_message().to("mail");
    let sandbox = Sandbox::builder().rule(automatic).rule(menu_item).start().await.unwrap();
    let mut stomp = Stomp::connect(&sandbox).await;
    stomp.subscribe(&sandbox.queue("mail"), "ack:client-individual\n").await;
    let mail = sandbox.create_email_message(json!({"subject": "Hi", "from": {"address": "a@example.com"}}));
    let message = stomp.frame().await;
    let body: Value = serde_json::from_str(&message.text()).unwrap();
    assert_eq!(
        (&body["object_type"], &body["type_id"], &body["incident"]),
        (&json!(13), &json!(13), &Value::Null)
    );
    assert_eq!((&body["emailmessage"]["subject"], &body["emailmessage"]["id"]), (&json!("Hi"), &json!(mail)));

    // The rule is among those that a client can look up, by number and under both forms of its object type.
    let rest = Rest::new(&sandbox);
    for (path, kind) in [("/actions", json!(13)), ("/actions?handle_format=names", json!("emailmessage"))] {
        let rules = rest.get(path).await;
        let rule = rules["entities"]
            .as_array()
            .unwrap()
            .iter()
            .find(|rule| rule["id"] == body["action_id"])
            .unwrap();
        assert_eq!((&rule["name"], &rule["object_type"]), (&json!("Read Mail"), &kind));
    }

    let [fired] = &sandbox.fired("Read Mail", 1).await[..] else { panic!("fired once") };
    assert_eq!(fired.incident, 0);
    let id = sandbox.fire("Answer Mail", Target::EmailMessage(mail), json!({})).unwrap();
    assert_eq!(unescape(stomp.frame().await.get("correlation-id")), id.correlation_id());
    assert!(sandbox.fire("Answer Mail", 2095, json!({})).unwrap_err().is_refused());
}

#[tokio::test]
async fn the_administrator_may_send_an_action_that_no_rule_fired_and_sees_its_reply() {
    let sandbox = lookup().await;
    let queue = sandbox.queue("filelookup");
    let mut stomp = Stomp::connect(&sandbox).await;
    stomp.subscribe(&queue, "ack:client-individual\n").await;
    let mut admin = Stomp::admin(&sandbox).await;
    let body = json!({"action_id": 1, "object_type": 13, "incident": null, "emailmessage": {"id": 7, "inc_id": null}});
    let headers = "reply-to:/queue/acks.201.filelookup\ncorrelation-id:mine\nCo3MessagePayload:ActionDataDTO";
    admin.send(format!("SEND\ndestination:/queue/{queue}\n{headers}\n\n{body}\0")).await;
    let message = stomp.frame().await;
    assert_eq!((message.get("correlation-id"), message.text()), ("mine", body.to_string()));
    stomp.send("SEND\ndestination:/queue/acks.201.filelookup\ncorrelation-id:mine\n\nread\0").await;
    assert_eq!(sandbox.replied("mine", 1).await[0].text(), "read");
}

//! Definitions in Rust of every kind: created once, each after the objects it refers to, then compared and changed.

use circuits::Rest;
use circuits::config::Config;
use circuits::definitions::{
    DataTable, Definitions, Field, Function, FunctionCall, ObjectType, Playbook, Rule, Script, Workflow,
};
use circuits_deploy::{ObjectChange, Plan, plan};
use circuits_sandbox::{RestFault, Sandbox};
use serde_json::{Value, json};

async fn platform() -> (Sandbox, Rest) {
    let sandbox = Sandbox::builder().start().await.unwrap();
    let rest = circuits::login(&Config::from_text(&sandbox.app_config()).unwrap(), |_| {}).await.unwrap();
    (sandbox, rest)
}

fn everything(script: &str) -> Definitions {
    let function = Function::new("look_up", "Look up", "desk")
        .description("Looks somebody up")
        .input(Field::number("incident_id", "Incident"))
        .input(Field::select("desk_colour", "Colour", ["red", "green"]));
    let table = DataTable::new("desk_people", "People")
        .column(Field::text("name", "Name"))
        .column(Field::number("age", "Age"));
    let call = || FunctionCall::new("look_up").before("inputs.incident_id = incident.id").output("person");
    Definitions::new()
        .rule(Rule::menu_item("Ask", ObjectType::Incident, "desk").asks_for(["desk_word"]))
        .rule(Rule::starts("Look up", ObjectType::Incident, "look_up_flow"))
        .playbook(Playbook::new("look_up_play", "Look up", ObjectType::Incident).call(call()))
        .workflow(Workflow::new("look_up_flow", "Look up", ObjectType::Incident).call(call().after("pass")))
        .script(Script::new("Desk note", ObjectType::Incident, script))
        .function(function)
        .data_table(table)
        .incident_field(Field::boolean("desk_seen", "Seen"))
        .activity_field(Field::text("desk_word", "Word").required())
        .destination("desk", "Desk")
}

async fn planned(rest: &Rest, definitions: &Definitions) -> Plan {
    plan(rest, [("desk", definitions)]).await.unwrap()
}

fn shown(plan: &Plan) -> Vec<String> {
    plan.changes().iter().map(ObjectChange::to_string).collect()
}

fn told(plan: &Plan) -> Vec<String> {
    plan.differences().iter().map(ToString::to_string).collect()
}

/// How many calls changed something.
fn writes(sandbox: &Sandbox) -> usize {
    let changes = |one: &circuits_sandbox::Request| {
        one.method != "GET" && !one.path.contains("/configurations/exports")
    };
    sandbox.requests().into_iter().filter(changes).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_is_created_once_and_works() {
    let (sandbox, rest) = platform().await;
    let definitions = everything("log.info('a')");
    let first = planned(&rest, &definitions).await;
    assert_eq!(
        shown(&first),
        [
            "create message destination desk",
            "create activity field desk_word",
            "create incident field desk_seen",
            "create data table desk_people",
            "create function input incident_id",
            "create function input desk_colour",
            "create function look_up",
            "create script Desk note",
            "create workflow look_up_flow",
            "create playbook look_up_play",
            "create rule Ask",
            "create rule Look up",
        ]
    );
    assert_eq!(writes(&sandbox), 0);
    first.apply(&rest, |_| {}).await.unwrap();
    let before = writes(&sandbox);
    let again = planned(&rest, &definitions).await.with_updates();
    assert!(again.is_empty() && again.differences().is_empty(), "{again:?}");
    assert_eq!(writes(&sandbox), before);

    let id = sandbox.fire("Look up", 2095, json!({})).unwrap();
    let called = sandbox.invocation(id).unwrap();
    assert_eq!((called.rule.as_str(), called.destination.as_str()), ("look_up", "desk"));
    let table: Value = rest.get("/types/desk_people").await.unwrap();
    assert_eq!(table["fields"]["age"]["input_type"], "number");
}

#[tokio::test(flavor = "multi_thread")]
async fn stopped_anywhere_the_next_run_does_the_rest() {
    for (method, path) in [
        ("POST", "/types/__function/fields"),
        ("POST", "/types"),
        ("POST", "/functions"),
        ("POST", "/configurations/imports"),
        ("PUT", "/configurations/imports"),
        ("POST", "/actions"),
    ] {
        let (sandbox, rest) = platform().await;
        let definitions = everything("pass");
        let first = planned(&rest, &definitions).await;
        sandbox.faults().rest(RestFault::status(method, path, 403));
        let error = first.apply(&rest, |_| {}).await.unwrap_err().to_string();
        assert!(
            error.contains("could not create") && error.contains("cure: this account"),
            "{path}: {error}"
        );
        planned(&rest, &definitions).await.apply(&rest, |_| {}).await.unwrap();
        let again = planned(&rest, &definitions).await;
        assert!(again.is_empty() && again.differences().is_empty(), "{path}: {again:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_differs_is_told_and_changed_when_asked_for() {
    let (sandbox, rest) = platform().await;
    planned(&rest, &everything("log.info('old')")).await.apply(&rest, |_| {}).await.unwrap();
    for rule in rest.list("/actions").await.unwrap() {
        let path = format!("/actions/{}", rule["id"]);
        rest.update(&path, |rule| (rule["enabled"], rule["workflows"]) = (json!(false), json!([])))
            .await
            .unwrap();
    }
    let path = format!("/functions/{}", rest.list("/functions").await.unwrap()[0]["id"]);
    rest.update(&path, |function| function["display_name"] = json!("Other")).await.unwrap();
    let definitions = everything("log.info('new')");
    let plan = planned(&rest, &definitions).await;
    assert!(plan.is_empty(), "{plan:?}");
    let differences = told(&plan);
    for part in [
        "function look_up has the name Other, not Look up",
        "script Desk note has the text log.info('old'), not log.info('new')",
        "rule Ask is disabled, so it never fires",
        "rule Look up does not start the workflow \"look_up_flow\"",
    ] {
        assert!(differences.iter().any(|told| told == part), "{part} is not in {differences:?}");
    }
    let before = writes(&sandbox);
    let plan = plan.with_updates();
    assert_eq!(
        shown(&plan),
        ["change function look_up", "change script Desk note", "change rule Ask", "change rule Look up"]
    );
    plan.apply(&rest, |_| {}).await.unwrap();
    assert!(writes(&sandbox) > before);
    let again = planned(&rest, &definitions).await.with_updates();
    assert!(again.is_empty() && again.differences().is_empty(), "{again:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn choices_and_columns_are_added_and_none_is_lost() {
    let (_sandbox, rest) = platform().await;
    let colours = |labels: &[&str]| {
        Definitions::new().activity_field(Field::select("colour", "Colour", labels.iter().copied()))
    };
    planned(&rest, &colours(&["red", "blue"])).await.apply(&rest, |_| {}).await.unwrap();
    let mine = colours(&["green", "red"]);
    let plan = planned(&rest, &mine).await;
    assert_eq!(shown(&plan), ["add \"green\" to activity field colour"]);
    plan.apply(&rest, |_| {}).await.unwrap();
    let field = &rest.list("/types/actioninvocation/fields").await.unwrap()[0];
    let values: Vec<_> = field["values"]
        .as_array()
        .unwrap()
        .iter()
        .map(|value| (&value["label"], value["value"].is_i64()))
        .collect();
    assert_eq!(values, [(&json!("red"), true), (&json!("blue"), true), (&json!("green"), true)]);
    assert!(planned(&rest, &mine).await.is_empty());

    let table = |columns: &[&str]| {
        let table = DataTable::new("people", "People");
        Definitions::new()
            .data_table(columns.iter().fold(table, |table, name| table.column(Field::text(name, name))))
    };
    planned(&rest, &table(&["name"])).await.apply(&rest, |_| {}).await.unwrap();
    let plan = planned(&rest, &table(&["name", "town"])).await;
    assert_eq!(shown(&plan), ["create column town of data table people"]);
    plan.apply(&rest, |_| {}).await.unwrap();
    assert!(planned(&rest, &table(&["name", "town"])).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_names_nothing_is_refused_before_anything_is_sent() {
    let (sandbox, rest) = platform().await;
    let flow = Workflow::new("w", "W", ObjectType::Incident).call(FunctionCall::new("nowhere"));
    for (definitions, text) in [
        (Definitions::new().workflow(flow), "workflow w calls `nowhere`"),
        (Definitions::new().function(Function::new("f", "F", "nowhere")), "function f sends to `nowhere`"),
        (
            Definitions::new().rule(Rule::starts("R", ObjectType::Incident, "nowhere")),
            "rule R starts `nowhere`",
        ),
        (
            Definitions::new().rule(Rule::menu_item("R", ObjectType::Incident, "nowhere")),
            "rule R sends to `nowhere`",
        ),
    ] {
        let error = plan(&rest, [("desk", &definitions)]).await.unwrap_err().to_string();
        assert!(error.contains(text) && error.contains("does not define"), "{error}");
    }
    assert_eq!(writes(&sandbox), 0);
}

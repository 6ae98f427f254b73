//! `circuits events`, `dead` and `db` while a runner is at work, and afterwards.

use std::path::Path;
use std::process::Command;

use circuits_sandbox::Status;
use circuits_tests::command::{Said, said};
use circuits_tests::probe::DESTINATION;
use circuits_tests::suite::Process;
use circuits_tests::world::{On, World};
use serde_json::{Value, json};

const BINARY: &str = env!("CARGO_BIN_EXE_probe-runner");

fn start(directory: &Path, world: &World, resilient: &str) -> Process {
    Process::start(Path::new(BINARY), directory, &format!("{}[probe]\n", world.app_config(resilient)))
}

fn circuits(directory: &Path, arguments: &[&str]) -> Said {
    let mut command = Command::new(BINARY);
    command.args(arguments).arg("--config-file").arg(directory.join("app.config"));
    command.arg("--journal").arg(directory.join("circuits.journal"));
    said(&command.output().unwrap())
}

fn json(directory: &Path, arguments: &[&str]) -> Value {
    let said = circuits(directory, arguments);
    said.is(0, &[]);
    serde_json::from_str(&said.out).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_became_of_each_message_is_listed_shown_and_run_again() {
    let world = World::start(On::Sandbox).await;
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path();
    let queue = world.sandbox.queue(DESTINATION);
    let runner = start(place, &world, "");
    let incident = world.incident();
    for rule in ["Echo", "Look", "Fail"] {
        let id = world.fire(rule, incident).await;
        world.settled(id).await;
    }
    world.sandbox.idle(&queue).await;

    let all = circuits(place, &["events"]);
    all.is(0, &[&format!("completed  \"Echo\" of incident {incident}: echo {incident}")]);
    assert_eq!(all.out.lines().count(), 3, "{}", all.out);
    circuits(place, &["events", "list", "--limit", "1"]).is(0, &["\"Fail\"", "more with --limit"]);
    circuits(place, &["events", "list", "--rule", "Nobody"]).is(0, &["No such message."]);
    let failed = json(place, &["events", "list", "--status", "failed", "--since", "1h", "--json"]);
    assert_eq!((failed.as_array().unwrap().len(), &failed[0]["rule"]), (1, &json!("Fail")));
    assert_eq!(failed[0]["text"], "the ticket system is down");

    let look = json(place, &["events", "list", "--rule", "Look", "--json"])[0]["number"].to_string();
    let shown = circuits(place, &["events", "show", &look]);
    let call = format!("GET /rest/orgs/201/incidents/{incident} -> 200 in ");
    shown.is(0, &["status: looking", &call, "correlation-id: ", "\"incident\": {", "attempts     1"]);
    assert!(!shown.out.contains("Co3ContextToken"), "{}", shown.out);
    let shown = json(place, &["events", "show", &look, "--json"]);
    assert_eq!((&shown["steps"][1]["code"], &shown["steps"][0]["kind"]), (&json!(200), &json!("status")));
    assert_eq!(shown["body"]["incident"]["id"], incident);
    circuits(place, &["events", "show", "4711"]).is(1, &["no message 4711", "circuits events list"]);
    circuits(place, &["events", "list", "--since", "then"]).is(2, &["--since", "2026-01-31"]);

    // Secrets of the configuration are hidden here too.
    let config = std::fs::read_to_string(place.join("app.config")).unwrap();
    std::fs::write(place.join("app.config"), format!("{config}[mail]\nsmtppw=ticket system\n")).unwrap();
    for command in [&["events"][..], &["events", "--json"], &["events", "show", "2"]] {
        let said = circuits(place, command);
        assert!(said.code == 0 && !said.out.contains("ticket system"), "{command:?}: {said:?}");
    }
    std::fs::write(place.join("app.config"), config).unwrap();

    let plan = circuits(place, &["events", "retry", &look]);
    plan.is(1, &["\"Look\"", "Context tokens are not stored", "-y"]);
    circuits(place, &["events", "retry", "-y", &look, &look])
        .is(0, &["is run again as #4", "takes them within seconds"]);
    let again = world.sandbox.fired("Look", 1).await[0].id;
    world.sandbox.until(again, |invocation| invocation.final_replies == 2).await;
    assert_eq!(runner.terminate().await, Some(0));

    circuits(place, &["events", "show", "4"]).is(0, &["runs again   #", "reply        seen"]);
    circuits(place, &["events", "show", &look]).is(0, &["run again as #4"]);
    circuits(place, &["events", "retry", "-y", "4"]).is(0, &["it takes them when it is"]);
    let runner = start(place, &world, "");
    let invocation = world.sandbox.until(again, |invocation| invocation.final_replies == 3).await;
    assert_eq!(invocation.status, Status::Completed);
    assert_eq!(runner.terminate().await, Some(0));

    circuits(place, &["events", "purge", "--older-than", "1h"]).is(0, &["Nothing to do"]);
    circuits(place, &["events", "purge", "--older-than", "0s"]).is(1, &["Delete 5 settled messages", "-y"]);
    circuits(place, &["events", "purge", "--older-than", "0s", "--limit", "2", "-y"])
        .is(0, &["Deleted 2 settled messages."]);
    circuits(place, &["db", "sync"]).is(0, &["Everything is in the files."]);
    circuits(place, &["db", "check"]).is(0, &["completed  2", "failed     1", "not up", "is sound"]);
    let check = json(place, &["db", "check", "--json"]);
    assert_eq!((&check["sound"], &check["messages"]["failed"]), (&json!(true), &json!(1)));
}

#[tokio::test(flavor = "multi_thread")]
async fn dead_letters_are_shown_and_dropped() {
    let world = World::start(On::Sandbox).await;
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path();
    let aborting = world.fire("Abort", world.incident()).await;
    assert_eq!(start(place, &world, "max_attempts=1").ended().await, None, "it ends by SIGABRT");
    circuits(place, &["events", "list", "--status", "running"]).is(0, &["\"Abort\""]);
    circuits(place, &["events", "retry", "-y", "1"]).is(1, &["message 1 is running", "not finished with it"]);
    circuits(place, &["dead", "list"]).is(0, &["No such message."]);

    let runner = start(place, &world, "max_attempts=1");
    world.settled(aborting).await;
    world.sandbox.idle(&world.sandbox.queue(DESTINATION)).await;
    circuits(place, &["dead", "list"]).is(0, &["dead", "Gave up after 1 attempts"]);
    circuits(place, &["dead", "show", "1"]).is(0, &["dead", "attempts     1"]);
    circuits(place, &["dead", "drop", "1"]).is(1, &["Delete it?", "-y"]);
    circuits(place, &["dead", "drop", "1", "-y"]).is(0, &["Deleted."]);
    circuits(place, &["dead", "list"]).is(0, &["No such message."]);
    assert_eq!(runner.terminate().await, Some(0));
}

#[test]
fn a_journal_that_is_not_there_is_named() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("app.config"), "[resilient]\nhost=h\napi_key_id=a\napi_key_secret=b\n")
        .unwrap();
    for command in [&["events"][..], &["dead", "list"], &["db", "check"]] {
        circuits(folder.path(), command).is(1, &["there is no journal", "`circuits run` makes it"]);
    }
    std::fs::write(folder.path().join("circuits.journal"), "no database at all").unwrap();
    circuits(folder.path(), &["events"]).is(1, &["not a circuits journal"]);
}

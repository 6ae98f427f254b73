//! The Python client's test tool on our runner, and our test tool on the Python client's runner.

use std::path::Path;
use std::process::Command;

use circuits::config::Config;
use circuits_tests::process::{Server, free_ports};
use circuits_tests::tester::{Dialogue, Tested, python, submit};
use circuits_tests::world::{On, World};
use serde_json::{Value, json};

const RUNNER: &str = env!("CARGO_BIN_EXE_probe-runner");
const TOOL: &str = env!("CARGO_BIN_EXE_action-tester");

/// A component as users of the Python client write it.
const COMPONENT: &str = r#"
from resilient_circuits import ResilientComponent, handler

class Probe(ResilientComponent):
    channel = "actions.probe"

    def __init__(self, opts):
        super(Probe, self).__init__(opts)

    @handler("echo")
    def _echo(self, event, *args, **kwargs):
        yield "echo " + str(event.incident["id"]) + " from Python"

    @handler("fail")
    def _fail(self, event, *args, **kwargs):
        raise ValueError("the ticket system is down")
"#;

/// Another component: the Python runner takes only one from a file.
const FUNCTION: &str = r#"
from resilient_circuits import ResilientComponent, function, StatusMessage, FunctionResult

class Sum(ResilientComponent):
    @function("sum")
    def _sum(self, event, first, second, *args, **kwargs):
        yield StatusMessage("adding")
        yield FunctionResult({"sum": first + second})
"#;

fn command(name: &str, directory: &Path) -> Command {
    let mut command = Command::new(python(name));
    command.current_dir(directory).env("HOME", directory).env("PYTHONUNBUFFERED", "1");
    command.env("APP_LOCK_FILE", directory.join("python.lock")).env_remove("APP_CONFIG_FILE");
    command
}

#[tokio::test(flavor = "multi_thread")]
async fn the_python_tool_submits_to_our_runner() {
    let world = World::start(On::Sandbox).await;
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path();
    let incident = world.incident();
    for rule in ["Echo", "Tell", "Fail"] {
        std::fs::write(place.join(rule), &world.compose(rule, incident).body).unwrap();
    }
    let config = format!("{}[probe]\n", world.app_config(""));
    let runner = Tested::start(RUNNER, place, &config, &[]);
    let port = runner.port;
    let mut command = command("res-action-test", place);
    command.args(["--port", &port.to_string()]);
    let mut tool = Dialogue::start(command);
    tool.tell("submitfile probe Echo");
    tool.says("Action Submitted<action 1>");
    tool.says("RESPONSE<action 1>: {");
    tool.says(&format!("\"message\": \"echo {incident}\""));
    tool.says("\"complete\": true");
    tool.tell("submitfile probe Tell");
    tool.says("RESPONSE<action 2>: {\"message_type\":0,");
    tool.says("\"complete\": true");
    tool.tell("submitfile probe Fail");
    tool.says("\"message_type\": 1");
    tool.says("the ticket system is down");
    tool.tell("submit probe {");
    tool.says("Bad Message<action 4>!");
    // The runner is not killed, because the tool crashes if a connection is accepted and then reset.
    runner.terminate();
    tool.says("Connection to Test Server has died.  Trying to reconnect...");
    let runner = Tested::start_on(port, RUNNER, place, &config, &[]);
    tool.says("Connection Restored.");
    tool.tell("submitfile probe Echo");
    tool.says(&format!("\"message\": \"echo {incident}\""));
    // After a reconnect, the tool does not quit before the runner ends.
    drop(tool);
    runner.terminate();
}

#[tokio::test(flavor = "multi_thread")]
async fn our_tool_submits_to_the_python_runner() {
    let world = World::start(On::Sandbox).await;
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path();
    for name in ["components", "logs"] {
        std::fs::create_dir(place.join(name)).unwrap();
    }
    std::fs::write(place.join("components/probe.py"), COMPONENT).unwrap();
    std::fs::write(place.join("components/sum.py"), FUNCTION).unwrap();
    let [port] = free_ports();
    let config = format!(
        "{}test_actions=True\ntest_port={port}\ncomponentsdir={}\nlogdir={}\n",
        world.app_config(""),
        place.join("components").display(),
        place.join("logs").display()
    );
    std::fs::write(place.join("app.config"), &config).unwrap();
    define_sum(&config).await;
    let mut runner = command("resilient-circuits", place);
    runner.args(["run", "--config-file", "app.config"]);
    let mut runner = Server::start("python-runner", runner, place);
    let subscribed = "Subscribed to message destination actions.201.probe";
    let log = place.join("python-runner.out");
    runner.wait_until(|| std::fs::read_to_string(&log).unwrap().contains(subscribed)).unwrap();

    let incident = world.incident();
    for rule in ["Echo", "Fail"] {
        std::fs::write(place.join(rule), &world.compose(rule, incident).body).unwrap();
    }
    let done = submit(TOOL, place, port, &["submitfile", "probe", "Echo"]);
    let failed = submit(TOOL, place, port, &["submitfile", "probe", "Fail"]);
    let broken = submit(TOOL, place, port, &["submit", "probe", "{"]);
    let called = submit(TOOL, place, port, &["--config-file", "app.config", "function", "sum", "2", "3"]);
    let wrong = submit(TOOL, place, port, &["--config-file", "app.config", "function", "sum", "2", "3", "4"]);
    let unknown = submit(TOOL, place, port, &["--config-file", "app.config", "function", "product"]);
    let replayed = submit(TOOL, place, port, &["--json", "submitfile", "probe", "Echo"]);
    runner.kill();

    done.is(0, &["Completed", &format!("echo {incident} from Python")]);
    failed.is(1, &["Error", "the ticket system is down"]);
    broken.is(1, &["Error"]);
    called.is(0, &["\"first\": 2", "Pending", "adding", "Completed", "\"sum\": 5"]);
    wrong.is(1, &["sum has 2 inputs, but 3 values are given"]);
    unknown.is(1, &["the function product", "404"]);
    replayed.is(0, &[]);
    assert_eq!(serde_json::from_str::<Value>(&replayed.out).unwrap()["outcome"], "completed");
}

/// Defines the function `sum` of two numbers on the platform.
async fn define_sum(config: &str) {
    let rest = circuits::login(&Config::from_text(config).unwrap(), |_| {}).await.unwrap();
    let mut items = Vec::new();
    for name in ["first", "second"] {
        let field = json!({"name": name, "text": name, "input_type": "number", "type_id": 11});
        let field: Value = rest.post("/types/__function/fields", &field).await.unwrap();
        items.push(json!({"element": "field_uuid", "field_type": "__function", "content": field["uuid"]}));
    }
    let function =
        json!({"name": "sum", "display_name": "Sum", "destination_handle": "probe", "view_items": items});
    let _: Value = rest.post("/functions", &function).await.unwrap();
}

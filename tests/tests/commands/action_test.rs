//! Recording the messages of a runner, and submitting them again with `action-test`.

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use circuits::config::Config;
use circuits_deploy::deploy;
use circuits_sandbox::Status;
use circuits_tests::command::{Said, said};
use circuits_tests::probe::with_function;
use circuits_tests::tester::{Dialogue, Tested, action_test};
use circuits_tests::world::{On, World};
use serde_json::{Value, json};

const RUNNER: &str = env!("CARGO_BIN_EXE_probe-runner");
const TOOL: &str = env!("CARGO_BIN_EXE_action-tester");

fn start(folder: &Path, world: &World, arguments: &[&str]) -> Tested {
    Tested::start(RUNNER, folder, &format!("{}[probe]\n", world.app_config("")), arguments)
}

fn tool(folder: &Path, port: u16, arguments: &[&str]) -> Said {
    circuits_tests::tester::submit(TOOL, folder, port, arguments)
}

/// The files whose names have this beginning, sorted.
fn files(folder: &Path, beginning: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let named = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().starts_with(beginning);
    let mut files: Vec<_> = entries.filter(named).collect();
    files.sort();
    files
}

fn message(incident: i64) -> String {
    json!({"incident": {"id": incident}, "object_type": 0}).to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_recorded_holds_no_secret_and_can_be_replayed() {
    let world = World::start(On::Sandbox).await;
    let folder = tempfile::tempdir().unwrap();
    let (place, recorded) = (folder.path(), folder.path().join("recorded"));
    std::fs::create_dir(&recorded).unwrap();
    let credentials = world.sandbox.credentials();
    // A user: its session has a token and a cookie.
    let user = format!(
        "api_key_id=\napi_key_secret=\nemail={}\npassword={}",
        credentials.email, credentials.password
    );
    let config = format!("{}[probe]\n", world.app_config(&user));
    let runner = Tested::start(RUNNER, place, &config, &["--log-http-responses", "recorded"]);
    let incident = world.incident();
    for rule in ["Look", "Fail", "Look"] {
        let id = world.fire(rule, incident).await;
        world.settled(id).await;
    }
    runner.terminate();

    let [first, second] = &files(&recorded, "ActionMessage_Look_")[..] else { panic!("two messages") };
    let text = std::fs::read_to_string(first).unwrap();
    assert!(text.starts_with("{\n  \"") && text.contains(&format!("\"id\": {incident}")), "{text}");
    assert_ne!(first, second);
    let replies = files(&recorded, "ActionReply_Fail_");
    assert!(std::fs::read_to_string(&replies[0]).unwrap().contains("the ticket system is down"));
    let path = format!("_rest_orgs_201_incidents_{incident}_");
    assert_eq!(files(&recorded, &format!("200_JSON_GET_{path}")).len(), 2);
    assert_eq!(files(&recorded, &format!("200_HEADER_GET_{path}")).len(), 2);
    let sessions = files(&recorded, "200_JSON_POST__rest_session");
    assert!(std::fs::read_to_string(&sessions[0]).unwrap().contains(r#""csrf_token": "***""#));
    let cookies: Vec<_> = files(&recorded, "200_HEADER_POST__rest_session");
    assert!(std::fs::read_to_string(&cookies[0]).unwrap().contains(r#""set-cookie": "***""#));
    let headers = std::fs::read_to_string(&files(&recorded, "ActionHeaders_Look_")[0]).unwrap();
    assert!(headers.contains(r#""Co3ContextToken": "***""#) && headers.contains("invid:"), "{headers}");
    for file in files(&recorded, "") {
        let text = std::fs::read_to_string(&file).unwrap();
        assert!(!text.contains(&credentials.password) && !text.contains("eyJ"), "{}: {text}", file.display());
    }

    let runner = start(place, &world, &[]);
    let replay = tool(place, runner.port, &["replay", "recorded", "--junit", "report.xml"]);
    // A message that was answered with an error when it was recorded may fail again.
    replay.is(0, &["3 messages: 3 completed, 0 errors"]);
    let report = std::fs::read_to_string(place.join("report.xml")).unwrap();
    assert!(report.contains(r#"tests="3""#) && report.contains(r#"failures="0""#), "{report}");
    let replay = tool(
        place,
        runner.port,
        &["replay", "recorded", "--rule", "look", "--json", "--jobs", "1", "--rate", "1000"],
    );
    replay.is(0, &[]);
    let lines: Vec<Value> = replay.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((lines.len(), &lines[2]["summary"]["completed"]), (3, &json!(2)));
    assert_eq!((&lines[0]["destination"], &lines[0]["outcome"]), (&json!("probe"), &json!("completed")));
    // None of these was an action of the platform.
    assert_eq!(world.sandbox.invocations().len(), 3);

    // Recorded as the Python client does it: no headers, other forms of the time, other names.
    let old = place.join("old");
    std::fs::create_dir(&old).unwrap();
    for name in
        ["ActionMessage_Look_2017-03-07T09:24:41.822231", "ActionMessage_Look_2017-03-07T09-24-42.json"]
    {
        std::fs::copy(first, old.join(name)).unwrap();
    }
    tool(place, runner.port, &["replay", "old"]).is(1, &["was not recorded; name it with --queue"]);
    tool(place, runner.port, &["replay", "old", "--queue", "probe"]).is(0, &["2 messages: 2 completed"]);
    tool(place, runner.port, &["replay", "old", "--queue", "probe", "--rule", "x"])
        .is(1, &["contains no such message"]);
    tool(place, runner.port, &["replay", "nowhere"]).is(1, &["nowhere", "No such file"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_does_not_exist_is_named_at_start() {
    let world = World::start(On::Sandbox).await;
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("app.config"), world.app_config("") + "[probe]\n").unwrap();
    let mut command = std::process::Command::new(RUNNER);
    command.current_dir(&folder).env("APP_LOCK_FILE", folder.path().join("lock"));
    command.args(["run", "--config-file", "app.config", "--log-http-responses", "nowhere"]);
    said(&command.output().unwrap())
        .is(1, &["Response Logging Directory", "nowhere does not exist!", "log_http_responses"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_end_has_its_exit_code_and_says_why() {
    let world = World::start(On::Sandbox).await;
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path();
    let incident = world.incident();
    let echo = world.compose("Echo", incident);
    std::fs::write(place.join("message with spaces"), &echo.body).unwrap();
    let fail = String::from_utf8(world.compose("Fail", incident).body.to_vec()).unwrap();
    let hang = String::from_utf8(world.compose("Hang", incident).body.to_vec()).unwrap();
    let runner = start(place, &world, &["--handler-timeout", "0"]);
    let port = runner.port;
    let done = tool(place, port, &["submitfile", "probe", "message with spaces"]);
    done.is(0, &["Completed", &format!("echo {incident}")]);
    let done = tool(place, port, &["--json", "submit", "probe", &fail]);
    done.is(1, &[]);
    let json: Value = serde_json::from_str(&done.out).unwrap();
    assert_eq!(
        (&json["outcome"], &json["reply"]["message"]),
        (&json!("error"), &json!("the ticket system is down"))
    );
    tool(place, port, &["submit", "probe", "{"]).is(1, &["The message is not JSON"]);
    tool(place, port, &["submit", "probe", "[]"]).is(1, &["not a JSON object"]);
    tool(place, port, &["submit", "probe", "{}"]).is(1, &["No handler for an action that names no rule"]);
    tool(place, port, &["submit", "nobody", &message(incident)]).is(1, &["No component listens", "`nobody`"]);
    tool(place, port, &["submit", "f", r#"{"function": {"name": "f"}}"#])
        .is(1, &["No handler for the function `f`", "Handled are: `probe_function`"]);
    let rest = circuits::login(&Config::from_text(&world.app_config("")).unwrap(), |_| {}).await.unwrap();
    deploy(&rest, &with_function()).await.unwrap();
    tool(place, port, &["function", "probe_function", "5", "green"])
        .is(0, &["Pending", "counting", "\"counted\": 6", "\"colour\": \"green\""]);
    tool(place, port, &["submit", "f", r#"{"function": {"name": "probe_function"}, "inputs": {}}"#])
        .is(1, &["probe_count"]);
    tool(place, port, &["function", "probe_function", "five"]).is(1, &["`five` is not a whole number"]);
    tool(place, port, &["submitfile", "probe", "nowhere"]).is(1, &["reading nowhere"]);
    tool(place, port, &["submit", "probe"]).is(2, &["<JSON>"]);
    tool(place, port, &["--timeout", "0.2", "submit", "probe", &hang]).is(4, &["no reply within 200ms"]);
    // A large message, and interim statuses before the reply.
    let large = world.compose("Tell", world.incident());
    let mut large: Value = serde_json::from_slice(&large.body).unwrap();
    large["incident"]["description"] = "x".repeat(3_000_000).into();
    std::fs::write(place.join("large"), large.to_string()).unwrap();
    let done = tool(place, port, &["submitfile", "probe", "large"]);
    done.is(0, &["Pending", "Completed"]);
    drop(runner);
    tool(place, port, &["submit", "probe", &fail])
        .is(3, &["no runner on localhost", "circuits run --test-actions"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_and_pipes_run_one_command_after_another() {
    let world = World::start(On::Sandbox).await;
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path();
    let echo = world.compose("Echo", world.incident());
    std::fs::write(place.join("an echo"), &echo.body).unwrap();
    let runner = start(place, &world, &[]);
    std::fs::write(place.join("list"), "# twice\nsubmitfile probe an echo\n\nsubmitfile probe \"an echo\"\n")
        .unwrap();
    let done = tool(place, runner.port, &["runlist", "list"]);
    done.is(0, &[]);
    assert_eq!(done.out.matches("Completed").count(), 2, "{}", done.out);
    std::fs::write(place.join("wrong"), "submitfile probe an echo\nsend probe x\n").unwrap();
    let done = tool(place, runner.port, &["runlist", "wrong"]);
    done.is(1, &["wrong line 2", "send"]);
    assert!(!done.out.contains("Completed"), "a list with a mistake was begun: {}", done.out);

    let mut command = action_test(TOOL, place, &["--port", &runner.port.to_string()]);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(b"help\nsubmitfile probe an echo\nsubmit probe {\nsubmit\nquit\n")
        .unwrap();
    let done = said(&child.wait_with_output().unwrap());
    done.is(1, &["runlist <file>", "Completed", "not JSON", "JSON"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_runner_that_restarts_is_found_again() {
    let world = World::start(On::Sandbox).await;
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path();
    let incident = world.incident();
    std::fs::write(place.join("echo"), &world.compose("Echo", incident).body).unwrap();
    let hang = world.compose("Deaf", incident).body;
    std::fs::write(place.join("hang"), &hang).unwrap();
    let runner = start(place, &world, &[]);
    let runner_port = runner.port;
    let port = runner_port.to_string();
    let mut watching = action_test(TOOL, place, &["--port", &port, "submitfile", "--watch", "probe", "echo"]);
    watching.stderr(Stdio::piped());
    let mut watching = Dialogue::start(watching);
    watching.says("Completed");
    let mut prompt = action_test(TOOL, place, &["--port", &port]);
    prompt.stderr(Stdio::piped());
    let mut prompt = Dialogue::start(prompt);
    prompt.tell("submitfile probe echo\nsubmitfile probe hang");
    prompt.says("Completed");
    // The runner has the other one.
    prompt.says("deaf");
    drop(runner);
    prompt.says("the runner went away before it answered");
    let config = format!(
        "{}[probe]
",
        world.app_config("")
    );
    let runner = Tested::start_on(runner_port, RUNNER, place, &config, &[]);
    watching.says("Completed");
    prompt.tell("submitfile probe echo");
    prompt.says("Completed");
    assert_eq!(prompt.end(), Some(3));
    drop(runner);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_port_that_others_could_reach_wants_its_token() {
    let world = World::start(On::Sandbox).await;
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path();
    std::fs::write(place.join("echo"), &world.compose("Echo", world.incident()).body).unwrap();
    std::fs::write(place.join("app.config"), world.app_config("test_host=0.0.0.0") + "[probe]\n").unwrap();
    let mut command = std::process::Command::new(RUNNER);
    command.current_dir(place).env("APP_LOCK_FILE", place.join("lock"));
    command.args(["run", "--config-file", "app.config", "--test-actions"]);
    said(&command.output().unwrap()).is(1, &["0.0.0.0 is not loopback", "test_token"]);

    let config = world.app_config("test_host=0.0.0.0\ntest_token=open sesame") + "[probe]\n";
    let mut runner = Tested::start(RUNNER, place, &config, &[]);
    let port = runner.port;
    tool(place, port, &["submitfile", "probe", "echo"]).is(1, &["This runner wants its test_token first"]);
    tool(place, port, &["--token", "wrong", "submitfile", "probe", "echo"]).is(3, &["refuses the token"]);
    runner.logs("A test tool did not show the test_token");
    let mut right = action_test(TOOL, place, &["--port", &port.to_string(), "submitfile", "probe", "echo"]);
    said(&right.env("ACTION_TEST_TOKEN", "open sesame").output().unwrap()).is(0, &["Completed"]);
}

/// Through the broker, with an account that has the platform's rights there.
async fn through_the_broker(on: On) {
    let world = World::start(on).await;
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path();
    std::fs::write(
        place.join("ActionMessage_Echo_2026-01-31T08-00-00"),
        &world.compose("Echo", world.incident()).body,
    )
    .unwrap();
    let headers = json!({"destination": "/queue/actions.201.probe", "Co3MessagePayload": "ActionDataDTO", "Co3ContextToken": "***"});
    std::fs::write(place.join("ActionHeaders_Echo_2026-01-31T08-00-00"), headers.to_string()).unwrap();
    let tester = match on {
        On::Sandbox => {
            format!("[action-test]\nlogin=admin\npasscode={}\n", world.sandbox.credentials().admin_password)
        }
        On::Real(_) => String::new(),
    };
    let config = format!("{}[probe]\n{tester}", world.app_config(""));
    let runner = Tested::start(RUNNER, place, &config, &[]);
    let by = |arguments: &[&str]| {
        let arguments = [&["--via", "stomp", "--config-file", "app.config"], arguments].concat();
        said(&action_test(TOOL, place, &arguments).output().unwrap())
    };
    by(&["submitfile", "probe", "ActionMessage_Echo_2026-01-31T08-00-00"]).is(0, &["Completed", "echo"]);
    by(&["replay", "."]).is(0, &["1 messages: 1 completed"]);
    drop(runner);
    by(&["--timeout", "0.5", "submit", "probe", &message(1)]).is(4, &["no reply within 500ms"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn actions_go_through_the_broker_of_the_sandbox() {
    through_the_broker(On::Sandbox).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn actions_go_through_activemq() {
    through_the_broker(On::Real(circuits_tests::broker::Kind::ActiveMq)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn actions_go_through_rabbitmq() {
    through_the_broker(On::Real(circuits_tests::broker::Kind::RabbitMq)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn real_actions_and_submitted_ones_do_not_mix() {
    let world = World::start(On::Sandbox).await;
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path();
    let incident = world.incident();
    std::fs::write(place.join("echo"), &world.compose("Echo", incident).body).unwrap();
    let runner = start(place, &world, &[]);
    let ids: BTreeSet<_> = futures(&world, incident).await;
    for _ in 0..3 {
        tool(place, runner.port, &["submitfile", "probe", "echo"]).is(0, &["Completed"]);
    }
    for id in ids {
        let invocation = world.settled(id).await;
        assert_eq!((invocation.status, invocation.final_replies), (Status::Completed, 1));
    }
    runner.terminate();
}

async fn futures(world: &World, incident: i64) -> BTreeSet<circuits_sandbox::InvocationId> {
    let mut ids = BTreeSet::new();
    for _ in 0..3 {
        ids.insert(world.fire("Echo", incident).await);
    }
    ids
}

#[tokio::test(flavor = "multi_thread")]
async fn malformed_frames_end_their_conversation_and_nothing_else() {
    let world = World::start(On::Sandbox).await;
    let folder = tempfile::tempdir().unwrap();
    let incident = world.incident();
    let runner = Tested::start(
        RUNNER,
        folder.path(),
        &format!("{}[probe]\n", world.app_config("stomp_max_body=2048")),
        &[],
    );
    let frame = |number: u32, text: &str| {
        let length = u32::try_from(4 + text.len()).unwrap();
        [&length.to_be_bytes(), &number.to_be_bytes(), text.as_bytes()].concat()
    };
    let echo = format!("probe {}\n", message(incident));
    for (bytes, answer) in [
        (vec![0, 0, 0, 2, 1, 2], "A frame begins with the number of the action, four bytes"),
        (vec![0xff; 64], "a frame has 2048 bytes at most (stomp_max_body)"),
        // Cut off: there is nobody left to answer.
        (frame(1, &echo)[..20].to_vec(), ""),
    ] {
        let mut stream = std::net::TcpStream::connect(("127.0.0.1", runner.port)).unwrap();
        stream.write_all(&bytes).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let mut said = Vec::new();
        stream.read_to_end(&mut said).unwrap();
        let said = String::from_utf8_lossy(&said);
        assert!(said.contains(answer), "{said:?}");
    }
    // Two frames in one piece, the second of which comes in two; bytes that are not text; not JSON at all.
    let mut stream = std::net::TcpStream::connect(("127.0.0.1", runner.port)).unwrap();
    let both =
        [frame(7, &echo), frame(8, &echo), frame(9, "probe"), frame(10, "probe \u{fffd}\u{0}")].concat();
    let (one, other) = both.split_at(frame(7, &echo).len() + 6);
    stream.write_all(one).unwrap();
    stream.flush().unwrap();
    stream.write_all(other).unwrap();
    let mut said = String::new();
    while ![
        "RESPONSE<action 7>",
        "RESPONSE<action 8>",
        "<action 9>: Submit actions",
        "Bad Message<action 10>!",
    ]
    .iter()
    .all(|text| said.contains(text))
    {
        let mut piece = [0; 512];
        let length = stream.read(&mut piece).unwrap();
        assert!(length > 0, "the conversation ended with {said:?}");
        said.push_str(&String::from_utf8_lossy(&piece[..length]));
    }
    drop(stream);
    runner.terminate();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_prompt_of_a_terminal_takes_json_over_several_lines() {
    let world = World::start(On::Sandbox).await;
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path();
    let incident = world.incident();
    std::fs::create_dir(place.join(".resilient")).unwrap();
    std::fs::write(place.join("an echo"), &world.compose("Echo", incident).body).unwrap();
    let runner = start(place, &world, &[]);
    // `script` gives it a terminal.
    let command = format!("{TOOL} --port {}", runner.port);
    let mut tool = Dialogue::start(action_test("script", place, &["-qec", &command, "/dev/null"]));
    tool.says("Welcome to the action test tool.");
    tool.tell("submitfile probe an echo\r");
    tool.says(&format!("echo {incident}"));
    tool.tell("submit probe {\r");
    tool.tell("\"incident\": {\"id\": 7}}\r");
    tool.says("No handler for an action that names no rule");
    tool.tell("help replay\r");
    tool.says("--junit <FILE>");
    tool.tell("nonsense\r");
    tool.says("unrecognized subcommand 'nonsense'");
    tool.tell("quit\r");
    tool.says("Goodbye.");
    assert_eq!(tool.end(), Some(0));
    let history = std::fs::read_to_string(place.join(".resilient/action_test_history")).unwrap();
    assert!(history.contains("submitfile probe an echo"), "{history}");
    runner.terminate();
}

#[tokio::test(flavor = "multi_thread")]
async fn with_trap_exception_the_failure_of_a_function_is_its_result() {
    let world = World::start(On::Sandbox).await;
    let folder = tempfile::tempdir().unwrap();
    let runner = start(folder.path(), &world, &["--trap-exception", "true"]);
    let call = r#"{"function": {"name": "probe_function"}, "inputs": {}}"#;
    let said = tool(folder.path(), runner.port, &["--json", "submit", "f", call]);
    said.is(0, &["The function `probe_function` failed"]);
    let last: Value = serde_json::from_str(said.out.lines().last().unwrap()).unwrap();
    let results = &last["reply"]["results"];
    assert_eq!((&last["outcome"], &results["success"]), (&json!("completed"), &json!(false)));
    assert!(results["reason"].as_str().unwrap().contains("probe_count"), "{results}");

    let fail = String::from_utf8(world.compose("Fail", world.incident()).body.to_vec()).unwrap();
    tool(folder.path(), runner.port, &["submit", "probe", &fail]).is(1, &["the ticket system is down"]);
}

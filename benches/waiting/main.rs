//! Memory of a runner in which many actions wait at a debounce, each on a different incident, compared with the size of their
//! messages on the wire: `cargo bench -p circuits-benches --bench waiting`.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed bench should stop loudly")]

mod runner;

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use bytes::Bytes;
use circuits_sandbox::{Publication, Rule, Sandbox};
use clap::Parser;
use serde_json::{Value, json};

/// Size of a message's body.
const BODY: usize = 4 * 1024;

/// Measures the resident memory of a runner while actions wait in it.
#[derive(Parser)]
struct Arguments {
    /// Actions that wait.
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    actions: u32,
    /// Runs the runner, for the bench itself.
    #[arg(long, hide = true)]
    runner: bool,
    /// An argument that `cargo bench` adds.
    #[arg(long, hide = true)]
    bench: bool,
}

#[tokio::main]
async fn main() {
    let arguments = Arguments::parse();
    if arguments.runner {
        return runner::run(arguments.actions).await;
    }
    let sandbox =
        Sandbox::builder().rule(Rule::menu_item("Wait").on_incident().to("waiting")).start().await.unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--runner", "--actions", &arguments.actions.to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let config = format!("{}stomp_prefetch_limit={}\n", sandbox.app_config(), arguments.actions);
    stdin.write_all(config.as_bytes()).unwrap();
    drop(stdin);
    let mut told = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut resident = || told.next().expect("the runner ended").unwrap().parse::<u64>().unwrap();
    let idle = resident();
    let incident = sandbox.create_incident(json!({"name": "Bench", "discovered_date": 0})).unwrap();
    let template = sandbox.compose("Wait", incident, json!({})).unwrap();
    let mut body: Value = serde_json::from_slice(&template.body).unwrap();
    // The labels alone are larger than the messages that we want.
    body["type_info"] = json!({});
    let missing = BODY - body.to_string().len();
    body["incident"]["description"] = "x".repeat(missing).into();
    for number in 0..arguments.actions {
        body["incident"]["id"] = (100_000 + number).into();
        let message = template.headers.iter().filter(|(name, _)| name != "correlation-id").fold(
            Publication::to(&template.destination).header("correlation-id", format!("waiting:{number}")),
            |message, (name, value)| message.header(name, value),
        );
        sandbox.publish(message.body(Bytes::from(body.to_string()))).unwrap();
    }
    let waiting = resident();
    child.kill().unwrap();
    child.wait().unwrap();
    let (grown, count) = (waiting - idle, u64::from(arguments.actions));
    let wire = count * BODY as u64 / 1024;
    println!("{count} actions of {BODY} bytes wait, each on an incident of its own\n");
    println!("| | KiB | bytes per action |\n|---|---:|---:|");
    println!("| the messages alone | {wire} | {BODY} |");
    println!("| resident memory of the idle runner | {idle} | |");
    println!("| resident memory while they wait | {waiting} | {} |", grown * 1024 / count);
    println!("\nGrowth over the size of the messages: {:.2}", grown as f64 / wire as f64);
}

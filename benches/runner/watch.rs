//! Are replies as fast while 50 browsers watch the page? Each watches the stream of the API, as the page does, in a process beside the
//! measured one.

use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use circuits::account::{Accounts, Rights};
use circuits_journal::SqliteStore;
use clap::Args;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::process::{Child as Process, Command};
use tokio::task::JoinSet;

use crate::child::Child;
use crate::consumer::Consumer;
use crate::events::{columns, mb, milliseconds};
use crate::load::Load;
use crate::place::Name;

#[derive(Args)]
pub(crate) struct Arguments {
    /// The broker.
    #[arg(long, value_enum, default_value_t = Name::Sandbox)]
    on: Name,
    /// How often it is measured; the table has medians, and the least and the most.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Messages of each round that are sent at once.
    #[arg(long, default_value_t = 5_000, value_parser = clap::value_parser!(u64).range(10..))]
    messages: u64,
    /// Messages of each round at a steady pace.
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u64).range(10..))]
    paced: u64,
    /// How many a second.
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    rate: u32,
    /// How many browsers watch.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=200))]
    browsers: u32,
}

pub(crate) async fn run(arguments: &Arguments) {
    let Arguments { on, rounds, messages, paced, rate, browsers } = *arguments;
    println!("{on}. Broker, sender, browsers and runner share the processors.\n");
    let names = ["nobody watches".to_owned(), format!("{browsers} watch")];
    let mut load = Load::new(on, 1).await;
    let mut figures: [Vec<[f64; 3]>; 2] = Default::default();
    let mut resident = [0; 2];
    for round in 1..=rounds {
        let turn = if round % 2 == 0 { [1, 0] } else { [0, 1] };
        for one in turn {
            eprintln!("round {round}: {} ...", names[one]);
            let [port] = circuits_tests::process::free_ports::<1>();
            load.say(&format!("http_port={port}\n"));
            let child = load.consumer(Consumer::Shipped).await;
            let token = token(&child).await;
            let watchers = if one == 1 { Some(Watchers::start(port, &token, browsers).await) } else { None };
            let burst = load.burst(Consumer::Shipped, messages).await;
            let latency = load.pace(Consumer::Shipped, paced, rate).await;
            resident[one] = resident[one].max(child.usage().peak);
            drop(watchers);
            child.stop(Consumer::Shipped).await;
            figures[one].push([burst, milliseconds(&latency, 0.5), milliseconds(&latency, 0.99)]);
        }
    }
    println!("{messages} messages at once, then {paced} at {rate} a second. Medians of {rounds} rounds.\n");
    println!(
        "| Runner | at once, messages/s | p50, ms | p99, ms | most memory, MB |\n|---|---:|---:|---:|---:|"
    );
    for one in 0..2 {
        println!("| {} |{} {:.1} |", names[one], columns(&figures[one]), mb(resident[one]));
    }
    let ratios: Vec<[f64; 3]> = figures[1]
        .iter()
        .zip(&figures[0])
        .map(|(of, to)| std::array::from_fn(|column| of[column] / to[column]))
        .collect();
    println!("| ratio |{} |", columns(&ratios));
}

/// Makes an account that may see everything, and a token for it.
async fn token(child: &Child) -> String {
    let store = format!("{}.store", child.journal().display());
    let accounts = Accounts::new(Arc::new(SqliteStore::open(store.as_ref()).unwrap()));
    circuits_accounts::add(&accounts, "bench", Rights::read_all(), None).await.unwrap();
    let account = circuits_accounts::find(&accounts, "bench").await.unwrap();
    let hour = Duration::from_secs(3_600);
    circuits_accounts::token::issue(&accounts, &account, hour).await.unwrap().token
}

/// The process of the browsers; it ends when it is dropped.
struct Watchers(#[allow(dead_code, reason = "it is killed when it is dropped")] Process);

impl Watchers {
    async fn start(port: u16, token: &str, browsers: u32) -> Self {
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args(["watch-streams", &port.to_string(), &browsers.to_string()])
            .env(TOKEN, token)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let line = lines.next_line().await.unwrap();
        assert_eq!(line.as_deref(), Some("all watch"), "the browsers ended");
        Self(process)
    }
}

/// The variable of the environment in which the browsers find their token.
const TOKEN: &str = "BENCH_TOKEN";

/// The process itself: says when each has had its first snapshot, and reads on until the end of its input.
pub(crate) async fn watch(port: u16, browsers: u32) {
    let token = std::env::var(TOKEN).unwrap();
    let mut streams = JoinSet::new();
    for _ in 0..browsers {
        let request = reqwest::Client::new().get(format!("http://127.0.0.1:{port}/api/v1/stream"));
        let request = request.bearer_auth(&token);
        streams.spawn(async move {
            let mut answer = request.send().await.unwrap().error_for_status().unwrap();
            answer.chunk().await.unwrap().expect("a snapshot");
            answer
        });
    }
    let answers = streams.join_all().await;
    println!("all watch");
    for mut answer in answers {
        tokio::spawn(async move { while let Ok(Some(_)) = answer.chunk().await {} });
    }
    let _ = tokio::io::stdin().read(&mut [0]).await;
}

//! The runner with a handler that does nothing, next to a null consumer in raw bytes and to the Python client, each in a
//! separate process, on one private broker in one run; and how it scales: `cargo bench -p circuits-benches --bench runner`.
//!
//! `-- brokers --help`, `-- scale --help`, `-- outage --help`, `-- events --help` and `-- watch --help` list the options.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed bench should stop loudly")]

mod brokers;
mod child;
mod consumer;
mod events;
mod load;
mod null;
mod ours;
mod outage;
mod peer;
mod place;
mod receivers;
mod report;
mod scale;
mod watch;

use std::path::PathBuf;

use clap::{Parser, Subcommand};

use consumer::Consumer;

/// Measures the runner on real brokers; without a command, everything.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// An argument that `cargo bench` adds.
    #[arg(long, hide = true, global = true)]
    bench: bool,
}

#[derive(Subcommand)]
enum Command {
    /// Throughput over a backlog, latency at a steady pace, CPU time, memory and the time to start, of all consumers.
    Brokers(brokers::Arguments),
    /// Several runners, many handlers, many destinations, large bodies, many messages.
    Scale(scale::Arguments),
    /// How soon the session is subscribed again after the port of a restarted broker opens.
    Outage(outage::Arguments),
    /// Replies beside webhooks and subscriptions whose targets hang, fail and are slow; what becomes of the deliveries.
    Events(events::Arguments),
    /// Replies while browsers watch the page, next to none.
    Watch(watch::Arguments),
    /// Answers messages until the end of its input: one of the measured processes.
    #[command(hide = true)]
    Consume { consumer: Consumer, config: PathBuf },
    /// Takes deliveries until the end of its input: a process beside the measured ones.
    #[command(hide = true)]
    Receive,
    /// Watches the streams of a runner until the end of its input: a process beside the measured ones.
    #[command(hide = true)]
    WatchStreams { port: u16, browsers: u32 },
}

#[tokio::main]
async fn main() {
    match Arguments::parse().command {
        Some(Command::Brokers(arguments)) => brokers::run(&arguments).await,
        Some(Command::Scale(arguments)) => scale::run(&arguments).await,
        Some(Command::Outage(arguments)) => outage::run(&arguments).await,
        Some(Command::Events(arguments)) => events::run(&arguments).await,
        Some(Command::Consume { consumer, config }) => consumer.consume(&config).await,
        Some(Command::Receive) => receivers::receive().await,
        Some(Command::Watch(arguments)) => watch::run(&arguments).await,
        Some(Command::WatchStreams { port, browsers }) => watch::watch(port, browsers).await,
        None => {
            for command in ["brokers", "scale", "outage", "events", "watch"] {
                match Arguments::parse_from(["runner", command]).command {
                    Some(Command::Brokers(arguments)) => brokers::run(&arguments).await,
                    Some(Command::Scale(arguments)) => scale::run(&arguments).await,
                    Some(Command::Outage(arguments)) => outage::run(&arguments).await,
                    Some(Command::Events(arguments)) => events::run(&arguments).await,
                    Some(Command::Watch(arguments)) => watch::run(&arguments).await,
                    _ => {}
                }
            }
        }
    }
}

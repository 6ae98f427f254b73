//! Messages per second and reply latency of the runner with a handler that does nothing, next to a null consumer in raw
//! bytes, on one private broker in one run: `cargo run --release -p circuits-benches`.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a bench that fails shall stop, loudly")]

mod consumer;
mod load;
mod null;
mod ours;
mod report;

use circuits_tests::broker::{Broker, Kind};
use clap::{Parser, ValueEnum};

use consumer::Consumer;
use load::Load;
use report::Report;

/// The messages that the broker may push un-acknowledged, for every consumer.
const PREFETCH: u32 = 100;

/// Measures throughput over a backlog and latency at a steady pace.
#[derive(Parser)]
struct Arguments {
    /// The broker; its Debian package must be installed.
    #[arg(long, value_enum, default_value = "activemq")]
    broker: Name,
    /// Messages in the backlog.
    #[arg(long, default_value_t = 5_000, value_parser = clap::value_parser!(u64).range(2..))]
    messages: u64,
    /// Messages at a steady pace, 200 a second.
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u64).range(1..))]
    paced: u64,
}

#[derive(Clone, Copy, ValueEnum)]
enum Name {
    #[value(name = "activemq")]
    ActiveMq,
    #[value(name = "rabbitmq")]
    RabbitMq,
}

#[tokio::main]
async fn main() {
    let arguments = Arguments::parse();
    let kind = match arguments.broker {
        Name::ActiveMq => Kind::ActiveMq,
        Name::RabbitMq => Kind::RabbitMq,
    };
    let broker = tokio::task::spawn_blocking(move || Broker::start(kind)).await.unwrap();
    let mut load = Load::new(&broker).await;
    // A cold broker would make the first consumer look slow.
    for consumer in Consumer::all(kind) {
        load.backlog(consumer, arguments.messages.min(500)).await;
    }
    let mut report = Report::new(kind, arguments.messages, arguments.paced);
    for consumer in Consumer::all(kind) {
        eprintln!("{consumer} ...");
        let rate = load.backlog(consumer, arguments.messages).await;
        let latency = load.paced(consumer, arguments.paced).await;
        report.add(consumer, rate, &latency);
    }
    println!("{report}");
}

//! Measures all consumers, one after the other, on the same broker.

use clap::Args;

use crate::consumer::Consumer;
use crate::load::Load;
use crate::place::Name;
use crate::report::Report;

#[derive(Args)]
pub(crate) struct Arguments {
    /// The brokers. The Debian packages of the real ones must be installed.
    #[arg(long = "broker", value_enum, default_values = ["activemq", "rabbitmq", "sandbox"])]
    brokers: Vec<Name>,
    /// How often everything is measured; the table has medians, and the least and the most.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    runs: u64,
    /// Messages in the backlog.
    #[arg(long, default_value_t = 5_000, value_parser = clap::value_parser!(u64).range(2..))]
    pub(crate) messages: u64,
    /// Messages at a steady pace.
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) paced: u64,
    /// How many of them a second.
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub(crate) rate: u32,
    /// Messages that the broker may send ahead, to every consumer; by default as many as the runner asks for by itself.
    #[arg(long)]
    prefetch: Option<u32>,
    /// Only consumers whose name has this in it.
    #[arg(long, default_value = "")]
    only: String,
}

pub(crate) async fn run(arguments: &Arguments) {
    for name in &arguments.brokers {
        println!("{}\n", on(*name, arguments).await);
    }
}

async fn on(name: Name, arguments: &Arguments) -> Report {
    let consumers: Vec<_> =
        Consumer::all(name).filter(|one| one.to_string().contains(&arguments.only)).collect();
    let mut load = Load::new(name, 1).await;
    // A cold broker would make the first consumer look slow.
    for consumer in &consumers {
        load.say(&prefetch(*consumer, arguments));
        load.backlog(*consumer, arguments.messages.min(500)).await;
    }
    let mut report = Report::new(name, arguments);
    for run in 1..=arguments.runs {
        for consumer in &consumers {
            eprintln!("run {run}: {consumer} ...");
            load.say(&prefetch(*consumer, arguments));
            let backlog = load.backlog(*consumer, arguments.messages).await;
            let paced = load.paced(*consumer, arguments.paced, arguments.rate).await;
            report.add(*consumer, &backlog, &paced);
        }
    }
    report
}

fn prefetch(consumer: Consumer, arguments: &Arguments) -> String {
    format!("stomp_prefetch_limit={}\n", arguments.prefetch.unwrap_or(consumer.prefetch()))
}

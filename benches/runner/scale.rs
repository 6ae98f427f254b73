//! How the runner scales, on ActiveMQ unless noted otherwise: several runners on one queue, many handlers that wait, many
//! destinations, large bodies, and so many messages that a leak would show.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};

use crate::child::Child;
use crate::consumer::Consumer;
use crate::load::{BODY, Load, rate};
use crate::ours::{Remembers, ReplyMode};
use crate::place::Name;

/// The runner with its default settings.
const RUNNER: Consumer = Consumer::Ours(ReplyMode::Confirmed, Remembers::InJournal);
/// The runner limited by nothing but the broker.
const QUICK: Consumer = Consumer::Ours(ReplyMode::Confirmed, Remembers::InMemory);
/// How long each handler waits, if handlers wait.
const WAIT: Duration = Duration::from_millis(100);
/// How many messages are under way at once in the long run.
const AHEAD: u64 = 1_000;

#[derive(Args)]
pub(crate) struct Arguments {
    /// Only these.
    #[arg(long = "only", value_enum, default_values = ["runners", "handlers", "destinations", "bodies", "endurance"])]
    tables: Vec<Table>,
    /// Messages in the long run.
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(10 * AHEAD..))]
    messages: u64,
}

#[derive(Clone, Copy, ValueEnum)]
enum Table {
    Runners,
    Handlers,
    Destinations,
    Bodies,
    Endurance,
}

pub(crate) async fn run(arguments: &Arguments) {
    for table in &arguments.tables {
        match table {
            Table::Runners => runners().await,
            Table::Handlers => {
                handlers(Name::ActiveMq).await;
                println!();
                // The sandbox's broker is fast enough for the largest number of handlers.
                handlers(Name::Sandbox).await;
            }
            Table::Destinations => destinations().await,
            Table::Bodies => bodies().await,
            Table::Endurance => endurance(arguments.messages).await,
        }
        println!();
    }
}

/// Starts a runner, and makes sure with a message that it works.
async fn warm(load: &mut Load, consumer: Consumer) -> Child {
    let child = load.consumer(consumer).await;
    load.send(1).await;
    load.replies(consumer, 1).await;
    child
}

async fn runners() {
    const MESSAGES: u64 = 20_000;
    println!("{MESSAGES} messages wait on one queue; no reply comes twice.\n");
    println!("| Runners | messages/s | least and most of one runner |\n|---:|---:|---|");
    for count in [1, 2, 4] {
        let mut load = Load::new(Name::ActiveMq, 1).await;
        load.say("stomp_prefetch_limit=25\n");
        let mut children = Vec::new();
        for _ in 0..count {
            children.push(load.consumer(RUNNER).await);
        }
        load.send(MESSAGES).await;
        let replies = load.replies(RUNNER, MESSAGES).await;
        let mut shares = HashMap::<_, u64>::new();
        for answer in replies.values() {
            *shares.entry(&answer.process).or_default() += 1;
        }
        let percent =
            |share: Option<&u64>| share.map_or(0.0, |share| *share as f64 * 100.0 / MESSAGES as f64);
        let least = if shares.len() < count { 0.0 } else { percent(shares.values().min()) };
        println!(
            "| {count} | {:.0} | {least:.1} % and {:.1} % |",
            rate(&replies),
            percent(shares.values().max())
        );
        for child in children {
            child.stop(RUNNER).await;
        }
    }
}

async fn handlers(on: Name) {
    println!("{on}. Each handler waits {} ms; ideal: handlers by wait.\n", WAIT.as_millis());
    println!(
        "| Handlers at once | messages | messages/s | of the ideal | peak, MB |\n|---:|---:|---:|---:|---:|"
    );
    let mut load = Load::new(on, 1).await;
    for count in [1, 10, 100, 500, 1_000, 2_000] {
        load.say(&format!(
            "num_workers={count}\nstomp_prefetch_limit={}\n[bench]\nwait_ms={}\n",
            2 * count,
            WAIT.as_millis()
        ));
        let child = warm(&mut load, QUICK).await;
        let messages = (20 * count).clamp(50, 20_000);
        // All messages are on the broker before the first is handled.
        child.stop(QUICK).await;
        load.send(messages).await;
        let child = load.consumer(QUICK).await;
        let replies = load.replies(QUICK, messages).await;
        let peak = child.usage().peak as f64 / 1_024.0;
        child.stop(QUICK).await;
        // The time counts from the first reply, when the handlers are at work; the first `count` replies come together.
        let (rate, ideal) = (rate(&replies), count as f64 / WAIT.as_secs_f64());
        println!("| {count} | {messages} | {rate:.0} | {:.2} | {peak:.1} |", rate / ideal);
    }
}

async fn destinations() {
    const MESSAGES: u64 = 10_000;
    println!("{MESSAGES} messages, in turns to each message destination of one runner.\n");
    println!("| Destinations | started after, ms | messages/s | peak, MB |\n|---:|---:|---:|---:|");
    for count in [1, 10, 100] {
        let mut load = Load::new(Name::ActiveMq, count).await;
        load.say(&format!("[bench]\ndestinations={count}\n"));
        let child = warm(&mut load, RUNNER).await;
        load.send(MESSAGES).await;
        let replies = load.replies(RUNNER, MESSAGES).await;
        let (started, peak) = (child.started.as_millis(), child.usage().peak as f64 / 1_024.0);
        println!("| {count} | {started} | {:.0} | {peak:.1} |", rate(&replies));
        child.stop(RUNNER).await;
    }
}

async fn bodies() {
    println!("Bodies of one size, sent one after the other's reply.\n");
    println!(
        "| Body, KB | messages | ms each | CPU, ms each | CPU, ms per MB | peak, MB |\n|---:|---:|---:|---:|---:|---:|"
    );
    let mut load = Load::new(Name::ActiveMq, 1).await;
    for (kb, count) in [(1, 1_000), (10, 1_000), (100, 500), (1_024, 100), (10_240, 20), (20_480, 20)] {
        load.say("");
        load.resize(kb * 1_024);
        let child = warm(&mut load, RUNNER).await;
        let (before, begun) = (child.usage(), Instant::now());
        for _ in 0..count {
            load.send(1).await;
            load.replies(RUNNER, 1).await;
        }
        let (took, after) = (begun.elapsed(), child.usage());
        let each = |time: Duration| time.as_secs_f64() * 1_000.0 / f64::from(count);
        let cpu = each(after.cpu - before.cpu);
        let per_mb = cpu * 1_024.0 / kb as f64;
        let peak = after.peak as f64 / 1_024.0;
        println!("| {kb} | {count} | {:.2} | {cpu:.2} | {per_mb:.2} | {peak:.1} |", each(took));
        child.stop(RUNNER).await;
    }
    load.resize(BODY);
}

async fn endurance(messages: u64) {
    println!("{messages} messages through one runner, {AHEAD} on their way at once.\n");
    println!("| after messages | messages/s | resident, MB |\n|---:|---:|---:|");
    let mut load = Load::new(Name::ActiveMq, 1).await;
    load.say("");
    let child = warm(&mut load, RUNNER).await;
    let (mut done, mut next, step) = (0, messages / 10, messages / 10);
    let mut since = Instant::now();
    load.send(AHEAD).await;
    while done < messages {
        let part = AHEAD / 2;
        load.replies(RUNNER, part).await;
        done += part;
        if load.sent - 1 < messages {
            load.send(part).await;
        }
        if done >= next {
            let rate = step as f64 / since.elapsed().as_secs_f64();
            println!("| {done} | {rate:.0} | {:.1} |", child.usage().resident as f64 / 1_024.0);
            (next, since) = (next + step, Instant::now());
        }
    }
    child.stop(RUNNER).await;
}

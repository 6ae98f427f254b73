//! `replay`: all recorded messages of a folder, with a summary, and a report for machines.

mod junit;
mod summary;

use std::path::PathBuf;
use std::pin::pin;
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow, bail};
use circuits::recording::{Folder, Message};
use futures_util::{StreamExt as _, stream};
use indicatif::{ProgressBar, ProgressStyle};

use self::summary::Summary;
use super::expand;
use crate::exit::Ended;
use crate::order::{Order, Told};
use crate::session::Session;
use crate::{print, show};

#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Args {
    /// The folder, as `circuits run --log-http-responses` fills it.
    dir: PathBuf,
    /// The message destination of all; without it that of the headers that were recorded beside each message.
    #[arg(long, value_name = "NAME")]
    queue: Option<String>,
    /// Only messages of this rule.
    #[arg(long, value_name = "NAME")]
    rule: Option<String>,
    /// So many at a time; those of one incident keep their order.
    #[arg(long, default_value_t = 25, value_parser = clap::value_parser!(u16).range(1..))]
    jobs: u16,
    /// So many a second at most.
    #[arg(long, value_name = "PER SECOND", value_parser = rate)]
    rate: Option<f64>,
    /// Write a report in the format of JUnit.
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
}

fn rate(text: &str) -> Result<f64, String> {
    text.parse().ok().filter(|rate| *rate > 0.0).ok_or_else(|| "must be a number above 0".to_owned())
}

/// The outcome of one message.
struct Replayed {
    name: String,
    destination: String,
    told: Told,
    /// Whether the recorded reply was an error: then an error is expected.
    was_error: bool,
    /// Whether the text of the reply differs from the recorded one.
    differs: bool,
}

impl Replayed {
    fn ended(&self) -> Ended {
        match self.told.ended {
            Ended::Error if self.was_error && self.told.reply.is_some() => Ended::Completed,
            ended => ended,
        }
    }
}

pub(super) async fn run(session: &Session, args: Args) -> anyhow::Result<Ended> {
    let dir = expand(&args.dir);
    let messages = Folder::read(&dir).map_err(anyhow::Error::msg)?.messages;
    let of_rule = |message: &Message| {
        let name = |text: &str| text.replace([' ', ':', '/', '_', '-'], "").to_lowercase();
        args.rule.as_deref().is_none_or(|rule| name(rule) == name(message.rule()))
    };
    let mut orders = Vec::new();
    for message in messages.into_iter().filter(of_rule) {
        let destination = match &args.queue {
            Some(queue) => queue.clone(),
            None => message.destination().map_err(anyhow::Error::msg)?.ok_or_else(|| {
                anyhow!(
                    "the destination of {} was not recorded; name it with --queue",
                    message.path().display()
                )
            })?,
        };
        orders.push((message, destination));
    }
    if orders.is_empty() {
        bail!("{} contains no such message; the files' names begin with ActionMessage_", dir.display());
    }
    let progress = bar(orders.len(), session.target.json);
    let begun = Instant::now();
    let due = |place: usize| {
        let after = args.rate.map_or(Duration::ZERO, |rate| Duration::from_secs_f64(place as f64 / rate));
        tokio::time::Instant::from_std(begun + after)
    };
    let mut replays = pin!(
        stream::iter(orders.into_iter().enumerate())
            .then(|(place, order)| async move {
                tokio::time::sleep_until(due(place)).await;
                order
            })
            .map(|(message, destination)| replay(session, message, destination))
            .buffer_unordered(args.jobs.into())
    );
    let mut done: Vec<Replayed> = Vec::new();
    while let Some(replayed) = replays.next().await {
        let replayed = replayed?;
        progress.inc(1);
        if session.target.json {
            let line = show::as_json(&replayed.told, &replayed.destination, Some(&replayed.name));
            print::out(&line.to_string())?;
        }
        done.push(replayed);
    }
    progress.finish_and_clear();
    let took = begun.elapsed();
    if let Some(path) = &args.junit {
        let report = junit::report(&dir.display().to_string(), &done, took).to_string()?;
        std::fs::write(path, report).with_context(|| format!("writing {}", path.display()))?;
    }
    let summary = Summary::of(&done, took);
    if session.target.json {
        print::out(&summary.as_json().to_string())?;
    } else {
        summary.lines(&done).iter().try_for_each(|line| print::out(line))?;
    }
    Ok(done.iter().map(Replayed::ended).max().unwrap_or_default())
}

async fn replay(session: &Session, message: Message, destination: String) -> anyhow::Result<Replayed> {
    let order = Order::read(&destination, message.path())?;
    let recorded = message.reply().map_err(anyhow::Error::msg)?;
    let told = session.submit(order, |_, _| {}).await;
    let differs = recorded
        .as_ref()
        .zip(told.reply.as_ref())
        .is_some_and(|(one, other)| one["message"] != other["message"]);
    let was_error = recorded.is_some_and(|reply| reply["message_type"] == 1);
    Ok(Replayed { name: message.name(), destination, told, was_error, differs })
}

fn bar(messages: usize, json: bool) -> ProgressBar {
    if json {
        return ProgressBar::hidden();
    }
    // It is drawn on standard error, and only if that is a terminal.
    let bar = ProgressBar::new(messages as u64);
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} {per_sec} {eta} left");
    bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

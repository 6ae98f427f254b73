//! `replay`: all recorded messages of a folder, with a summary, and a report for machines.

use std::path::PathBuf;
use std::pin::pin;
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow, bail};
use circuits::recording::{Folder, Message};
use futures_util::{StreamExt as _, stream};
use indicatif::{ProgressBar, ProgressStyle};
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};
use serde_json::json;

use super::expand;
use crate::exit::Ended;
use crate::order::{Order, Told};
use crate::session::Session;
use crate::show;

/// How many failures the summary tells in words.
const TOLD: usize = 10;

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

/// One message's end.
struct Replayed {
    name: String,
    destination: String,
    told: Told,
    /// Whether the recorded reply was an error: then an error is what is expected.
    was_error: bool,
    /// Whether the reply has another text than the recorded one.
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
        bail!("{} holds no such message: their names begin with ActionMessage_", dir.display());
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
            let line = replayed.told.as_json(&replayed.destination, Some(&replayed.name));
            show::out(&line.to_string())?;
        }
        done.push(replayed);
    }
    progress.finish_and_clear();
    let took = begun.elapsed();
    if let Some(path) = &args.junit {
        let report = junit(&dir.display().to_string(), &done, took).to_string()?;
        std::fs::write(path, report).with_context(|| format!("writing {}", path.display()))?;
    }
    summary(session, &done, took)?;
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
    // Drawn on standard error, and only on a terminal.
    let bar = ProgressBar::new(messages as u64);
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} {per_sec} {eta} left");
    bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

fn summary(session: &Session, done: &[Replayed], took: Duration) -> anyhow::Result<()> {
    let count = |ended| done.iter().filter(|one| one.ended() == ended).count();
    let mut times: Vec<_> = done.iter().map(|one| one.told.took.as_secs_f64() * 1000.0).collect();
    times.sort_by(f64::total_cmp);
    let quantile = |q: f64| times[((times.len() - 1) as f64 * q) as usize];
    let per_second = done.len() as f64 / took.as_secs_f64().max(0.001);
    let differ = done.iter().filter(|one| one.differs).count();
    if session.target.json {
        let summary = json!({"summary": {
            "messages": done.len(), "completed": count(Ended::Completed), "errors": count(Ended::Error),
            "no_reply": count(Ended::NoReply), "no_runner": count(Ended::NoRunner), "differ": differ,
            "seconds": took.as_secs_f64(), "per_second": per_second,
            "p50_ms": quantile(0.5), "p99_ms": quantile(0.99), "max_ms": quantile(1.0),
        }});
        return show::out(&summary.to_string());
    }
    let failed: Vec<_> = done.iter().filter(|one| one.ended() != Ended::Completed).collect();
    for one in failed.iter().take(TOLD) {
        show::out(&format!("{}: {}", one.name, show::ending(&one.told)))?;
    }
    if failed.len() > TOLD {
        show::out(&format!("and {} more that failed", failed.len() - TOLD))?;
    }
    show::out(&format!(
        "{} messages: {} completed, {} errors, {} without a reply, {} without a runner; {:.1} s, {per_second:.0} a second; \
         p50 {:.1} ms, p99 {:.1} ms, longest {:.1} ms",
        done.len(),
        count(Ended::Completed),
        count(Ended::Error),
        count(Ended::NoReply),
        count(Ended::NoRunner),
        took.as_secs_f64(),
        quantile(0.5),
        quantile(0.99),
        quantile(1.0),
    ))?;
    if differ > 0 {
        show::out(&format!("{differ} of the replies have another text than the recorded ones"))?;
    }
    Ok(())
}

fn junit(folder: &str, done: &[Replayed], took: Duration) -> Report {
    let mut report = Report::new("action-test replay");
    report.set_time(took);
    let mut suite = TestSuite::new(folder);
    for one in done {
        let status = match one.ended() {
            Ended::Completed => TestCaseStatus::success(),
            ended => {
                let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
                status.set_message(one.told.text()).set_type(ended.name());
                status
            }
        };
        let mut case = TestCase::new(&one.name, status);
        case.set_classname(&one.destination).set_time(one.told.took);
        suite.add_test_case(case);
    }
    report.add_test_suite(suite);
    report
}

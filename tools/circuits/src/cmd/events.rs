//! `circuits events`: what became of each message, from the journal; runs stored ones again and deletes old ones.

mod deliveries;
mod forget;
mod schema;
mod show;

use std::collections::HashSet;
use std::io::Write as _;
use std::time::SystemTime;

use anyhow::{Context as _, bail};
use circuits::history::{Filter, Status};
use circuits::redact::Redactor;
use circuits_journal::EventLog;
use clap::ValueEnum;
use clap::builder::PossibleValue;

use crate::confirm::confirm;
use crate::event_log::{self, Age, When, open, open_to_show, row, title};
use crate::overrides::Overrides;
use crate::records;

/// Arguments of `circuits events`.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    list: List,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// The newest messages, newest first (the default).
    List(List),
    /// All that is known of one message: headers, body, statuses, calls to the platform, reply, times.
    Show(Show),
    /// Run stored messages again, each as a new message; shows first what that means.
    Retry(Retry),
    /// Delete settled messages, oldest first; those that are not settled stay.
    Purge(Purge),
    /// What went out: the newest events with their deliveries to webhooks and subscribers.
    Deliveries(deliveries::List),
    /// Make deliveries of stored events again.
    Redeliver(deliveries::Redeliver),
    /// Delete stored events with their deliveries, oldest first.
    Forget(forget::Args),
    /// List the types of events, or print the JSON Schema of one.
    Schema(schema::Args),
}

#[derive(Debug, clap::Args)]
struct List {
    /// Only messages that arrived then or later: a date, a time (RFC 3339 or local), or an age such as 12h.
    #[arg(long, value_name = "TIME")]
    since: Option<When>,
    /// Only messages that arrived earlier.
    #[arg(long, value_name = "TIME")]
    until: Option<When>,
    /// Only messages of the rule with this name.
    #[arg(long, value_name = "NAME")]
    rule: Option<String>,
    /// Only messages about this incident.
    #[arg(long, value_name = "ID")]
    incident: Option<i64>,
    /// Only messages with this status.
    #[arg(long, value_enum)]
    status: Option<Standing>,
    /// Show at most this many.
    #[arg(long, default_value_t = 50)]
    limit: u32,
    /// Print JSON: an array of messages.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    overrides: Overrides,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Show {
    /// The message's number, as `list` shows it, or its id.
    id: String,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    overrides: Overrides,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Retry {
    /// The messages' numbers or ids.
    #[arg(required = true)]
    ids: Vec<String>,
    /// Do not ask.
    #[arg(short, long)]
    yes: bool,
    #[command(flatten)]
    overrides: Overrides,
}

#[derive(Debug, clap::Args)]
struct Purge {
    /// Only messages that arrived longer ago than this, such as 30d.
    #[arg(long, value_name = "AGE")]
    older_than: Age,
    /// Delete at most this many.
    #[arg(long, default_value_t = u32::MAX, hide_default_value = true)]
    limit: u32,
    /// Do not ask.
    #[arg(short, long)]
    yes: bool,
    #[command(flatten)]
    overrides: Overrides,
}

/// A status as an argument.
#[derive(Clone, Copy, Debug)]
struct Standing(Status);

impl ValueEnum for Standing {
    fn value_variants<'a>() -> &'a [Self] {
        const ALL: [Standing; 6] = {
            let [a, b, c, d, e, f] = Status::ALL;
            [Standing(a), Standing(b), Standing(c), Standing(d), Standing(e), Standing(f)]
        };
        &ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.0.name()))
    }
}

pub(crate) fn run(args: Args) -> anyhow::Result<()> {
    match args.command.unwrap_or(Command::List(args.list)) {
        Command::List(args) => {
            let filter = Filter {
                since: args.since.map(|When(time)| time),
                until: args.until.map(|When(time)| time),
                rule: args.rule,
                incident: args.incident,
                status: args.status.map(|Standing(status)| status),
                ..Filter::default()
            };
            list(&open_to_show(&args.overrides)?, &filter, args.limit, args.json)
        }
        Command::Show(args) => show(args),
        Command::Retry(args) => retry(args),
        Command::Purge(args) => purge(args),
        Command::Deliveries(args) => deliveries::list(args),
        Command::Redeliver(args) => deliveries::redeliver(args),
        Command::Forget(args) => forget::run(args),
        Command::Schema(args) => schema::run(args),
    }
}

/// Prints the messages that match the filter.
pub(super) fn list(
    (log, redactor): &(EventLog, Redactor),
    filter: &Filter,
    limit: u32,
    json: bool,
) -> anyhow::Result<()> {
    let events = log.list(filter, limit)?;
    let mut out = anstream::stdout().lock();
    if json {
        writeln!(out, "{:#}", redactor.hide_in(serde_json::to_value(events)?))?;
        return Ok(());
    }
    for event in &events {
        writeln!(out, "{}", redactor.hide(&row(event)))?;
    }
    match u32::try_from(events.len()) {
        Ok(0) => writeln!(out, "No such message.")?,
        Ok(shown) if shown == limit => writeln!(out, "The newest {limit}; more with --limit.")?,
        _ => {}
    }
    Ok(())
}

pub(super) fn show(args: Show) -> anyhow::Result<()> {
    let (log, redactor) = open_to_show(&args.overrides)?;
    let details = log.show(log.find(&args.id)?)?;
    let book = records::open_if_made(&args.overrides)?;
    let events = records::wait(async {
        let mut events = Vec::new();
        let Some(book) = book else { return Ok(events) };
        for event in book.events_of(&details.event.id).await? {
            let deliveries = book.deliveries(&event.key).await?;
            events.push((event, deliveries));
        }
        Ok::<_, circuits::Error>(events)
    })?;
    let mut out = anstream::stdout().lock();
    if args.json {
        let mut value = serde_json::to_value(&details)?;
        value["events"] = events.iter().map(|(event, made)| event.with_deliveries(made)).collect();
        writeln!(out, "{:#}", redactor.hide_in(value))?;
    } else {
        let mut text = Vec::new();
        show::write(&details, &mut text)?;
        out.write_all(redactor.hide(&String::from_utf8_lossy(&text)).as_bytes())?;
        if !events.is_empty() {
            writeln!(out, "events")?;
        }
        for (event, made) in &events {
            deliveries::write(event, made, &redactor, &mut out)?;
        }
    }
    Ok(())
}

pub(super) fn retry(args: Retry) -> anyhow::Result<()> {
    let mut log = open(&args.overrides)?;
    let mut seen = HashSet::new();
    let mut numbers = Vec::new();
    for id in &args.ids {
        let number = log.find(id)?;
        if seen.insert(number) {
            numbers.push(number);
        }
    }
    let plan = numbers.iter().map(|number| log.can_run_again(*number)).collect::<Result<Vec<_>, _>>()?;
    anstream::println!(
        "To be run again, each as a new message whose reply goes to the same action of the platform:"
    );
    for event in &plan {
        anstream::println!("{}", row(event));
    }
    anstream::println!(
        "Context tokens are not stored: what a handler changes on the platform may fire rules, its own included."
    );
    let question = format!("Run {} again?", event_log::count(plan.len(), "message"));
    if !args.yes && !confirm(&question)? {
        bail!("nothing is run again");
    }
    for event in &plan {
        let new = log.run_again(event.number)?;
        anstream::println!("{} is run again as #{new}", title(event));
    }
    let when =
        if log.is_in_use() { "takes them within seconds" } else { "is not up; it takes them when it is" };
    anstream::println!("The runner {when}. See `circuits events show NUMBER`.");
    Ok(())
}

fn purge(args: Purge) -> anyhow::Result<()> {
    let mut log = open(&args.overrides)?;
    let Age(age) = args.older_than;
    let cutoff = SystemTime::now().checked_sub(age).context("--older-than is too long ago")?;
    let count = log.count_settled(cutoff)?.min(args.limit);
    let messages = event_log::count(count, "settled message");
    if count == 0 {
        anstream::println!("Nothing to do: no settled message arrived before {}.", event_log::local(cutoff));
        return Ok(());
    }
    let question = format!("Delete {messages} that arrived before {}?", event_log::local(cutoff));
    if !args.yes && !confirm(&question)? {
        bail!("nothing is deleted");
    }
    let gone = log.purge(cutoff, args.limit)?;
    anstream::println!("Deleted {}.", event_log::count(gone, "settled message"));
    Ok(())
}

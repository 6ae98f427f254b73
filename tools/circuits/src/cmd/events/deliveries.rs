//! `circuits events deliveries|redeliver|forget|schema`: what went out to webhooks and subscribers.

use std::io::Write as _;
use std::time::SystemTime;

use anyhow::{Context as _, bail};
use circuits::EventKind;
use circuits::redact::Redactor;
use circuits_events::book::{Book, Delivery, DeliveryState, StoredEvent};
use circuits_events::schema::schema;
use clap::ValueEnum;
use clap::builder::PossibleValue;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::confirm::confirm;
use crate::event_log::{self, Age, When, count, line};
use crate::overrides::Overrides;
use crate::records;

/// How much of the text of an answer a line shows.
const SHOWN: usize = 120;

/// Arguments of `circuits events deliveries`.
#[derive(Debug, clap::Args)]
pub(crate) struct List {
    /// Only these events, whenever they happened.
    #[arg(value_name = "EVENT")]
    events: Vec<String>,
    /// Only deliveries to this target, such as `webhook:ticket` or `subscription:<uuid>`.
    #[arg(long, value_name = "NAME")]
    target: Option<String>,
    /// Only deliveries in this state.
    #[arg(long, value_enum)]
    state: Option<Stands>,
    /// Only events that happened later.
    #[arg(long, alias = "start-date", value_name = "TIME")]
    since: Option<When>,
    /// Only events that happened then or earlier.
    #[arg(long, alias = "end-date", value_name = "TIME")]
    until: Option<When>,
    /// Show at most this many events, the newest.
    #[arg(long, default_value_t = 10)]
    limit: u32,
    /// Print JSON: an array of events, each with its deliveries.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    overrides: Overrides,
}

/// Arguments of `circuits events redeliver`.
#[derive(Debug, clap::Args)]
pub(crate) struct Redeliver {
    /// The events, by their ids.
    #[arg(required = true, value_name = "EVENT")]
    events: Vec<String>,
    /// Only to this target.
    #[arg(long, value_name = "NAME")]
    target: Option<String>,
    /// Do not ask.
    #[arg(short, long)]
    yes: bool,
    #[command(flatten)]
    overrides: Overrides,
}

/// Arguments of `circuits events forget`.
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("age").required(true).args(["older_than", "older_than_date"]))]
pub(crate) struct Forget {
    /// Only events that happened longer ago than this, such as 30d.
    #[arg(long, value_name = "AGE")]
    older_than: Option<Age>,
    /// Only events that happened then or earlier.
    #[arg(long, value_name = "TIME")]
    older_than_date: Option<When>,
    /// Delete at most this many.
    #[arg(long, default_value_t = u32::MAX, hide_default_value = true)]
    limit: u32,
    /// Do not ask.
    #[arg(short, long)]
    yes: bool,
    #[command(flatten)]
    overrides: Overrides,
}

/// Arguments of `circuits events schema`.
#[derive(Debug, clap::Args)]
pub(crate) struct Schema {
    /// The type, such as `circuits.action.completed` or `action_completed`; without one, all types are listed.
    #[arg(value_name = "TYPE")]
    kind: Option<String>,
}

/// A state as an argument.
#[derive(Clone, Copy, Debug)]
struct Stands(DeliveryState);

impl ValueEnum for Stands {
    fn value_variants<'a>() -> &'a [Self] {
        const ALL: [Stands; 5] = [
            Stands(DeliveryState::Waiting),
            Stands(DeliveryState::Delivered),
            Stands(DeliveryState::Denied),
            Stands(DeliveryState::Failed),
            Stands(DeliveryState::Dropped),
        ];
        &ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.0.name()))
    }
}

pub(crate) fn list(args: List) -> anyhow::Result<()> {
    let (since, until) = (args.since.map(stamp).transpose()?, args.until.map(stamp).transpose()?);
    if let (Some(since), Some(until)) = (since, until)
        && since > until
    {
        bail!(
            "the window from {} to {} is empty: --since must be before --until",
            local(since),
            local(until)
        );
    }
    let (book, redactor) = records::open(&args.overrides)?;
    let wanted = |one: &Delivery| {
        args.target.as_ref().is_none_or(|target| one.target == *target)
            && args.state.is_none_or(|Stands(state)| one.state == state)
    };
    let narrowed = args.target.is_some() || args.state.is_some();
    let found = records::block_on(async {
        let events = if args.events.is_empty() {
            // Those without a wanted delivery are left out below.
            let most = if narrowed { u32::MAX } else { args.limit };
            book.events(since, until, most).await.map_err(anyhow::Error::msg)?
        } else {
            named(&book, &args.events).await?
        };
        let mut found = Vec::new();
        for event in events {
            let mut deliveries = book.deliveries(&event.key).await.map_err(anyhow::Error::msg)?;
            deliveries.retain(wanted);
            if !narrowed || !deliveries.is_empty() {
                found.push((event, deliveries));
            }
            if found.len() >= args.limit as usize && args.events.is_empty() {
                break;
            }
        }
        anyhow::Ok(found)
    })?;
    let mut out = anstream::stdout().lock();
    if args.json {
        let all: Vec<_> = found.iter().map(|(event, deliveries)| as_json(event, deliveries)).collect();
        writeln!(out, "{:#}", redactor.hide_in(all.into()))?;
        return Ok(());
    }
    for (event, deliveries) in &found {
        write(event, deliveries, &redactor, &mut out)?;
    }
    if found.is_empty() {
        writeln!(out, "No such event.")?;
    }
    Ok(())
}

/// Writes an event and its deliveries in the form of Pacifica's `eventget`.
pub(super) fn write(
    event: &StoredEvent,
    deliveries: &[Delivery],
    redactor: &Redactor,
    out: &mut impl std::io::Write,
) -> std::io::Result<()> {
    writeln!(out, "Event - {}", event.key)?;
    writeln!(out, "{}", redactor.hide_in(event.event.clone()))?;
    let code = |status: Option<u16>| status.map_or("-".to_owned(), |status| status.to_string());
    for one in deliveries {
        let name = one.target.strip_prefix("subscription:").unwrap_or(&one.target);
        let text: String = line(&redactor.hide(&one.text)).chars().take(SHOWN).collect();
        let text = if text.is_empty() { String::new() } else { format!(": {text}") };
        writeln!(
            out,
            "    ELM {} ({}) policy {} target {} {}, {}{text}",
            line(name),
            one.updated.strftime("%FT%TZ"),
            code(one.policy_status),
            code(one.target_status),
            one.state.name(),
            count(one.tries, "attempt"),
        )?;
    }
    Ok(())
}

/// The event with its deliveries under `deliveries`.
pub(super) fn as_json(event: &StoredEvent, deliveries: &[Delivery]) -> Value {
    json!({"key": event.key, "event": event.event, "deliveries": deliveries})
}

async fn named(book: &Book, names: &[String]) -> anyhow::Result<Vec<StoredEvent>> {
    let mut events = Vec::new();
    for name in names {
        let found = book.event(name).await.map_err(anyhow::Error::msg)?;
        events.push(found.with_context(|| {
            format!("there is no event {name}; `circuits events deliveries` shows those there are")
        })?);
    }
    Ok(events)
}

pub(crate) fn redeliver(args: Redeliver) -> anyhow::Result<()> {
    let (book, _) = records::open(&args.overrides)?;
    let plan = records::block_on(async {
        let mut plan = Vec::new();
        for event in named(&book, &args.events).await? {
            let mut deliveries = book.deliveries(&event.key).await.map_err(anyhow::Error::msg)?;
            deliveries.retain(|one| args.target.as_ref().is_none_or(|target| one.target == *target));
            if deliveries.is_empty() {
                let to = args.target.as_ref().map(|target| format!(" to {target}")).unwrap_or_default();
                bail!("event {} has no delivery{to}: nobody wanted it when it happened", event.key);
            }
            plan.push((event, deliveries));
        }
        anyhow::Ok(plan)
    })?;
    anstream::println!("To be delivered again:");
    for (event, deliveries) in &plan {
        let targets: Vec<_> = deliveries.iter().map(|one| line(&one.target)).collect();
        anstream::println!("{} ({}) to {}", event.key, line(kind(event)), targets.join(", "));
    }
    let number: usize = plan.iter().map(|(_, deliveries)| deliveries.len()).sum();
    if !args.yes && !confirm(&format!("Make {} again?", deliveries_of(number)))? {
        bail!("nothing is delivered again");
    }
    records::block_on(async {
        for (event, _) in &plan {
            book.redeliver(&event.key, args.target.as_deref()).await.map_err(anyhow::Error::msg)?;
        }
        anyhow::Ok(())
    })?;
    anstream::println!("A runner that is up makes them within seconds, another one when it starts.");
    Ok(())
}

fn deliveries_of(number: usize) -> String {
    if number == 1 { "1 delivery".to_owned() } else { format!("{number} deliveries") }
}

fn kind(event: &StoredEvent) -> &str {
    event.event["type"].as_str().unwrap_or("?")
}

pub(crate) fn forget(args: Forget) -> anyhow::Result<()> {
    let until = match (args.older_than, args.older_than_date) {
        (Some(Age(age)), _) => SystemTime::now().checked_sub(age).context("--older-than is too long ago")?,
        (None, Some(When(time))) => time,
        (None, None) => bail!("say which events: --older-than or --older-than-date"),
    };
    let (book, _) = records::open(&args.overrides)?;
    let until = Timestamp::try_from(until)?;
    let there = records::block_on(book.count(until)).map_err(anyhow::Error::msg)?.min(args.limit.into());
    if there == 0 {
        anstream::println!("Nothing to do: no event happened before {}.", local(until));
        return Ok(());
    }
    let question = format!(
        "Delete {} that happened before {}, with all deliveries, also those that still wait?",
        count(there, "event"),
        local(until)
    );
    if !args.yes && !confirm(&question)? {
        bail!("nothing is deleted");
    }
    let gone = records::block_on(book.purge(until, args.limit, true)).map_err(anyhow::Error::msg)?;
    anstream::println!("Deleted {}.", count(gone, "event"));
    Ok(())
}

pub(crate) fn show_schema(args: Schema) -> anyhow::Result<()> {
    let mut out = anstream::stdout().lock();
    let Some(name) = args.kind else {
        for kind in EventKind::ALL {
            let about = schema(kind)["description"].as_str().unwrap_or_default().to_owned();
            writeln!(out, "{:<32} {}", kind.event_type(), about.lines().next().unwrap_or_default())?;
        }
        return Ok(());
    };
    let kind = EventKind::parse(&name)
        .with_context(|| format!("there is no type of event {name}; `circuits events schema` lists them"))?;
    writeln!(out, "{:#}", schema(kind))?;
    Ok(())
}

fn stamp(When(time): When) -> anyhow::Result<Timestamp> {
    Ok(Timestamp::try_from(time)?)
}

fn local(time: Timestamp) -> String {
    event_log::local(time.into())
}

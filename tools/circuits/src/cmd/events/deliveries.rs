//! `circuits events deliveries|redeliver`: what went out to webhooks and subscribers, and once more.

use std::collections::{BTreeSet, HashSet};
use std::io::Write as _;

use anyhow::{Context as _, bail};
use circuits::redact::Redactor;
use circuits_events::book::{Book, Delivery, DeliveryState, StoredEvent};
use clap::ValueEnum;
use clap::builder::PossibleValue;
use jiff::Timestamp;

use crate::confirm::confirm;
use crate::event_log::{self, When, count, line};
use crate::overrides::Overrides;
use crate::records::{self, Pages};

/// How much of the text of an answer a line shows.
const SHOWN: usize = 120;

/// Arguments of `circuits events deliveries`.
#[derive(Debug, clap::Args)]
pub(crate) struct List {
    /// Only these events, whenever they happened.
    #[arg(value_name = "EVENT")]
    events: Vec<String>,
    /// Only deliveries to this target, such as `webhook:ticket` or the uuid of a subscription.
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
    /// Only to this target, such as `webhook:ticket` or the uuid of a subscription.
    #[arg(long, value_name = "NAME")]
    target: Option<String>,
    /// Do not ask.
    #[arg(short, long)]
    yes: bool,
    #[command(flatten)]
    overrides: Overrides,
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
        args.target.as_ref().is_none_or(|target| is_to(one, target))
            && args.state.is_none_or(|Stands(state)| one.state == state)
    };
    let narrowed = args.target.is_some() || args.state.is_some();
    let found = records::block_on(async {
        let mut found = Vec::new();
        let mut take = async |events: Vec<StoredEvent>, most: usize| {
            for event in events {
                if found.len() >= most {
                    return Ok(false);
                }
                let mut deliveries = book.deliveries(&event.key).await.map_err(anyhow::Error::msg)?;
                deliveries.retain(wanted);
                if !narrowed || !deliveries.is_empty() {
                    found.push((event, deliveries));
                }
            }
            anyhow::Ok(found.len() < most)
        };
        if !args.events.is_empty() {
            take(named(&book, &args.events).await?, usize::MAX).await?;
            return anyhow::Ok(found);
        }
        let mut pages = Pages::new(&book, since, until);
        loop {
            let page = pages.next().await?;
            if page.is_empty() || !take(page, args.limit as usize).await? {
                return Ok(found);
            }
        }
    })?;
    let mut out = anstream::stdout().lock();
    if args.json {
        let all: Vec<_> = found.iter().map(|(event, deliveries)| event.with_deliveries(deliveries)).collect();
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
        let name = subscription(one).unwrap_or(&one.target);
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

/// Whether a delivery goes to the target with this name, as it is stored or as [`write`] shows it.
fn is_to(one: &Delivery, target: &str) -> bool {
    one.target == target || subscription(one) == Some(target)
}

/// The uuid of the subscription that a delivery goes to, if it is one.
fn subscription(one: &Delivery) -> Option<&str> {
    one.target.strip_prefix("subscription:")
}

/// The events with these ids, each once: all, or an error.
async fn named(book: &Book, names: &[String]) -> anyhow::Result<Vec<StoredEvent>> {
    let (mut events, mut seen) = (Vec::new(), HashSet::new());
    for name in names.iter().filter(|name| seen.insert(*name)) {
        let found = book.event(name).await.map_err(anyhow::Error::msg)?;
        events.push(found.with_context(|| {
            format!("there is no event {name}; `circuits events deliveries` shows those there are")
        })?);
    }
    Ok(events)
}

pub(crate) fn redeliver(args: Redeliver) -> anyhow::Result<()> {
    let (book, _) = records::open(&args.overrides)?;
    let (plan, off) = records::block_on(plan(&book, &args))?;
    anstream::println!("To be delivered again:");
    for (event, deliveries) in &plan {
        let targets: Vec<_> = deliveries.iter().map(|one| line(&one.target)).collect();
        anstream::println!("{} ({}) to {}", event.key, line(kind(event)), targets.join(", "));
    }
    for uuid in off {
        anstream::println!(
            "Subscription {uuid} is switched off: what is for it waits until `circuits subscriptions enable {uuid}`."
        );
    }
    let number: usize = plan.iter().map(|(_, deliveries)| deliveries.len()).sum();
    if !args.yes && !confirm(&format!("Make {} again?", deliveries_of(number)))? {
        bail!("nothing is delivered again");
    }
    records::block_on(async {
        for (event, deliveries) in &plan {
            for one in deliveries {
                book.redeliver(&event.key, Some(&one.target)).await.map_err(anyhow::Error::msg)?;
            }
        }
        anyhow::Ok(())
    })?;
    anstream::println!("A runner that is up makes them within seconds, another one when it starts.");
    Ok(())
}

/// An event and the deliveries of it that are to be made again.
type Planned = (StoredEvent, Vec<Delivery>);

/// What is to be delivered again, and the subscriptions among the targets that are switched off.
async fn plan(book: &Book, args: &Redeliver) -> anyhow::Result<(Vec<Planned>, BTreeSet<String>)> {
    let (mut plan, mut off) = (Vec::new(), BTreeSet::new());
    for event in named(book, &args.events).await? {
        let mut all = book.deliveries(&event.key).await.map_err(anyhow::Error::msg)?;
        all.retain(|one| args.target.as_ref().is_none_or(|target| is_to(one, target)));
        if all.is_empty() {
            let to = args.target.as_ref().map(|target| format!(" to {target}")).unwrap_or_default();
            bail!("event {} has no delivery{to}: nobody wanted it when it happened", event.key);
        }
        let mut deliveries = Vec::new();
        for one in all {
            if let Some(uuid) = subscription(&one) {
                match book.subscription(uuid).await.map_err(anyhow::Error::msg)? {
                    // Nobody would ever take it, and what waits is not deleted by age.
                    None => continue,
                    Some(subscription) if !subscription.is_live() => drop(off.insert(uuid.to_owned())),
                    Some(_) => {}
                }
            }
            deliveries.push(one);
        }
        if deliveries.is_empty() {
            bail!(
                "event {} cannot be delivered again: the subscriptions that it was for are deleted",
                event.key
            );
        }
        plan.push((event, deliveries));
    }
    Ok((plan, off))
}

fn deliveries_of(number: usize) -> String {
    if number == 1 { "1 delivery".to_owned() } else { format!("{number} deliveries") }
}

fn kind(event: &StoredEvent) -> &str {
    event.event["type"].as_str().unwrap_or("?")
}

fn stamp(When(time): When) -> anyhow::Result<Timestamp> {
    Ok(Timestamp::try_from(time)?)
}

pub(super) fn local(time: Timestamp) -> String {
    event_log::local(time.into())
}

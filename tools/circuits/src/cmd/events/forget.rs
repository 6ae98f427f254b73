//! `circuits events forget`: deletes stored events with their deliveries, oldest first.

use std::time::SystemTime;

use anyhow::{Context as _, bail};
use circuits_events::book::{Book, DeliveryState};
use jiff::Timestamp;

use super::deliveries::local;
use crate::confirm::confirm;
use crate::event_log::{Age, When, count};
use crate::overrides::Overrides;
use crate::records::{self, Pages};

/// Arguments of `circuits events forget`.
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("age").required(true).args(["older_than", "older_than_date"]))]
pub(crate) struct Args {
    /// Only events that happened longer ago than this, such as 30d.
    #[arg(long, value_name = "AGE")]
    older_than: Option<Age>,
    /// Only events that happened then or earlier.
    #[arg(long, value_name = "TIME")]
    older_than_date: Option<When>,
    /// Only events that happened after this time.
    #[arg(long, value_name = "TIME")]
    since: Option<When>,
    /// Delete at most this many.
    #[arg(long, default_value_t = u32::MAX, hide_default_value = true)]
    limit: u32,
    /// Do not ask.
    #[arg(short, long)]
    yes: bool,
    #[command(flatten)]
    overrides: Overrides,
}

pub(crate) fn run(args: Args) -> anyhow::Result<()> {
    let until = match (args.older_than, args.older_than_date) {
        (Some(Age(age)), _) => SystemTime::now().checked_sub(age).context("--older-than is too long ago")?,
        (None, Some(When(time))) => time,
        (None, None) => bail!("say which events: --older-than or --older-than-date"),
    };
    let (book, _) = records::open(&args.overrides)?;
    let until = Timestamp::try_from(until)?;
    let since = args.since.map(|When(time)| Timestamp::try_from(time)).transpose()?;
    let all = records::wait(book.count(since, until))?;
    let there = all.min(args.limit.into());
    if there == 0 {
        anstream::println!("Nothing to do: no event happened {}.", when(since, until));
        return Ok(());
    }
    if !args.yes {
        let waiting = records::block_on(waiting(&book, (since, until), all - there))?;
        let question = format!(
            "Delete {} that happened {}, with all deliveries? Deliveries of {waiting} of them still wait.",
            count(there, "event"),
            when(since, until)
        );
        if !confirm(&question)? {
            bail!("nothing is deleted");
        }
    }
    let gone = records::wait(book.purge(since, until, args.limit, true))?;
    anstream::println!("Deleted {}.", count(gone, "event"));
    Ok(())
}

/// How many events of that time have a delivery that waits, without the newest ones, which are spared.
async fn waiting(
    book: &Book,
    (since, until): (Option<Timestamp>, Timestamp),
    mut spared: u64,
) -> anyhow::Result<u64> {
    let (mut pages, mut waiting) = (Pages::new(book, since, Some(until)), 0);
    loop {
        let page = pages.next().await?;
        if page.is_empty() {
            return Ok(waiting);
        }
        for event in page {
            if spared > 0 {
                spared -= 1;
                continue;
            }
            let deliveries = book.deliveries(&event.key).await.map_err(anyhow::Error::msg)?;
            waiting += u64::from(deliveries.iter().any(|one| one.state == DeliveryState::Waiting));
        }
    }
}

fn when(since: Option<Timestamp>, until: Timestamp) -> String {
    let after = since.map(|since| format!("after {} and ", local(since))).unwrap_or_default();
    format!("{after}before {}", local(until))
}

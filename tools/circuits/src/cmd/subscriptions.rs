//! `circuits subscriptions`: who gets which events, from the shell. A runner that is up takes changes within a second.

use std::io::Write as _;

use anyhow::{Context as _, bail};
use circuits::account::OPERATOR;
use circuits_events::book::Book;
use circuits_events::subscription::{Matcher, Subscription};
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::event_log::{When, count, line, local};
use crate::exit::{self, Told};
use crate::overrides::Overrides;
use crate::records;

/// How much of what a path selects in an event a line shows.
const SHOWN: usize = 200;

/// Arguments of `circuits subscriptions`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Show the subscriptions, without their secrets.
    List(List),
    /// Subscribe a target to the events that a JSONPath selects something in.
    Add(Add),
    /// Switch subscriptions off: their targets get nothing until they are switched on again.
    Disable(Named),
    /// Switch subscriptions on again, also those that failures switched off.
    Enable(Named),
    /// Delete subscriptions.
    Rm(Named),
    /// Try a JSONPath on stored events: which it selects something in, and what.
    Test(Test),
}

#[derive(Debug, clap::Args)]
struct List {
    /// Only those of this user.
    #[arg(long)]
    user: Option<String>,
    /// Print JSON: an array.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    overrides: Overrides,
}

#[derive(Debug, clap::Args)]
struct Add {
    /// What it is for.
    #[arg(long)]
    name: String,
    /// A JSONPath (RFC 9535) on the event.
    #[arg(long)]
    jsonpath: String,
    /// Where events go.
    #[arg(long)]
    url: String,
    /// Whose it is.
    #[arg(long, default_value = OPERATOR)]
    user: String,
    /// Name for basic authentication.
    #[arg(long, requires = "basic_password", conflicts_with = "header_type")]
    basic_user: Option<String>,
    /// Password for it: `${NAME}`, a variable of the runner's environment (events_variables).
    #[arg(long, requires = "basic_user")]
    basic_password: Option<String>,
    /// Scheme of the header Authorization, such as Bearer.
    #[arg(long, requires = "credentials")]
    header_type: Option<String>,
    /// Credentials for it: `${NAME}`, a variable of the runner's environment (events_variables).
    #[arg(long, requires = "header_type")]
    credentials: Option<String>,
    /// Attribute that its events get in addition; may be given several times.
    #[arg(long, value_name = "NAME=VALUE")]
    extension: Vec<String>,
    #[command(flatten)]
    overrides: Overrides,
}

#[derive(Debug, clap::Args)]
struct Named {
    /// The subscriptions' ids.
    #[arg(required = true, value_name = "UUID")]
    uuids: Vec<String>,
    #[command(flatten)]
    overrides: Overrides,
}

#[derive(Debug, clap::Args)]
struct Test {
    /// The path; quote it for the shell.
    jsonpath: String,
    /// Only events that happened later.
    #[arg(long, value_name = "TIME")]
    since: Option<When>,
    /// Try at most this many, the newest.
    #[arg(long, default_value_t = 100)]
    limit: u32,
    /// Print JSON: an array of the events that it selects something in, each with what it selects.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    overrides: Overrides,
}

pub(crate) fn run(args: Args) -> anyhow::Result<()> {
    match args.command {
        Command::List(args) => list(&args),
        Command::Add(args) => add(&args),
        Command::Disable(args) => change(&args, &json!({"disabled": true})),
        Command::Enable(args) => {
            change(&args, &json!({"disabled": null, "error": null}))?;
            warn_if_off(&args.overrides)
        }
        Command::Rm(args) => remove(&args),
        Command::Test(args) => test(&args),
    }
}

fn list(args: &List) -> anyhow::Result<()> {
    let (book, redactor) = records::open(&args.overrides)?;
    warn_if_off(&args.overrides)?;
    let mut all = records::wait(book.subscriptions())?;
    all.retain(|one| args.user.as_ref().is_none_or(|user| one.user == *user));
    let mut out = anstream::stdout().lock();
    if args.json {
        let all: Vec<_> = all.iter().map(Subscription::shown).collect();
        writeln!(out, "{:#}", redactor.hide_in(all.into()))?;
        return Ok(());
    }
    for one in &all {
        let off = match (&one.disabled, &one.error) {
            (None, _) => "on".to_owned(),
            (Some(since), error) => {
                let error = error.as_ref().map(|error| format!(": {}", line(error))).unwrap_or_default();
                format!("off since {}{error}", local((*since).into()))
            }
        };
        let text = format!(
            "{}  {}  \"{}\"  {} -> {}  {off}",
            one.uuid, one.user, one.name, one.jsonpath, one.target_url
        );
        writeln!(out, "{}", redactor.hide(&line(&text)))?;
    }
    if all.is_empty() {
        writeln!(out, "There is no subscription.")?;
    }
    Ok(())
}

fn add(args: &Add) -> anyhow::Result<()> {
    for (option, value) in [("--basic-password", &args.basic_password), ("--credentials", &args.credentials)]
    {
        if value.as_ref().is_some_and(|value| !is_reference(value)) {
            bail!(
                "{option} takes a variable of the runner's environment and nothing beside it, such as '${{HOOK_TOKEN}}' \
                 (events_variables): the command line is seen by everybody on this machine"
            );
        }
    }
    let auth = match (&args.basic_user, &args.header_type) {
        (Some(username), _) => {
            json!({"type": "basic", "basic": {"username": username, "password": args.basic_password}})
        }
        (None, Some(kind)) => {
            json!({"type": "header", "header": {"type": kind, "credentials": args.credentials}})
        }
        (None, None) => json!({}),
    };
    let mut extensions = Map::new();
    for extension in &args.extension {
        let (name, value) = extension
            .split_once('=')
            .with_context(|| format!("--extension {extension} must be NAME=VALUE"))?;
        extensions.insert(name.to_owned(), value.into());
    }
    let body = json!({
        "name": args.name, "jsonpath": args.jsonpath, "target_url": args.url, "auth": auth, "extensions": extensions,
    });
    let made =
        Subscription::create(&args.user, body.to_string().as_bytes(), Timestamp::now(), Uuid::new_v4())?;
    let (book, _) = records::open(&args.overrides)?;
    records::wait(book.put_subscription(&made))?;
    anstream::println!("{}", made.uuid);
    warn_if_off(&args.overrides)
}

/// Whether a text is one `${NAME}` and no more. What the name may be, [`Subscription::create`] checks.
fn is_reference(text: &str) -> bool {
    let name = text.strip_prefix("${").and_then(|rest| rest.strip_suffix('}'));
    name.is_some_and(|name| !name.contains(['$', '{', '}']))
}

/// Says so if the settings keep every subscription from getting anything.
fn warn_if_off(overrides: &Overrides) -> anyhow::Result<()> {
    if !overrides.load()?.settings().subscriptions {
        anstream::eprintln!(
            "The settings say subscriptions=false, so no event is held against subscriptions."
        );
    }
    Ok(())
}

/// The subscriptions with these ids: all, or an error.
async fn named(book: &Book, uuids: &[String]) -> anyhow::Result<Vec<Subscription>> {
    let mut found = Vec::new();
    for uuid in uuids {
        let one = book.subscription(uuid).await.map_err(anyhow::Error::msg)?;
        found.push(one.with_context(|| {
            format!("there is no subscription {uuid}; `circuits subscriptions list` shows those there are")
        })?);
    }
    Ok(found)
}

fn change(args: &Named, to: &Value) -> anyhow::Result<()> {
    let (book, _) = records::open(&args.overrides)?;
    records::block_on(async {
        for one in named(&book, &args.uuids).await? {
            let changed = one.change(to.to_string().as_bytes(), Timestamp::now())?;
            book.put_subscription(&changed).await.map_err(anyhow::Error::msg)?;
            let now = if changed.is_live() { "on" } else { "off" };
            anstream::println!("{} \"{}\" is {now}.", changed.uuid, line(&changed.name));
        }
        Ok(())
    })
}

fn remove(args: &Named) -> anyhow::Result<()> {
    let (book, _) = records::open(&args.overrides)?;
    records::block_on(async {
        for mut one in named(&book, &args.uuids).await? {
            one.delete(Timestamp::now());
            book.put_subscription(&one).await.map_err(anyhow::Error::msg)?;
            anstream::println!("{} \"{}\" is deleted.", one.uuid, line(&one.name));
        }
        Ok(())
    })
}

fn test(args: &Test) -> anyhow::Result<()> {
    let matcher = Matcher::new(&args.jsonpath)?;
    let since = args.since.map(|When(time)| Timestamp::try_from(time)).transpose()?;
    let (book, redactor) = records::open(&args.overrides)?;
    let events = records::wait(book.events(since, None, args.limit))?;
    let mut found = Vec::new();
    for event in &events {
        // As the engine does it: the form in which it came counts too.
        for form in event.original.iter().chain([&event.event]) {
            match matcher.selected(form) {
                Ok(values) if values.is_empty() => {}
                Ok(values) => {
                    let kind = event.event["type"].as_str().unwrap_or("?");
                    found.push(json!({"key": event.key, "type": kind, "selected": values}));
                    break;
                }
                Err(error) => anstream::eprintln!("{}: {error}", event.key),
            }
        }
    }
    let mut out = anstream::stdout().lock();
    let selected = found.len();
    if args.json {
        writeln!(out, "{:#}", redactor.hide_in(found.into()))?;
    } else {
        for one in &found {
            let text = |key: &str| line(one[key].as_str().unwrap_or_default());
            let shown = redactor.hide_in(one["selected"].clone()).to_string();
            let shown: String = line(&shown).chars().take(SHOWN).collect();
            writeln!(out, "{}  {}  {shown}", text("key"), text("type"))?;
        }
        writeln!(out, "It selects something in {selected} of {}.", count(events.len(), "stored event"))?;
    }
    if selected == 0 { Err(Told(exit::GENERAL).into()) } else { Ok(()) }
}

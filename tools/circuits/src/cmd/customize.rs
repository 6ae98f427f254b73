//! `circuits customize`: shows what the linked components lack on the platform, then creates it.

use std::io::Write as _;
use std::time::Duration;

use anstyle::{AnsiColor, Style};
use circuits::definitions::Definitions;
use circuits::registrations;
use circuits_deploy::{Difference, ObjectChange, Plan, Progress, plan};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};

use crate::confirm::confirm;
use crate::exit::{self, Told};
use crate::overrides::Overrides;
use crate::selection::Selection;

const NAME: Style = Style::new().bold();
const GOOD: Style = AnsiColor::Green.on_default().bold();
const WARN: Style = AnsiColor::Yellow.on_default().bold();
const NOTE: Style = AnsiColor::Yellow.on_default();
const PLUS: Style = AnsiColor::Green.on_default();
const MINUS: Style = AnsiColor::Red.on_default();

/// The notes at the end of `--help`.
const NOTES: &str = "\
What exists on the platform is left as it is, but for the right of this account to read the message destinations, and for
choices that fields lack; no choice is ever taken away. An export is compared object by object, whatever the kind; the plan names
what cannot be compared. What differs is shown; --update changes functions, rules, scripts, workflows, playbooks and exports to
what is defined. Interrupted half-way, run it again: it does the rest.";

/// Arguments of `circuits customize`.
#[derive(Debug, clap::Args)]
#[command(after_help = NOTES)]
pub(crate) struct Args {
    /// Do not ask.
    #[arg(short = 'y', long)]
    yes: bool,
    /// Show what would be done, and end.
    #[arg(long, group = "shown")]
    dry_run: bool,
    /// Also change what differs to what is defined. Types of fields and of message destinations cannot be changed.
    #[arg(long)]
    update: bool,
    /// Show what the platform lacks and what differs from the definitions, and end: with exit code 4 if there is anything.
    #[arg(long, group = "shown", conflicts_with_all = ["yes", "dry_run", "update"])]
    drift: bool,
    /// With --drift or --dry-run: print JSON, an array of {"component", "object", "problem", "text"}, where the problem is
    /// "missing", "different", or "not compared", which is not drift.
    #[arg(long, requires = "shown")]
    json: bool,
    #[command(flatten)]
    selection: Selection,
    #[command(flatten)]
    overrides: Overrides,
}

pub(crate) fn run(args: Args) -> anyhow::Result<()> {
    let config = args.overrides.load()?;
    for warning in config.warnings() {
        anstream::eprintln!("{warning}");
    }
    let chosen = args.selection.of(&registrations(), &config.settings().noload)?;
    let wanted: Vec<(&str, Definitions)> =
        chosen.iter().map(|one| (one.name(), one.platform_definitions())).collect();
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(async {
        let rest = circuits::login(&config, |_| {}).await?;
        let definitions = wanted.iter().map(|(name, definitions)| (*name, definitions));
        let plan = plan(&rest, definitions).await.map_err(anyhow::Error::msg)?;
        if args.drift {
            return drift(&wanted, &plan, args.json);
        }
        let plan = if args.update { plan.with_updates() } else { plan };
        if args.json {
            return Ok(show_json(&plan)?);
        }
        show(&wanted, &plan)?;
        if plan.changes().is_empty() && !plan.differences().is_empty() {
            writeln!(
                anstream::stdout(),
                "Nothing to create. What differs stays as it is{}",
                if args.update { ": it cannot be changed." } else { "; --update makes it as it is defined." }
            )?;
        } else if plan.changes().is_empty() {
            writeln!(
                anstream::stdout(),
                "Nothing to do: the platform has everything that the components need{}.",
                if plan.notes().is_empty() { "" } else { ", as far as it could be compared" }
            )?;
        }
        if plan.is_empty() || args.dry_run {
            return Ok(());
        }
        let settings = config.settings();
        let question = format!("{} on {}:{}?", count(plan.changes()), settings.host, settings.port);
        if !args.yes && !confirm(&question)? {
            anstream::eprintln!("Nothing was changed.");
            return Ok(());
        }
        let (mut printed, bar) = (Ok(()), bar(plan.changes().len()));
        let applied = plan.apply(&rest, |progress| match progress {
            Progress::Begins(change) => bar.set_message(short(change)),
            Progress::Done(change) => {
                bar.inc(1);
                // If the reader of the output goes away, the work must not stay half done.
                if printed.is_ok() {
                    printed = bar.suspend(|| writeln!(anstream::stdout(), "{GOOD}done{GOOD:#}  {change}"));
                }
            }
        });
        let applied = applied.await;
        bar.finish_and_clear();
        applied.map_err(anyhow::Error::msg)?;
        printed?;
        writeln!(anstream::stdout(), "The platform has everything that the components need.")?;
        Ok(())
    })
}

/// Everything on the platform that is not as the components need it, for an operator or a script.
fn drift(wanted: &[(&str, Definitions)], plan: &Plan, as_json: bool) -> anyhow::Result<()> {
    let sound = plan.is_empty() && plan.differences().is_empty();
    if as_json {
        show_json(plan)?;
    } else {
        show(wanted, plan)?;
        if sound {
            writeln!(
                anstream::stdout(),
                "No drift: everything {}is as the components need it.",
                if plan.notes().is_empty() { "" } else { "that could be compared " }
            )?;
        }
    }
    if sound { Ok(()) } else { Err(Told(exit::DRIFT).into()) }
}

/// The plan, for a script.
fn show_json(plan: &Plan) -> std::io::Result<()> {
    let missing = plan.changes().iter().map(|change| {
        let problem = if change.creates() { "missing" } else { "different" };
        json!({"component": change.component(), "object": change.object(), "problem": problem, "text": change.to_string()})
    });
    let different = plan.differences().iter().map(|one| {
        json!({"component": one.component(), "object": one.object(), "problem": "different", "text": one.to_string()})
    });
    let unknown = plan.notes().iter().map(|note| {
        json!({"component": note.component(), "object": null, "problem": "not compared", "text": note.text()})
    });
    let all: Vec<_> = missing.chain(different).chain(unknown).collect();
    writeln!(anstream::stdout(), "{:#}", Value::from(all))
}

/// The plan: each component with its missing and its different objects.
fn show(wanted: &[(&str, Definitions)], plan: &Plan) -> std::io::Result<()> {
    let mut out = anstream::stdout();
    for (component, definitions) in wanted {
        let different: Vec<_> =
            plan.differences().iter().filter(|one| one.component() == *component).collect();
        let mut its = plan.changes().iter().filter(|change| change.component() == *component).peekable();
        let nothing = match (definitions.is_empty(), its.peek()) {
            (true, _) => " defines nothing",
            (false, None) if different.is_empty() => " nothing to do",
            (false, None) => " nothing to create",
            (false, Some(_)) => "",
        };
        writeln!(out, "{NAME}{component}{NAME:#}:{nothing}")?;
        its.try_for_each(|change| writeln!(out, "  {change}"))?;
        different.iter().try_for_each(|one| differs(one, &mut out))?;
        let mut notes = plan.notes().iter().filter(|note| note.component() == *component);
        notes.try_for_each(|note| writeln!(out, "  {NOTE}not compared:{NOTE:#} {}", note.text()))?;
    }
    out.flush()
}

/// How an object differs; texts are compared line by line.
fn differs(one: &Difference, out: &mut impl std::io::Write) -> std::io::Result<()> {
    let text = one.to_string();
    let mut lines = text.lines();
    writeln!(out, "  {WARN}differs:{WARN:#} {}", lines.next().unwrap_or_default())?;
    lines.try_for_each(|line| {
        let style = match line.as_bytes().first() {
            Some(b'+') => PLUS,
            Some(b'-') => MINUS,
            _ => Style::new(),
        };
        writeln!(out, "    {style}{line}{style:#}")
    })
}

/// A spinner that moves while the platform works on a change; on a terminal only.
fn bar(changes: usize) -> ProgressBar {
    let bar = ProgressBar::new(changes as u64);
    if let Ok(style) = ProgressStyle::with_template("{spinner} {bar:20} {pos}/{len} {elapsed} {wide_msg}") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(100));
    bar
}

/// A change in a few words.
fn short(change: &ObjectChange) -> String {
    let text = change.to_string();
    text.split_once(": ").map_or(text.clone(), |(start, _)| start.to_owned())
}

fn count(changes: &[ObjectChange]) -> String {
    let number = |count: usize| if count == 1 { "1 object".to_owned() } else { format!("{count} objects") };
    let created: usize = changes.iter().map(ObjectChange::count).sum();
    match (created, changes.iter().filter(|change| !change.creates()).count()) {
        (created, 0) => format!("Create {}", number(created)),
        (0, changed) => format!("Change {}", number(changed)),
        (created, changed) => format!("Create {} and change {}", number(created), number(changed)),
    }
}

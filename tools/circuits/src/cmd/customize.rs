//! `circuits customize`: creates on the platform what the linked components need, after it has shown what that is.

use std::io::Write as _;

use anstyle::{AnsiColor, Style};
use circuits::definitions::{Change, Definitions, Plan, plan};
use circuits::registrations;
use serde_json::{Value, json};

use crate::confirm::confirm;
use crate::exit::{self, Told};
use crate::overrides::Overrides;
use crate::selection::Selection;

const NAME: Style = Style::new().bold();
const GOOD: Style = AnsiColor::Green.on_default().bold();
const WARN: Style = AnsiColor::Yellow.on_default().bold();

/// What `--help` says at its end.
const NOTES: &str = "\
What exists on the platform is left as it is, but for the right of this account to read the message destinations.
Interrupted half-way, run it again: it does the rest.";

/// Arguments of `circuits customize`.
#[derive(Debug, clap::Args)]
#[command(after_help = NOTES)]
pub(crate) struct Args {
    /// Do not ask.
    #[arg(short = 'y', long)]
    yes: bool,
    /// Show what would be done, and end.
    #[arg(long)]
    dry_run: bool,
    /// Show what the platform lacks and what differs from the definitions, and end: with exit code 4 if there is anything.
    #[arg(long, conflicts_with_all = ["yes", "dry_run"])]
    drift: bool,
    /// With --drift: print JSON.
    #[arg(long, requires = "drift")]
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
        show(&wanted, &plan)?;
        if plan.changes().is_empty() {
            writeln!(
                anstream::stdout(),
                "Nothing to do: the platform has everything that the components need."
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
        let mut printed = Ok(());
        let mut line = |text: &str| {
            // A reader that goes away must not leave the work half done.
            if printed.is_ok() {
                printed = writeln!(anstream::stdout(), "{GOOD}done{GOOD:#}  {text}");
            }
        };
        let applied = plan.apply(&rest, |change| line(&change.to_string())).await;
        applied.map_err(anyhow::Error::msg)?;
        printed?;
        writeln!(anstream::stdout(), "The platform has everything that the components need.")?;
        Ok(())
    })
}

/// What is not as the components need it, for an operator or a script.
fn drift(wanted: &[(&str, Definitions)], plan: &Plan, as_json: bool) -> anyhow::Result<()> {
    let sound = plan.is_empty() && plan.differences().is_empty();
    if as_json {
        let missing = plan.changes().iter().map(|change| {
            json!({"component": change.component(), "object": change.object(), "problem": "missing", "text": change.to_string()})
        });
        let different = plan.differences().iter().map(|one| {
            json!({"component": one.component(), "object": one.object(), "problem": "different", "text": one.to_string()})
        });
        let all: Vec<_> = missing.chain(different).collect();
        writeln!(anstream::stdout(), "{:#}", Value::from(all))?;
    } else {
        show(wanted, plan)?;
        if sound {
            writeln!(anstream::stdout(), "No drift: everything is as the components need it.")?;
        }
    }
    if sound { Ok(()) } else { Err(Told(exit::DRIFT).into()) }
}

/// The plan: each component with what it lacks, and what differs.
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
        different.iter().try_for_each(|one| writeln!(out, "  {WARN}differs:{WARN:#} {one}"))?;
    }
    out.flush()
}

fn count(changes: &[Change]) -> String {
    let number = |count: usize| if count == 1 { "1 object".to_owned() } else { format!("{count} objects") };
    let created: usize = changes.iter().map(Change::count).sum();
    match (created, changes.iter().filter(|change| !change.creates()).count()) {
        (created, 0) => format!("Create {}", number(created)),
        (0, changed) => format!("Change {}", number(changed)),
        (created, changed) => format!("Create {} and change {}", number(created), number(changed)),
    }
}

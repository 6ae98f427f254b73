//! `circuits customize`: creates on the platform what the linked components need, after it has shown what that is.

use std::io::Write as _;

use anstyle::{AnsiColor, Style};
use circuits::definitions::{Change, Definitions, plan};
use circuits::registrations;

use crate::confirm::confirm;
use crate::overrides::Overrides;
use crate::selection::Selection;

const NAME: Style = Style::new().bold();
const GOOD: Style = AnsiColor::Green.on_default().bold();

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
        show(&wanted, plan.changes())?;
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

/// The plan: each component with what it lacks.
fn show(wanted: &[(&str, Definitions)], changes: &[Change]) -> std::io::Result<()> {
    let mut out = anstream::stdout();
    for (component, definitions) in wanted {
        let mut its = changes.iter().filter(|change| change.component() == *component).peekable();
        let nothing = match (definitions.is_empty(), its.peek()) {
            (true, _) => " defines nothing",
            (false, None) => " nothing to do",
            (false, Some(_)) => "",
        };
        writeln!(out, "{NAME}{component}{NAME:#}:{nothing}")?;
        its.try_for_each(|change| writeln!(out, "  {change}"))?;
    }
    if changes.is_empty() {
        writeln!(out, "Nothing to do: the platform has everything that the components need.")?;
    }
    out.flush()
}

fn count(changes: &[Change]) -> String {
    let number = |count: usize| if count == 1 { "1 object".to_owned() } else { format!("{count} objects") };
    let created = changes.iter().filter(|change| change.creates()).count();
    match (created, changes.len() - created) {
        (created, 0) => format!("Create {}", number(created)),
        (0, changed) => format!("Change {}", number(changed)),
        (created, changed) => format!("Create {} and change {}", number(created), number(changed)),
    }
}

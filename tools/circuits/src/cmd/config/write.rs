//! `circuits config -c` and `-u`: a new app.config, or the missing sections added to one.

use std::collections::HashSet;
use std::io::Write as _;
use std::path::PathBuf;

use anyhow::{Context as _, bail};
use circuits::config::{sample, section_names};
use circuits::{Registration, registrations};

use crate::confirm::confirm;
use crate::exit::{self, Told};
use crate::overrides::Overrides;
use crate::safe_file::{self, Mode};
use crate::selection::Selection;

/// Arguments of `circuits config` without a subcommand.
#[derive(Debug, clap::Args)]
#[group(id = "write")]
pub(crate) struct Args {
    /// Write a new file, with the section of each linked component [default: $APP_CONFIG_FILE, ~/.resilient/app.config].
    #[arg(short, long, value_name = "FILE", num_args = 0..=1, conflicts_with = "update")]
    create: Option<Option<PathBuf>>,
    /// Add the sections that a file lacks, and leave the rest of it as it is [default: the file that `run` would read].
    #[arg(short, long, value_name = "FILE", num_args = 0..=1)]
    update: Option<Option<PathBuf>>,
    /// Do not ask before a file is overwritten.
    #[arg(short = 'y', long)]
    yes: bool,
    #[command(flatten)]
    selection: Selection,
}

pub(crate) fn run(args: Args) -> anyhow::Result<()> {
    let linked = args.selection.of(&registrations(), &[])?;
    match (args.create, args.update) {
        (Some(file), _) => create(file, args.yes, &linked),
        (None, Some(file)) => update(file, &linked),
        (None, None) => {
            anstream::eprintln!(
                "Use -c to create a file, -u to update one, or `check` or `show`; see --help."
            );
            Err(Told(exit::USAGE).into())
        }
    }
}

fn create(file: Option<PathBuf>, yes: bool, linked: &[&'static Registration]) -> anyhow::Result<()> {
    let path = match file {
        Some(file) => file,
        None => default_path()?,
    };
    let path = safe_file::real(&path)?;
    let (text, _) = add(&sample(), linked)?;
    let exists = path.exists();
    let question = format!("{} exists. Overwrite it (a backup is kept)?", path.display());
    if exists && !yes && !confirm(&question)? {
        anstream::eprintln!("Nothing was changed.");
        return Ok(());
    }
    let backup = if exists { Some(safe_file::backup(&path)?) } else { None };
    safe_file::write(&path, text.as_bytes(), Mode::Private { replace: exists })?;
    let mut out = anstream::stdout();
    if let Some(backup) = backup {
        writeln!(out, "The old file is kept as {}", backup.display())?;
    }
    writeln!(
        out,
        "Wrote {}. Set host and credentials in it, then: circuits config check {0}",
        path.display()
    )?;
    Ok(())
}

fn update(file: Option<PathBuf>, linked: &[&'static Registration]) -> anyhow::Result<()> {
    let path = match file {
        Some(file) => file,
        None => Overrides::default().sources()?.locate().map_err(|places| {
            let places: Vec<_> = places.iter().map(|place| place.display().to_string()).collect();
            anyhow::anyhow!(
                "no app.config (looked for {}); create one with `circuits config -c`",
                places.join(" and ")
            )
        })?,
    };
    if !path.exists() {
        bail!("{} does not exist; create it with `circuits config -c {0}`", path.display());
    }
    let path = safe_file::real(&path)?;
    let bytes = std::fs::read(&path).with_context(|| format!("reading {}", path.display()))?;
    let Ok(old) = String::from_utf8(bytes) else {
        bail!("{} is not UTF-8 text; save it with UTF-8 encoding", path.display());
    };
    let (text, added) = add(&old, linked)?;
    let mut out = anstream::stdout();
    if added.is_empty() {
        writeln!(out, "Nothing to do: {} has a section for each component.", path.display())?;
        return Ok(());
    }
    let backup = safe_file::backup(&path)?;
    safe_file::write(&path, text.as_bytes(), Mode::Kept)?;
    writeln!(out, "The old file is kept as {}", backup.display())?;
    writeln!(out, "Added to {}: {}", path.display(), added.join(", "))?;
    Ok(())
}

/// `$APP_CONFIG_FILE`, otherwise `~/.resilient/app.config`, as in the Python runner's command.
fn default_path() -> anyhow::Result<PathBuf> {
    let variable = std::env::var_os("APP_CONFIG_FILE").filter(|path| !path.is_empty()).map(PathBuf::from);
    let home = || std::env::home_dir().map(|home| home.join(".resilient").join("app.config"));
    variable
        .or_else(home)
        .context("there is no home directory to write to; name the file: circuits config -c FILE")
}

/// The text with the sections that it lacked added at its end, and their names. No byte before them changes.
fn add(old: &str, linked: &[&'static Registration]) -> anyhow::Result<(String, Vec<String>)> {
    let line_end = if old.contains("\r\n") { "\r\n" } else { "\n" };
    let mut there: HashSet<String> = section_names(old).into_iter().collect();
    let (mut text, mut added) = (old.to_owned(), Vec::new());
    for one in linked {
        let its = section_names(one.config_text());
        let Some(first) = its.first().filter(|first| !there.contains(*first)) else { continue };
        if let Some(other) = its.iter().find(|name| there.contains(*name)) {
            bail!(
                "[{first}] of the component `{}` comes with [{other}], which is there already; add [{first}] by hand",
                one.name()
            );
        }
        if !text.is_empty() && !text.ends_with(['\n', '\r']) {
            text.push_str(line_end);
        }
        for line in std::iter::once("").chain(one.config_text().trim().lines()) {
            text.push_str(line);
            text.push_str(line_end);
        }
        added.push(format!("[{first}]"));
        there.extend(its);
    }
    Ok((text, added))
}

#[cfg(test)]
mod tests {
    use super::*;
    use circuits::{Component, Error, Setup};
    use proptest::prelude::*;

    fn none(_: &Setup) -> circuits::Result<Component> {
        Err(Error::new("not built here"))
    }
    static A: Registration = Registration::new("a", none).config("# of a\n[a]\nx=1\n");
    static SAME: Registration = Registration::new("same", none).config("[a]\ny=1\n");
    static TWO: Registration = Registration::new("two", none).config("[two]\n\n[more]\nz=1\n");
    static BARE: Registration = Registration::new("bare", none);
    const ALL: [&Registration; 4] = [&A, &SAME, &TWO, &BARE];

    #[test]
    fn each_missing_section_is_added_once() {
        let (text, added) = add("[resilient]\nhost=h", &ALL).unwrap();
        assert_eq!(text, "[resilient]\nhost=h\n\n# of a\n[a]\nx=1\n\n[two]\n\n[more]\nz=1\n");
        assert_eq!(added, ["[a]", "[two]"]);
        assert_eq!(add(&text, &ALL).unwrap(), (text, vec![]));
        let (text, _) = add("\u{feff}[resilient]\r\nhost=h\r\n", &[&A]).unwrap();
        assert_eq!(text, "\u{feff}[resilient]\r\nhost=h\r\n\r\n# of a\r\n[a]\r\nx=1\r\n");
        let error = add("[more]\n", &ALL).unwrap_err().to_string();
        assert!(error.contains("[two]") && error.contains("[more]") && error.contains("by hand"), "{error}");
    }

    proptest! {
        #[test]
        fn what_was_there_stays(old in "([a-z\\[\\]=#; \t\r\n]|é){0,60}") {
            let (text, added) = add(&old, &[&A]).unwrap();
            prop_assert!(text.starts_with(&old));
            prop_assert!(section_names(&text).contains(&"a".to_owned()));
            prop_assert_eq!(section_names(&old).contains(&"a".to_owned()), added.is_empty());
        }
    }
}

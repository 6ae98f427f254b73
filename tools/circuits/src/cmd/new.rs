//! `circuits new`: makes a crate for a component. It compiles, and has a passing test and a runner.

mod cut;
mod export;
mod files;
mod names;

use std::path::{Component, Path, PathBuf};

use anyhow::{Context as _, bail};

use circuits::config::{Config, Sources};
use circuits_deploy::{download, read_export};

use self::export::{Found, Wanted};
use self::files::Plan;

/// Arguments of `circuits new`.
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("choice").multiple(true))]
pub(crate) struct Args {
    /// The component's name: lower-case letters, digits, `_` and `-`.
    name: String,
    /// The folder to make (default: one named like the component, here).
    directory: Option<PathBuf>,
    /// An export of a platform (.res, .resz or base64 of either): a handler for each rule in it that sends to a message
    /// destination, with its activity fields, and for each function, with its inputs; the export becomes the component's definitions.
    #[arg(long, value_name = "FILE", group = "source")]
    from: Option<PathBuf>,
    /// The same with what the platform of app.config has now. Say which rules, functions or destination.
    #[arg(long, group = "source", requires = "choice")]
    from_platform: bool,
    /// With --from or --from-platform: only this rule; may be given several times. Keeps no more of the export than it needs.
    #[arg(long, value_name = "NAME", requires = "source", group = "choice")]
    rule: Vec<String>,
    /// With --from or --from-platform: only this function; may be given several times.
    #[arg(long, value_name = "NAME", requires = "source", group = "choice")]
    function: Vec<String>,
    /// With --from or --from-platform: only what sends to this message destination.
    #[arg(long, value_name = "NAME", requires = "source", group = "choice")]
    destination: Option<String>,
    /// With --from-platform: this app.config instead of the usual one.
    #[arg(long, value_name = "FILE", requires = "from_platform")]
    config_file: Option<PathBuf>,
    /// The folder of this framework's source (default: the one that this command is run in).
    #[arg(long, value_name = "FOLDER")]
    framework: Option<PathBuf>,
}

pub(crate) fn run(args: Args) -> anyhow::Result<()> {
    names::check(&args.name)?;
    let directory = std::path::absolute(args.directory.unwrap_or_else(|| PathBuf::from(&args.name)))?;
    let framework = framework(args.framework.as_deref())?;
    let wanted = Wanted {
        rules: args.rule,
        functions: args.function,
        destination: args.destination,
        cut: args.from_platform,
    };
    let found = match (&args.from, args.from_platform) {
        (Some(file), _) => {
            let bytes = std::fs::read(file).with_context(|| format!("reading {}", file.display()))?;
            read_export(&bytes)
                .map_err(anyhow::Error::msg)
                .and_then(|document| Found::read(&args.name, &document, &wanted))
                .with_context(|| format!("{} cannot be used", file.display()))?
        }
        (None, true) => {
            let config = Config::load(Sources { config_file: args.config_file, ..Sources::of_process()? })?;
            let document = tokio::runtime::Runtime::new()?.block_on(async {
                let rest = circuits::login(&config, |_| {}).await?;
                download(&rest).await.map_err(anyhow::Error::msg)
            })?;
            Found::read(&args.name, &document, &wanted)
                .with_context(|| format!("the configuration of {} cannot be used", config.settings().host))?
        }
        (None, false) => Found::nothing(&args.name),
    };
    let plan = Plan::new(&args.name, &found, &relative(&directory, &framework));
    for note in &found.notes {
        anstream::eprintln!("note: {note}");
    }
    let written = plan.write(&directory)?;
    anstream::println!("Made {}:", directory.display());
    for (file, what) in written {
        anstream::println!("  {file:<24} {what}");
    }
    anstream::println!("Next: cd {} && cargo test && cargo run -- run --sandbox", directory.display());
    Ok(())
}

/// The folder that contains `framework/circuits`.
fn framework(given: Option<&Path>) -> anyhow::Result<PathBuf> {
    let is = |folder: &Path| folder.join("framework/circuits/Cargo.toml").is_file();
    if let Some(given) = given {
        if !is(given) {
            bail!("{} is not the framework's source: it holds no framework/circuits", given.display());
        }
        return Ok(std::fs::canonicalize(given)?);
    }
    let here = std::env::current_dir()?;
    here.ancestors().find(|folder| is(folder)).map(Path::to_owned).context(
        "no framework/circuits above this folder; say with --framework where the source of this framework is",
    )
}

/// The relative path from one absolute folder to another.
fn relative(from: &Path, to: &Path) -> String {
    let (from, to): (Vec<Component<'_>>, Vec<_>) = (from.components().collect(), to.components().collect());
    let common = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
    let up = std::iter::repeat_n("..".to_owned(), from.len() - common);
    let down = to[common..].iter().map(|part| part.as_os_str().to_string_lossy().into_owned());
    up.chain(down).collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ways_between_folders() {
        let way = |from: &str, to: &str| relative(Path::new(from), Path::new(to));
        assert_eq!(way("/a/b/new", "/a/b"), "..");
        assert_eq!(way("/home/me/new", "/opt/circuits"), "../../../opt/circuits");
    }
}

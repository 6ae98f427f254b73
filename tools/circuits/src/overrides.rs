//! Every key of `[resilient]` as an option of the command line, which beats environment and file.

use std::path::PathBuf;

use circuits::config::{Config, Key, Sources};
use clap::{Arg, ArgMatches, Args, Command, FromArgMatches};

/// Settings that mean yes if no value is given, as in the Python runner.
const FLAGS: &[&str] = &["test_actions"];

/// Which app.config to use, and the values that override it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Overrides {
    config_file: Option<PathBuf>,
    values: Vec<(String, String)>,
}

impl Overrides {
    /// The configuration of this process: its environment, its working directory, its app.config.
    pub(crate) fn load(&self) -> anyhow::Result<Config> {
        Ok(Config::load(self.sources()?)?)
    }

    /// The sources of this process's configuration.
    pub(crate) fn sources(&self) -> anyhow::Result<Sources> {
        Ok(Sources {
            config_file: self.config_file.clone(),
            overrides: self.values.clone(),
            ..Sources::of_process()?
        })
    }

    /// The same overrides with this value, unless they have one for the key.
    pub(crate) fn otherwise(mut self, key: &str, value: String) -> Self {
        if self.values.iter().all(|(known, _)| known != key) {
            self.values.push((key.to_owned(), value));
        }
        self
    }

    /// The same overrides with this app.config.
    pub(crate) fn with_file(&self, path: PathBuf) -> Self {
        Self { config_file: Some(path), values: self.values.clone() }
    }
}

impl FromArgMatches for Overrides {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let values = circuits::config::keys()
            .map(Key::name)
            .filter_map(|key| Some((key.to_owned(), matches.get_one::<String>(key)?.clone())))
            .collect();
        Ok(Self { config_file: matches.get_one::<PathBuf>("config_file").cloned(), values })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl Args for Overrides {
    fn augment_args(command: Command) -> Command {
        let file = Arg::new("config_file")
            .long("config-file")
            .value_name("FILE")
            .value_parser(clap::value_parser!(PathBuf))
            .help("Use this app.config [default: $APP_CONFIG_FILE, ./app.config, ~/.resilient/app.config]");
        circuits::config::keys().fold(command.arg(file), |command, setting| {
            let key = setting.name();
            command.arg(
                Arg::new(key)
                    .help(setting.help())
                    .long(key.replace('_', "-"))
                    .alias(key)
                    .value_name("VALUE")
                    .num_args(if FLAGS.contains(&key) { 0..=1 } else { 1..=1 })
                    .default_missing_value("true")
                    .allow_hyphen_values(!FLAGS.contains(&key))
                    .help_heading("Settings of [resilient], see app.config.example")
                    .hide_short_help(true),
            )
        })
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

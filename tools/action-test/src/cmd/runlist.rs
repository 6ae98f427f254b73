//! `runlist`: the commands of a file, one after another.

use std::path::Path;

use anyhow::Context as _;

use super::{Command, expand, parse};
use crate::exit::Ended;
use crate::session::Session;

pub(super) async fn run(session: &Session, file: &Path) -> anyhow::Result<Ended> {
    let file = expand(file);
    let text = std::fs::read_to_string(&file).with_context(|| format!("reading {}", file.display()))?;
    // All lines are parsed before the first command is run.
    let mut commands = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let place = || format!("{} line {}", file.display(), number + 1);
        let command = parse(line).with_context(place)?;
        if matches!(command, Command::Runlist { .. }) {
            anyhow::bail!("{}: a list cannot run lists", place());
        }
        commands.push((place(), command));
    }
    let mut ended = Ended::Completed;
    for (place, command) in commands {
        ended = ended.max(Box::pin(command.run(session)).await.context(place)?);
    }
    Ok(ended)
}

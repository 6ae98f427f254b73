//! Fires rules and reads the action status through the REST API.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::bail;
use circuits::Rest;
use circuits::config::{Config, Sources};
use serde_json::Value;

use crate::fire;

/// How often to ask for the status while an action is pending.
const POLL: Duration = Duration::from_millis(100);

/// Which platform.
#[derive(Debug, clap::Args)]
struct Platform {
    /// The app.config that the sandbox wrote.
    #[arg(long, value_name = "FILE", default_value_os_t = super::default_config())]
    config_file: PathBuf,
}

/// Arguments of `circuits sandbox fire`.
#[derive(Debug, clap::Args)]
pub(crate) struct FireArgs {
    /// Display name of the rule.
    rule: String,
    /// Id of the incident. A menu item of its tasks, notes, artifacts, milestones or attachments is fired on the newest of them.
    #[arg(long)]
    incident: i64,
    /// A value for a field: an activity field of a menu item (the label for a select), or the incident field that makes an
    /// automatic rule fire.
    #[arg(long = "field", value_name = "NAME=VALUE", value_parser = field)]
    fields: Vec<(String, String)>,
    /// Seconds to wait for the answer.
    #[arg(long, default_value_t = 30)]
    timeout: u64,
    #[command(flatten)]
    platform: Platform,
}

/// Arguments of `circuits sandbox status`.
#[derive(Debug, clap::Args)]
pub(crate) struct StatusArgs {
    /// Id of the incident.
    #[arg(long)]
    incident: i64,
    #[command(flatten)]
    platform: Platform,
}

fn field(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("expected NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

pub(crate) async fn fire(args: FireArgs) -> anyhow::Result<()> {
    let rest = args.platform.login().await?;
    let path = invocations(args.incident);
    let before = rest.list(&path).await?;
    fire::fire(&rest, &args.rule, args.incident, &args.fields).await?;
    let answered = tokio::time::timeout(Duration::from_secs(args.timeout), async {
        loop {
            let now = rest.list(&path).await?;
            let new: Vec<_> =
                now.into_iter().filter(|one| before.iter().all(|old| old["id"] != one["id"])).collect();
            if !new.is_empty() && new.iter().all(|one| one["status"] != "pending") {
                return anyhow::Ok(new);
            }
            tokio::time::sleep(POLL).await;
        }
    });
    let Ok(answered) = answered.await else {
        bail!(
            "\"{}\" was fired, but not answered within {} s; does a runner handle it? See `circuits sandbox status`",
            args.rule,
            args.timeout
        );
    };
    let answered = answered?;
    answered.iter().for_each(show);
    if answered.iter().any(|one| one["status"] == "error") {
        bail!("the action ended in an error");
    }
    Ok(())
}

pub(crate) async fn status(args: StatusArgs) -> anyhow::Result<()> {
    let rest = args.platform.login().await?;
    let all = rest.list(&invocations(args.incident)).await?;
    if all.is_empty() {
        anstream::println!("No actions on incident {}.", args.incident);
    }
    all.iter().for_each(show);
    Ok(())
}

impl Platform {
    async fn login(&self) -> anyhow::Result<Rest> {
        if !self.config_file.is_file() {
            bail!(
                "{} does not exist; start `circuits sandbox` first, or name its app.config with --config-file",
                self.config_file.display()
            );
        }
        let sources = Sources { config_file: Some(self.config_file.clone()), ..Sources::default() };
        Ok(circuits::login(&Config::load(sources)?, |_| {}).await?)
    }
}

/// The path of an incident's list of actions.
fn invocations(incident: i64) -> String {
    format!("/incidents/{incident}/action_invocations")
}

fn show(one: &Value) {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    anstream::println!("{:<10} {}", text(&one["status"]).to_uppercase(), text(&one["action"]["name"]));
    for message in one["messages"].as_array().into_iter().flatten() {
        anstream::println!("           {}", text(&message["message"]).replace('\n', "\n           "));
    }
}

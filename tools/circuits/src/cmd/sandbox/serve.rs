//! Keeps a sandbox up and prints the app.config that reaches it.

use std::path::PathBuf;

use circuits::config::Config;
use circuits::registrations;
use circuits_deploy::deploy;
use circuits_sandbox::Sandbox;

use crate::{platform, shutdown};

/// Arguments of `circuits sandbox` without a subcommand.
#[derive(Debug, clap::Args)]
#[group(id = "serve")]
pub(crate) struct Args {
    /// Address to listen on; only loopback is accepted.
    #[arg(long, default_value = "localhost")]
    host: String,
    /// Port of the REST API; 0 takes a free one.
    #[arg(long, default_value_t = 0, value_name = "PORT")]
    port: u16,
    /// Port of the message broker; 0 takes a free one.
    #[arg(long, default_value_t = 0, value_name = "PORT")]
    stomp_port: u16,
    /// Where to write the app.config that reaches it.
    #[arg(long, default_value = super::DEFAULT_DIRECTORY)]
    dir: PathBuf,
}

pub(crate) async fn run(args: Args) -> anyhow::Result<()> {
    let stop = shutdown::signal(None)?;
    let sandbox =
        Sandbox::builder().host(&args.host).rest_port(args.port).stomp_port(args.stomp_port).start().await?;
    let path = args.dir.join("app.config");
    platform::write_config(&path, &sandbox, &registrations())?;
    let config = Config::from_text(&sandbox.app_config())?;
    let rest = circuits::login(&config, |_| {}).await?;
    for registration in registrations() {
        deploy(&rest, &registration.platform_definitions()).await.map_err(anyhow::Error::msg)?;
    }
    let incident = sandbox
        .create_incident(serde_json::json!({"name": "Phishing mail to finance", "discovered_date": 0}))?;
    anstream::println!("{}", sandbox.app_config());
    let path = path.display();
    anstream::println!(
        "# This is in {path}, together with the sections of the linked components. In another terminal:"
    );
    anstream::println!("#   circuits run --config-file {path}");
    anstream::println!(
        "#   circuits sandbox fire \"Example Action\" --incident {incident} --config-file {path}"
    );
    anstream::println!("# Ctrl-C ends the sandbox.");
    stop.await;
    sandbox.shutdown().await;
    Ok(())
}

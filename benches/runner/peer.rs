//! The Python client, as its users run it: `target/peer` is a virtual environment with `resilient-circuits` from PyPI (tests/run
//! says how to create it).

use std::path::{Path, PathBuf};

use tokio::process::Command;

/// The line that it logs once it is subscribed.
pub(crate) const SUBSCRIBED: &str = "Subscribed to message destination";

/// A component as its users write them, whose only handler does nothing.
const COMPONENT: &str = r#"
from resilient_circuits import ResilientComponent, handler

class Bench(ResilientComponent):
    channel = "actions.bench0"

    def __init__(self, opts):
        super(Bench, self).__init__(opts)

    @handler("bench_bench0")
    def _bench(self, event, *args, **kwargs):
        return "done"
"#;

fn program() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/peer/bin/resilient-circuits")
}

/// Whether it is installed.
pub(crate) fn is_there() -> bool {
    program().is_file()
}

pub(crate) fn command(folder: &Path, config: &Path) -> Command {
    for name in ["components", "logs"] {
        std::fs::create_dir(folder.join(name)).unwrap();
    }
    std::fs::write(folder.join("components/bench.py"), COMPONENT).unwrap();
    let text = std::fs::read_to_string(config).unwrap();
    let own = format!("componentsdir={0}/components\nlogdir={0}/logs\n", folder.display());
    std::fs::write(config, text + &own).unwrap();
    let mut command = Command::new(program());
    command.args(["run", "--config-file"]).arg(config).current_dir(folder).env("HOME", folder);
    command
        .env("PYTHONUNBUFFERED", "1")
        .env("APP_LOCK_FILE", folder.join("lock"))
        .env_remove("APP_CONFIG_FILE");
    command
}

//! The app.config that reaches a sandbox, with the sections of the linked components.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;

use anyhow::Context as _;
use circuits::Registration;
use circuits_sandbox::Sandbox;

/// Writes the file, readable by its owner alone: it holds a secret.
pub(crate) fn write_config(
    path: &Path,
    sandbox: &Sandbox,
    linked: &[&'static Registration],
) -> anyhow::Result<()> {
    let sections: String =
        linked.iter().map(|registration| format!("\n{}", registration.config_text())).collect();
    // `action-test` may send to every queue, which the runner's account may not.
    let tester = format!("\n[action-test]\nlogin=admin\npasscode={}\n", sandbox.credentials().admin_password);
    let text = sandbox.app_config() + &sections + &tester;
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = options.open(path).and_then(|mut file| file.write_all(text.as_bytes()));
    written.with_context(|| format!("writing {}", path.display()))
}

//! The app.config that reaches a sandbox, with the sections of the linked components.

use std::path::Path;

use circuits::Registration;
use circuits_sandbox::Sandbox;

use crate::safe_file::{self, Mode};

/// Writes the file so that only its owner can read it: it contains a secret. Creates its directory if necessary.
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
    safe_file::write(&safe_file::real(path)?, text.as_bytes(), Mode::Private { replace: path.exists() })
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[tokio::test]
    async fn the_sandboxs_app_config_is_private_even_where_another_file_was() {
        let sandbox = Sandbox::builder().start().await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/app.config");
        for _ in 0..2 {
            write_config(&path, &sandbox, &[]).unwrap();
            let mode = std::fs::metadata(&path).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
            assert!(std::fs::read_to_string(&path).unwrap().starts_with("[resilient]"));
            std::fs::set_permissions(&path, PermissionsExt::from_mode(0o644)).unwrap();
        }
    }
}

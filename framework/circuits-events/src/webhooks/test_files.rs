//! Files of definitions for tests.

use std::path::PathBuf;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::{Loaded, Webhook, load};

/// A folder with these files.
pub(crate) fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

/// What the folder's files hold, in an environment of one variable.
pub(crate) fn load_folder(folder: &TempDir) -> Loaded {
    load_paths(&[folder.path().to_owned()])
}

pub(crate) fn load_paths(paths: &[PathBuf]) -> Loaded {
    load(paths, &|name| (name == "HOOK_TOKEN").then(|| "s3cret-token".to_owned()))
}

/// What a file `hooks.yml` of one item holds. The item has name, action, method and url, and `more`, whose
/// lines are keys.
pub(crate) fn load_item(more: &str) -> Loaded {
    let lines: String = more.lines().map(|line| format!("    {line}\n")).collect();
    let known = "name: ticket\n    action: action_completed\n    method: POST\n    url: http://h";
    let item = format!("webhooks:\n  - {known}\n{lines}");
    load_folder(&folder(&[("hooks.yml", &item)]))
}

/// What a JSON file of this item holds.
pub(crate) fn load_json(item: &Value) -> Loaded {
    load_folder(&folder(&[("hooks.json", &json!({"webhooks": [item]}).to_string())]))
}

/// The one webhook of [`load_item`].
pub(crate) fn webhook(more: &str) -> Webhook {
    let mut loaded = load_item(more);
    assert_eq!(loaded.faults, [], "{more}");
    loaded.webhooks.remove(0)
}

/// The faults of a text, without the folder's name.
pub(crate) fn faults(text: &str) -> Vec<String> {
    let folder = folder(&[("hooks.yml", text)]);
    let loaded = load_folder(&folder);
    assert!(loaded.webhooks.is_empty(), "{text}");
    let prefix = format!("{}/", folder.path().display());
    loaded.faults.iter().map(|fault| fault.to_string().replace(&prefix, "")).collect()
}

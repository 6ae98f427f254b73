//! What `--help` says of each setting: the text above it in app.config.example, the one place where it is written.

use std::collections::HashMap;

const EXAMPLE: &str = include_str!("../../../app.config.example");

/// The description of each setting by its key. Settings that stand below one text share it.
pub(crate) fn descriptions() -> HashMap<&'static str, String> {
    let mut all = HashMap::new();
    let (mut text, mut open) = (Vec::new(), false);
    for line in EXAMPLE.lines() {
        match (key(line), line.strip_prefix("# ")) {
            (Some(key), _) => {
                all.insert(key, text.join(" "));
                open = false;
            }
            (None, Some(comment)) => {
                if !open {
                    text.clear();
                }
                text.push(comment);
                open = true;
            }
            (None, None) => open = false,
        }
    }
    all
}

/// The key that a line sets, or would set without its `#`.
fn key(line: &str) -> Option<&str> {
    let (key, _) = line.strip_prefix('#').unwrap_or(line).split_once('=')?;
    let letters = |text: &str| text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    (!key.is_empty() && letters(key)).then_some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_is_described() {
        let all = descriptions();
        let bare: Vec<_> = circuits::config::keys()
            .filter(|key| all.get(key).is_none_or(|text| text.split_whitespace().count() < 3))
            .collect();
        assert!(bare.is_empty(), "without a text above them in app.config.example: {bare:?}");
        assert!(
            all["num_workers"].starts_with("Handlers that run at the same time"),
            "{}",
            all["num_workers"]
        );
        assert_eq!(all["stomp_port"], all["stomp_host"]);
        assert!(all["stomp_prefetch_limit"].contains("with reply_mode=transaction, and 1000 more"));
    }
}

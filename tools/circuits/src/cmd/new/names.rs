//! Names from elsewhere as Rust has them.

use std::collections::HashSet;

use anyhow::bail;

/// What no item may be called.
const KEYWORDS: [&str; 51] = [
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "crate", "do", "dyn",
    "else", "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl", "in", "let", "loop",
    "macro", "match", "mod", "move", "mut", "override", "priv", "pub", "ref", "return", "self", "static",
    "struct", "super", "trait", "true", "try", "type", "typeof", "unsafe", "unsized", "use", "virtual",
    "where", "while", "yield",
];
/// Crates that a component's own would stand in the way of.
const TAKEN: [&str; 9] =
    ["alloc", "circuits", "circuits_cli", "circuits_sandbox", "components", "core", "serde", "std", "test"];

/// Whether a component may be called so.
pub(super) fn check(name: &str) -> anyhow::Result<()> {
    let crate_name = name.replace('-', "_");
    let letters =
        name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'-');
    if !letters || !name.starts_with(|c: char| c.is_ascii_lowercase()) {
        bail!(
            "{name:?} cannot be a component's name: it begins with a lower-case letter and goes on with those, digits, _ and -"
        );
    }
    if KEYWORDS.contains(&crate_name.as_str()) || TAKEN.contains(&crate_name.as_str()) {
        bail!("{name:?} cannot be a component's name: it has a meaning in Rust or in this framework");
    }
    Ok(())
}

/// `Open Ticket (v2)!` as `open_ticket_v2`, different from all in `used`.
pub(super) fn snake(name: &str, used: &mut HashSet<String>) -> String {
    let mut words = Vec::new();
    for word in name.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()) {
        words.push(word.to_ascii_lowercase());
    }
    let mut base = words.join("_");
    if base.is_empty() || base.starts_with(|c: char| c.is_ascii_digit()) {
        base = format!("rule_{base}").trim_end_matches('_').to_owned();
    }
    if KEYWORDS.contains(&base.as_str()) {
        base.push_str("_rule");
    }
    let mut all = std::iter::once(base.clone()).chain((2..).map(|number| format!("{base}_{number}")));
    let free = all.find(|candidate| !used.contains(candidate)).unwrap_or_default();
    used.insert(free.clone());
    free
}

/// `open_ticket_v2` as `OpenTicketV2`.
pub(super) fn camel(snake: &str) -> String {
    let upper = |word: &str| {
        let mut letters = word.chars();
        letters.next().map(|first| first.to_ascii_uppercase().to_string() + letters.as_str())
    };
    snake.split(['_', '-']).filter_map(upper).collect()
}

/// `open_ticket` as `Open Ticket`.
pub(super) fn title(name: &str) -> String {
    name.split(['_', '-']).filter(|word| !word.is_empty()).map(camel).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_rules_become_identifiers_of_their_own() {
        let mut used = HashSet::from(["new".to_owned()]);
        for (name, expected) in [
            ("Open Ticket (v2)!", "open_ticket_v2"),
            ("open-ticket V2", "open_ticket_v2_2"),
            ("2nd look", "rule_2nd_look"),
            ("Überprüfen", "berpr_fen"),
            ("\u{30c1}\u{30a7}\u{30c3}\u{30af}", "rule"),
            ("type", "type_rule"),
            ("New", "new_2"),
        ] {
            assert_eq!(snake(name, &mut used), expected, "{name}");
        }
        assert_eq!(
            (camel("open_ticket_v2"), title("open-ticket")),
            ("OpenTicketV2".to_owned(), "Open Ticket".to_owned())
        );
    }

    #[test]
    fn only_crate_names_are_names_of_components() {
        for name in ["ticket", "open-ticket_2"] {
            check(name).unwrap();
        }
        for name in ["", "Ticket", "2nd", "a b", "../x", "type", "circuits", "test"] {
            check(name).unwrap_err();
        }
    }
}

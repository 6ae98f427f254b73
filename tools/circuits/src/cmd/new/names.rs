//! Turns names from elsewhere into Rust names.

use std::collections::HashSet;

use anyhow::bail;

/// Words that cannot be names of items.
const KEYWORDS: [&str; 51] = [
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "crate", "do", "dyn",
    "else", "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl", "in", "let", "loop",
    "macro", "match", "mod", "move", "mut", "override", "priv", "pub", "ref", "return", "self", "static",
    "struct", "super", "trait", "true", "try", "type", "typeof", "unsafe", "unsized", "use", "virtual",
    "where", "while", "yield",
];
/// Crates that a component's crate of the same name would hide.
const TAKEN: [&str; 13] = [
    "alloc",
    "circuits",
    "circuits_cli",
    "circuits_sandbox",
    "circuits_testing",
    "components",
    "core",
    "proc_macro",
    "serde",
    "serde_json",
    "std",
    "test",
    "tokio",
];
/// Types that the code of a component uses by these names.
const TYPES: [&str; 15] = [
    "Action",
    "Arc",
    "Component",
    "Definitions",
    "Err",
    "Ok",
    "Option",
    "Registration",
    "Reply",
    "Result",
    "Self",
    "Setup",
    "String",
    "Value",
    "Vec",
];

/// Refuses names that a component cannot have.
pub(super) fn check(name: &str) -> anyhow::Result<()> {
    let crate_name = name.replace('-', "_");
    let letters =
        name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'-');
    if !letters || !name.starts_with(|c: char| c.is_ascii_lowercase()) {
        bail!(
            "{name:?} cannot be a component's name, which begins with a lower-case letter, followed by those, digits, _ and -"
        );
    }
    if KEYWORDS.contains(&crate_name.as_str()) || TAKEN.contains(&crate_name.as_str()) {
        bail!("{name:?} cannot be a component's name: it has a meaning in Rust or in this framework");
    }
    Ok(())
}

/// Gives out names for a component's handlers and for their structs, each name once.
pub(super) struct Names {
    methods: HashSet<String>,
    types: HashSet<String>,
}

impl Names {
    pub(super) fn of(component: &str) -> Self {
        Self {
            methods: HashSet::from(["new".to_owned(), "component".to_owned(), component.replace('-', "_")]),
            types: HashSet::from([state(component)]),
        }
    }

    /// A method and its struct for a rule or function of this name; `what` ends the struct's name.
    pub(super) fn give(&mut self, name: &str, kind: &str, what: &str) -> (String, String) {
        let of = |method: &str| format!("{}{what}", camel(method));
        // `lookup_2` and `lookup2` would be two methods, but only one struct.
        let method =
            free(&safe(name, kind), |one| !self.methods.contains(one) && !self.types.contains(&of(one)));
        let of = of(&method);
        self.methods.insert(method.clone());
        self.types.insert(of.clone());
        (method, of)
    }
}

/// The name of the struct for a component's state.
pub(super) fn state(component: &str) -> String {
    let name = camel(component);
    if TYPES.contains(&name.as_str()) { format!("{name}State") } else { name }
}

/// `Due (UTC)` as the member `due_utc` of a struct, different from all in `used`.
pub(super) fn member(name: &str, used: &mut HashSet<String>) -> String {
    let free = free(&safe(name, "field"), |one| !used.contains(one));
    used.insert(free.clone());
    free
}

/// The first of `base`, `base_2`, `base_3`... that is free.
fn free(base: &str, may: impl Fn(&str) -> bool) -> String {
    let mut all = std::iter::once(base.to_owned()).chain((2..).map(|number| format!("{base}_{number}")));
    all.find(|one| may(one)).unwrap_or_default()
}

/// `Open Ticket (v2)!` as `open_ticket_v2`. The kind is added to names that are empty, begin with a digit or are Rust keywords.
fn safe(name: &str, kind: &str) -> String {
    let mut words = Vec::new();
    for word in name.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()) {
        words.push(word.to_ascii_lowercase());
    }
    let mut base = words.join("_");
    if base.is_empty() || base.starts_with(|c: char| c.is_ascii_digit()) {
        base = format!("{kind}_{base}").trim_end_matches('_').to_owned();
    }
    if KEYWORDS.contains(&base.as_str()) {
        base = format!("{base}_{kind}");
    }
    base
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
        let mut names = Names::of("desk");
        for (name, expected) in [
            ("Open Ticket (v2)!", "open_ticket_v2"),
            ("open-ticket V2", "open_ticket_v2_2"),
            ("2nd look", "rule_2nd_look"),
            ("Überprüfen", "berpr_fen"),
            ("\u{30c1}\u{30a7}\u{30c3}\u{30af}", "rule"),
            ("type", "type_rule"),
            ("New", "new_2"),
            ("desk", "desk_2"),
        ] {
            assert_eq!(names.give(name, "rule", "Fields").0, expected, "{name}");
        }
        let given = |names: &mut Names, name: &str| names.give(name, "function", "Inputs");
        let mut names = Names::of("x-inputs");
        let pair = |method: &str, of: &str| (method.to_owned(), of.to_owned());
        assert_eq!(given(&mut names, "lookup_2"), pair("lookup_2", "Lookup2Inputs"));
        assert_eq!(given(&mut names, "lookup2"), pair("lookup2_2", "Lookup22Inputs"));
        assert_eq!(given(&mut names, "lookup_22"), pair("lookup_22_2", "Lookup222Inputs"));
        assert_eq!(given(&mut names, "x"), pair("x_2", "X2Inputs"));
        assert_eq!((state("result"), state("x-inputs")), ("ResultState".to_owned(), "XInputs".to_owned()));
        let mut used = HashSet::new();
        for (name, expected) in [
            ("a-b", "a_b"),
            ("a_b", "a_b_2"),
            ("lookup2", "lookup2"),
            ("lookup_2", "lookup_2"),
            ("2", "field_2"),
        ] {
            assert_eq!(member(name, &mut used), expected, "{name}");
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
        for name in ["", "Ticket", "2nd", "a b", "../x", "type", "circuits", "test", "tokio"] {
            check(name).unwrap_err();
        }
    }
}

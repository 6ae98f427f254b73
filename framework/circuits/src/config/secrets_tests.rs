//! Substitution as the Python runner does it.

use super::*;

fn env() -> BTreeMap<String, String> {
    let pairs = [("A", "one"), ("B", "two"), ("ODD", "x${A}$B}{"), ("EMPTY", "")];
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

#[test]
fn substitutes_from_the_environment() {
    for (text, expected) in [
        ("plain", "plain"),
        ("$A", "one"),
        ("${A}", "one"),
        ("https://${A}/${B}?x", "https://one/two?x"),
        ("x$A", "x$A"),
        ("$A and more", "$A and more"),
        ("$", "$"),
        ("${", "${"),
        ("${A", "${A"),
        ("a}b", "a}b"),
        ("${EMPTY}", ""),
        // What was put in is not looked at again, what follows it is.
        ("${ODD}-${A}", "x${A}$B}{-one"),
        ("$ODD", "x${A}$B}{"),
        // Not found: unchanged, and the rest is still done.
        ("${NOPE} ${A}", "${NOPE} one"),
        ("$NOPE", "$NOPE"),
    ] {
        assert_eq!(resolve(text, &env()).text, expected, "{text}");
    }
    assert_eq!(resolve("$EMPTY", &env()).empty, ["EMPTY"]);
    assert_eq!(resolve("${NOPE} ${A} ${B}", &env()).missing, ["NOPE"]);
    assert_eq!(resolve("${NOPE} ${A} ${B}", &env()).inserted, ["one", "two"]);
}

#[test]
fn vault_references_are_told_from_regular_expressions() {
    for text in ["^PASSWORD", "^engine.path.key", "^safe/object", "x^{NAME}y"] {
        assert!(asks_vault(text), "{text}");
    }
    for text in ["^[0-9]+$", "^", "^https?://.*", "a^b", "^{2}x"] {
        assert!(!asks_vault(text), "{text}");
    }
}

#[test]
fn only_upper_case_reads_like_a_variable() {
    assert!(is_variable_name("API_KEY_2"));
    assert!(is_variable_name("_X"));
    for name in ["", "ecret1", "PASS word", "Hunter2", "1A"] {
        assert!(!is_variable_name(name), "{name}");
    }
}

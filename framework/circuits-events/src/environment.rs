//! `${NAME}` in what people write: the value comes from the environment and is shown nowhere.

/// Where values come from; the runner passes the process's environment, or a part of it.
pub(crate) type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

/// What is wrong with a reference.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Fault<'a> {
    /// It has no closing brace.
    Open,
    /// What it names cannot be a variable.
    NoName(&'a str),
    /// The variable is missing or empty.
    Missing(&'a str),
}

/// Puts values in the place of `${NAME}`. What was put in is not looked at again.
///
/// # Errors
/// A fault for each reference that is not one or whose variable is missing or empty. Faults never hold a value.
pub(crate) fn fill<'a>(text: &'a str, environment: Environment<'_>) -> Result<String, Vec<Fault<'a>>> {
    let (mut filled, mut faults, mut rest) = (String::new(), Vec::new(), text);
    while let Some((before, after)) = rest.split_once("${") {
        filled.push_str(before);
        let Some((name, after)) = after.split_once('}') else {
            faults.push(Fault::Open);
            return Err(faults);
        };
        rest = after;
        if !is_name(name) {
            faults.push(Fault::NoName(name));
            continue;
        }
        match environment(name).filter(|value| !value.is_empty()) {
            Some(value) => filled.push_str(&value),
            None => faults.push(Fault::Missing(name)),
        }
    }
    filled.push_str(rest);
    if faults.is_empty() { Ok(filled) } else { Err(faults) }
}

/// Whether a variable can have this name.
pub(crate) fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_filled_once_and_every_fault_is_told() {
        let environment = |name: &str| match name {
            "A" => Some("${B}".to_owned()),
            "EMPTY" => Some(String::new()),
            _ => None,
        };
        assert_eq!(fill("x${A}y$A{", &environment).unwrap(), "x${B}y$A{");
        let faults = fill("${NONE}${EMPTY}${a b}${", &environment).unwrap_err();
        assert_eq!(
            faults,
            [Fault::Missing("NONE"), Fault::Missing("EMPTY"), Fault::NoName("a b"), Fault::Open]
        );
    }
}

//! `${NAME}` in definitions: secrets come from the environment, and only the text as written is ever shown.

/// Where values come from; the runner passes the process's environment.
pub(crate) type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Puts values in the place of `${NAME}`.
///
/// # Errors
/// A fault for each reference that is not one or whose variable is missing or empty. Faults never hold a
/// value.
pub(crate) fn fill(text: &str, environment: Environment<'_>) -> Result<String, Vec<String>> {
    let (mut filled, mut faults, mut rest) = (String::new(), Vec::new(), text);
    while let Some((before, after)) = rest.split_once("${") {
        filled.push_str(before);
        let Some((name, after)) = after.split_once('}') else {
            faults.push("a ${ has no closing }; write ${NAME}".to_owned());
            return Err(faults);
        };
        rest = after;
        if !is_name(name) {
            faults.push(format!("${{{name}}} is not the name of a variable; use letters, digits and _"));
            continue;
        }
        match environment(name).filter(|value| !value.is_empty()) {
            Some(value) => filled.push_str(&value),
            None => faults.push(format!(
                "${{{name}}} is missing or empty in the runner's environment; set it before the start"
            )),
        }
    }
    filled.push_str(rest);
    if faults.is_empty() { Ok(filled) } else { Err(faults) }
}

fn is_name(name: &str) -> bool {
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
        assert_eq!(faults.len(), 4, "{faults:?}");
        assert!(faults[0].contains("${NONE} is missing or empty"), "{faults:?}");
    }
}

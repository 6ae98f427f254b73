//! The faults of `${NAME}` in a definition, in words.

use crate::environment::{self, Environment, Fault};

/// The text with the values of its `${NAME}`.
///
/// # Errors
/// Every fault, in texts that show no value.
pub(crate) fn fill(text: &str, environment: Environment<'_>) -> Result<String, Vec<String>> {
    environment::fill(text, environment).map_err(|faults| faults.into_iter().map(words).collect())
}

fn words(fault: Fault<'_>) -> String {
    match fault {
        Fault::Open => "a ${ has no closing }; write ${NAME}".to_owned(),
        Fault::NoName(name) => {
            format!("${{{name}}} is not the name of a variable; use letters, digits and _")
        }
        Fault::Missing(name) => {
            format!("${{{name}}} is missing or empty in the runner's environment; set it before the start")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_is_told_in_words() {
        let faults = fill("${NONE}${EMPTY}${a b}${", &|_| None).unwrap_err();
        assert_eq!(faults.len(), 4, "{faults:?}");
        assert!(faults[0].contains("${NONE} is missing or empty"), "{faults:?}");
    }
}

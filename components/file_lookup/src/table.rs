//! The reference file: two columns, value and result.

use std::collections::HashMap;
use std::path::PathBuf;

use circuits::prelude::*;

/// The place of the table.
pub(crate) enum Table {
    /// A file that people may edit while the runner runs.
    File(PathBuf),
    /// The sample that comes with the component.
    BuiltIn,
}

impl Table {
    /// Reads the whole table.
    pub(crate) async fn read(&self) -> Result<HashMap<String, String>> {
        match self {
            Self::BuiltIn => parse(include_str!("sample.csv")),
            Self::File(path) => {
                let text = tokio::fs::read_to_string(path).await;
                text.map_err(Error::from).and_then(|text| parse(&text)).map_err(|error| {
                    error.context(format_args!("reference_file {} in [lookup]", path.display()))
                })
            }
        }
    }
}

fn parse(text: &str) -> Result<HashMap<String, String>> {
    let mut rows =
        csv::ReaderBuilder::new().has_headers(false).trim(csv::Trim::All).from_reader(text.as_bytes());
    Ok(rows.deserialize::<(String, String)>().collect::<Result<_, _>>()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_may_quote_and_pad() {
        let table = parse("a, one\n\"b, c\",two\n").unwrap();
        assert_eq!((table["a"].as_str(), table["b, c"].as_str()), ("one", "two"));
    }

    #[test]
    fn a_row_of_another_shape_is_named() {
        let error = parse("a,one\nb\n").unwrap_err().to_string();
        assert!(error.contains("line: 2"), "{error}");
    }
}

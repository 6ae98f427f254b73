//! The known name that a mistyped one is most likely meant to be.

/// The candidate with the fewest typing errors in it, unless they are more than a third of the name.
pub(crate) fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let limit = (name.chars().count() / 3).max(1);
    let near = candidates.into_iter().map(|candidate| (errors(name, candidate), candidate));
    near.filter(|(errors, _)| *errors <= limit).min().map(|(_, candidate)| candidate)
}

/// Letters that are missing, too many, wrong or swapped with their neighbour.
fn errors(written: &str, meant: &str) -> usize {
    let (written, meant): (Vec<char>, Vec<char>) = (written.chars().collect(), meant.chars().collect());
    let mut rows: Vec<Vec<usize>> = vec![(0..=meant.len()).collect()];
    for i in 1..=written.len() {
        let mut row = vec![i];
        for j in 1..=meant.len() {
            let wrong = usize::from(written[i - 1] != meant[j - 1]);
            let mut least = (rows[i - 1][j - 1] + wrong).min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            let swapped = i > 1 && j > 1 && written[i - 1] == meant[j - 2] && written[i - 2] == meant[j - 1];
            if swapped {
                least = least.min(rows[i - 2][j - 2] + 1);
            }
            row.push(least);
        }
        rows.push(row);
    }
    rows[written.len()][meant.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_recognised_and_another_word_is_not() {
        let known = ["action_completed", "action_failed", "url"];
        assert_eq!(nearest("action_compelted", known), Some("action_completed"));
        assert_eq!(nearest("action_faild", known), Some("action_failed"));
        assert_eq!(nearest("ulr", known), Some("url"));
        assert_eq!(nearest("create_user", known), None);
    }
}

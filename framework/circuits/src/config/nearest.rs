//! The known name nearest to a mistyped one, for hints in messages.

/// The candidate that differs least from `name`, unless it differs in more than a third of its characters.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let allowed = (name.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .map(|candidate| (distance(name, candidate), candidate))
        .filter(|(distance, _)| *distance <= allowed)
        .min()
        .map(|(_, candidate)| candidate)
}

/// ` (did you mean ...?)`, or nothing.
pub(crate) fn hint<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> String {
    nearest(name, candidates).map(|near| format!("; did you mean `{near}`?")).unwrap_or_default()
}

/// Insertions, deletions, replacements and swaps of neighbours that turn one word into the other (optimal string
/// alignment), case and `-`/`_` aside.
fn distance(left: &str, right: &str) -> usize {
    let fold = |text: &str| text.to_lowercase().replace('-', "_").chars().collect::<Vec<_>>();
    let (left, right) = (fold(left), fold(right));
    let mut before = vec![0; right.len() + 1];
    let mut above: Vec<usize> = (0..=right.len()).collect();
    for (i, &l) in left.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, &r) in right.iter().enumerate() {
            let replaced = above[j] + usize::from(l != r);
            let mut cost = replaced.min(above[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && l == right[j - 1] && left[i - 1] == r {
                cost = cost.min(before[j - 1] + 1);
            }
            row.push(cost);
        }
        before = std::mem::replace(&mut above, row);
    }
    above[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_edits() {
        for (left, right, edits) in [
            ("", "", 0),
            ("", "abc", 3),
            ("num_workers", "num-Workers", 0),
            ("num_worker", "num_workers", 1),
            ("hots", "host", 1),
            ("kitten", "sitting", 3),
        ] {
            assert_eq!(distance(left, right), edits, "{left} {right}");
            assert_eq!(distance(right, left), edits, "{right} {left}");
        }
    }

    #[test]
    fn far_away_names_give_no_hint() {
        let known = ["host", "port", "num_workers", "stomp_host"];
        assert_eq!(nearest("num_wrokers", known), Some("num_workers"));
        assert_eq!(nearest("hots", known), Some("host"));
        assert_eq!(nearest("reference_file", known), None);
        assert_eq!(hint("prot", known), "; did you mean `port`?");
        assert_eq!(hint("zzz", known), "");
    }

    #[test]
    fn a_slip_is_recognised_and_another_word_is_not() {
        let known = ["action_completed", "action_failed", "url"];
        assert_eq!(nearest("action_compelted", known), Some("action_completed"));
        assert_eq!(nearest("action_faild", known), Some("action_failed"));
        assert_eq!(nearest("ulr", known), Some("url"));
        assert_eq!(nearest("create_user", known), None);
    }
}

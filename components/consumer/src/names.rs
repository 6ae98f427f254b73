//! Names of files that come from others, made harmless: they have no parts of paths, are not taken for
//! options or hidden files, and no two are the same.

use std::collections::HashSet;

/// The longest name, in characters; no character has more than four bytes, and a file system takes 255.
const LONGEST: usize = 60;

/// Gives each file a name of its own.
#[derive(Default)]
pub(crate) struct Names {
    /// In lower case, because some file systems do not distinguish.
    taken: HashSet<String>,
}

impl Names {
    /// A harmless name that is as close to `wanted` as possible.
    pub(crate) fn free(&mut self, wanted: &str) -> String {
        let plain = harmless(wanted);
        let mut name = plain.clone();
        let mut count = 1;
        while !self.taken.insert(name.to_lowercase()) {
            count += 1;
            name = format!("{count}_{plain}");
        }
        name
    }
}

fn harmless(name: &str) -> String {
    let name = name.trim();
    // The end has the extension.
    let end: String = name.chars().skip(name.chars().count().saturating_sub(LONGEST)).collect();
    let harmful = |c: char| c.is_control() || ['/', '\\', ':'].contains(&c);
    let plain: String = end.chars().map(|c| if harmful(c) { '_' } else { c }).collect();
    match plain.strip_prefix(['.', '-', '~']) {
        Some(rest) => format!("_{rest}"),
        None if plain.is_empty() => "file".to_owned(),
        None => plain,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_no_part_of_a_path_and_is_no_option() {
        let mut names = Names::default();
        for (wanted, name) in [
            ("report.txt", "report.txt"),
            ("../../etc/passwd", "_._.._etc_passwd"),
            ("/etc/shadow", "_etc_shadow"),
            ("..", "_."),
            ("-rf", "_rf"),
            (".bashrc", "_bashrc"),
            ("C:\\a\nb\0c", "C__a_b_c"),
            ("  ", "file"),
            ("Bericht für März.pdf", "Bericht für März.pdf"),
        ] {
            assert_eq!(names.free(wanted), name);
        }
        let long = names.free(&format!("{}.txt", "ü".repeat(500)));
        assert!(long.len() < 255 && long.ends_with("ü.txt"), "{long}");
    }

    #[test]
    fn the_same_name_is_not_given_twice() {
        let mut names = Names::default();
        let given = ["a.txt", "A.TXT", "2_a.txt", "a.txt"].map(|wanted| names.free(wanted));
        assert_eq!(given, ["a.txt", "2_A.TXT", "2_2_a.txt", "3_a.txt"]);
    }
}

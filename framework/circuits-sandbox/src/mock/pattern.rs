//! Paths with placeholders for one segment each.
use std::fmt;

#[derive(Debug)]
pub(super) struct Pattern(String);

impl Pattern {
    pub(super) fn new(path: &str) -> Self {
        Self(path.to_owned())
    }

    /// Whether a path fits the pattern.
    pub(super) fn fits(&self, path: &str) -> bool {
        let (mine, other) = (self.0.split('/'), path.split('/'));
        self.0.split('/').count() == path.split('/').count()
            && mine
                .zip(other)
                .all(|(mine, other)| (mine.starts_with('{') && mine.ends_with('}')) || mine == other)
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_stands_for_one_segment() {
        let pattern = Pattern::new("/incidents/{id}/tasks");
        assert!(pattern.fits("/incidents/7/tasks"));
        for other in ["/incidents/tasks", "/incidents/7/tasks/8", "/incidents/7", "/tasks/7/tasks"] {
            assert!(!pattern.fits(other), "{other}");
        }
    }
}

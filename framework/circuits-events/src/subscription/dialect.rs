//! Explains why a path is refused, to people who know Pacifica's dialect (jsonpath2) in particular.

use super::shape::{Fault, outside};

const REWRITE: &str = "paths are RFC 9535, not jsonpath2: write == for =, && for and, || for or, ! for not, and mind \
    that [?…] tests the children of what stands before it, as in \
    $.data[?$.eventType=='a.b' && @.mimetype=='text/plain']";

/// What to say about a path that the parser refused at byte `at`.
pub(super) fn explain(path: &str, at: usize, said: &str) -> Fault {
    if !path.starts_with('$') {
        let name = path.trim().trim_start_matches(['@', '.']);
        let is_name = !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '.'));
        let example = if is_name && name.len() <= 60 { name } else { "data" };
        return Fault { at: 0, text: format!("a path begins with $; write $.{example}") };
    }
    if let Some((at, what)) = jsonpath2(path) {
        return Fault { at, text: format!("{what} is not understood; {REWRITE}") };
    }
    let said = said.replace("parser error", "what stands here is not understood");
    Fault { at, text: format!("{said}; paths are RFC 9535, as in $.data.incident[?@.id == 2496]") }
}

/// The first thing that only jsonpath2 writes.
fn jsonpath2(path: &str) -> Option<(usize, &'static str)> {
    let mut word = String::new();
    let mut before = ' ';
    let mut chars = outside(path).chain([(path.len(), ' ')]).peekable();
    while let Some((at, c)) = chars.next() {
        let next = chars.peek().map(|(_, next)| *next);
        if c == '=' && !matches!(before, '=' | '!' | '<' | '>') && next != Some('=') {
            return Some((at, "="));
        }
        if c.is_alphanumeric() || matches!(c, '_' | '.' | '$' | '@') {
            word.push(c);
        } else {
            let found = ["and", "or", "not", "contains"].into_iter().find(|name| word == *name);
            if let Some(found) = found {
                return Some((at - found.len(), found));
            }
            word.clear();
        }
        before = c;
    }
    None
}

//! What a path costs, read off its text: how deep it nests, how often it can visit a node, and what a visit takes.
//!
//! Measured on 1 MiB of JSON: unbounded, a path of 4 KiB overflows the stack while it is parsed, multiplies its results with
//! each `[*,*]`, and compiles a pattern of `match` or `search` anew for each node.

use super::Invalid;

/// Brackets and parentheses inside each other. The parser's time doubles with each function inside a function.
const MAX_NESTING: usize = 12;
const MAX_DESCENTS: u32 = 2;
const MAX_BREADTH: u64 = 64;
const MAX_PATTERN: usize = 100;

/// Something about a path that stands at a byte of its text.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) at: usize,
    pub(super) text: String,
}

impl Fault {
    fn new(at: usize, text: impl Into<String>) -> Self {
        Self { at, text: text.into() }
    }

    /// People count characters from 1.
    pub(super) fn invalid(self, path: &str) -> Invalid {
        let position = path.char_indices().take_while(|(index, _)| *index < self.at).count() + 1;
        Invalid::at("jsonpath", format!("at character {position}: {}", self.text))
    }
}

/// The characters outside of quoted text, with the opening quotes.
pub(super) fn outside(path: &str) -> impl Iterator<Item = (usize, char)> {
    let (mut quote, mut escaped) = (None, false);
    path.char_indices().filter(move |&(_, c)| match quote {
        None => {
            quote = matches!(c, '"' | '\'').then_some(c);
            true
        }
        Some(_) if escaped => {
            escaped = false;
            false
        }
        Some(open) => {
            escaped = c == '\\';
            if c == open {
                quote = None;
            }
            false
        }
    })
}

/// Refuses what would overflow the parser's stack.
pub(super) fn check_nesting(path: &str) -> Result<(), Fault> {
    let mut depth = 0_usize;
    for (at, c) in outside(path) {
        match c {
            '[' | '(' => depth += 1,
            ']' | ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > MAX_NESTING {
            return Err(Fault::new(at, format!("more than {MAX_NESTING} brackets stand inside each other")));
        }
    }
    Ok(())
}

/// What bounds the work of a path that the parser has taken.
#[derive(Debug)]
pub(super) struct Shape {
    /// Where the names and indexes end that the path begins with.
    pub(super) start: usize,
    /// How many `..` it has, filters included.
    pub(super) descents: u32,
    /// How often it can come by the same node because of lists such as `['a','b']`.
    breadth: u64,
    /// What it does at a node: segments and comparisons.
    parts: u64,
    /// What its patterns take at a node, in the same measure.
    patterns: u64,
}

/// A bracket that is open.
struct Open {
    /// `[`, not `(`.
    list: bool,
    items: u64,
    /// The arguments of `match` or `search`.
    pattern: bool,
}

impl Shape {
    pub(super) fn of(path: &str) -> Result<Self, Fault> {
        let start = 1 + singular(path.get(1..).unwrap_or_default());
        let mut shape = Self { start, descents: 0, breadth: 1, parts: 1, patterns: 0 };
        let mut open: Vec<Open> = Vec::new();
        let mut chars = outside(path).peekable();
        while let Some((at, c)) = chars.next() {
            match c {
                '.' if chars.next_if(|(next, c)| *next == at + 1 && *c == '.').is_some() => {
                    shape.parts += 1;
                    shape.descents += 1;
                    if shape.descents > MAX_DESCENTS {
                        return Err(Fault::new(at, format!("a path may have {MAX_DESCENTS} of ..")));
                    }
                }
                '.' | '@' => shape.parts += 1,
                '$' if !open.is_empty() => {
                    shape.parts += 1;
                    let rest = &path[at + 1..];
                    if rest[singular(rest)..].trim_start().starts_with(['.', '[']) {
                        let text = "in a filter, only names and indexes may follow $, as in $.data['id']";
                        return Err(Fault::new(at, text));
                    }
                }
                '[' => {
                    shape.parts += 1;
                    open.push(Open { list: true, items: 1, pattern: false });
                }
                '(' => {
                    let before = &path[..at];
                    let pattern = before.ends_with("match") || before.ends_with("search");
                    open.push(Open { list: false, items: 1, pattern });
                }
                ',' => {
                    if let Some(open) = open.last_mut() {
                        open.items += 1;
                        if open.pattern {
                            shape.patterns += pattern(path, at + 1)?;
                        }
                    }
                }
                ']' | ')' => {
                    if let Some(closed) = open.pop().filter(|open| open.list) {
                        shape.breadth = shape.breadth.saturating_mul(closed.items);
                        if shape.breadth > MAX_BREADTH {
                            let text = "the lists in brackets come to too many ways";
                            return Err(Fault::new(at, format!("{text}; {MAX_BREADTH} are allowed")));
                        }
                    }
                }
                _ => {}
            }
        }
        Ok(shape)
    }

    /// What one visit of a node takes.
    pub(super) fn each_visit(&self) -> u64 {
        self.breadth * (self.parts + self.patterns)
    }
}

/// How far the text goes on with names and indexes: segments that select one node at most.
fn singular(text: &str) -> usize {
    let mut end = 0;
    loop {
        let rest = &text[end..];
        let segment = rest.trim_start();
        match name(segment).or_else(|| bracket(segment)) {
            Some(length) => end += rest.len() - segment.len() + length,
            None => return end,
        }
    }
}

/// The length of `.name`.
fn name(text: &str) -> Option<usize> {
    let name = text.strip_prefix('.')?;
    let rest = name.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || c == '_' || !c.is_ascii());
    (rest.len() < name.len()).then_some(text.len() - rest.len())
}

/// The length of `['name']` or `[1]`.
fn bracket(text: &str) -> Option<usize> {
    let inner = text.strip_prefix('[')?.trim_start();
    let rest = match quoted(inner) {
        Some(content) => &inner[content.len() + 2..],
        None => {
            let rest = inner.trim_start_matches(|c: char| c.is_ascii_digit() || c == '-');
            if rest.len() == inner.len() {
                return None;
            }
            rest
        }
    };
    let rest = rest.trim_start().strip_prefix(']')?;
    Some(text.len() - rest.len())
}

/// What stands between the quotes that the text begins with.
fn quoted(text: &str) -> Option<&str> {
    let quote = text.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    let mut escaped = false;
    let end = text.char_indices().skip(1).find(|&(_, c)| {
        let closes = c == quote && !escaped;
        escaped = c == '\\' && !escaped;
        closes
    })?;
    Some(&text[1..end.0])
}

/// What it takes to compile the pattern that begins at `at`, which happens at each node.
fn pattern(path: &str, at: usize) -> Result<u64, Fault> {
    let text = path[at..].trim_start();
    let fault = |text: &str| Err(Fault::new(at, text));
    let Some(content) = quoted(text) else {
        return fault("the pattern of match() and search() must be a text in quotes");
    };
    if content.chars().count() > MAX_PATTERN {
        return Err(Fault::new(at, format!("a pattern may have {MAX_PATTERN} characters")));
    }
    let (mut cost, mut chars) = (4_000, content.chars().peekable());
    while let Some(c) = chars.next() {
        cost += match c {
            // In a path, a backslash of the pattern is written as two.
            '\\' if chars.next_if_eq(&'\\').is_some() => match chars.next() {
                // Classes of all of Unicode are large.
                Some('p' | 'P') => {
                    chars.next_if_eq(&'{');
                    60_000
                }
                Some('w' | 'W' | 'b' | 'B') => 60_000,
                _ => 10_000,
            },
            // It might stand for anything, a brace for instance.
            '\\' if chars.peek() == Some(&'u') => {
                return fault("a pattern may not hold \\u; write the character itself");
            }
            '{' => return fault("a pattern may not count with {}; write it out, or use * or +"),
            _ => 2_000,
        };
    }
    Ok(cost)
}

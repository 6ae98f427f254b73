//! The names of filters, tests and methods that a template uses. The engine looks them up only when it gets
//! to them, which may be the first failure in months, so they are checked at load.

use minijinja::ErrorKind;

use super::engine::engine;

/// What a template refers to beside its variables.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Names<'a> {
    filters: Vec<&'a str>,
    tests: Vec<&'a str>,
    methods: Vec<&'a str>,
    /// Names that the template gives values to itself.
    pub(crate) locals: Vec<&'a str>,
}

impl<'a> Names<'a> {
    /// The names in a template that the engine has parsed.
    pub(crate) fn of_template(text: &'a str) -> Self {
        let (mut names, mut rest) = (Self::default(), text);
        while let Some(start) = rest.find('{') {
            rest = &rest[start + 1..];
            let Some(kind) = rest.chars().next().filter(|kind| "{%#".contains(*kind)) else { continue };
            rest = &rest[1..];
            if kind == '#' {
                rest = rest.split_once("#}").map_or("", |(_, rest)| rest);
                continue;
            }
            let (tokens, after) = tokens(rest, if kind == '{' { "}}" } else { "%}" });
            rest = after;
            if kind == '%' && tokens.first() == Some(&Token::Word("raw")) {
                rest = rest.find("endraw").map_or("", |end| &rest[end..]);
            }
            names.add(&tokens, kind == '%');
        }
        names
    }

    /// The names in an expression that the engine has parsed.
    pub(crate) fn of_expression(text: &'a str) -> Self {
        let mut names = Self::default();
        names.add(&tokens(text, "").0, false);
        names
    }

    fn add(&mut self, tokens: &[Token<'a>], is_statement: bool) {
        use Token::{Sign, Word};
        match tokens {
            [Word("filter"), Word(filter), ..] if is_statement => self.filters.push(filter),
            [Word("set"), names @ ..] if is_statement => {
                let names = names.iter().take_while(|token| !matches!(token, Sign('=' | '|')));
                self.locals.extend(names.filter_map(|token| match token {
                    Word(name) => Some(*name),
                    _ => None,
                }));
            }
            _ => {}
        }
        for (at, token) in tokens.iter().enumerate() {
            let before = at.checked_sub(1).map(|at| tokens[at]);
            match (token, &tokens[at + 1..]) {
                (Sign('|'), [Word(filter), ..]) => self.filters.push(filter),
                (Word("is"), [Word("not"), Word(test), ..] | [Word(test), ..])
                    if before != Some(Sign('.')) =>
                {
                    self.tests.push(test);
                }
                (Sign('.'), [Word(method), Sign('('), ..]) if before != Some(Word("loop")) => {
                    self.methods.push(method);
                }
                _ => {}
            }
        }
    }

    /// A fault for each name that the engine does not know.
    pub(crate) fn faults(&self) -> Vec<String> {
        let mut state = engine().empty_state();
        let mut faults = Vec::new();
        for filter in &self.filters {
            if state.apply_filter(filter, &[]).is_err_and(|error| error.kind() == ErrorKind::UnknownFilter) {
                faults.push(format!("there is no filter {filter:?}"));
            }
        }
        for test in &self.tests {
            if state.perform_test(test, &[]).is_err_and(|error| error.kind() == ErrorKind::UnknownTest) {
                faults.push(format!("there is no test {test:?}"));
            }
        }
        let methods = self.methods.iter();
        faults.extend(
            methods.map(|method| format!("values have no methods such as .{method}(); use a filter")),
        );
        faults
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token<'a> {
    Word(&'a str),
    Sign(char),
}

/// The tokens up to `end` and the text after it; strings are left out.
fn tokens<'a>(text: &'a str, end: &str) -> (Vec<Token<'a>>, &'a str) {
    let (mut tokens, mut depth, mut rest) = (Vec::new(), 0_usize, text);
    while let Some(c) = rest.chars().next() {
        // }} also ends two mappings of an expression.
        if depth == 0 && !end.is_empty() && rest.starts_with(end) {
            return (tokens, &rest[end.len()..]);
        }
        let word = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        let length = match c {
            '"' | '\'' => string(rest, c),
            _ if word > 0 => {
                tokens.push(Token::Word(&rest[..word]));
                word
            }
            _ => {
                match c {
                    '(' | '[' | '{' => depth += 1,
                    ')' | ']' | '}' => depth = depth.saturating_sub(1),
                    _ => {}
                }
                let is_trim_mark = c == '-' && tokens.is_empty();
                if !(c.is_whitespace() || is_trim_mark) {
                    tokens.push(Token::Sign(c));
                }
                c.len_utf8()
            }
        };
        rest = &rest[length..];
    }
    (tokens, rest)
}

/// The length of the string at the start of `text`.
fn string(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if c == quote => return at + 1,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_in_expressions_and_statements_and_nowhere_else() {
        let names = Names::of_template(
            "a|b {{ x|upper|join(', |no') }} {{ {'k': {'l': 1}} }} {# c|no #}{%- if a is not defined -%}\
             {% raw %}{{ r|no }}{% endraw %}{% set p, q = x.get(1) %}{{ loop.cycle(1) }}\
             {% filter lower %}f{% endfilter %}\
             {{ '\\'|no' is string }}{% set z|trim %}t{% endset %}",
        );
        assert_eq!(names.filters, ["upper", "join", "lower", "trim"]);
        assert_eq!(names.tests, ["defined", "string"]);
        assert_eq!(names.methods, ["get"]);
        assert_eq!(names.locals, ["p", "q", "z"]);
    }

    #[test]
    fn only_unknown_names_are_faults() {
        assert!(Names::of_expression("x|upper|default('-') is none").faults().is_empty());
        let faults = Names::of_expression("x|uper is nothing and x.strip()").faults();
        assert_eq!(
            faults,
            [
                "there is no filter \"uper\"",
                "there is no test \"nothing\"",
                "values have no methods such as .strip(); use a filter"
            ]
        );
    }
}

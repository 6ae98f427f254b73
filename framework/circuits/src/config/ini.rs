//! Reads INI text as Python's `configparser` does with `interpolation=None` (the reader of every app.config in use), and
//! keeps the line of each value so that messages can point at it. All syntax faults are collected, not only the first.

/// Values of this section are inherited by every other one.
pub(crate) const DEFAULT_SECTION: &str = "DEFAULT";

/// One `key = value`, with continuation lines joined by `\n`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Item {
    /// Lower-cased.
    pub(crate) key: String,
    pub(crate) value: String,
    /// 1-based line of the key.
    pub(crate) line: usize,
}

/// `[name]` and what stands under it, in file order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct IniSection {
    pub(crate) name: String,
    /// 1-based line of the header.
    pub(crate) line: usize,
    pub(crate) items: Vec<Item>,
}

impl IniSection {
    fn find(&self, key: &str) -> Option<&Item> {
        self.items.iter().find(|item| item.key == key)
    }
}

/// A line that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SyntaxFault {
    pub(crate) line: usize,
    pub(crate) problem: String,
}

/// A whole file. `[DEFAULT]` is kept apart and is not among the sections.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Ini {
    pub(crate) defaults: Vec<Item>,
    pub(crate) sections: Vec<IniSection>,
}

impl Ini {
    /// Reads a text. What could be read is returned together with every fault.
    pub(crate) fn parse(text: &str) -> (Self, Vec<SyntaxFault>) {
        let mut reader = Reader::default();
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        for (index, line) in lines(text).enumerate() {
            reader.line(index + 1, line);
        }
        reader.finish()
    }
}

/// Where the next line belongs.
#[derive(Debug, Default)]
struct Reader {
    default: IniSection,
    sections: Vec<IniSection>,
    /// `None` before the first header, `Some(None)` in `[DEFAULT]`, else an index into `sections`.
    current: Option<Option<usize>>,
    /// True while indented lines continue the last item of the current section.
    open: bool,
    indent: usize,
    faults: Vec<SyntaxFault>,
    /// Set by a refused key: its continuation lines are passed over without a fault of their own.
    refused: bool,
}

impl Default for IniSection {
    fn default() -> Self {
        Self { name: DEFAULT_SECTION.to_owned(), line: 0, items: Vec::new() }
    }
}

impl Reader {
    fn line(&mut self, number: usize, line: &str) {
        let value = line.trim_matches(is_space);
        if value.starts_with(['#', ';']) {
            // A comment neither ends a value nor leaves an empty line in it.
            return;
        }
        if value.is_empty() {
            if self.open
                && let Some(item) = self.last_item()
            {
                item.value.push('\n');
            }
            return;
        }
        let indent = line.chars().take_while(|&c| is_space(c)).count();
        if indent > self.indent && self.current.is_some() {
            if self.refused {
                return;
            }
            if self.open
                && let Some(item) = self.last_item()
            {
                item.value.push('\n');
                item.value.push_str(value);
                return;
            }
        }
        self.indent = indent;
        self.open = false;
        self.refused = false;
        if let Some(name) = header(value) {
            self.header(number, name);
        } else if self.current.is_none() {
            self.fault(
                number,
                "this line stands before the first [section] header; put it under its section".to_owned(),
            );
        } else {
            self.option(number, value);
        }
    }

    fn header(&mut self, number: usize, name: &str) {
        if name == DEFAULT_SECTION {
            self.current = Some(None);
            return;
        }
        if let Some(at) = self.sections.iter().position(|section| section.name == name) {
            self.current = Some(Some(at));
            self.fault(number, format!("section [{name}] appears twice; merge the two"));
        } else {
            self.sections.push(IniSection { name: name.to_owned(), line: number, items: Vec::new() });
            self.current = Some(Some(self.sections.len() - 1));
        }
    }

    fn option(&mut self, number: usize, text: &str) {
        let Some((key, value)) = text.split_once(['=', ':']) else {
            // The line itself is not quoted: it may be a misplaced piece of a password.
            self.fault(number, "this line is neither `key = value` nor a [section] header, and is not indented as the continuation of a value".to_owned());
            self.refused = true;
            return;
        };
        let key = key.trim_end_matches(is_space).to_lowercase();
        if key.is_empty() {
            self.fault(number, "this line has no key before the `=` or `:`".to_owned());
            self.refused = true;
            return;
        }
        let section = self.section();
        if let Some(first) = section.find(&key) {
            let problem =
                format!("key `{key}` appears twice in [{}], first in line {}", section.name, first.line);
            self.fault(number, problem);
            self.refused = true;
            return;
        }
        let value = value.trim_matches(is_space).to_owned();
        section.items.push(Item { key, value, line: number });
        self.open = true;
    }

    fn section(&mut self) -> &mut IniSection {
        match self.current.flatten().and_then(|at| self.sections.get_mut(at)) {
            Some(section) => section,
            None => &mut self.default,
        }
    }

    fn last_item(&mut self) -> Option<&mut Item> {
        self.section().items.last_mut()
    }

    fn fault(&mut self, line: usize, problem: String) {
        self.faults.push(SyntaxFault { line, problem });
    }

    fn finish(mut self) -> (Ini, Vec<SyntaxFault>) {
        for section in self.sections.iter_mut().chain([&mut self.default]) {
            for item in &mut section.items {
                let end = item.value.trim_end_matches(is_space).len();
                item.value.truncate(end);
            }
        }
        (Ini { defaults: self.default.items, sections: self.sections }, self.faults)
    }
}

/// `[name]` at the start of a stripped line. The name reaches to the last `]`; what follows it is ignored.
fn header(value: &str) -> Option<&str> {
    let rest = value.strip_prefix('[')?;
    // The name has at least one character, so a `]` right after the `[` belongs to it.
    let end = rest.rfind(']').filter(|&end| end > 0)?;
    rest.get(..end)
}

/// Lines as Python's universal newlines see them: `\n`, `\r\n` and a lone `\r` end one, nothing else does.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let Some(end) = text.find(['\n', '\r']) else {
            rest = None;
            return Some(text);
        };
        let skip = if text[end..].starts_with("\r\n") { 2 } else { 1 };
        rest = Some(&text[end + skip..]);
        Some(&text[..end])
    })
}

/// What Python's `str.isspace` and `\s` accept: Unicode white space and the four ASCII separators.
pub(crate) fn is_space(c: char) -> bool {
    c.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&c)
}

#[cfg(test)]
#[path = "ini_tests.rs"]
mod tests;

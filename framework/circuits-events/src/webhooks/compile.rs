//! Turns the payload of a definition into templates, with every fault that can be found before an event
//! comes.

use circuits::EventKind;
use serde_json::Value;

use super::engine::{MARKUP, TEXT, engine};
use super::error::reason;
use super::format::Format;
use super::scan::Names;
use super::variables;

/// A part of a payload.
pub(crate) enum Node {
    Literal(Value),
    Text(Text),
    List(Vec<Node>),
    Map(Vec<(Text, Node)>),
}

/// A text of a payload and where it stands there.
pub(crate) struct Text {
    pub(crate) place: String,
    pub(crate) form: Form,
}

/// How a text becomes a value.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// It stays as it is.
    Literal(String),
    /// It is one expression, whose value keeps its type. In quotation marks, what is not text loses its type
    /// and the marks.
    Expression { source: String, quotes: Option<char> },
    /// It is rendered to text.
    Template(String),
}

/// A payload's templates and what was found out about them.
pub(crate) struct Compiler {
    format: Format,
    /// None if the definition names no known kind: then variables cannot be checked.
    kind: Option<EventKind>,
    pub(crate) uses_callback: bool,
    pub(crate) faults: Vec<String>,
}

impl Compiler {
    pub(crate) fn new(format: Format, kind: Option<EventKind>) -> Self {
        Self { format, kind, uses_callback: false, faults: Vec::new() }
    }

    /// The templates of a payload.
    pub(crate) fn payload(&mut self, payload: &Value) -> Node {
        match payload {
            // It is the body itself, so that a text in quotation marks stays one.
            Value::String(text) if self.format != Format::Json => {
                let form = if is_template(text) {
                    self.template("payload", text);
                    Form::Template(text.clone())
                } else {
                    Form::Literal(text.clone())
                };
                Node::Text(Text { place: "payload".to_owned(), form })
            }
            _ => self.node("payload", payload),
        }
    }

    fn node(&mut self, place: &str, value: &Value) -> Node {
        match value {
            Value::String(text) => Node::Text(self.text(place.to_owned(), text)),
            Value::Array(list) => {
                let list = list.iter().enumerate();
                Node::List(list.map(|(at, value)| self.node(&format!("{place}[{at}]"), value)).collect())
            }
            Value::Object(map) => {
                let map = map.iter().map(|(key, value)| {
                    let name = self.text(format!("{place}, key {key:?}"), key);
                    (name, self.node(&format!("{place}.{key}"), value))
                });
                Node::Map(map.collect())
            }
            scalar => Node::Literal(scalar.clone()),
        }
    }

    fn text(&mut self, place: String, text: &str) -> Text {
        let form = if !is_template(text) {
            Form::Literal(text.to_owned())
        } else if let Some((source, quotes)) = expression(text) {
            self.expression(&place, source);
            Form::Expression { source: source.to_owned(), quotes }
        } else {
            self.template(&place, text);
            Form::Template(text.to_owned())
        };
        Text { place, form }
    }

    fn expression(&mut self, place: &str, source: &str) {
        if let Ok(expression) = engine().compile_expression(source) {
            let names = Names::of_expression(source);
            self.check(place, &names, expression.undeclared_variables(true));
        }
    }

    fn template(&mut self, place: &str, text: &str) {
        let name = if self.format.is_markup() { MARKUP } else { TEXT };
        match engine().template_from_named_str(name, text) {
            Ok(template) => {
                let names = Names::of_template(text);
                self.check(place, &names, template.undeclared_variables(true));
            }
            Err(error) => self.faults.push(format!("{place}: {}", reason(&error))),
        }
    }

    fn check(&mut self, place: &str, names: &Names<'_>, variables: impl IntoIterator<Item = String>) {
        let mut variables: Vec<_> = variables.into_iter().collect();
        variables.sort();
        let is_own = |path: &str| {
            let root = path.split('.').next().unwrap_or(path);
            // The engine's analysis loses what is set inside an if.
            names.locals.contains(&root) || engine().globals().any(|(global, _)| global == root)
        };
        for path in variables.iter().filter(|path| !is_own(path)) {
            self.uses_callback |= path.as_str() == variables::CALLBACK;
            let fault = self.kind.and_then(|kind| variables::fault(kind, path));
            self.faults.extend(fault.map(|fault| format!("{place}: {fault}")));
        }
        self.faults.extend(names.faults().into_iter().map(|fault| format!("{place}: {fault}")));
    }
}

fn is_template(text: &str) -> bool {
    ["{{", "{%", "{#"].iter().any(|start| text.contains(start))
}

/// The expression that the whole text is, with the quotation marks around it.
fn expression(text: &str) -> Option<(&str, Option<char>)> {
    let quotes = text.chars().next().filter(|c| matches!(c, '"' | '\''));
    let inner = match quotes {
        Some(quote) => text.strip_prefix(quote)?.strip_suffix(quote)?,
        None => text,
    };
    let source = inner.strip_prefix("{{")?.strip_suffix("}}")?;
    // Marks that take away blanks around a tag, of which there are none.
    let source = source.strip_prefix('-').unwrap_or(source);
    let source = source.strip_suffix('-').unwrap_or(source);
    engine().compile_expression(source).is_ok().then_some((source, quotes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_an_expression_only_if_nothing_else_is_in_it() {
        for (text, source) in [
            ("{{x}}", "x"),
            ("{{ x }}", " x "),
            ("{{- x -}}", " x "),
            ("'{{x}}'", "x"),
            ("\"{{x}}\"", "x"),
            ("{{ {'a': {'b': 1}} }}", " {'a': {'b': 1}} "),
            ("{{ '}}' }}", " '}}' "),
        ] {
            assert_eq!(expression(text).map(|(source, _)| source), Some(source), "{text}");
        }
        for text in
            ["{{x}} ", " {{x}}", "{{x}}{{y}}", "{{x}} and {{y}}", "'{{x}}\"", "{{x", "'{{x}}", "{{}}", "'"]
        {
            assert_eq!(expression(text), None, "{text}");
        }
    }

    #[test]
    fn own_names_of_a_template_are_not_unknown_variables() {
        for text in [
            "{% for a in properties %}{{ loop.index }}{{ a.b }}{% endfor %}",
            "{% if error %}{% set x = 1 %}{% else %}{% set x = 2 %}{% endif %}{{ x }}",
            "{% set n = namespace(i=0) %}{% for a in range(3) %}{% set n.i = a %}{% endfor %}{{ n.i }}",
            "{% with w = queue %}{{ w|upper }}{% endwith %}",
            "{{ incident.name|default('-')|replace('a', 'b') }}{{ 'x' if error is none else 'y' }}",
        ] {
            let mut compiler = Compiler::new(Format::Plain, Some(EventKind::ActionFailed));
            compiler.payload(&Value::from(text));
            assert_eq!(compiler.faults, Vec::<String>::new(), "{text}");
        }
    }
}

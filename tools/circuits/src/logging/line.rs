//! One event, one line: `2026-11-23 03:00:00,123 INFO [target] message field=value`, then the fields of the spans around
//! it. The first part is as operators and their log readers know it from the Python runner.

use std::fmt::{self, Write as _};
use std::sync::Arc;

use jiff::Zoned;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use super::queue::Queue;

/// A line on its way to the writer.
#[derive(Debug)]
pub(super) struct Line {
    /// Time of the event and a space.
    pub(super) time: String,
    pub(super) level: Level,
    /// The text after the level, without a line end.
    pub(super) rest: String,
}

impl Line {
    /// A line in which the log reports about itself.
    pub(super) fn own(level: Level, text: &str) -> Self {
        Self { time: now(), level, rest: format!(" [circuits_cli::logging] {text}") }
    }

    /// The level by the name that Python gives it.
    pub(super) fn level_name(&self) -> &'static str {
        match self.level {
            Level::ERROR => "ERROR",
            Level::WARN => "WARNING",
            Level::INFO => "INFO",
            Level::DEBUG => "DEBUG",
            Level::TRACE => "TRACE",
        }
    }
}

fn now() -> String {
    Zoned::now().strftime("%Y-%m-%d %H:%M:%S,%3f ").to_string()
}

/// The layer that turns events into lines.
#[derive(Debug)]
pub(super) struct Lines {
    queue: Arc<Queue>,
}

impl Lines {
    pub(super) fn new(queue: Arc<Queue>) -> Self {
        Self { queue }
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> tracing_subscriber::Layer<S> for Lines {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        span.extensions_mut().insert(fields);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        if let Some(fields) = span.extensions_mut().get_mut::<Fields>() {
            values.record(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let metadata = event.metadata();
        let mut rest = String::with_capacity(128);
        let mut line = OneLine(&mut rest);
        // Writing to a string cannot fail; if a Display fails, the part that it had written stays.
        let _ = write!(line, " [{}] {}", metadata.target(), fields.message);
        fields.write(&mut line);
        for span in context.event_scope(event).into_iter().flat_map(|scope| scope.from_root()) {
            if let Some(fields) = span.extensions().get::<Fields>() {
                fields.write(&mut line);
            }
        }
        self.queue.push(Line { time: now(), level: *metadata.level(), rest });
    }
}

/// The fields of an event or a span. A field that is recorded again is replaced.
#[derive(Debug, Default)]
struct Fields {
    message: String,
    others: Vec<(&'static str, String)>,
}

impl Fields {
    fn write(&self, line: &mut OneLine<'_>) {
        for (name, value) in &self.others {
            let _ = write!(line, " {name}={value}");
        }
    }

    fn set(&mut self, field: &Field, value: String) {
        match self.others.iter_mut().find(|(name, _)| *name == field.name()) {
            _ if field.name() == "message" => self.message = value,
            Some((_, old)) => *old = value,
            None => self.others.push((field.name(), value)),
        }
    }
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        let bare = !value.is_empty()
            && !value.contains(|c: char| c.is_whitespace() || c.is_control() || "\"'=,".contains(c));
        let text = if bare || field.name() == "message" { value.to_owned() } else { format!("{value:?}") };
        self.set(field, text);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.set(field, format!("{value:?}"));
    }
}

/// Keeps text on one line and free of terminal commands: an incident's name must not forge a line or change the screen.
struct OneLine<'a>(&'a mut String);

impl fmt::Write for OneLine<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for c in text.chars() {
            if c.is_control() && c != '\t' {
                self.0.extend(c.escape_default());
            } else {
                self.0.push(c);
            }
        }
        Ok(())
    }
}

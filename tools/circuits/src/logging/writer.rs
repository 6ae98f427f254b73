//! The log's own thread: hides secrets, then writes each line at once to every sink.

use std::fmt;
use std::io::{self, Write};
use std::sync::Arc;
use std::thread;

use anstyle::{AnsiColor, Style};
use circuits::redact::Redactor;
use tracing::Level;

use super::file::RotatingFile;
use super::line::Line;
use super::queue::{Queue, truncate};

/// The longest line that is written. Secrets are hidden in the whole line before it is cut.
const LONGEST: usize = 64 * 1024;

/// Where lines go.
pub(super) enum Sink {
    Console { stream: Box<dyn Write + Send>, colour: bool },
    File { file: RotatingFile, failed: bool },
}

impl Sink {
    pub(super) fn console(stream: Box<dyn Write + Send>, colour: bool) -> Self {
        Self::Console { stream, colour }
    }

    pub(super) fn file(file: RotatingFile) -> Self {
        Self::File { file, failed: false }
    }

    fn write(&mut self, line: &Line) {
        let plain = || format!("{}{}{}\n", line.time, line.level_name(), line.rest);
        match self {
            // A console that is gone (closed terminal, ended pipe) does no harm: the file has everything.
            Self::Console { stream, colour } => {
                let text = if *colour { coloured(line) } else { plain() };
                let _ = stream.write_all(text.as_bytes()).and_then(|()| stream.flush());
            }
            Self::File { file, failed } => match file.write(plain().as_bytes()) {
                Ok(()) => *failed = false,
                Err(error) => {
                    if !*failed {
                        let _ = writeln!(io::stderr(), "circuits: the log file cannot be written: {error}");
                    }
                    *failed = true;
                }
            },
        }
    }
}

impl fmt::Debug for Sink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Console { colour, .. } => {
                f.debug_struct("Console").field("colour", colour).finish_non_exhaustive()
            }
            Self::File { file, .. } => f.debug_tuple("File").field(file).finish(),
        }
    }
}

fn coloured(line: &Line) -> String {
    let colour = match line.level {
        Level::ERROR => AnsiColor::Red,
        Level::WARN => AnsiColor::Yellow,
        Level::INFO => AnsiColor::Green,
        Level::DEBUG => AnsiColor::Blue,
        Level::TRACE => AnsiColor::Magenta,
    };
    let (dim, level) = (Style::new().dimmed(), colour.on_default());
    format!("{dim}{}{dim:#}{level}{}{level:#}{}\n", line.time, line.level_name(), line.rest)
}

/// Takes lines from the queue until it is closed.
#[derive(Debug)]
pub(super) struct Writer {
    queue: Arc<Queue>,
    redactor: Redactor,
    sinks: Vec<Sink>,
}

impl Writer {
    pub(super) fn new(queue: Arc<Queue>, redactor: Redactor, sinks: Vec<Sink>) -> Self {
        Self { queue, redactor, sinks }
    }

    pub(super) fn start(self) -> io::Result<()> {
        thread::Builder::new().name("log".to_owned()).spawn(move || self.run()).map(|_| ())
    }

    fn run(mut self) {
        while let Some(batch) = self.queue.next() {
            for line in batch.lines {
                self.write(line);
            }
            if batch.dropped > 0 {
                let text = format!(
                    "dropped={} log lines are missing here: they came faster than they could be written",
                    batch.dropped
                );
                self.write(Line::own(Level::WARN, &text));
            }
        }
        self.queue.finished();
    }

    fn write(&mut self, mut line: Line) {
        line.rest = self.redactor.hide(&line.rest);
        truncate(&mut line.rest, LONGEST);
        self.sinks.iter_mut().for_each(|sink| sink.write(&line));
    }
}

//! The log as an operator sees it: real lines of real events in a real file, separate from the log of the process.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "test code")]

use std::fs;
use std::io::Write;
use std::path::Path;
use std::sync::Mutex;
use std::sync::mpsc;

use circuits::config::{LogLevel, Settings};
use tracing::{debug, error, info, info_span, trace, warn};

use super::*;

fn options(directory: &Path) -> LogOptions {
    LogOptions::from_settings(&Settings { logdir: directory.to_owned(), ..Settings::default() })
}

/// The content of the file after these events.
fn logged(options: &LogOptions, secrets: &[&str], events: impl FnOnce(&LogGuard)) -> String {
    let secrets: Vec<String> = secrets.iter().map(|&secret| secret.to_owned()).collect();
    let (subscriber, guard) = build(options, &secrets, Vec::new()).unwrap();
    tracing::subscriber::with_default(subscriber, || events(&guard));
    drop(guard);
    fs::read_to_string(options.directory.join(&options.file)).unwrap()
}

fn at(level: LogLevel, events: impl FnOnce()) -> String {
    let folder = tempfile::tempdir().unwrap();
    let mut options = options(folder.path());
    options.level = level;
    logged(&options, &[], |_| events())
}

/// The lines without their times, which look like `2026-11-23 03:00:00,123 `.
fn without_times(log: &str) -> Vec<&str> {
    let cut = |line: &'_ str| -> usize {
        let shape: String = line.chars().take(24).map(|c| if c.is_ascii_digit() { '9' } else { c }).collect();
        assert_eq!(shape, "9999-99-99 99:99:99,999 ", "{line}");
        24
    };
    log.lines().map(|line| &line[cut(line)..]).collect()
}

/// Collects what is written to it.
#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Shared {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

#[test]
fn a_line_has_time_level_target_sentence_and_fields() {
    let log = at(LogLevel::Debug, || {
        info!(target: "circuits::runner", queue = "actions.201.x", count = 2, "Subscribed to message destination {}", "x");
        warn!(target: "add_task", note = "two words", empty = "", error = %"no such task", "Not added");
        error!(target: "t", "Failed");
        debug!(target: "t", value = ?Some(1), "Seen");
    });
    assert_eq!(
        without_times(&log),
        [
            "INFO [circuits::runner] Subscribed to message destination x queue=actions.201.x count=2",
            "WARNING [add_task] Not added note=\"two words\" empty=\"\" error=no such task",
            "ERROR [t] Failed",
            "DEBUG [t] Seen value=Some(1)",
        ]
    );
}

#[test]
fn every_line_of_a_message_carries_its_fields() {
    let log = at(LogLevel::Info, || {
        let span = info_span!(target: "circuits::dispatch", "action", message_id = "ID:a:1", incident = tracing::field::Empty, rule = tracing::field::Empty);
        let inside = span.enter();
        info!(target: "circuits", "First");
        span.record("incident", 2095);
        span.record("rule", "Add Task");
        info!(target: "circuits", "Second");
        span.record("incident", 2096);
        info_span!(target: "add_task", "inner", task = 7).in_scope(|| info!(target: "add_task", "Third"));
        drop(inside);
        info!(target: "circuits", "Fourth");
    });
    assert_eq!(
        without_times(&log),
        [
            "INFO [circuits] First message_id=ID:a:1",
            "INFO [circuits] Second message_id=ID:a:1 incident=2095 rule=\"Add Task\"",
            "INFO [add_task] Third message_id=ID:a:1 incident=2096 rule=\"Add Task\" task=7",
            "INFO [circuits] Fourth",
        ]
    );
}

#[test]
fn a_message_is_named_at_every_level() {
    let log = at(LogLevel::Error, || {
        info_span!(target: "circuits", "action", message_id = "m1").in_scope(|| {
            info!(target: "circuits", "Unseen");
            error!(target: "circuits", "Failed");
        });
    });
    assert_eq!(without_times(&log), ["ERROR [circuits] Failed message_id=m1"]);
}

#[test]
fn one_event_is_one_line_whatever_it_says() {
    let log = at(LogLevel::Info, || {
        info!(target: "t", name = %"x\n2026-01-01 00:00:00,000 ERROR [t] forged", "Bell \u{7}, colour \u{1b}[31m, tab \t, ä\r\n");
    });
    assert_eq!(log.lines().count(), 1, "{log}");
    assert!(log.contains("Bell \\u{7}, colour \\u{1b}[31m, tab \t, ä\\r\\n name=x\\n2026"), "{log}");
}

#[test]
fn levels_and_libraries() {
    fn events() {
        for_target();
        info!(target: "hyper_util::client", "library info");
        warn!(target: "reqwest", "library warning");
        error!(target: "tokio", "library error");
    }
    fn for_target() {
        trace!(target: "my_component", "trace");
        debug!(target: "my_component", "debug");
        info!(target: "my_component", "info");
        warn!(target: "my_component", "warning");
        error!(target: "my_component", "error");
    }
    for (level, expected) in [
        (
            LogLevel::Trace,
            vec!["trace", "debug", "info", "warning", "error", "library warning", "library error"],
        ),
        (LogLevel::Debug, vec!["debug", "info", "warning", "error", "library warning", "library error"]),
        (LogLevel::Info, vec!["info", "warning", "error", "library warning", "library error"]),
        (LogLevel::Warning, vec!["warning", "error", "library warning", "library error"]),
        (LogLevel::Error, vec!["error", "library error"]),
        (LogLevel::Critical, vec!["error", "library error"]),
    ] {
        let log = at(level, events);
        let messages: Vec<&str> = log.lines().map(|line| line.split("] ").nth(1).unwrap()).collect();
        assert_eq!(messages, expected, "{level}");
    }
}

#[test]
fn no_secret_reaches_file_or_console() {
    let folder = tempfile::tempdir().unwrap();
    let console = Shared::default();
    let mut options = options(folder.path());
    options.level = LogLevel::Trace;
    let sinks = vec![Sink::console(Box::new(console.clone()), true)];
    let (subscriber, guard) = build(&options, &["hunter2".to_owned()], sinks).unwrap();
    tracing::subscriber::with_default(subscriber, || {
        info_span!(target: "circuits", "action", rule = "hunter2").in_scope(|| {
            trace!(target: "circuits", key = "hunter2", "Sending hunter2");
            guard.redactor().add("t0ken-late");
            info!(target: "circuits", headers = "X-sess-id: abc", "Session t0ken-late, api_key_id=4711");
        });
    });
    drop(guard);
    for log in [console.text(), fs::read_to_string(folder.path().join("app.log")).unwrap()] {
        for secret in ["hunter2", "t0ken-late", "abc"] {
            assert!(!log.contains(secret), "{log}");
        }
        assert!(log.contains("Sending *** key=*** rule=***"), "{log}");
        assert!(log.contains("api_key_id=4711 headers=\"X-sess-id: ***\""), "{log}");
    }
}

#[test]
fn colour_on_the_console_only() {
    let folder = tempfile::tempdir().unwrap();
    let (coloured, plain) = (Shared::default(), Shared::default());
    let sinks =
        vec![Sink::console(Box::new(coloured.clone()), true), Sink::console(Box::new(plain.clone()), false)];
    let (subscriber, guard) = build(&options(folder.path()), &[], sinks).unwrap();
    tracing::subscriber::with_default(subscriber, || warn!(target: "t", "Look"));
    drop(guard);
    let file = fs::read_to_string(folder.path().join("app.log")).unwrap();
    assert_eq!(plain.text(), file);
    assert!(!file.contains('\u{1b}'), "{file}");
    assert!(coloured.text().contains("\u{1b}[33mWARNING\u{1b}[0m [t] Look"), "{}", coloured.text());
}

#[test]
fn rolls_over_by_size_and_keeps_so_many() {
    let folder = tempfile::tempdir().unwrap();
    let mut options = options(&folder.path().join("made/for/it"));
    (options.max_bytes, options.backups) = (250, 3);
    logged(&options, &[], |_| {
        for number in 0..12 {
            info!(target: "t", "line {number} {}", "x".repeat(60));
        }
    });
    let read = |name: &str| fs::read_to_string(options.directory.join(name)).unwrap_or_default();
    let numbers = |name: &str| -> Vec<String> {
        read(name).lines().map(|line| line.split(' ').nth(5).unwrap().to_owned()).collect()
    };
    // Two lines of about 100 bytes fit; no line is split between two files.
    for (name, expected) in [
        ("app.log", ["10", "11"]),
        ("app.log.1", ["8", "9"]),
        ("app.log.2", ["6", "7"]),
        ("app.log.3", ["4", "5"]),
    ] {
        assert_eq!(numbers(name), expected, "{name}");
    }
    assert_eq!(fs::read_dir(&options.directory).unwrap().count(), 4);
}

#[test]
fn a_log_is_continued_and_zero_never_rolls_over() {
    let folder = tempfile::tempdir().unwrap();
    for (max_bytes, backups) in [(0, 10), (10, 0)] {
        let mut options = options(folder.path());
        (options.max_bytes, options.backups) = (max_bytes, backups);
        logged(&options, &[], |_| info!(target: "t", "longer than ten bytes"));
    }
    assert_eq!(fs::read_to_string(folder.path().join("app.log")).unwrap().lines().count(), 2);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn a_log_that_cannot_be_written_names_the_cure() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let error = format!("{:#}", build(&options(&file), &[], Vec::new()).err().unwrap());
    assert!(error.contains(&format!("{}", file.join("app.log").display())), "{error}");
    assert!(error.contains("logdir=") && error.contains("APP_LOG_DIR"), "{error}");
}

/// A console that accepts nothing until it is released.
struct Stuck {
    release: Option<mpsc::Receiver<()>>,
    reached: mpsc::Sender<()>,
    out: Shared,
}

impl Write for Stuck {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Some(release) = self.release.take() {
            self.reached.send(()).unwrap();
            release.recv().unwrap();
        }
        self.out.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_stuck_console_holds_nobody_up_and_missing_lines_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    let ((let_go, release), (reached, stuck)) = (mpsc::channel(), mpsc::channel());
    let out = Shared::default();
    let console = Stuck { release: Some(release), reached, out: out.clone() };
    let (subscriber, guard) =
        build(&options(folder.path()), &[], vec![Sink::console(Box::new(console), false)]).unwrap();
    tracing::subscriber::with_default(subscriber, || {
        info!(target: "t", "first");
        stuck.recv().unwrap();
        // The writer hangs in the first line; these calls return at once, and the queue never exceeds its limit.
        for _ in 0..20_000 {
            info!(target: "t", "burst");
        }
        let_go.send(()).unwrap();
    });
    drop(guard);
    let text = out.text();
    let written = text.lines().filter(|line| line.ends_with("burst")).count();
    assert!((10_000..20_000).contains(&written), "{written}");
    let missing = format!("dropped={} log lines are missing here", 20_000 - written);
    assert!(text.contains(&missing), "{missing} not in the last line {:?}", text.lines().last());
}

#[test]
fn a_huge_line_is_cut_and_says_so() {
    let log = at(LogLevel::Info, || info!(target: "t", body = %"ä".repeat(1_000_000), "Frame"));
    assert!(log.len() < 70_000, "{}", log.len());
    assert!(log.trim_end().ends_with(" bytes more)"), "{}", &log[log.len() - 40..]);
}

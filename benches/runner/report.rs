//! The result, as Markdown tables.

use std::fmt;

use crate::brokers::Arguments;
use crate::consumer::Consumer;
use crate::load::{Backlog, Paced};
use crate::place::Name;

/// The figures of each consumer, in the order of the columns.
const COLUMNS: [&str; 8] = [
    "Backlog, messages/s",
    "CPU, s per 1,000",
    "Peak, MB",
    "p50, ms",
    "p99, ms",
    "p99.9, ms",
    "Subscribed after, ms",
    "Idle, MB",
];

/// The tables.
pub(crate) struct Report {
    on: Name,
    title: String,
    /// For each consumer, one row of figures for each run.
    rows: Vec<(Consumer, Vec<[f64; COLUMNS.len()]>)>,
}

impl Report {
    pub(crate) fn new(on: Name, arguments: &Arguments) -> Self {
        let Arguments { messages, paced, rate, .. } = arguments;
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let title = format!(
            "{on} over TLS, persistent, 4 KB messages; broker, sender and consumer share {cores} cores. \
             Backlog: {messages} messages. Latency: from SEND to the reply's arrival, {paced} messages at {rate} a second."
        );
        Self { on, title, rows: Vec::new() }
    }

    pub(crate) fn add(&mut self, consumer: Consumer, backlog: &Backlog, paced: &Paced) {
        let at = |quantile: f64| paced.latency.value_at_quantile(quantile) as f64 / 1_000.0;
        let mb = |kb: u64| kb as f64 / 1024.0;
        let figures = [
            backlog.rate,
            backlog.cpu,
            mb(backlog.peak),
            at(0.50),
            at(0.99),
            at(0.999),
            paced.started.as_secs_f64() * 1_000.0,
            mb(paced.idle),
        ];
        match self.rows.iter_mut().find(|(known, _)| *known == consumer) {
            Some((_, runs)) => runs.push(figures),
            None => self.rows.push((consumer, vec![figures])),
        }
    }

    fn median(&self, consumer: Consumer, column: usize) -> Option<f64> {
        let (_, runs) = self.rows.iter().find(|(known, _)| *known == consumer)?;
        sorted(runs, column).get(runs.len() / 2).copied()
    }
}

fn sorted(runs: &[[f64; COLUMNS.len()]], column: usize) -> Vec<f64> {
    let mut values: Vec<_> = runs.iter().map(|run| run[column]).collect();
    values.sort_by(f64::total_cmp);
    values
}

/// A figure with its significant digits only.
fn figure(value: f64) -> String {
    match value {
        value if value >= 100.0 => format!("{value:.0}"),
        value if value >= 10.0 => format!("{value:.1}"),
        value => format!("{value:.2}"),
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let runs = self.rows.first().map_or(0, |(_, runs)| runs.len());
        writeln!(f, "{} Medians of {runs} runs (least to most).\n", self.title)?;
        writeln!(f, "| Consumer | {} |", COLUMNS.join(" | "))?;
        writeln!(f, "|---|{}", "---:|".repeat(COLUMNS.len()))?;
        for (consumer, runs) in &self.rows {
            write!(f, "| {consumer} |")?;
            for column in 0..COLUMNS.len() {
                let values = sorted(runs, column);
                write!(f, " {}", figure(values[values.len() / 2]))?;
                if let [least, .., most] = values[..] {
                    write!(f, " ({} to {})", figure(least), figure(most))?;
                }
                write!(f, " |")?;
            }
            writeln!(f)?;
        }
        writeln!(
            f,
            "\nThe runner as a multiple of the null consumer in the same reply mode, and of the Python client:\n"
        )?;
        writeln!(f, "| Runner | of | {} |", COLUMNS.join(" | "))?;
        write!(f, "|---|---|{}", "---:|".repeat(COLUMNS.len()))?;
        for (consumer, _) in &self.rows {
            let Some(ceiling) = consumer.ceiling(self.on) else { continue };
            for (name, other) in [("null consumer", ceiling), ("Python client", Consumer::Peer)] {
                if self.median(other, 0).is_none() {
                    continue;
                }
                write!(f, "\n| {consumer} | {name} |")?;
                for column in 0..COLUMNS.len() {
                    let of = |one| self.median(one, column).unwrap_or(f64::NAN);
                    write!(f, " {} |", figure(of(*consumer) / of(other)))?;
                }
            }
        }
        Ok(())
    }
}

//! The result, as one Markdown table.

use std::fmt;

use circuits_tests::broker::Kind;
use hdrhistogram::Histogram;

use crate::PREFETCH;
use crate::consumer::Consumer;

/// The table.
pub(crate) struct Report {
    title: String,
    rows: Vec<String>,
}

impl Report {
    pub(crate) fn new(kind: Kind, messages: u64, paced: u64) -> Self {
        let broker = match kind {
            Kind::ActiveMq => "ActiveMQ",
            Kind::RabbitMq => "RabbitMQ",
        };
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let title = format!(
            "{broker} over TLS, persistent, 4 KB messages, prefetch {PREFETCH}; broker, sender and consumer share {cores} cores. \
             Backlog: {messages} messages. Latency: from SEND to the reply's arrival, {paced} messages at 200 a second."
        );
        Self { title, rows: Vec::new() }
    }

    pub(crate) fn add(&mut self, consumer: Consumer, rate: f64, latency: &Histogram<u64>) {
        let at = |quantile: f64| latency.value_at_quantile(quantile) as f64 / 1_000.0;
        let (p50, p99) = (at(0.50), at(0.99));
        self.rows.push(format!("| {consumer} | {rate:.0} | {p50:.1} | {p99:.1} |"));
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n", self.title)?;
        writeln!(f, "| Consumer | Backlog, messages/s | Latency p50, ms | p99, ms |")?;
        write!(f, "|---|---:|---:|---:|")?;
        self.rows.iter().try_for_each(|row| write!(f, "\n{row}"))
    }
}

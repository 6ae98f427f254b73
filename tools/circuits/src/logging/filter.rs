//! Which events are logged: those that the operator asked for from the framework and the components, and warnings of libraries.

use circuits::config::LogLevel;
use tracing::level_filters::LevelFilter;
use tracing::{Level, Metadata};
use tracing_subscriber::filter::FilterFn;

/// Libraries that log their internals at INFO and below. Everything else is the framework or a component.
const LIBRARIES: &[&str] = &[
    "axum",
    "h2",
    "hyper",
    "hyper_util",
    "mio",
    "native_tls",
    "openssl",
    "reqwest",
    "rustls",
    "tokio",
    "tokio_native_tls",
    "tokio_util",
    "tower",
    "tower_http",
    "want",
];

pub(super) fn filter(level: LogLevel) -> FilterFn<impl Fn(&Metadata<'_>) -> bool> {
    let ours = level_filter(level);
    let libraries = ours.min(LevelFilter::WARN);
    // The span of a message must exist even if only its errors are logged, because its fields go into their lines.
    let spans = ours.max(LevelFilter::INFO);
    FilterFn::new(move |metadata: &Metadata<'_>| {
        let limit = match (is_library(metadata.target()), metadata.is_span()) {
            (true, _) => libraries,
            (false, true) => spans,
            (false, false) => ours,
        };
        *metadata.level() <= limit
    })
    .with_max_level_hint(spans)
}

fn is_library(target: &str) -> bool {
    let name = target.split("::").next().unwrap_or_default();
    LIBRARIES.contains(&name)
}

fn level_filter(level: LogLevel) -> LevelFilter {
    LevelFilter::from_level(match level {
        LogLevel::Trace => Level::TRACE,
        LogLevel::Debug => Level::DEBUG,
        LogLevel::Info => Level::INFO,
        LogLevel::Warning => Level::WARN,
        LogLevel::Error | LogLevel::Critical => Level::ERROR,
    })
}

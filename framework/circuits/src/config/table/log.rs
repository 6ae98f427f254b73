//! Settings of the log.

use super::kind::{ANY, Kind, Range};
use super::{Key, key};

pub(super) const KEYS: &[Key] = &[
    key(
        "logdir",
        Kind::Path,
        "Directory of the log file, made if need be. $APP_LOG_DIR changes the default.",
    )
    .default("logs"),
    key("logfile", Kind::Text, "Name of the log file.").default("app.log"),
    key("loglevel", Kind::Level, "What is logged: this level and everything above it.")
        .default("INFO")
        .env("LOGLEVEL"),
    key(
        "log_max_bytes",
        Kind::Number(
            Range::new(100_000, ANY).zero("no limit").words("log_max_bytes must be either 0 or >= 100000"),
        ),
        "Size in bytes at which the log file is rolled over: app.log becomes app.log.1.",
    )
    .default("10000000"),
    key(
        "log_backup_count",
        Kind::Number(Range::new(0, 10_000).words("log_backup_count must be a positive value (0 to 10000)")),
        "Rolled-over log files that are kept; with 0 the file is never rolled over.",
    )
    .default("10"),
];

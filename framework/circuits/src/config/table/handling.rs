//! Settings of what happens to a message, and of who may watch or take part.

use super::kind::{Kind, Range};
use super::{Key, key};

pub(super) const KEYS: &[Key] = &[
    key(
        "reply_mode",
        Kind::Word(&["confirmed", "transaction"]),
        "confirmed: a message is acknowledged when the broker has confirmed its reply. transaction: both in one \
         transaction, so that no reply can ever be sent twice; slower, and best with a small stomp_prefetch_limit.",
    )
    .default("confirmed"),
    key(
        "num_workers",
        Kind::Number(Range::new(1, 2000).words("num_workers must be in the range 1 <= 2000")),
        "Handlers that run at the same time.",
    )
    .default("25"),
    key(
        "handler_timeout",
        Kind::Seconds(Range::new(1, 604_800).zero("no limit")),
        "Seconds a handler may take before it is ended with an error reply.",
    )
    .default("0"),
    key(
        "trap_exception",
        Kind::Flag,
        "What becomes of a function that fails. false: an error, at which the workflow stops. true: a status with the \
         error, then a result for the workflow's scripts to judge: {\"success\": false, \"reason\": \"<the error>\"}.",
    )
    .default("false"),
    key(
        "max_attempts",
        Kind::Number(Range::new(1, 1000)),
        "Times that the process may die while a message is handled, before it is set aside with an error reply.",
    )
    .default("5"),
    key(
        "shutdown_timeout",
        Kind::Seconds(Range::new(0, 3600)),
        "Seconds that running handlers get to finish when the process is asked to stop.",
    )
    .default("30"),
    key(
        "selftest_timeout",
        Kind::Seconds(Range::new(1, 3600)),
        "Seconds that one step of `circuits selftest` may take.",
    )
    .default("10"),
    key(
        "journal",
        Kind::Path,
        "File in which the runner remembers messages, so that after a crash one that was handled is answered and not \
         handled again, and one that was not is. On a local disk, one for each runner. `off` remembers them in memory \
         only. Messages are in it as they came, so only the runner's user may read it.",
    )
    .otherwise("circuits.journal beside logdir")
    .sample("circuits.journal"),
    key(
        "journal_keep_days",
        Kind::Number(Range::new(1, 3650).zero("forever")),
        "Days that answered messages stay in the journal.",
    )
    .default("30"),
    key(
        "journal_max_mb",
        Kind::Number(Range::new(16, 1 << 20).zero("no limit")),
        "Megabytes beyond which the oldest answered messages leave the journal sooner.",
    )
    .default("1024"),
    key(
        "store",
        Kind::Text,
        "Where side features keep their records: events and deliveries, subscriptions, callbacks. `sqlite` is a file, \
         `memory` lasts until the process ends; linked crates may have more kinds, and `circuits list` names them.",
    )
    .otherwise("`sqlite` with a journal in a file, otherwise `memory`"),
    key(
        "store_file",
        Kind::Path,
        "File of the store `sqlite`, on a local disk, one for each runner. It is made when a side feature is configured.",
    )
    .otherwise("the journal's name with .store")
    .sample("circuits.journal.store"),
    key(
        "health_port",
        Kind::Number(Range::new(1, 65_535).zero("none")),
        "Port on which /healthz (it makes progress) and /readyz (it is connected and subscribed) answer 200 or 503 over \
         plain HTTP, for containers and load balancers. Whoever reaches it sees what is wrong, and no more; `circuits \
         status` shows everything.",
    )
    .default("0"),
    key("health_host", Kind::Host, "Address of the health port.").default("127.0.0.1"),
    key(
        "log_http_responses",
        Kind::Path,
        "An existing folder into which every action message, its headers and its reply are written, and every answer of \
         the platform, each in a file of its own, without secrets: for `action-test replay` and `replay_dir!`. Not for \
         years of work: it grows.",
    ),
    key(
        "test_actions",
        Kind::Flag,
        "Whether `action-test` (and the Python `res-action-test`) may submit actions, to be answered there and not to the \
         platform; handlers change the platform as ever.",
    )
    .default("false"),
    key(
        "test_host",
        Kind::Host,
        "Address of the test port. Whoever reaches it can submit actions: beyond loopback it wants a test_token.",
    )
    .default("localhost"),
    key(
        "test_port",
        Kind::Number(Range::new(1, 65_535).zero("any free one, and the log says which")),
        "The test port.",
    )
    .default("8008"),
    key(
        "test_token",
        Kind::Text,
        "What a program must send to submit actions; `action-test` sends it in plain text.",
    )
    .secret(),
    key("noload", Kind::List, "Components and extensions not to run, separated by commas; `circuits list` names them."),
];

//! Are replies as fast while webhooks and subscribers are told of each action, and one target hangs, one fails and one is slow?
//! And when the targets are well again: is each delivery accounted for, and has memory stayed flat?

use std::path::Path;
use std::time::{Duration, Instant};

use clap::Args;
use hdrhistogram::Histogram;
use rusqlite::{Connection, OpenFlags};
use serde_json::json;
use tempfile::TempDir;

use crate::child::Child;
use crate::consumer::Consumer;
use crate::load::{Load, NAMES, name};
use crate::ours::{Remembers, ReplyMode};
use crate::place::Name;
use crate::receivers::{FAILS, HANGS, Receivers, SLOW, TAKES};

/// How much more memory the runner may take with webhooks and subscriptions, in KB: 32 MB, whatever waits.
const GROWTH: u64 = 32 * 1024;
/// How long the targets may take to get everything once they are well: the longest pause after so few failures, and the work.
const PATIENCE: Duration = Duration::from_secs(600);
/// How often memory is looked at during the long part.
const LOOKS: u64 = 10;
/// The user of the subscriptions.
const USER: &str = "bench";

#[derive(Args)]
pub(crate) struct Arguments {
    /// The broker.
    #[arg(long, value_enum, default_value_t = Name::Sandbox)]
    on: Name,
    /// How often the speed of replies is measured; the table has medians, and the least and the most.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Messages of each round that are sent at once.
    #[arg(long, default_value_t = 5_000, value_parser = clap::value_parser!(u64).range(10..))]
    messages: u64,
    /// Messages of each round at a steady pace.
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(10..))]
    paced: u64,
    /// Actions in the long part, at a steady pace.
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(100..=90_000))]
    actions: u64,
    /// How many a second.
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    rate: u32,
}

/// The runners that are compared.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Runner {
    Bare,
    Unasked,
    Asked,
}

const RUNNERS: [Runner; 3] = [Runner::Bare, Runner::Unasked, Runner::Asked];

impl Runner {
    fn consumer(self) -> Consumer {
        match self {
            Self::Bare => Consumer::Ours(ReplyMode::Confirmed, Remembers::InJournal),
            Self::Unasked | Self::Asked => Consumer::Shipped,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Bare => "without extensions",
            Self::Unasked => "with extensions, nothing configured",
            Self::Asked => "3 webhooks, 50 subscriptions",
        }
    }
}

pub(crate) async fn run(arguments: &Arguments) {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    println!("{}. Broker, sender, receivers and runner share {cores} cores.", arguments.on);
    println!(
        "Of the webhooks one hangs, one gets 500, one waits {} ms for each answer; subscribers are quick.\n",
        TAKES.as_millis()
    );
    let mut bench = Bench::new(arguments.on).await;
    bench.replies(arguments).await;
    println!();
    bench.deliveries(arguments).await;
}

struct Bench {
    load: Load,
    receivers: Receivers,
    folder: TempDir,
}

impl Bench {
    async fn new(on: Name) -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { load: Load::new(on, 1).await, receivers: Receivers::start().await, folder }
    }

    /// Starts a runner, and makes sure with a message that it works.
    async fn start(&mut self, runner: Runner) -> Child {
        let [port] = circuits_tests::process::free_ports::<1>();
        let settings = match runner {
            Runner::Asked => format!(
                "webhooks={}\nsubscriptions=true\nhttp_port={port}\n",
                webhooks(self.folder.path(), self.receivers.port).display()
            ),
            Runner::Bare | Runner::Unasked => String::new(),
        };
        self.load.say(&settings);
        let child = self.load.consumer(runner.consumer()).await;
        if runner == Runner::Asked {
            subscribe(port, self.receivers.port).await;
        }
        self.load.send(1).await;
        self.load.replies(runner.consumer(), 1).await;
        child
    }

    /// The first table: how fast replies are.
    async fn replies(&mut self, arguments: &Arguments) {
        let Arguments { rounds, messages, paced, rate, .. } = arguments;
        let mut figures: [Vec<[f64; 3]>; RUNNERS.len()] = Default::default();
        for round in 1..=*rounds {
            let mut turn = [0, 1, 2];
            if round % 2 == 0 {
                turn.reverse();
            }
            for one in turn {
                let runner = RUNNERS[one];
                eprintln!("round {round}: {} ...", runner.name());
                let child = self.start(runner).await;
                let burst = self.load.burst(runner.consumer(), *messages).await;
                let latency = self.load.pace(runner.consumer(), *paced, *rate).await;
                child.stop(runner.consumer()).await;
                figures[one].push([burst, milliseconds(&latency, 0.5), milliseconds(&latency, 0.99)]);
            }
        }
        println!(
            "{messages} messages at once, then {paced} at {rate} a second. Medians of {rounds} rounds.\n"
        );
        println!("| Runner | at once, messages/s | p50, ms | p99, ms |\n|---|---:|---:|---:|");
        for (runner, rounds) in RUNNERS.into_iter().zip(&figures) {
            println!("| {} |{}", runner.name(), columns(rounds));
        }
        for (of, to) in [(1, 0), (2, 1)] {
            let ratio =
                |(of, to): (&[f64; 3], &[f64; 3])| std::array::from_fn(|column| of[column] / to[column]);
            let ratios: Vec<[f64; 3]> = figures[of].iter().zip(&figures[to]).map(ratio).collect();
            println!("| {} / {} |{}", RUNNERS[of].name(), RUNNERS[to].name(), columns(&ratios));
        }
    }

    /// The other tables: memory while many deliveries wait, and what became of them.
    async fn deliveries(&mut self, arguments: &Arguments) {
        let Arguments { actions, rate, .. } = arguments;
        let (child, unasked, calm) = self.long(Runner::Unasked, arguments).await;
        let most = child.usage().peak;
        child.stop(Consumer::Shipped).await;
        self.receivers = Receivers::start().await;
        let (child, asked, busy) = self.long(Runner::Asked, arguments).await;

        println!(
            "{actions} actions at {rate} a second: p50 and p99 of replies, and memory while deliveries wait.\n"
        );
        println!("| Runner | p50, ms | p99, ms |\n|---|---:|---:|");
        for (runner, paced) in [(Runner::Unasked, &calm), (Runner::Asked, &busy)] {
            let (p50, p99) = (milliseconds(paced, 0.5), milliseconds(paced, 0.99));
            println!("| {} | {p50:.2} | {p99:.2} |", runner.name());
        }
        println!(
            "\n| after actions | resident without, MB | resident with, MB | deliveries that wait | events in the outbox |"
        );
        println!("|---:|---:|---:|---:|---:|");
        for (without, with) in unasked.iter().zip(&asked) {
            let Look { after, resident, waiting, outbox } = with;
            println!(
                "| {after} | {:.1} | {:.1} | {waiting} | {outbox} |",
                mb(without.resident),
                mb(*resident)
            );
        }
        self.receivers.be_well().await;
        let (begun, journal) = (Instant::now(), Journal::open(&child.journal()));
        while journal.waiting() + journal.outbox() > 0 {
            assert!(begun.elapsed() < PATIENCE, "{} deliveries still wait", journal.waiting());
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        let took = begun.elapsed().as_secs_f64();
        let usage = child.usage();
        println!(
            "\nAll targets are well: nothing waits {took:.1} s later. Resident then {:.1} MB; at most {:.1} MB, without \
             webhooks and subscriptions {:.1} MB.\n",
            mb(usage.resident),
            mb(usage.peak),
            mb(most)
        );
        self.account(&journal, actions + 1).await;
        child.stop(Consumer::Shipped).await;
        let growth = usage.peak.saturating_sub(most);
        assert!(growth <= GROWTH, "{growth} KB more memory than without; {GROWTH} are allowed");
    }

    /// Sends the actions of the long part, and looks at the runner meanwhile.
    async fn long(&mut self, runner: Runner, arguments: &Arguments) -> (Child, Vec<Look>, Histogram<u64>) {
        eprintln!("{} actions: {} ...", arguments.actions, runner.name());
        let child = self.start(runner).await;
        let journal = Journal::open(&child.journal());
        let (mut looks, mut latency) = (Vec::new(), Histogram::new(3).unwrap());
        let mut look = |after| {
            let (resident, waiting, outbox) = (child.usage().resident, journal.waiting(), journal.outbox());
            looks.push(Look { after, resident, waiting, outbox });
        };
        look(0);
        let mut sent = 0;
        for part in 1..=LOOKS {
            let count = arguments.actions * part / LOOKS - sent;
            latency.add(self.load.pace(runner.consumer(), count, arguments.rate).await).unwrap();
            sent += count;
            look(sent);
        }
        (child, looks, latency)
    }

    /// The last table: each action is one delivery to each webhook and to one subscriber, and each of them has ended.
    async fn account(&mut self, journal: &Journal, actions: u64) {
        let (states, got) = (journal.states(), self.receivers.count().await);
        println!("| Target | actions | delivered | failed | dropped | requests | taken |");
        println!("|---|---:|---:|---:|---:|---:|---:|");
        let mut ended = 0;
        for target in [HANGS, FAILS, SLOW, ""] {
            let (name, is_it): (_, fn(&str, &str) -> bool) = match target {
                "" => ("50 subscriptions".to_owned(), |one, _| one.starts_with("subscription:")),
                hook => (format!("webhook {}", &hook[1..]), |one, hook| {
                    one.strip_prefix("webhook:") == hook.get(1..)
                }),
            };
            let count = |state: Option<&str>| -> u64 {
                let of = states
                    .iter()
                    .filter(|(one, its, _)| is_it(one, target) && state.is_none_or(|state| state == its));
                of.map(|(.., count)| count).sum()
            };
            let is_path =
                |path: &str| if target.is_empty() { path.starts_with("/subscriber") } else { path == target };
            let here = got.iter().filter(|(path, _)| is_path(path)).map(|(_, got)| got);
            let (requests, taken) = here.fold((0, 0), |sum, got| (sum.0 + got.requests, sum.1 + got.taken));
            let [delivered, failed, dropped] =
                ["delivered", "failed", "dropped"].map(|state| count(Some(state)));
            println!("| {name} | {actions} | {delivered} | {failed} | {dropped} | {requests} | {taken} |");
            assert_eq!(count(None), actions, "{name}: a delivery for each action");
            assert_eq!(delivered + failed, actions, "{name}: each has ended, none was dropped");
            assert!(failed == 0 || target == FAILS, "{name}: only a target that answers 500 loses any");
            assert_eq!(delivered, taken, "{name}: what counts as delivered has arrived");
            ended += delivered + failed;
        }
        println!("\n{actions} actions, {} deliveries of each: {ended} have ended.", ended / actions);
    }
}

/// A look at a runner.
struct Look {
    after: u64,
    resident: u64,
    waiting: u64,
    outbox: u64,
}

/// The journal and the store of a runner at work, read without the code that writes them.
struct Journal(Connection);

impl Journal {
    fn open(path: &Path) -> Self {
        let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
        let store = format!("{}.store", path.display());
        // Without a side feature there is none.
        if Path::new(&store).exists() {
            connection.execute("ATTACH ?1 AS store", [store]).unwrap();
        }
        Self(connection)
    }

    /// How many rows there are; none in a table that nobody has made.
    fn count(&self, from: &str) -> u64 {
        let count = self.0.query_row(&format!("SELECT count(*) FROM {from}"), [], |row| row.get::<_, u32>(0));
        count.map_or(0, u64::from)
    }

    /// Deliveries that are still to be made.
    fn waiting(&self) -> u64 {
        self.count("record WHERE tbl >= 'event.due/' AND tbl < 'event.due0'")
    }

    /// Events that were not looked at yet.
    fn outbox(&self) -> u64 {
        self.count("outbox")
    }

    /// How many deliveries of each target are in each state.
    fn states(&self) -> Vec<(String, String, u64)> {
        let sql =
            "SELECT json_extract(value, '$.target'), json_extract(value, '$.state'), count(*) FROM record
                   WHERE tbl = 'event.delivery' GROUP BY 1, 2";
        let mut statement = self.0.prepare(sql).unwrap();
        let rows =
            statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, u64::from(row.get::<_, u32>(2)?))));
        rows.unwrap().map(Result::unwrap).collect()
    }
}

/// Writes the definitions of the webhooks. One gives up at once, so that there are failed deliveries too.
fn webhooks(folder: &Path, port: u16) -> std::path::PathBuf {
    let hook = |path: &str, more: &str| {
        format!(
            "- name: {}\n  action: action_completed\n  method: POST\n  url: http://127.0.0.1:{port}{path}\n{more}  payload:\n    \
             incident: '{{{{incident.id}}}}'\n    text: '{{{{incident.name}}}}: {{{{result.message}}}}'\n",
            &path[1..]
        )
    };
    let file = folder.join("webhooks.yml");
    let hooks = [hook(HANGS, ""), hook(FAILS, "  tries: 1\n"), hook(SLOW, "")].concat();
    std::fs::write(&file, format!("webhooks:\n{hooks}")).unwrap();
    file
}

/// Has each subscriber ask for the completed actions of the incidents of one name.
async fn subscribe(http_port: u16, port: u16) {
    let client = reqwest::Client::new();
    for number in 0..NAMES {
        let incident = name(number);
        let subscription = json!({
            "name": incident,
            "jsonpath": format!("$.data[?@.name == '{incident}' && $.type == 'circuits.action.completed']"),
            "target_url": format!("http://127.0.0.1:{port}/subscriber/{number}"),
        });
        let request = client.post(format!("http://127.0.0.1:{http_port}/eventmatch")).json(&subscription);
        let answer = request.header("Http-Remote-User", USER).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{:?}", answer.text().await);
    }
}

pub(crate) fn milliseconds(latency: &Histogram<u64>, quantile: f64) -> f64 {
    latency.value_at_quantile(quantile) as f64 / 1_000.0
}

pub(crate) fn mb(kb: u64) -> f64 {
    kb as f64 / 1_024.0
}

/// Each column's median, least and most, as cells of a table.
pub(crate) fn columns(rounds: &[[f64; 3]]) -> String {
    let cell = |column: usize| {
        let mut values: Vec<_> = rounds.iter().map(|round| round[column]).collect();
        values.sort_by(f64::total_cmp);
        let (least, median, most) = (values[0], values[values.len() / 2], values[values.len() - 1]);
        format!(" {median:.2} ({least:.2} to {most:.2}) |")
    };
    (0..3).map(cell).collect()
}

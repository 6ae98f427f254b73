//! Fires actions, causes faults in between, and finds out at the end what happened to each action.

use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use circuits_sandbox::InvocationId;
use fastrand::Rng;
use tempfile::TempDir;

use super::{Diary, Entry, Known, Tally};
use crate::suite::Process;
use crate::world::{On, World};

/// The folders of the runners.
const FIRST: &str = "first";
const SECOND: &str = "second";
/// Actions between two faults.
const ROUND: usize = 40;
/// The number of incidents that the actions are about.
const INCIDENTS: usize = 8;
/// A stall lasts far longer than two heart-beats of a second.
const STALL: Duration = Duration::from_secs(4);
/// If there is no answer for this many seconds, there will be none: only then does a message count as lost.
const PATIENCE: u64 = 180;

/// The faults.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The runner gets SIGKILL, and another one is started.
    RunnerKilled,
    /// The runner gets SIGTERM, and another one is started.
    RunnerReplaced,
    /// The runner is stopped for longer than the heart-beat allows.
    RunnerStalled,
    /// The broker is killed and started again.
    BrokerKilled,
    /// The broker is stopped for longer than the heart-beat allows.
    BrokerStalled,
    /// Connections are reset, the broker stays up (the sandbox's broker only).
    ConnectionReset,
    /// Messages are delivered twice (the sandbox's broker only).
    MessagesDoubled,
    /// A second runner with its own journal takes messages from the same queue; it comes and goes.
    SecondRunner,
}

impl Fault {
    const ALL: [Self; 8] = [
        Self::RunnerKilled,
        Self::RunnerReplaced,
        Self::RunnerStalled,
        Self::BrokerKilled,
        Self::BrokerStalled,
        Self::ConnectionReset,
        Self::MessagesDoubled,
        Self::SecondRunner,
    ];

    /// Faults that take seconds each are made less often.
    fn rounds(self, scale: usize) -> usize {
        match self {
            Self::RunnerKilled | Self::RunnerReplaced => 5 * scale,
            // Each makes the runner wait longer before it connects again.
            Self::ConnectionReset | Self::MessagesDoubled => 2 * scale,
            Self::SecondRunner => 4 * scale,
            Self::RunnerStalled | Self::BrokerKilled | Self::BrokerStalled => scale,
        }
    }
}

/// A whole run on one broker.
#[derive(Debug)]
pub struct Story {
    on: On,
    binary: &'static str,
    mode: &'static str,
    seed: u64,
    scale: usize,
    patience: Duration,
}

/// A number from the environment.
fn asked(name: &str) -> Option<u64> {
    std::env::var(name)
        .ok()
        .map(|text| text.parse().unwrap_or_else(|_| panic!("{name} is a number, not {text:?}")))
}

impl Story {
    /// Plays the short form `FAULTS_SCALE` times (default: once) with the seed `FAULTS_SEED` (default: a new one); a message
    /// that is not answered for `FAULTS_PATIENCE` seconds (default: 180) is lost.
    pub fn new(on: On, binary: &'static str, mode: &'static str) -> Self {
        let seed = asked("FAULTS_SEED").unwrap_or_else(|| fastrand::u64(..1_000_000));
        let scale = asked("FAULTS_SCALE").and_then(|scale| usize::try_from(scale).ok()).unwrap_or(1);
        let patience = Duration::from_secs(asked("FAULTS_PATIENCE").unwrap_or(PATIENCE));
        Self { on, binary, mode, seed, scale, patience }
    }

    /// Plays it, and prints the table.
    ///
    /// # Panics
    /// When a rule of delivery was broken.
    pub async fn play(self) {
        println!("{:?}, reply_mode={}, FAULTS_SEED={}\n{}", self.on, self.mode, self.seed, Tally::head());
        let mut stage = Stage::set(&self).await;
        let mut broken = Vec::new();
        for fault in Fault::ALL {
            if matches!(fault, Fault::ConnectionReset | Fault::MessagesDoubled) && self.on != On::Sandbox {
                continue;
            }
            let tally = stage.row(fault, fault.rounds(self.scale)).await;
            println!("{tally}");
            if tally.is_broken(self.mode) {
                broken.push(fault);
            }
        }
        assert!(
            broken.is_empty(),
            "rules of delivery were broken under {broken:?}, FAULTS_SEED={}",
            self.seed
        );
    }
}

/// The parts of a story.
struct Stage {
    world: World,
    folder: TempDir,
    config: String,
    binary: &'static str,
    runner: Option<Process>,
    second: Option<Process>,
    random: Rng,
    patience: Duration,
    /// What the journal held when each process started.
    known: HashMap<u32, Known>,
}

impl Stage {
    async fn set(story: &Story) -> Self {
        let world = World::start(story.on).await;
        let folder = tempfile::tempdir().unwrap();
        let diary = folder.path().join("diary");
        let settings = format!("reply_mode={}\nstomp_heartbeat=1\nnum_workers=6", story.mode);
        let config = format!("{}[probe]\ndiary={}\n", world.app_config(&settings), diary.display());
        let random = Rng::with_seed(story.seed);
        let binary = story.binary;
        Self {
            world,
            folder,
            config,
            binary,
            runner: None,
            second: None,
            random,
            patience: story.patience,
            known: HashMap::new(),
        }
    }

    /// Makes one fault `rounds` times among a stream of actions.
    async fn row(&mut self, fault: Fault, rounds: usize) -> Tally {
        let diary = self.folder.path().join("diary");
        let read_before = Diary::read(&diary).len();
        let incidents: Vec<_> = (0..INCIDENTS).map(|_| self.world.incident()).collect();
        let mut fired = Vec::new();
        self.begin();
        for _ in 0..rounds {
            for incident in incidents.iter().cycle().take(ROUND) {
                fired.push(self.world.fire("Record", *incident).await);
            }
            let pivot = fired[fired.len() - 1 - self.random.usize(..ROUND)];
            self.settle(&[pivot]).await;
            self.make(fault).await;
        }
        let forgotten = self.settle(&fired).await;
        let unacknowledged = !self.world.is_acknowledged(self.patience).await;
        if let Some(second) = self.second.take() {
            self.stop(second).await;
        }
        fired.push(self.last().await);
        // A runner that nothing disturbs completes what the last fault left half done.
        self.begin();
        fired.push(self.last().await);
        let left_over = self.world.has_left_over().await;
        let invocations: Vec<_> =
            fired.iter().map(|id| self.world.sandbox.invocation(*id).unwrap()).collect();
        let runs = Diary::read(&diary).split_off(read_before);
        let tally =
            Tally::of(&format!("{fault:?}"), rounds, &invocations, &runs, &self.known, &self.journal());
        Tally { left_over: left_over || unacknowledged, forgotten, ..tally }
    }

    /// Fires one more action and ends the runner when it is answered: everything that the broker delivers again comes before this
    /// action, so the runner has it by then.
    async fn last(&mut self) -> InvocationId {
        let id = self.world.fire("Record", self.world.incident()).await;
        self.settle(&[id]).await;
        self.end(false).await;
        id
    }

    /// Waits until all are answered, or until it is clear that some will not be unless the runner is restarted; returns how many
    /// are not.
    async fn settle(&self, ids: &[InvocationId]) -> usize {
        let all = async {
            for id in ids {
                self.world.settled(*id).await;
            }
        };
        if tokio::time::timeout(self.patience, all).await.is_ok() {
            return 0;
        }
        let is_open = |id: &&InvocationId| self.world.sandbox.invocation(**id).unwrap().final_replies == 0;
        ids.iter().filter(is_open).count()
    }

    async fn make(&mut self, fault: Fault) {
        match fault {
            Fault::RunnerKilled => {
                self.end(true).await;
                self.begin();
            }
            Fault::RunnerReplaced => {
                self.end(false).await;
                self.begin();
            }
            Fault::RunnerStalled => {
                let runner = self.runner.as_ref().unwrap();
                runner.signal("STOP");
                tokio::time::sleep(STALL).await;
                runner.signal("CONT");
            }
            Fault::BrokerKilled => self.world.restart_broker().await,
            Fault::BrokerStalled => {
                self.world.stall(true);
                tokio::time::sleep(STALL).await;
                self.world.stall(false);
            }
            Fault::ConnectionReset => self.world.sandbox.faults().drop_connections(),
            Fault::MessagesDoubled => self.world.sandbox.faults().double_messages(ROUND / 2),
            Fault::SecondRunner => match self.second.take() {
                Some(second) => self.stop(second).await,
                None => self.second = Some(self.start(SECOND)),
            },
        }
    }

    async fn end(&mut self, kill: bool) {
        let runner = self.runner.take().unwrap();
        if kill {
            runner.kill();
        } else {
            self.stop(runner).await;
        }
    }

    async fn stop(&self, runner: Process) {
        let code = runner.terminate().await;
        let log = |name| std::fs::read_to_string(self.folder.path().join(name).join("logs/app.log"));
        assert_eq!(code, Some(0), "{:?} {:?}", log(FIRST), log(SECOND));
    }

    fn begin(&mut self) {
        self.runner = Some(self.start(FIRST));
    }

    /// Starts a runner in this folder; runners with the same folder share a journal, one after the other.
    fn start(&mut self, name: &str) -> Process {
        let known = self.journal_of(name);
        let folder = self.folder.path().join(name);
        std::fs::create_dir_all(&folder).unwrap();
        let runner = Process::start(Path::new(self.binary), &folder, &self.config);
        self.known.insert(runner.id(), known);
        runner
    }

    /// The content of all journals.
    fn journal(&self) -> Known {
        let mut all = self.journal_of(SECOND);
        all.extend(self.journal_of(FIRST));
        all
    }

    /// The content of a runner's journal, read while no runner has it open.
    fn journal_of(&self, name: &str) -> Known {
        let file = self.folder.path().join(name).join("circuits.journal");
        if !file.exists() {
            return Known::new();
        }
        let journal = rusqlite::Connection::open(file).unwrap();
        let mut rows = journal.prepare("SELECT id, seq, state > 0 FROM message").unwrap();
        let entry =
            |row: &rusqlite::Row<'_>| Ok((row.get(0)?, Entry { seq: row.get(1)?, finished: row.get(2)? }));
        rows.query_map([], entry).unwrap().map(Result::unwrap).collect()
    }
}

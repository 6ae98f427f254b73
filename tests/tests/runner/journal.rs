//! The purposes of the journal: the end of the process at any moment, a disk that fails, and two runners on one file.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use circuits::journal::{Arrival, Journal, JournalFuture, MemoryJournal, Outcome, Settlement, Standing};
use circuits::{Reply, Signal};
use circuits_sandbox::{Invocation, InvocationId, Status};
use circuits_tests::probe::{DESTINATION, Probe};
use circuits_tests::suite::Process;
use circuits_tests::world::{On, World, launch_on};
use tokio::sync::watch;

const BINARY: &str = env!("CARGO_BIN_EXE_probe-runner");

fn start(directory: &Path, world: &World, resilient: &str, probe: &str) -> Process {
    let config = format!("{}[probe]\n{probe}\n", world.app_config(resilient));
    Process::start(Path::new(BINARY), directory, &config)
}

fn runs(invocation: &Invocation) -> usize {
    invocation.replies.iter().filter(|reply| String::from_utf8_lossy(&reply.body).contains("running")).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn after_sigkill_the_finished_is_answered_and_the_unfinished_runs_again() {
    let world = World::start(On::Sandbox).await;
    let directory = tempfile::tempdir().unwrap();
    let first = start(directory.path(), &world, "", "hang=true");
    let hanging = world.fire("Gate", world.incident()).await;
    world.sandbox.until(hanging, |invocation| invocation.text().contains("at the gate")).await;
    // The platform gets the reply, but the runner never gets the receipt.
    world.sandbox.faults().drop_receipts(1);
    let finished = world.fire("Tell", world.incident()).await;
    world.settled(finished).await;
    first.kill();

    let second = start(directory.path(), &world, "", "");
    let finished = world.sandbox.until(finished, |invocation| invocation.final_replies == 2).await;
    assert_eq!((finished.status, runs(&finished)), (Status::Completed, 1), "{:?}", finished.replies);
    let hanging = world.settled(hanging).await;
    assert_eq!((hanging.status, hanging.final_replies), (Status::Completed, 1));
    assert_eq!(hanging.text(), "at the gate\nat the gate\nthrough the gate");
    assert_eq!(second.terminate().await, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_ends_the_process_too_often_is_set_aside_and_what_only_waits_is_not() {
    let world = World::start(On::Sandbox).await;
    let directory = tempfile::tempdir().unwrap();
    let lines = "max_attempts=2\nnum_workers=1";
    let incident = world.incident();
    // It waits for an hour, that is, through both crashes.
    let deferred = world.fire("Defer", world.incident()).await;
    let aborting = world.fire("Abort", incident).await;
    let behind = world.fire("Echo", incident).await;
    for _ in 0..2 {
        let process = start(directory.path(), &world, lines, "wait_ms=3600000");
        assert_eq!(process.ended().await, None, "it ends by SIGABRT");
    }
    let last = start(directory.path(), &world, lines, "wait_ms=1");
    let aborted = world.settled(aborting).await;
    assert_eq!((aborted.status, aborted.final_replies), (Status::Error, 1));
    assert!(aborted.text().contains("Gave up after 2 attempts"), "{}", aborted.text());
    for innocent in [behind, deferred] {
        let invocation = world.settled(innocent).await;
        assert_eq!(invocation.status, Status::Completed, "{}", invocation.text());
    }
    assert_eq!(last.terminate().await, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_that_interrupts_a_handler_is_no_attempt() {
    let world = World::start(On::Sandbox).await;
    let directory = tempfile::tempdir().unwrap();
    let lines = "max_attempts=1\nshutdown_timeout=0";
    let id = world.fire("Gate", world.incident()).await;
    for rounds in 1..=2 {
        let process = start(directory.path(), &world, lines, "hang=true");
        world
            .sandbox
            .until(id, |invocation| invocation.text().matches("at the gate").count() == rounds)
            .await;
        assert_eq!(process.terminate().await, Some(0));
    }
    let process = start(directory.path(), &world, lines, "");
    let invocation = world.settled(id).await;
    assert_eq!(invocation.status, Status::Completed, "{}", invocation.text());
    assert_eq!(process.terminate().await, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_journal_that_cannot_be_had_ends_the_start() {
    let world = World::start(On::Sandbox).await;
    let directory = tempfile::tempdir().unwrap();
    let first = start(directory.path(), &world, "", "");
    let id = world.fire("Echo", world.incident()).await;
    world.settled(id).await;
    let refused = |journal: &str| {
        let output = Command::new(BINARY)
            .args(["run", "--config-file"])
            .arg(directory.path().join("app.config"))
            .arg("--logdir")
            .arg(directory.path().join("other/logs"))
            .args(["--journal", journal])
            .env("APP_LOCK_FILE", directory.path().join("other-lock"))
            .output()
            .unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let file = directory.path().join("circuits.journal");
    let (code, text) = refused(file.to_str().unwrap());
    assert!(code == Some(3) && text.contains("in use") && text.contains("circuits.journal-lock"), "{text}");
    let (code, text) = refused("/proc/circuits/journal");
    assert!(code == Some(1) && text.contains("journal=off"), "{text}");
    let (code, text) = refused(directory.path().join("app.config").to_str().unwrap());
    assert!(code == Some(1) && text.contains("not a circuits journal"), "{text}");
    assert_eq!(first.terminate().await, Some(0));
}

/// A journal on a disk that fails in one kind of call.
struct Sick {
    inner: MemoryJournal,
    /// The name of the call.
    refuses: watch::Sender<&'static str>,
    refused: watch::Sender<usize>,
}

impl Sick {
    fn of(call: &'static str) -> Arc<Self> {
        let (refuses, refused) = (watch::Sender::new(call), watch::Sender::new(0));
        Arc::new(Self { inner: MemoryJournal::default(), refuses, refused })
    }

    /// Waits until it has refused a call.
    async fn refused(&self) {
        self.refused.subscribe().wait_for(|count| *count > 0).await.unwrap();
    }

    fn heal(&self) {
        self.refuses.send_replace("");
    }

    fn or<'a, T: Send + 'a>(
        &'a self,
        call: &'static str,
        well: impl FnOnce(&'a MemoryJournal) -> JournalFuture<'a, T>,
    ) -> JournalFuture<'a, T> {
        if *self.refuses.borrow() != call {
            return well(&self.inner);
        }
        self.refused.send_modify(|count| *count += 1);
        Box::pin(std::future::ready(Err(circuits::Error::new("the disk is full"))))
    }
}

impl Journal for Sick {
    fn begin<'a>(&'a self, arrivals: &'a [Arrival<'a>]) -> JournalFuture<'a, Vec<Standing>> {
        self.or("begin", |journal| journal.begin(arrivals))
    }

    fn started<'a>(
        &'a self,
        id: &'a str,
        rule: Option<&'a str>,
        incident: Option<i64>,
    ) -> JournalFuture<'a, ()> {
        self.or("started", |journal| journal.started(id, rule, incident))
    }

    fn released<'a>(&'a self, id: &'a str) -> JournalFuture<'a, ()> {
        self.or("released", |journal| journal.released(id))
    }

    fn finish<'a>(&'a self, id: &'a str, reply: &'a Reply, outcome: Outcome) -> JournalFuture<'a, ()> {
        self.or("finish", |journal| journal.finish(id, reply, outcome))
    }

    fn settled<'a>(&'a self, id: &'a str, settlement: Settlement) -> JournalFuture<'a, ()> {
        self.or("settled", |journal| journal.settled(id, settlement))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_runs_that_the_journal_cannot_note() {
    let world = World::start(On::Sandbox).await;
    for call in ["begin", "started"] {
        let probe = Probe::new(call);
        let journal = Sick::of(call);
        let runner = launch_on(world.config(&probe, ""), Arc::clone(&journal) as _).await.unwrap();
        let id = world.fire("Echo", world.incident()).await;
        journal.refused().await;
        assert_eq!((probe.runs().len(), status(&world, id)), (0, Status::Pending), "{call}");
        journal.heal();
        let invocation = world.settled(id).await;
        assert_eq!((invocation.status, invocation.final_replies), (Status::Completed, 1), "{call}");
        runner.stop().await.unwrap();
        assert_eq!(probe.runs().len(), 1, "{call}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_result_is_told_to_nobody_before_the_journal_has_it() {
    let world = World::start(On::Sandbox).await;
    let probe = Probe::new("finish");
    let journal = Sick::of("finish");
    let mut runner = launch_on(world.config(&probe, ""), Arc::clone(&journal) as _).await.unwrap();
    runner.until(|signal| matches!(signal, Signal::DestinationSubscribed(_))).await;
    let id = world.fire("Echo", world.incident()).await;
    journal.refused().await;
    // The message comes again while its result is held.
    world.sandbox.faults().drop_connections();
    runner.until(|signal| matches!(signal, Signal::DestinationSubscribed(_))).await;
    assert_eq!(status(&world, id), Status::Pending);
    journal.heal();
    let invocation = world.settled(id).await;
    assert_eq!((invocation.status, invocation.final_replies), (Status::Completed, 1));
    runner.stop().await.unwrap();
    assert_eq!(probe.runs().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_with_a_sick_journal_answers_what_is_handled() {
    let world = World::start(On::Sandbox).await;
    let probe = Probe::new("stop");
    let journal = Sick::of("finish");
    let config = world.config(&probe, "shutdown_timeout=0");
    let runner = launch_on(config, Arc::clone(&journal) as _).await.unwrap();
    let id = world.fire("Echo", world.incident()).await;
    journal.refused().await;
    runner.stop().await.unwrap();
    let invocation = world.settled(id).await;
    assert_eq!((invocation.status, invocation.final_replies), (Status::Completed, 1));
    world.sandbox.idle(&world.sandbox.queue(DESTINATION)).await;
}

fn status(world: &World, id: InvocationId) -> Status {
    world.sandbox.invocation(id).unwrap().status
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_the_broker_delivers_twice_runs_once() {
    let world = World::start(On::Sandbox).await;
    let probe = Probe::new("twice");
    let runner = world.run(&probe, "").await;
    world.sandbox.faults().double_messages(2);
    let (waiting, quick) =
        (world.fire("Gate", world.incident()).await, world.fire("Echo", world.incident()).await);
    let queue = world.sandbox.queue(DESTINATION);
    world.settled(quick).await;
    world.sandbox.queue_is(&queue, |stats| stats.ready == 0 && stats.unacked == 1).await;
    probe.gate.add_permits(1);
    world.settled(waiting).await;
    world.sandbox.idle(&queue).await;
    probe.assert_nothing_ran_twice();
    for id in [waiting, quick] {
        assert_eq!(world.sandbox.invocation(id).unwrap().final_replies, 1);
    }
    runner.stop().await.unwrap();
}

//! The steps of a message's way through the runner, each by itself: the time, and the instructions, which do not depend on how
//! busy the machine is. `cargo bench -p circuits-benches --bench message`
//!
//! `-- instructions` counts only instructions (it needs valgrind) and writes `benches/instructions.md`; the differences that git
//! shows there are the costs or savings of a change.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed bench should stop loudly")]

mod instructions;
mod steps;

use clap::{Parser, Subcommand};
use criterion::{Criterion, Throughput};

/// Measures the steps of a message's way.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// An argument that `cargo bench` adds.
    #[arg(long, hide = true, global = true)]
    bench: bool,
}

#[derive(Subcommand)]
enum Command {
    /// Counts instructions.
    Instructions,
    /// Takes one step this many times, for the count.
    #[command(hide = true)]
    Step { name: String, times: u64 },
}

fn main() {
    match Arguments::parse().command {
        Some(Command::Instructions) => instructions::count(),
        Some(Command::Step { name, times }) => {
            let step = steps::all().into_iter().find(|step| step.name == name).expect("no such step");
            let mut take = (step.prepare)();
            (0..times).for_each(|_| take());
        }
        None => {
            let mut criterion = Criterion::default();
            for step in steps::all() {
                let mut group = criterion.benchmark_group(step.name);
                group.throughput(Throughput::Elements(step.messages));
                let mut take = (step.prepare)();
                group.bench_function("a message", |bencher| bencher.iter(&mut take));
                group.finish();
            }
            instructions::count();
        }
    }
}

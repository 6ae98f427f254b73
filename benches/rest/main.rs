//! Calls per second and allocations of the REST client next to bare reqwest doing the same by hand, against a sandbox in
//! a separate process: `cargo bench -p circuits-benches --bench rest`.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed bench should stop loudly")]

mod bare;
mod ours;
mod sandbox;

use std::alloc::System;
use std::future::Future;
use std::time::Instant;

use clap::Parser;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

use bare::Bare;
use ours::Ours;
use sandbox::Platform;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// How often each client is measured, in turns; the median counts.
const TURNS: usize = 3;
const AT_ONCE: [usize; 2] = [1, 50];

/// Measures get, put and update, alone and 50 at once.
#[derive(Parser)]
struct Arguments {
    /// Calls per measurement.
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(50..))]
    calls: u64,
    /// Runs the sandbox, for the bench itself.
    #[arg(long, hide = true)]
    sandbox: bool,
    /// An argument that `cargo bench` adds.
    #[arg(long, hide = true)]
    bench: bool,
}

/// The measured operations.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Operation {
    Get,
    Put,
    Update,
    /// An update whose first write comes too late.
    Conflict,
}

/// One client under test, with its own incidents.
pub(crate) trait Caller: Clone + Send + Sync + 'static {
    fn call(&self, operation: Operation, incident: i64) -> impl Future<Output = ()> + Send;
}

/// Calls per second, allocations and bytes allocated per call.
#[derive(Clone, Copy)]
struct Figures {
    rate: f64,
    allocations: f64,
    bytes: f64,
}

#[tokio::main]
async fn main() {
    let arguments = Arguments::parse();
    if arguments.sandbox {
        return sandbox::serve().await;
    }
    let platform = Platform::start();
    let bare = Bare::new(&platform);
    let ours = Ours::new(&platform).await;
    let incidents = bare.incidents(AT_ONCE.into_iter().max().unwrap()).await;
    for operation in [Operation::Get, Operation::Conflict] {
        measure(&ours, operation, &incidents, 200).await;
        measure(&bare, operation, &incidents, 200).await;
    }
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    println!(
        "HTTPS to a sandbox that shares {cores} cores with the bench; median of {TURNS} times {} calls.\n",
        arguments.calls
    );
    println!(
        "| Call | at once | circuits-rest, calls/s | bare reqwest, calls/s | allocations/call | bare | KiB/call | bare |"
    );
    println!("|---|---:|---:|---:|---:|---:|---:|---:|");
    for (operation, name) in [
        (Operation::Get, "get"),
        (Operation::Put, "put"),
        (Operation::Update, "update"),
        (Operation::Conflict, "update, one conflict"),
    ] {
        for at_once in AT_ONCE {
            let (mut a, mut b) = (Vec::new(), Vec::new());
            for _ in 0..TURNS {
                a.push(measure(&ours, operation, &incidents[..at_once], arguments.calls).await);
                b.push(measure(&bare, operation, &incidents[..at_once], arguments.calls).await);
            }
            let (a, b) = (median(a), median(b));
            println!(
                "| {name} | {at_once} | {:.0} | {:.0} | {:.0} | {:.0} | {:.1} | {:.1} |",
                a.rate, b.rate, a.allocations, b.allocations, a.bytes, b.bytes
            );
        }
    }
}

/// Measures `calls` calls, with one worker per incident.
async fn measure(caller: &impl Caller, operation: Operation, incidents: &[i64], calls: u64) -> Figures {
    let each = calls / incidents.len() as u64;
    let all = (each * incidents.len() as u64) as f64;
    let (region, begun) = (Region::new(ALLOCATOR), Instant::now());
    let workers: Vec<_> = incidents
        .iter()
        .map(|&incident| {
            let caller = caller.clone();
            tokio::spawn(async move {
                for _ in 0..each {
                    caller.call(operation, incident).await;
                }
            })
        })
        .collect();
    for worker in workers {
        worker.await.unwrap();
    }
    let (took, used) = (begun.elapsed().as_secs_f64(), region.change());
    Figures {
        rate: all / took,
        allocations: (used.allocations + used.reallocations) as f64 / all,
        bytes: used.bytes_allocated as f64 / all / 1024.0,
    }
}

fn median(mut figures: Vec<Figures>) -> Figures {
    figures.sort_by(|a, b| a.rate.total_cmp(&b.rate));
    figures[figures.len() / 2]
}

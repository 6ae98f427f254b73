//! Compares the history of the messages with the rules of delivery, and counts.

use std::collections::{HashMap, HashSet};
use std::fmt;

use circuits_sandbox::{Invocation, Status};

use super::diary::{Line, Step};

/// The messages in the journal at some moment, by key.
pub type Known = HashMap<String, Entry>;

/// The journal's entry about a message.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// Grows in the order of arrival.
    pub seq: i64,
    /// Whether its handler finished.
    pub finished: bool,
}

/// The effects of one fault: a row of the table.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// The fault's name.
    pub fault: String,
    /// How often it was made.
    pub faults: usize,
    /// Actions fired.
    pub messages: usize,
    /// Actions that the platform still waits for.
    pub lost: usize,
    /// Actions that were answered only after the runner was restarted.
    pub forgotten: usize,
    /// Actions with more than one final reply, all of them identical.
    pub repeated: usize,
    /// Actions with final replies that differ.
    pub contradicted: usize,
    /// Handlers that ran again after their result was in the journal, or twice in one process.
    pub double_runs: usize,
    /// Handlers that began again because their process was killed under them, which is right.
    pub resumed: usize,
    /// Actions that began before an action of the same incident that had come to the same process earlier.
    pub order_breaks: usize,
    /// Actions that began before an action of the same incident that was fired earlier: brokers redeliver the messages of a
    /// lost connection in a different order.
    pub reordered: usize,
    /// Whether the broker still has messages at the end, or (on the sandbox) some that the runner answered but did not
    /// acknowledge.
    pub left_over: bool,
    /// The longest time without a final reply, in milliseconds.
    pub longest_gap: u64,
}

impl Tally {
    /// Counts. `fired` are the actions of this row in the order of their firing, `known` the
    /// journal as each process found it, `arrived` the journal at the end.
    pub fn of(
        fault: &str,
        faults: usize,
        fired: &[Invocation],
        diary: &[Line],
        known: &HashMap<u32, Known>,
        arrived: &Known,
    ) -> Self {
        let mut tally = Self { fault: fault.to_owned(), faults, messages: fired.len(), ..Self::default() };
        tally.read_replies(fired);
        tally.read_runs(diary, known);
        tally.read_order(fired, diary, known, arrived);
        tally
    }

    fn read_replies(&mut self, fired: &[Invocation]) {
        let mut times = Vec::new();
        for invocation in fired {
            let finals: Vec<_> = invocation.replies.iter().filter(|reply| reply.complete).collect();
            match finals.as_slice() {
                [] => self.lost += 1,
                [_] => {}
                [first, rest @ ..] if rest.iter().all(|reply| reply.body == first.body) => self.repeated += 1,
                _ => self.contradicted += 1,
            }
            self.lost += usize::from(!finals.is_empty() && invocation.status != Status::Completed);
            times.extend(
                invocation.messages.iter().filter(|message| message.complete).map(|message| message.time),
            );
        }
        times.sort_unstable();
        self.longest_gap = times.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap_or_default();
    }

    /// A message counts as finished if the journal had it as finished when the process began.
    fn read_runs(&mut self, diary: &[Line], known: &HashMap<u32, Known>) {
        let mut begun: HashMap<&str, HashSet<u32>> = HashMap::new();
        for line in diary.iter().filter(|line| line.step == Step::Begin) {
            let processes = begun.entry(&line.action).or_default();
            let finished = known[&line.process].get(&line.key).is_some_and(|entry| entry.finished);
            self.resumed += usize::from(!processes.is_empty());
            self.double_runs += usize::from(!processes.insert(line.process) || finished);
        }
    }

    fn read_order(
        &mut self,
        fired: &[Invocation],
        diary: &[Line],
        known: &HashMap<u32, Known>,
        arrived: &Known,
    ) {
        let mut first: HashMap<&str, (usize, &Line)> = HashMap::new();
        for (at, line) in diary.iter().enumerate().filter(|(_, line)| line.step == Step::Begin) {
            first.entry(&line.action).or_insert((at, line));
        }
        let mut lanes: HashMap<i64, Vec<(usize, &Line)>> = HashMap::new();
        for invocation in fired {
            let begun = first.get(invocation.id.correlation_id().as_str());
            lanes.entry(invocation.incident).or_default().extend(begun);
        }
        for lane in lanes.values_mut() {
            self.reordered += lane.windows(2).filter(|pair| pair[0].0 > pair[1].0).count();
            lane.sort_by_key(|(at, _)| *at);
            // Messages that an earlier process already had come again in any order.
            let fresh = lane.iter().filter(|(_, line)| !known[&line.process].contains_key(&line.key));
            let came: Vec<_> = fresh.map(|(_, line)| (line.process, arrived[&line.key].seq)).collect();
            self.order_breaks +=
                came.windows(2).filter(|pair| pair[0].0 == pair[1].0 && pair[0].1 > pair[1].1).count();
        }
    }

    /// Whether a rule of delivery was broken. Only in the confirmed mode may an identical reply come a second time: when the
    /// connection or the process ended between the broker's receipt and the runner's note of it.
    pub fn is_broken(&self, mode: &str) -> bool {
        let repeated = if mode == "confirmed" { 0 } else { self.repeated };
        self.lost + self.forgotten + repeated + self.contradicted + self.double_runs + self.order_breaks > 0
            || self.left_over
    }

    /// The head of the table.
    pub fn head() -> &'static str {
        "fault              | faults | messages | lost | forgotten | repeated | contradicted | double runs | resumed | order breaks | reordered | left over | longest gap ms"
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:<18} | {:>6} | {:>8} | {:>4} | {:>9} | {:>8} | {:>12} | {:>11} | {:>7} | {:>12} | {:>9} | {:>9} | {:>14}",
            self.fault,
            self.faults,
            self.messages,
            self.lost,
            self.forgotten,
            self.repeated,
            self.contradicted,
            self.double_runs,
            self.resumed,
            self.order_breaks,
            self.reordered,
            self.left_over,
            self.longest_gap
        )
    }
}

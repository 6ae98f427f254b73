//! The broker's state: queues, subscriptions and un-acked deliveries. [`super::Broker`] locks it.
use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::message::{Delivery, Message, Publication};
use crate::event::{Event, Events};
use crate::invocation::Progress;

/// Where ActiveMQ puts messages that a consumer refuses.
pub(crate) const DEAD_LETTERS: &str = "ActiveMQ.DLQ";

/// A command to the writer task of a connection.
pub(crate) enum Out {
    Frame(bytes::Bytes),
    Deliver(Delivery),
    /// From now on, send an EOL after this much silence.
    HeartBeat(std::time::Duration),
    /// Write what is queued, then close.
    Close,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AckMode {
    Auto,
    /// An ACK covers all earlier deliveries too.
    Client,
    Individual,
}

pub(crate) struct Subscription {
    pub(crate) queue: Arc<str>,
    pub(crate) mode: AckMode,
    pub(crate) prefetch: usize,
    /// Deliveries that count against the prefetch: un-acked and not acked in an open transaction either.
    in_flight: usize,
}

struct Pending {
    subscription: Arc<str>,
    queue: Arc<str>,
    message: Arc<Message>,
    in_transaction: bool,
}

struct Ready {
    message: Arc<Message>,
    redelivered: bool,
}

#[derive(Default)]
pub(crate) struct Queue {
    ready: VecDeque<Ready>,
    consumers: Vec<(u64, Arc<str>)>,
    turn: usize,
    unacked: usize,
    dead: usize,
}

/// The numbers of a queue at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QueueStats {
    /// Messages that wait for a consumer.
    pub ready: usize,
    /// Messages that are delivered but not acknowledged.
    pub unacked: usize,
    /// Subscriptions to the queue.
    pub consumers: usize,
    /// Messages of this queue that were refused and went to the dead letter queue.
    pub dlq: usize,
}

/// One connection as the broker's state sees it.
pub(crate) struct Link {
    pub(crate) out: mpsc::UnboundedSender<Out>,
    pub(crate) stop: CancellationToken,
    ack_prefix: String,
    subscriptions: HashMap<Arc<str>, Subscription>,
    pending: BTreeMap<u64, Pending>,
    /// Deliveries that an UNSUBSCRIBE took away. ActiveMQ still accepts their ACK, with a receipt and without effect
    /// (measured on 5.17.2): by then another consumer has the message.
    orphans: HashSet<u64>,
    next_ack: u64,
}

pub(crate) struct State {
    id_prefix: String,
    queues: HashMap<Arc<str>, Queue>,
    pub(crate) links: HashMap<u64, Link>,
    next_seq: u64,
    next_link: u64,
    /// How many of the next action messages to queue twice.
    pub(crate) doubled: usize,
    events: Events,
}

impl State {
    pub(crate) fn new(id_prefix: String, events: Events) -> Self {
        Self {
            id_prefix,
            queues: HashMap::new(),
            links: HashMap::new(),
            next_seq: 0,
            next_link: 0,
            doubled: 0,
            events,
        }
    }

    pub(crate) fn connect(&mut self, out: mpsc::UnboundedSender<Out>, stop: CancellationToken) -> u64 {
        self.next_link += 1;
        let ack_prefix = format!("{}-{}:", self.id_prefix, self.next_link);
        let link = Link {
            out,
            stop,
            ack_prefix,
            subscriptions: HashMap::new(),
            pending: BTreeMap::new(),
            orphans: HashSet::new(),
            next_ack: 0,
        };
        self.links.insert(self.next_link, link);
        self.next_link
    }

    /// Forgets a connection; what it held goes back to its queues, marked as redelivered.
    pub(crate) fn disconnect(&mut self, id: u64) {
        let Some(link) = self.links.remove(&id) else { return };
        for queue in self.queues.values_mut() {
            queue.consumers.retain(|(link, _)| *link != id);
        }
        self.requeue(link.pending.into_values().collect());
    }

    fn requeue(&mut self, pending: Vec<Pending>) {
        let mut touched: Vec<Arc<str>> = Vec::new();
        for Pending { queue: name, message, .. } in pending {
            let queue = self.queues.entry(name.clone()).or_default();
            queue.unacked -= 1;
            // Back to where it was: before everything that arrived later.
            let at = queue.ready.partition_point(|ready| ready.message.seq < message.seq);
            queue.ready.insert(at, Ready { message, redelivered: true });
            if !touched.contains(&name) {
                touched.push(name);
            }
        }
        for queue in touched {
            self.dispatch(&queue);
        }
    }

    /// Puts a message on its queue and delivers what can be delivered; returns its message id.
    pub(crate) fn publish(&mut self, publication: Publication, progress: Arc<Progress>) -> String {
        self.next_seq += 1;
        let id = format!("{}:1:1:{}", self.id_prefix, self.next_seq);
        let queue: Arc<str> = publication.queue.as_str().into();
        let message = Message::new(self.next_seq, id.clone(), publication, progress);
        self.enqueue(&queue, message);
        id
    }

    fn enqueue(&mut self, queue: &Arc<str>, message: Message) {
        let message = Arc::new(message);
        let ready = &mut self.queues.entry(queue.clone()).or_default().ready;
        if self.doubled > 0 && queue.starts_with("actions.") {
            self.doubled -= 1;
            ready.push_back(Ready { message: message.clone(), redelivered: false });
        }
        ready.push_back(Ready { message, redelivered: false });
        self.dispatch(queue);
    }

    pub(crate) fn subscribe(
        &mut self,
        link: u64,
        id: &str,
        subscription: Subscription,
    ) -> Result<(), String> {
        let Some(entry) = self.links.get_mut(&link) else { return Ok(()) };
        if entry.subscriptions.contains_key(id) {
            return Err(format!(
                "Already subscribed: there is a subscription with id {id} on this connection"
            ));
        }
        let (id, queue): (Arc<str>, _) = (id.into(), subscription.queue.clone());
        entry.subscriptions.insert(id.clone(), subscription);
        self.queues.entry(queue.clone()).or_default().consumers.push((link, id));
        self.dispatch(&queue);
        Ok(())
    }

    pub(crate) fn unsubscribe(&mut self, link: u64, id: &str) -> Result<(), String> {
        let entry = self.links.get_mut(&link);
        let Some((entry, subscription)) = entry.and_then(|e| e.subscriptions.remove(id).map(|s| (e, s)))
        else {
            return Err("No subscription matched.".to_owned());
        };
        let held = entry.pending.iter().filter(|(_, p)| *p.subscription == *id).map(|(n, _)| *n);
        let held: Vec<u64> = held.collect();
        entry.orphans.extend(&held);
        let held = held.into_iter().filter_map(|n| entry.pending.remove(&n)).collect();
        if let Some(queue) = self.queues.get_mut(&subscription.queue) {
            queue.consumers.retain(|(l, s)| *l != link || **s != *id);
        }
        self.requeue(held);
        Ok(())
    }

    /// Settles the delivery that `ack` names: done, refused, or (in a transaction) noted as done at COMMIT.
    /// Returns the numbers of the deliveries concerned; in mode `client` these are all up to this one.
    pub(crate) fn settle(&mut self, link: u64, ack: &str, how: Settle) -> Option<Vec<u64>> {
        let entry = self.links.get_mut(&link)?;
        let number = ack.strip_prefix(&entry.ack_prefix)?.parse::<u64>().ok()?;
        if entry.orphans.remove(&number) {
            return Some(Vec::new());
        }
        let pending = entry.pending.get(&number).filter(|pending| !pending.in_transaction)?;
        let (name, queue) = (pending.subscription.clone(), pending.queue.clone());
        let subscription = entry.subscriptions.get_mut(&name)?;
        let numbers: Vec<u64> = if subscription.mode == AckMode::Client {
            let same = |(_, p): &(&u64, &Pending)| p.subscription == name && !p.in_transaction;
            entry.pending.range(..=number).filter(same).map(|(n, _)| *n).collect()
        } else {
            vec![number]
        };
        subscription.in_flight -= numbers.len();
        if how == Settle::Later {
            for number in &numbers {
                if let Some(pending) = entry.pending.get_mut(number) {
                    pending.in_transaction = true;
                }
            }
        } else {
            self.remove(link, &numbers, how == Settle::Refuse);
        }
        self.dispatch(&queue);
        Some(numbers)
    }

    /// Removes deliveries for good; refused persistent ones go to the dead letter queue.
    fn remove(&mut self, link: u64, numbers: &[u64], refused: bool) {
        let Some(entry) = self.links.get_mut(&link) else { return };
        let gone: Vec<Pending> = numbers.iter().filter_map(|number| entry.pending.remove(number)).collect();
        for pending in gone {
            let queue = self.queues.entry(pending.queue.clone()).or_default();
            queue.unacked -= 1;
            // ActiveMQ drops refused non-persistent messages silently.
            if refused && pending.message.persistent {
                queue.dead += 1;
                self.next_seq += 1;
                let dead = pending.message.dead(self.next_seq, &pending.queue);
                self.enqueue(&DEAD_LETTERS.into(), dead);
            }
        }
    }

    /// COMMIT: the acknowledgements of a transaction take effect.
    pub(crate) fn commit(&mut self, link: u64, numbers: &[u64]) {
        self.remove(link, numbers, false);
    }

    /// ABORT: the deliveries stay with their subscription, un-acked, and may be acknowledged again.
    pub(crate) fn abort(&mut self, link: u64, numbers: &[u64]) {
        let Some(entry) = self.links.get_mut(&link) else { return };
        for number in numbers {
            let Some(pending) = entry.pending.get_mut(number) else { continue };
            pending.in_transaction = false;
            if let Some(subscription) = entry.subscriptions.get_mut(&pending.subscription) {
                subscription.in_flight += 1;
            }
        }
    }

    /// Drops what a crash would lose.
    pub(crate) fn forget_transient(&mut self) {
        for queue in self.queues.values_mut() {
            queue.ready.retain(|ready| ready.message.persistent);
        }
    }

    pub(crate) fn stats(&self, queue: &str) -> QueueStats {
        let Some(queue) = self.queues.get(queue) else { return QueueStats::default() };
        let (ready, consumers) = (queue.ready.len(), queue.consumers.len());
        QueueStats { ready, unacked: queue.unacked, consumers, dlq: queue.dead }
    }

    /// Hands waiting messages to consumers with room, round robin.
    fn dispatch(&mut self, name: &Arc<str>) {
        let Self { queues, links, events, .. } = self;
        let Some(queue) = queues.get_mut(name) else { return };
        while let Some(Ready { message, redelivered }) = queue.ready.pop_front() {
            let count = queue.consumers.len();
            let order = (0..count).map(|offset| (queue.turn + offset) % count);
            let chosen = order.into_iter().find(|at| {
                let (link, id) = &queue.consumers[*at];
                links.get(link).and_then(|l| l.subscriptions.get(id)).is_some_and(Subscription::has_room)
            });
            let Some(at) = chosen else {
                queue.ready.push_front(Ready { message, redelivered });
                return;
            };
            queue.turn = (at + 1) % count;
            let (link, id) = queue.consumers[at].clone();
            let Some(entry) = links.get_mut(&link) else { return };
            let Some(subscription) = entry.subscriptions.get_mut(&id) else { return };
            let number = message.progress.delivered();
            let ack = (subscription.mode != AckMode::Auto).then(|| {
                entry.next_ack += 1;
                subscription.in_flight += 1;
                queue.unacked += 1;
                let (subscription, queue, message) = (id.clone(), name.clone(), message.clone());
                let pending = Pending { subscription, queue, message, in_transaction: false };
                entry.pending.insert(entry.next_ack, pending);
                format!("{}{}", entry.ack_prefix, entry.next_ack)
            });
            events.emit(|| Event::Delivered {
                queue: name.to_string(),
                message_id: message.id.clone(),
                redelivered,
                deliveries: number,
            });
            let delivery = Delivery { message, ack, subscription: id, queue: name.clone(), redelivered };
            // A connection that is closing takes no more; its deliveries return to their queues when it is gone.
            let _ = entry.out.send(Out::Deliver(delivery));
        }
    }
}

/// The outcome of a delivery.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Settle {
    Done,
    Refuse,
    Later,
}

impl Subscription {
    pub(crate) fn new(queue: &str, mode: AckMode, prefetch: usize) -> Self {
        Self { queue: queue.into(), mode, prefetch, in_flight: 0 }
    }

    fn has_room(&self) -> bool {
        self.mode == AckMode::Auto || self.in_flight < self.prefetch
    }
}

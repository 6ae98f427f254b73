//! The writing half: everything that is ready goes out in one write, heart-beats when nothing else did.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::time::Instant;

use super::pending::{Sent, Waiting};
use super::{Connection, deadline, sleep_until};
use crate::codec::{Batch, Frame};
use crate::delivery::{Outgoing, Subscription};
use crate::error::Error;
use crate::shared::{Command, MESSAGE_COST};

/// Gathering stops here; a single larger frame goes out whole.
const BATCH_BYTES: usize = 128 * 1024;
const BATCH_COMMANDS: usize = 1024;

/// How many receipts for shared SENDs may be outstanding. A SEND with a receipt holds ActiveMQ up until it is on disk, so the
/// next SENDs gather meanwhile and share one receipt; a single SEND on an idle connection never waits.
const SHARED_RECEIPTS: usize = 2;
/// How many bytes of SENDs share a receipt: with the ACKs that follow, everything unanswered fits in ActiveMQ's socket buffer of
/// 64 KB. If that buffer fills up while ActiveMQ itself is writing, both ends may stop for as long as TCP takes to give up.
const SHARED_BYTES: usize = 16 * 1024;

/// Writes until that fails. After DISCONNECT it writes nothing more and never returns.
pub(super) async fn write(
    io: &mut (impl AsyncWrite + Unpin),
    mut commands: mpsc::UnboundedReceiver<Command>,
    first: Vec<Subscription>,
    beat: Option<Duration>,
    connection: &Connection<'_>,
) -> Error {
    let mut out = Outbox {
        connection,
        batch: Batch::default(),
        permits: vec![],
        held: VecDeque::new(),
        transactions: 0,
    };
    let mut ready: Vec<Command> = first.into_iter().map(Command::Subscribe).collect();
    let mut last = Instant::now();
    loop {
        let disconnect = out.encode(&mut ready);
        out.release(disconnect);
        // Checked here and not where the wait ends: commands that write nothing, such as SENDs held back, may end every wait.
        if out.batch.is_empty() && deadline(last, beat, 1).is_some_and(|due| due <= Instant::now()) {
            out.batch.push_beat();
        }
        match flush(io, &mut out.batch).await {
            Ok(true) => last = Instant::now(),
            Ok(false) => {}
            Err(error) => return broken(connection, error),
        }
        out.permits.clear();
        if disconnect {
            commands.close();
            return part(io, last, beat, connection).await;
        }
        let retry = connection.shared.lock().registry.next_retry();
        tokio::select! {
            biased;
            () = sleep_until(retry) => {
                let due = connection.shared.lock().registry.take_due(Instant::now());
                ready.extend(due.into_iter().map(Command::Subscribe));
            }
            () = gather(&mut commands, &mut ready) => {}
            () = sleep_until(deadline(last, beat, 1)) => {}
        }
    }
}

/// Waits for a command and takes along those that are ready by then.
async fn gather(commands: &mut mpsc::UnboundedReceiver<Command>, ready: &mut Vec<Command>) {
    // Never `None`: the connection itself holds a sender.
    let Some(command) = commands.recv().await else { return };
    let mut bytes = command.bytes();
    ready.push(command);
    while bytes < BATCH_BYTES && ready.len() < BATCH_COMMANDS {
        let Ok(command) = commands.try_recv() else { break };
        bytes += command.bytes();
        ready.push(command);
    }
}

impl Command {
    fn bytes(&self) -> usize {
        match self {
            Self::Send { message, .. } | Self::Post { message, .. } | Self::Transact { message, .. } => {
                message.body.len()
            }
            _ => 0,
        }
    }
}

/// Writes the batch. Returns whether there was anything to write: only that is a sign of life to the peer.
async fn flush(io: &mut (impl AsyncWrite + Unpin), batch: &mut Batch) -> std::io::Result<bool> {
    if batch.is_empty() {
        return Ok(false);
    }
    for part in batch.take() {
        io.write_all(&part).await?;
    }
    io.flush().await?;
    Ok(true)
}

fn broken(connection: &Connection<'_>, error: std::io::Error) -> Error {
    Error::lost(format!("{}: writing failed: {error}", connection.host)).because(error)
}

/// Ends the connection: sends DISCONNECT once the broker has answered for every message, and nothing after it.
async fn part(
    io: &mut (impl AsyncWrite + Unpin),
    mut last: Instant,
    beat: Option<Duration>,
    connection: &Connection<'_>,
) -> Error {
    let mut batch = Batch::default();
    while !connection.pending().idle() {
        tokio::select! {
            biased;
            () = connection.idle.notified() => continue,
            () = sleep_until(deadline(last, beat, 1)) => batch.push_beat(),
        }
        if let Err(error) = flush(io, &mut batch).await {
            return broken(connection, error);
        }
        last = Instant::now();
    }
    let receipt = connection.pending().register(Waiting::Disconnect);
    batch.push(Frame::disconnect(receipt));
    match flush(io, &mut batch).await {
        Ok(_) => std::future::pending().await,
        Err(error) => broken(connection, error),
    }
}

/// What is on its way to the wire.
struct Outbox<'a> {
    connection: &'a Connection<'a>,
    batch: Batch,
    /// Given back once the batch is written.
    permits: Vec<OwnedSemaphorePermit>,
    /// SENDs that wait to share a receipt.
    held: VecDeque<(Outgoing, Sent, OwnedSemaphorePermit)>,
    /// Transactions begun on this connection.
    transactions: u64,
}

impl Outbox<'_> {
    /// Turns commands into frames and notes what has to be answered. True when DISCONNECT is due; commands after it are
    /// dropped.
    fn encode(&mut self, ready: &mut Vec<Command>) -> bool {
        let disconnect = ready.iter().position(|command| matches!(command, Command::Disconnect));
        ready.truncate(disconnect.unwrap_or(ready.len()));
        let mut pending = self.connection.pending();
        for command in ready.drain(..) {
            let frame = match command {
                Command::Subscribe(subscription) => {
                    let receipt = pending.register(Waiting::Subscribe(subscription.destination.clone()));
                    Frame::subscribe(&subscription, receipt)
                }
                Command::Unsubscribe { destination, done } => {
                    let receipt = pending.register(Waiting::Unsubscribe(done));
                    Frame::unsubscribe(destination, receipt)
                }
                Command::Send { message, done, permit } => {
                    let sent = Sent { destination: message.destination.clone(), done };
                    if self.connection.share_receipts {
                        self.held.push_back((message, sent, permit));
                        continue;
                    }
                    self.permits.push(permit);
                    persistent(message).with("receipt", pending.register(Waiting::Sends(vec![sent])))
                }
                Command::Post { message, permit } => {
                    self.permits.push(permit);
                    let receipt = self
                        .connection
                        .receipt_on_posts
                        .then(|| pending.register(Waiting::Post(message.destination.clone())));
                    persistent(message).with_receipt(receipt)
                }
                Command::Transact { message, ack, done, permit } => {
                    self.permits.push(permit);
                    self.transactions += 1;
                    let name = format!("t{}-{}", self.connection.link.epoch, self.transactions);
                    let sent = Sent { destination: message.destination.clone(), done };
                    let (send, commit) =
                        pending.register_transaction(self.transactions, sent, self.connection.confirms_late);
                    self.batch.push(Frame::begin(name.clone()));
                    self.batch.push(persistent(message).with("transaction", name.clone()).with_receipt(send));
                    self.batch.push(Frame::ack(&ack).with("transaction", name.clone()));
                    Frame::commit(name).with("receipt", commit)
                }
                Command::Ack(id) => Frame::ack(&id),
                Command::Wake | Command::Disconnect => continue,
            };
            self.batch.push(frame);
        }
        disconnect.is_some()
    }

    /// Releases held SENDs in groups, the last of each with a receipt for all of its group: as many groups as may be
    /// outstanding, and at the end of the session all of them.
    fn release(&mut self, all: bool) {
        let mut pending = self.connection.pending();
        while !self.held.is_empty() && (all || pending.shared() < SHARED_RECEIPTS) {
            let (mut sharing, mut bytes) = (Vec::new(), 0);
            while let Some((message, sent, permit)) = self.held.pop_front() {
                bytes += message.body.len() + MESSAGE_COST;
                sharing.push(sent);
                self.permits.push(permit);
                let last = self.held.is_empty() || bytes >= SHARED_BYTES;
                let receipt = last.then(|| pending.register(Waiting::Sends(std::mem::take(&mut sharing))));
                self.batch.push(persistent(message).with_receipt(receipt));
                if last {
                    break;
                }
            }
        }
        pending.held_back = !self.held.is_empty();
    }
}

/// Every message is persistent: ActiveMQ handles others separately, and their order relative to persistent ones is lost.
fn persistent(message: Outgoing) -> Frame {
    Frame::send(message).with("persistent", "true")
}

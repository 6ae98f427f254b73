//! The writing half: everything that is ready goes out in one write, heart-beats when nothing else did.

use std::time::Duration;

use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::time::Instant;

use super::pending::{Sent, Waiting};
use super::{Connection, deadline, sleep_until};
use crate::codec::{Batch, Frame};
use crate::delivery::{Outgoing, Subscription};
use crate::error::Error;
use crate::shared::Command;

/// Gathering stops here; a single larger frame goes out whole.
const BATCH_BYTES: usize = 128 * 1024;
const BATCH_COMMANDS: usize = 1024;

/// Writes until that fails. After DISCONNECT it writes nothing more and never returns.
pub(super) async fn write(
    io: &mut (impl AsyncWrite + Unpin),
    mut commands: mpsc::UnboundedReceiver<Command>,
    first: Vec<Subscription>,
    beat: Option<Duration>,
    connection: &Connection<'_>,
) -> Error {
    let mut batch = Batch::default();
    let mut permits = Vec::new();
    let mut transactions = 0;
    let mut ready: Vec<Command> = first.into_iter().map(Command::Subscribe).collect();
    loop {
        let disconnect = encode(&mut ready, &mut batch, &mut permits, &mut transactions, connection);
        if let Err(error) = flush(io, &mut batch).await {
            return broken(connection, &error);
        }
        permits.clear();
        let last = Instant::now();
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
            () = sleep_until(deadline(last, beat, 1)) => batch.push_beat(),
        }
    }
}

/// Waits for a command and takes those that are ready with it.
async fn gather(commands: &mut mpsc::UnboundedReceiver<Command>, ready: &mut Vec<Command>) {
    // Never `None`: the connection itself holds a way in.
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

async fn flush(io: &mut (impl AsyncWrite + Unpin), batch: &mut Batch) -> std::io::Result<()> {
    for part in batch.take() {
        io.write_all(&part).await?;
    }
    io.flush().await
}

fn broken(connection: &Connection<'_>, error: &std::io::Error) -> Error {
    Error::lost(format!("{}: writing failed: {error}", connection.host))
}

/// The end: when the broker has answered for every message, DISCONNECT; then silence.
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
            return broken(connection, &error);
        }
        last = Instant::now();
    }
    let receipt = connection.pending().register(Waiting::Disconnect);
    batch.push(Frame::disconnect(receipt));
    match flush(io, &mut batch).await {
        Ok(()) => std::future::pending().await,
        Err(error) => broken(connection, &error),
    }
}

/// Turns commands into frames and notes what has to be answered. True when DISCONNECT is due; what was asked after it is
/// dropped.
fn encode(
    ready: &mut Vec<Command>,
    batch: &mut Batch,
    permits: &mut Vec<OwnedSemaphorePermit>,
    transactions: &mut u64,
    connection: &Connection<'_>,
) -> bool {
    let disconnect = ready.iter().position(|command| matches!(command, Command::Disconnect));
    ready.truncate(disconnect.unwrap_or(ready.len()));
    let last_send = ready.iter().rposition(|command| matches!(command, Command::Send { .. }));
    let mut pending = connection.pending();
    let mut sharing = Vec::new();
    for (index, command) in ready.drain(..).enumerate() {
        match command {
            Command::Subscribe(subscription) => {
                let receipt = pending.register(Waiting::Subscribe(subscription.destination.clone()));
                batch.push(Frame::subscribe(&subscription, receipt));
            }
            Command::Unsubscribe { destination, done } => {
                let receipt = pending.register(Waiting::Unsubscribe(done));
                batch.push(Frame::unsubscribe(destination, receipt));
            }
            Command::Send { message, done, permit } => {
                permits.push(permit);
                sharing.push(Sent { destination: message.destination.clone(), done });
                let mut frame = persistent(message);
                if !connection.share_receipts || Some(index) == last_send {
                    let receipt = pending.register(Waiting::Sends(std::mem::take(&mut sharing)));
                    frame = frame.with("receipt", receipt);
                }
                batch.push(frame);
            }
            Command::Post { message, permit } => {
                permits.push(permit);
                let destination = message.destination.clone();
                let mut frame = Frame::send(message);
                if connection.receipt_on_posts {
                    frame = frame.with("receipt", pending.register(Waiting::Post(destination)));
                }
                batch.push(frame);
            }
            Command::Transact { message, ack, done, permit } => {
                permits.push(permit);
                *transactions += 1;
                let name = format!("t{}-{}", connection.link.epoch, transactions);
                let sent = Sent { destination: message.destination.clone(), done };
                let (send, commit) = pending.register_transaction(*transactions, sent);
                batch.push(Frame::begin(name.clone()));
                batch.push(persistent(message).with("transaction", name.clone()).with("receipt", send));
                batch.push(Frame::ack(&ack).with("transaction", name.clone()));
                batch.push(Frame::commit(name).with("receipt", commit));
            }
            Command::Ack(id) => batch.push(Frame::ack(&id)),
            Command::LookAtRetries | Command::Disconnect => {}
        }
    }
    disconnect.is_some()
}

fn persistent(message: Outgoing) -> Frame {
    Frame::send(message).with("persistent", "true")
}

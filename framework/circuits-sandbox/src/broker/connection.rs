//! The two tasks of one connection. Reading never waits for writing; ready frames leave in one write.
use std::sync::Arc;
use std::time::Duration;

use bytes::{BufMut, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};
use tokio_native_tls::TlsStream;
use tokio_util::sync::CancellationToken;

use super::Broker;
use super::frame::Decoder;
use super::session::{Flow, Session};
use super::state::Out;
use crate::switches::Switches;

type Tls = TlsStream<TcpStream>;

/// Frames are gathered up to this many bytes for one write.
const WRITE: usize = 256 * 1024;
/// After an ERROR the broker reads on for this long, so that closing the socket does not destroy the ERROR in transit.
const LINGER: Duration = Duration::from_secs(1);

/// Serves one connection until it ends, then returns its un-acked messages to their queues.
pub(super) async fn serve(broker: Arc<Broker>, tls: Tls) {
    let (mut reader, writer) = tokio::io::split(tls);
    let (out, queued) = mpsc::unbounded_channel();
    let stop = broker.accept.stop.child_token();
    let closing = CancellationToken::new();
    let id = broker.change(|state| state.connect(out.clone(), stop.clone()));
    let write = {
        let (switches, stop, closing) = (broker.switches.clone(), stop.clone(), closing.clone());
        async move {
            tokio::select! {
                () = stop.cancelled() => {}
                () = write(writer, queued, &switches) => closing.cancel(),
            }
        }
    };
    broker.accept.tasks.spawn(write);

    let mut session = Session::new(broker.clone(), id, out);
    tokio::select! {
        () = stop.cancelled() => {}
        () = closing.cancelled() => {}
        () = read(&mut reader, &mut session, &broker.switches) => {}
    }
    broker.change(|state| state.disconnect(id));
    if closing.is_cancelled() {
        let _ = timeout(LINGER, discard(&mut reader, &stop)).await;
    }
    stop.cancel();
    session.ended();
}

/// Reads frames until the client leaves, breaks the rules or falls silent.
async fn read(reader: &mut ReadHalf<Tls>, session: &mut Session, switches: &Switches) {
    let (mut buffer, mut decoder) = (BytesMut::with_capacity(64 * 1024), Decoder::default());
    loop {
        switches.flowing().await;
        buffer.reserve(16 * 1024);
        let count = match session.patience {
            None => reader.read_buf(&mut buffer).await,
            Some(patience) => match timeout(patience, reader.read_buf(&mut buffer)).await {
                Ok(count) => count,
                // A stalled broker reads nothing, so it cannot accuse the client of silence.
                Err(_) if switches.stalled() => continue,
                Err(_) => return,
            },
        };
        if !matches!(count, Ok(1..)) {
            return;
        }
        switches.flowing().await;
        loop {
            let flow = match decoder.decode(&mut buffer) {
                Ok(None) => break,
                Ok(Some(frame)) => {
                    if let Some(delay) = switches.delay() {
                        sleep(delay).await;
                    }
                    session.handle(frame)
                }
                Err(text) => session.malformed(&text),
            };
            if flow == Flow::Close {
                // The writer ends the connection once the last frame is out.
                return discard(reader, &CancellationToken::new()).await;
            }
        }
    }
}

async fn discard(reader: &mut ReadHalf<Tls>, stop: &CancellationToken) {
    let mut waste = vec![0; 16 * 1024];
    tokio::select! {
        () = stop.cancelled() => {}
        () = async { while matches!(reader.read(&mut waste).await, Ok(1..)) {} } => {}
    }
}

/// Writes queued output until it is told to close, and sends heart-beats in between. Ends early when the socket is dead.
async fn write(mut writer: WriteHalf<Tls>, mut queued: mpsc::UnboundedReceiver<Out>, switches: &Switches) {
    let (mut batch, mut buffer) = (Vec::new(), BytesMut::new());
    let mut beat: Option<Duration> = None;
    loop {
        let more = queued.recv_many(&mut batch, 256);
        let count = match beat {
            None => more.await,
            Some(every) => match timeout(every, more).await {
                Ok(count) => count,
                Err(_) => {
                    if !switches.silent() {
                        switches.flowing().await;
                        if writer.write_all(b"\n").await.is_err() || writer.flush().await.is_err() {
                            return;
                        }
                    }
                    continue;
                }
            },
        };
        if count == 0 {
            return;
        }
        for out in batch.drain(..) {
            let mut last = false;
            match out {
                Out::Frame(frame) => buffer.put_slice(&frame),
                Out::Deliver(delivery) => delivery.message.write(&mut buffer, &delivery),
                Out::HeartBeat(every) => beat = Some(every),
                Out::Close => last = true,
            }
            let delay = switches.delay().filter(|_| !buffer.is_empty());
            if let Some(delay) = delay {
                sleep(delay).await;
            }
            if (last || delay.is_some() || buffer.len() >= WRITE)
                && !flush(&mut writer, &mut buffer, switches).await
            {
                return;
            }
            if last {
                let _ = writer.shutdown().await;
                return;
            }
        }
        if !flush(&mut writer, &mut buffer, switches).await {
            return;
        }
    }
}

async fn flush(writer: &mut WriteHalf<Tls>, buffer: &mut BytesMut, switches: &Switches) -> bool {
    switches.flowing().await;
    let written = writer.write_all(buffer).await.is_ok() && writer.flush().await.is_ok();
    buffer.clear();
    written
}

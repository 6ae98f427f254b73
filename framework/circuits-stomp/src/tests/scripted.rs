//! A broker for tests: the other end of an in-memory pipe, played by the test, byte by byte.
use std::collections::HashMap;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, ReadBuf};
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::connector::{Dial, Io};
use crate::error::{Error, Kind};
use crate::options::{Host, Options};
use crate::session::Session;
use crate::{AckToken, Deliveries, Delivery, Outgoing, State, Subscription};

pub(crate) const ACTIVEMQ: &str = "ActiveMQ/5.17.2";
pub(crate) const RABBITMQ: &str = "RabbitMQ/3.10.8";

/// The hosts whose ports nobody listens on, and how often each was tried meanwhile.
#[derive(Clone, Default)]
pub(crate) struct ClosedPorts(Arc<Mutex<HashMap<String, usize>>>);

impl ClosedPorts {
    pub(crate) fn close(&self, host: &str) {
        self.0.lock().unwrap().insert(host.to_owned(), 0);
    }

    /// How often it was tried while it was closed.
    pub(crate) fn open(&self, host: &str) -> usize {
        self.0.lock().unwrap().remove(host).unwrap()
    }

    fn refuse(&self, host: &Host) -> Result<(), Error> {
        match self.0.lock().unwrap().get_mut(&host.name) {
            Some(asked) => {
                *asked += 1;
                Err(Error::new(Kind::Unanswered, format!("{host} cannot be reached")))
            }
            None => Ok(()),
        }
    }
}

/// Every dial hands the other end of a fresh pipe to the test, unless the port is closed.
pub(crate) struct Pipes {
    size: usize,
    closed: ClosedPorts,
    dialled: mpsc::UnboundedSender<(Host, Peer)>,
}

impl Dial for Pipes {
    fn dial<'a>(&'a self, host: &'a Host, _: Instant) -> BoxFuture<'a, Result<Box<dyn Io>, Error>> {
        Box::pin(async move {
            self.closed.refuse(host)?;
            let (ours, theirs) = tokio::io::duplex(self.size);
            let writes = Arc::new(AtomicUsize::new(0));
            let peer = Peer { io: theirs, unread: Vec::new(), writes: writes.clone() };
            self.dialled
                .send((host.clone(), peer))
                .map_err(|_| Error::unreachable(format!("{host} is gone")))?;
            Ok(Box::new(Counted { io: ours, writes }) as Box<dyn Io>)
        })
    }
}

/// The client's end of a pipe; counts the writes.
struct Counted {
    io: DuplexStream,
    writes: Arc<AtomicUsize>,
}

impl AsyncRead for Counted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buf)
    }
}

impl AsyncWrite for Counted {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write(cx, buf);
        self.writes.fetch_add(usize::from(written.is_ready()), Ordering::Relaxed);
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

/// The broker's end of one connection.
pub(crate) struct Peer {
    pub(crate) io: DuplexStream,
    unread: Vec<u8>,
    writes: Arc<AtomicUsize>,
}

impl Peer {
    /// The next frame, without its NUL; heart-beats before it are skipped. Bodies here hold no NUL.
    pub(crate) async fn frame(&mut self) -> String {
        patient(self.next()).await.expect("the client hung up")
    }

    /// The next frame, or `None` when the client has hung up. Cancel safe.
    pub(crate) async fn next(&mut self) -> Option<String> {
        loop {
            let beats = self.unread.iter().take_while(|byte| **byte == b'\n').count();
            self.unread.drain(..beats);
            if let Some(end) = self.unread.iter().position(|byte| *byte == 0) {
                let frame: Vec<u8> = self.unread.drain(..=end).collect();
                return Some(String::from_utf8(frame[..end].to_vec()).unwrap());
            }
            if self.io.read_buf(&mut self.unread).await.ok()? == 0 {
                return None;
            }
        }
    }

    /// How many writes the client made so far.
    pub(crate) fn writes(&self) -> usize {
        self.writes.load(Ordering::Relaxed)
    }

    /// Whether the client has not hung up.
    pub(crate) async fn tell(&mut self, wire: &str) -> bool {
        self.io.write_all(wire.as_bytes()).await.is_ok()
    }

    pub(crate) async fn say(&mut self, wire: impl AsRef<[u8]>) {
        self.io.write_all(wire.as_ref()).await.unwrap();
    }

    /// Reads CONNECT and answers as `server`, heart-beats as asked.
    pub(crate) async fn accept(&mut self, server: &str, heart_beat: &str) -> String {
        let connect = self.frame().await;
        assert!(connect.starts_with("CONNECT\n"), "{connect}");
        self.say(format!("CONNECTED\nversion:1.2\nserver:{server}\nheart-beat:{heart_beat}\n\n\0\n")).await;
        connect
    }

    /// Confirms the receipt that `frame` asks for.
    pub(crate) async fn confirm(&mut self, frame: &str) {
        let receipt = header(frame, "receipt").expect("no receipt asked for");
        self.say(format!("RECEIPT\nreceipt-id:{receipt}\n\n\0\n")).await;
    }

    /// Reads a SUBSCRIBE to `destination` and confirms it.
    pub(crate) async fn subscribed(&mut self, destination: &str) {
        let frame = self.frame().await;
        assert!(frame.starts_with(&format!("SUBSCRIBE\ndestination:{destination}\n")), "{frame}");
        self.confirm(&frame).await;
    }

    /// Refuses the request in `frame` the way ActiveMQ does.
    pub(crate) async fn refuse(&mut self, frame: &str, text: &str) {
        let receipt = header(frame, "receipt").expect("no receipt asked for");
        self.say(format!("ERROR\nreceipt-id:{receipt}\nmessage:{text}\n\nstack trace\0\n")).await;
    }

    /// Delivers a message from `q` whose ack id is `ack`.
    pub(crate) async fn deliver(&mut self, ack: &str) {
        self.say(format!(
            "MESSAGE\nsubscription:q\nmessage-id:m-{ack}\nack:{ack}\ndestination:/queue/q\n\nhi\0\n"
        ))
        .await;
    }

    /// What has been written and not read yet; waits for at least one byte.
    pub(crate) async fn arrived(&mut self) -> Vec<u8> {
        if self.unread.is_empty() {
            patient(self.io.read_buf(&mut self.unread)).await.unwrap();
        }
        std::mem::take(&mut self.unread)
    }

    /// What is written until the client hangs up.
    pub(crate) async fn rest(&mut self) -> Vec<u8> {
        let mut rest = std::mem::take(&mut self.unread);
        self.io.read_to_end(&mut rest).await.unwrap();
        rest
    }
}

/// Fails instead of waiting forever; on the paused clock that takes no time.
async fn patient<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(30 * 24 * 3600), what).await.expect("nothing happens any more")
}

/// A header of a frame as it is on the wire.
pub(crate) fn header<'a>(frame: &'a str, name: &str) -> Option<&'a str> {
    let head = frame.split("\n\n").next().unwrap();
    head.lines().skip(1).find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
}

/// A session whose brokers are played by the test.
pub(crate) struct Stage {
    pub(crate) session: Session,
    pub(crate) deliveries: Deliveries,
    pub(crate) dialled: mpsc::UnboundedReceiver<(Host, Peer)>,
    pub(crate) closed_ports: ClosedPorts,
}

pub(crate) fn options(hosts: &str) -> Options {
    let hosts = hosts.split(',').map(|host| host.parse().unwrap()).collect();
    Options::new(hosts).unwrap().credentials("app", "s3cret".into())
}

pub(crate) fn stage_with(options: Options, pipe_size: usize) -> Stage {
    let (sender, dialled) = mpsc::unbounded_channel();
    let closed_ports = ClosedPorts::default();
    let pipes = Pipes { size: pipe_size, closed: closed_ports.clone(), dialled: sender };
    let (session, deliveries) = Session::start_with(options, Box::new(pipes));
    Stage { session, deliveries, dialled, closed_ports }
}

pub(crate) fn stage() -> Stage {
    stage_with(options("broker:1"), 64 * 1024)
}

impl Stage {
    pub(crate) async fn peer(&mut self) -> Peer {
        patient(self.dialled.recv()).await.unwrap().1
    }

    /// The next connection, accepted as `server`, without heart-beats, once the session says so.
    pub(crate) async fn connected(&mut self, server: &str) -> Peer {
        let mut peer = self.peer().await;
        peer.accept(server, "0,0").await;
        self.until(|state| matches!(state, State::Connected { .. })).await;
        peer
    }

    /// The next state for which `wish` is true.
    pub(crate) async fn until(&self, wish: impl FnMut(&State) -> bool) -> State {
        patient(self.session.state().wait_for(wish)).await.unwrap().clone()
    }

    /// Subscribes to `q`.
    pub(crate) async fn subscribe(&self, peer: &mut Peer) {
        let (answer, ()) = tokio::join!(self.session.subscribe(subscription("q")), peer.subscribed("q"));
        answer.unwrap();
    }

    /// Takes in a message from `peer`.
    pub(crate) async fn delivery(&mut self, peer: &mut Peer, ack: &str) -> Delivery {
        peer.deliver(ack).await;
        self.deliveries.recv().await.unwrap()
    }

    /// Sends in the background.
    pub(crate) fn send(
        &self,
        destination: &str,
        body: &'static str,
    ) -> tokio::task::JoinHandle<Result<(), Error>> {
        let (session, message) = (self.session.clone(), outgoing(destination, body));
        tokio::spawn(async move { session.send(message).await })
    }

    /// Sends and acknowledges in the background.
    pub(crate) fn transact(
        &self,
        destination: &str,
        token: &AckToken,
    ) -> tokio::task::JoinHandle<Result<(), Error>> {
        let (session, message, token) = (self.session.clone(), outgoing(destination, "{}"), token.clone());
        tokio::spawn(async move { session.send_and_ack(message, &token).await })
    }

    pub(crate) fn close(&self) -> tokio::task::JoinHandle<Result<(), Error>> {
        let session = self.session.clone();
        tokio::spawn(async move { session.close(Duration::from_secs(5)).await })
    }
}

pub(crate) fn outgoing(destination: &str, body: &'static str) -> Outgoing {
    Outgoing { destination: destination.into(), headers: vec![], body: body.into() }
}

pub(crate) fn subscription(destination: &str) -> Subscription {
    Subscription { destination: destination.into(), prefetch: 5 }
}

//! A broker for tests: the other end of an in-memory pipe, played by the test, byte by byte.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "test code")]

use futures_util::future::BoxFuture;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::connector::{Dial, Io};
use crate::error::Error;
use crate::options::{Host, Options};
use crate::session::Session;
use crate::{Deliveries, Outgoing};

/// Every dial hands the other end of a fresh pipe to the test.
pub(crate) struct Pipes {
    size: usize,
    dialled: mpsc::UnboundedSender<(Host, Peer)>,
}

impl Dial for Pipes {
    fn dial<'a>(&'a self, host: &'a Host, _: Instant) -> BoxFuture<'a, Result<Box<dyn Io>, Error>> {
        Box::pin(async move {
            let (ours, theirs) = tokio::io::duplex(self.size);
            let peer = Peer { io: theirs, unread: Vec::new() };
            self.dialled
                .send((host.clone(), peer))
                .map_err(|_| Error::unreachable(format!("{host} is gone")))?;
            Ok(Box::new(ours) as Box<dyn Io>)
        })
    }
}

/// The broker's end of one connection.
pub(crate) struct Peer {
    pub(crate) io: DuplexStream,
    unread: Vec<u8>,
}

impl Peer {
    /// The next frame up to and without its NUL; heart-beats before it are skipped. Bodies here hold no NUL.
    pub(crate) async fn frame(&mut self) -> String {
        loop {
            let beats = self.unread.iter().take_while(|byte| **byte == b'\n').count();
            self.unread.drain(..beats);
            if let Some(end) = self.unread.iter().position(|byte| *byte == 0) {
                let frame: Vec<u8> = self.unread.drain(..=end).collect();
                return String::from_utf8(frame[..end].to_vec()).unwrap();
            }
            assert!(self.io.read_buf(&mut self.unread).await.unwrap() > 0, "the client hung up");
        }
    }

    /// Frames that came in the same write as the last one read.
    pub(crate) fn unread(&self) -> &[u8] {
        &self.unread
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

    /// What is written until the client hangs up.
    pub(crate) async fn rest(&mut self) -> Vec<u8> {
        let mut rest = std::mem::take(&mut self.unread);
        self.io.read_to_end(&mut rest).await.unwrap();
        rest
    }
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
}

pub(crate) fn options(hosts: &str) -> Options {
    let hosts = hosts.split(',').map(|host| host.parse().unwrap()).collect();
    Options::new(hosts).unwrap().credentials("app", "s3cret".into())
}

pub(crate) fn stage_with(options: Options, pipe_size: usize) -> Stage {
    let (sender, dialled) = mpsc::unbounded_channel();
    let (session, deliveries) =
        Session::start_with(options, Box::new(Pipes { size: pipe_size, dialled: sender }));
    Stage { session, deliveries, dialled }
}

pub(crate) fn stage() -> Stage {
    stage_with(options("broker:1"), 64 * 1024)
}

impl Stage {
    pub(crate) async fn peer(&mut self) -> Peer {
        self.dialled.recv().await.unwrap().1
    }

    /// The first connection, accepted as `server`, without heart-beats.
    pub(crate) async fn connected(&mut self, server: &str) -> Peer {
        let mut peer = self.peer().await;
        peer.accept(server, "0,0").await;
        peer
    }
}

pub(crate) fn outgoing(destination: &str, body: &'static str) -> Outgoing {
    Outgoing { destination: destination.into(), headers: vec![], body: body.into() }
}

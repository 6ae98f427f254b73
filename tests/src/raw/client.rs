//! The raw client: a connection whose two halves may be used separately.

use std::collections::VecDeque;
use std::io;
use std::path::Path;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::net::TcpStream;
use tokio_native_tls::TlsStream;

use super::Frame;
use crate::broker::{Broker, PASSWORD, USER};

/// How long a broker may take to answer; after that, it never will.
const PATIENCE: Duration = Duration::from_secs(60);

/// The reading half.
#[derive(Debug)]
pub struct Reader {
    stream: ReadHalf<TlsStream<TcpStream>>,
    buffer: BytesMut,
}

/// The writing half.
#[derive(Debug)]
pub struct Writer {
    stream: WriteHalf<TlsStream<TcpStream>>,
}

/// A connection to a broker.
#[derive(Debug)]
pub struct Client {
    /// The reading half.
    pub reader: Reader,
    /// The writing half.
    pub writer: Writer,
    messages: VecDeque<Frame>,
    receipts: u64,
}

impl Reader {
    /// The next frame.
    ///
    /// # Errors
    /// When the connection ends.
    pub async fn next(&mut self) -> io::Result<Frame> {
        loop {
            if let Some(frame) = Frame::read_from(&mut self.buffer) {
                return Ok(frame);
            }
            self.buffer.reserve(64 * 1024);
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    /// The next frame, if it is already here.
    ///
    /// # Errors
    /// When the connection ends.
    pub async fn ready(&mut self) -> io::Result<Option<Frame>> {
        // A read returns no more than one TLS record, so more may be here than what is in the buffer.
        tokio::select! {
            biased;
            frame = self.next() => frame.map(Some),
            () = std::future::ready(()) => Ok(None),
        }
    }
}

impl Writer {
    /// Writes one frame.
    ///
    /// # Errors
    /// When the connection is gone.
    pub async fn send(&mut self, frame: &Frame) -> io::Result<()> {
        let mut bytes = Vec::new();
        frame.write_to(&mut bytes);
        self.write(&bytes).await
    }

    /// Writes bytes.
    ///
    /// # Errors
    /// When the connection is gone.
    pub async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await?;
        self.stream.flush().await
    }
}

impl Client {
    /// Connects with the account of the tests.
    ///
    /// # Panics
    /// When the broker refuses.
    pub async fn connect(broker: &Broker) -> Self {
        Self::connect_as(broker, USER, PASSWORD)
            .await
            .unwrap_or_else(|error| panic!("CONNECT refused: {error:?}"))
    }

    /// Connects with another account.
    ///
    /// # Errors
    /// The ERROR frame that the broker answers.
    pub async fn connect_as(broker: &Broker, user: &str, password: &str) -> Result<Self, Frame> {
        Self::connect_to(broker.tls_port, &broker.ca_file(), broker.virtual_host(), user, password).await
    }

    /// Connects to a broker that is known by its port and its authority.
    ///
    /// # Errors
    /// The ERROR frame that the broker answers.
    pub async fn connect_to(
        port: u16,
        ca_file: &Path,
        virtual_host: Option<&str>,
        user: &str,
        password: &str,
    ) -> Result<Self, Frame> {
        let authority = std::fs::read(ca_file).unwrap();
        let authority = native_tls::Certificate::from_pem(&authority).unwrap();
        let connector = native_tls::TlsConnector::builder().add_root_certificate(authority).build().unwrap();
        let stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let stream =
            tokio_native_tls::TlsConnector::from(connector).connect("localhost", stream).await.unwrap();
        let (reader, writer) = tokio::io::split(stream);
        let (reader, writer) =
            (Reader { stream: reader, buffer: BytesMut::new() }, Writer { stream: writer });
        let mut client = Self { reader, writer, messages: VecDeque::new(), receipts: 0 };
        let mut connect = Frame::new("CONNECT").header("accept-version", "1.2").header("login", user);
        connect = connect.header("passcode", password);
        if let Some(host) = virtual_host {
            connect = connect.header("host", host);
        }
        client.writer.send(&connect).await.unwrap();
        let answer = client.frame().await;
        if answer.command == "CONNECTED" { Ok(client) } else { Err(answer) }
    }

    /// The next frame of any kind.
    ///
    /// # Panics
    /// When none comes.
    pub async fn frame(&mut self) -> Frame {
        let frame = tokio::time::timeout(PATIENCE, self.reader.next()).await;
        frame.expect("the broker is silent").expect("the connection ended")
    }

    /// Sends a frame with a receipt and waits for the receipt; messages that come first are kept.
    ///
    /// # Errors
    /// The ERROR frame that comes instead.
    pub async fn confirm(&mut self, frame: Frame) -> Result<(), Frame> {
        self.receipts += 1;
        let receipt = format!("r{}", self.receipts);
        self.writer.send(&frame.header("receipt", &receipt)).await.unwrap();
        loop {
            let answer = self.frame().await;
            match answer.command.as_str() {
                "MESSAGE" => self.messages.push_back(answer),
                "RECEIPT" if answer.get("receipt-id").as_deref() == Some(&receipt) => return Ok(()),
                _ => return Err(answer),
            }
        }
    }

    /// Sends a persistent message and waits until the broker has it.
    ///
    /// # Panics
    /// When the broker refuses it.
    pub async fn send(&mut self, destination: &str, headers: &[(&str, &[u8])], body: impl Into<Bytes>) {
        self.confirm(message(destination, headers, body))
            .await
            .unwrap_or_else(|error| panic!("SEND refused: {error:?}"));
    }

    /// Sends many persistent messages with the same content; waits for the last one only.
    ///
    /// # Panics
    /// When the broker refuses one.
    pub async fn send_many(
        &mut self,
        count: usize,
        destination: &str,
        headers: &[(&str, &[u8])],
        body: impl Into<Bytes>,
    ) {
        let frame = message(destination, headers, body);
        let mut bytes = Vec::new();
        for _ in 1..count {
            frame.write_to(&mut bytes);
            if bytes.len() > 256 * 1024 {
                self.writer.write(&bytes).await.unwrap();
                bytes.clear();
            }
        }
        self.writer.write(&bytes).await.unwrap();
        self.confirm(frame).await.unwrap_or_else(|error| panic!("SEND refused: {error:?}"));
    }

    /// Subscribes with `client-individual` acknowledgement.
    ///
    /// # Errors
    /// The broker's ERROR frame.
    pub async fn subscribe(&mut self, destination: &str, prefetch: u32) -> Result<(), Frame> {
        let prefetch = prefetch.to_string();
        let frame = Frame::new("SUBSCRIBE").header("destination", destination).header("id", destination);
        let frame = frame.header("ack", "client-individual").header("activemq.prefetchSize", &prefetch);
        self.confirm(frame.header("prefetch-count", &prefetch)).await
    }

    /// The next MESSAGE.
    ///
    /// # Panics
    /// When something else comes, or nothing.
    pub async fn message(&mut self) -> Frame {
        if let Some(message) = self.messages.pop_front() {
            return message;
        }
        let frame = self.frame().await;
        assert_eq!(frame.command, "MESSAGE", "{frame:?}");
        frame
    }

    /// Acknowledges a message and waits until the broker has noted it.
    ///
    /// # Panics
    /// When the broker refuses.
    pub async fn ack(&mut self, message: &Frame) {
        let ack = Frame::new("ACK").header("id", message.get("ack").unwrap());
        self.confirm(ack).await.unwrap_or_else(|error| panic!("ACK refused: {error:?}"));
    }

    /// Takes everything that waits in a queue now. A last message of its own marks the end, so nobody else may read the queue.
    pub async fn drain(&mut self, destination: &str) -> Vec<Frame> {
        self.send(destination, &[("end-of-queue", b"yes")], "").await;
        self.subscribe(destination, 100).await.unwrap();
        let mut messages = Vec::new();
        loop {
            let message = self.message().await;
            self.ack(&message).await;
            if message.get("end-of-queue").is_some() {
                break;
            }
            messages.push(message);
        }
        self.confirm(Frame::new("UNSUBSCRIBE").header("id", destination)).await.unwrap();
        messages
    }
}

fn message(destination: &str, headers: &[(&str, &[u8])], body: impl Into<Bytes>) -> Frame {
    let frame = Frame::new("SEND").header("destination", destination).header("persistent", "true");
    headers.iter().fold(frame, |frame, (name, value)| frame.header(name, value)).body(body)
}

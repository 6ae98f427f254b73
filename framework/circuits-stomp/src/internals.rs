//! The codec by itself, for benches and fuzz targets; not part of any other build.

use bytes::BytesMut;
use tokio_util::codec::Decoder as _;

use crate::Outgoing;
use crate::codec::{Batch, Codec, Frame};

/// The frames decoded from a stream that comes in pieces of this size, up to the first broken one.
pub fn decode(wire: &[u8], piece: usize) -> Vec<String> {
    let (mut codec, mut buffer, mut frames) = (Codec::new(1024, 4096), BytesMut::new(), Vec::new());
    for piece in wire.chunks(piece) {
        buffer.extend_from_slice(piece);
        loop {
            match codec.decode(&mut buffer) {
                Ok(Some(frame)) => frames.push(format!("{frame:?}")),
                Ok(None) => break,
                Err(error) => {
                    frames.push(error.to_string());
                    return frames;
                }
            }
        }
    }
    frames
}

/// One stream of frames, as it is read from a connection.
pub struct Stream {
    codec: Codec,
    buffer: BytesMut,
}

impl Default for Stream {
    fn default() -> Self {
        Self { codec: Codec::new(64 * 1024, 64 * 1024 * 1024), buffer: BytesMut::new() }
    }
}

impl std::fmt::Debug for Stream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stream").field("buffered", &self.buffer.len()).finish()
    }
}

impl Stream {
    /// How many frames these bytes complete; a broken one does not count.
    pub fn feed(&mut self, piece: &[u8]) -> usize {
        self.buffer.extend_from_slice(piece);
        std::iter::from_fn(|| self.codec.decode(&mut self.buffer).ok().flatten()).count()
    }
}

/// How many bytes a message and the ACK of another one after it take on the wire.
pub fn encode(message: Outgoing, ack: &str) -> usize {
    let mut batch = Batch::default();
    batch.push(Frame::send(message).with("receipt", "r1"));
    batch.push(Frame::ack(ack));
    batch.take().iter().map(bytes::Bytes::len).sum()
}

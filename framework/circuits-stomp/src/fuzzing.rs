//! The frame decoder for the fuzz targets; not part of any other build.

use bytes::BytesMut;
use tokio_util::codec::Decoder as _;

use crate::codec::Codec;

/// What is decoded of a stream that comes in pieces of this size, up to the first frame that is broken.
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

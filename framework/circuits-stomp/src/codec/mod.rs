//! The wire codec: tokio-stomp-2's `ClientCodec` for commands and headers, wrapped so that framing, limits, escapes and bodies
//! hold up against what brokers really send.
//!
//! The decoder finds each frame itself (it looks at each byte once), hands `ClientCodec` a clean frame without a body, and
//! adds back what such a frame cannot carry. The encoder lets `ClientCodec` write command and headers and appends the rest.

mod decode;
mod encode;
mod escape;
mod head;
mod long_head;

#[cfg(test)]
mod decode_tests;
#[cfg(test)]
mod reference;

use bytes::Bytes;

use crate::delivery::Flaw;
use crate::headers::Headers;

pub(crate) use decode::Codec;
pub(crate) use encode::{Batch, Frame};

/// What brokers send, ready to use.
#[derive(Debug)]
pub(crate) enum Incoming {
    Connected {
        server: String,
        /// The `heart-beat` header: (what the broker offers, what it wants) in milliseconds.
        heart_beat: (u64, u64),
    },
    Message {
        headers: Headers,
        body: Bytes,
        flaw: Option<Flaw>,
    },
    Receipt {
        id: String,
    },
    Error {
        receipt: Option<String>,
        /// The `message` header and the first line of the body, without control characters.
        text: String,
    },
}

/// A frame that cannot be understood. The text never shows its bytes: they may contain a secret.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Malformed {
    #[error("a header line has no colon")]
    NoColon,
    #[error("content-length is not a number")]
    ContentLength,
    #[error("the body is longer than its content-length")]
    NoNul,
    #[error("a frame of more than {} bytes does not end", decode::MOST_SKIPPED)]
    Endless,
    #[error("the command is not a STOMP command, or a header that it must have is missing")]
    Unknown,
    #[error("the broker speaks STOMP {0:?}, not 1.2")]
    Version(String),
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

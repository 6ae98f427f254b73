//! Finds frames in a stream. It can resume, so it looks at each byte once however the stream is cut, and its memory is bounded.

use bytes::{Buf, Bytes, BytesMut};
use tokio_util::codec::Decoder;

use super::head::Head;
use super::long_head::LongHead;
use super::{Incoming, Malformed};
use crate::delivery::Flaw;

/// A skipped frame may be this long; if it is longer, the stream counts as broken.
pub(super) const MOST_SKIPPED: u64 = 1024 * 1024 * 1024;

/// Smaller bodies are copied: sharing the read buffer would keep all of it alive for as long as the message waits.
const SHARE_FROM: usize = 2048;

/// Decoder for what a broker sends. It skips line ends between frames (heart-beats).
pub(crate) struct Codec {
    max_body: usize,
    max_header: usize,
    phase: Phase,
    /// Bytes examined so far, for the proof that cost is linear.
    #[cfg(test)]
    pub(super) examined: u64,
}

enum Phase {
    /// In the header block; `searched` bytes of the buffer have been searched for its end.
    Head { searched: usize },
    /// In a header block beyond the limit.
    LongHead(LongHead),
    /// In a body of known length.
    Counted { head: Head, length: usize },
    /// In a body that ends at the first NUL; `searched` bytes have been searched for it.
    Open { head: Head, searched: usize },
    /// In a body of known length beyond the limit; `left` bytes are still to come.
    SkipCounted { head: Head, length: u64, left: u64 },
    /// In a body beyond the limit that ends at the first NUL; `skipped` bytes have been dropped.
    SkipOpen { head: Head, skipped: u64 },
}

impl Codec {
    pub(crate) fn new(max_header: usize, max_body: usize) -> Self {
        Self {
            max_body,
            max_header,
            phase: Phase::Head { searched: 0 },
            #[cfg(test)]
            examined: 0,
        }
    }

    /// How many bytes the current frame needs beyond those in a buffer of `have` bytes, as far as that is known.
    pub(crate) fn wanted(&self, have: usize) -> usize {
        match &self.phase {
            Phase::Counted { length, .. } => (length + 1).saturating_sub(have),
            _ => 0,
        }
    }

    fn examine(&mut self, _bytes: usize) {
        #[cfg(test)]
        {
            self.examined += _bytes as u64;
        }
    }

    /// The phase that follows the head, once the head's end is there.
    fn head(&mut self, searched: usize, src: &mut BytesMut) -> Result<Option<Phase>, Malformed> {
        if searched == 0 {
            eat_beats(src);
        }
        // The last two bytes seen may be the first two of the end.
        let from = searched.saturating_sub(2);
        self.examine(src.len() - from);
        match end_of_block(src, from) {
            Some(end) if end <= self.max_header => {
                // Copied: a slice of the buffer would force the buffer to move when the body is read.
                let block = src[..end].to_vec();
                src.advance(end);
                Ok(Some(self.body_of(Head::parse(&block, None)?)?))
            }
            None if src.len() <= self.max_header => {
                // A lone CR is half a heart-beat until proven otherwise.
                let searched = if &src[..] == b"\r" { 0 } else { src.len() };
                self.phase = Phase::Head { searched };
                Ok(None)
            }
            _ => Ok(Some(Phase::LongHead(LongHead::default()))),
        }
    }

    fn long_head(&mut self, mut long: LongHead, src: &mut BytesMut) -> Result<Option<Phase>, Malformed> {
        let (used, ended) = long.feed(src, self.max_header);
        self.examine(used);
        src.advance(used);
        if long.total > MOST_SKIPPED {
            return Err(Malformed::Endless);
        }
        if !ended {
            self.phase = Phase::LongHead(long);
            return Ok(None);
        }
        let (block, flaw) = long.finish(self.max_header);
        Ok(Some(self.body_of(Head::parse(&block, Some(flaw))?)?))
    }

    fn body_of(&self, head: Head) -> Result<Phase, Malformed> {
        Ok(match head.content_length {
            None => Phase::Open { head, searched: 0 },
            Some(length) if length <= self.max_body as u64 => {
                Phase::Counted { head, length: length as usize }
            }
            Some(length) if length <= MOST_SKIPPED => Phase::SkipCounted { head, length, left: length },
            Some(_) => return Err(Malformed::Endless),
        })
    }

    fn open(&mut self, head: Head, searched: usize, src: &mut BytesMut) -> Result<Step, Malformed> {
        self.examine(src.len() - searched);
        match memchr::memchr(0, &src[searched..]) {
            Some(at) => {
                let length = searched + at;
                if length > self.max_body {
                    src.advance(length + 1);
                    return self.skipped(head, length as u64);
                }
                let body = take(src, length);
                src.advance(1);
                Ok(Step::Frame(head.complete(body, None)?))
            }
            None if src.len() <= self.max_body => {
                self.phase = Phase::Open { head, searched: src.len() };
                Ok(Step::More)
            }
            None => {
                let skipped = src.len() as u64;
                src.clear();
                self.phase = Phase::SkipOpen { head, skipped };
                Ok(Step::More)
            }
        }
    }

    fn skip_open(&mut self, head: Head, skipped: u64, src: &mut BytesMut) -> Result<Step, Malformed> {
        self.examine(src.len());
        let at = memchr::memchr(0, src);
        let bytes = skipped + at.unwrap_or(src.len()) as u64;
        src.advance(at.map_or(src.len(), |at| at + 1));
        match at {
            Some(_) => self.skipped(head, bytes),
            None if bytes > MOST_SKIPPED => Err(Malformed::Endless),
            None => {
                self.phase = Phase::SkipOpen { head, skipped: bytes };
                Ok(Step::More)
            }
        }
    }

    fn skipped(&self, head: Head, bytes: u64) -> Result<Step, Malformed> {
        let flaw = Flaw::BodyTooBig { bytes, limit: self.max_body };
        Ok(Step::Frame(head.complete(Bytes::new(), Some(flaw))?))
    }

    fn step(&mut self, src: &mut BytesMut) -> Result<Step, Malformed> {
        match std::mem::replace(&mut self.phase, Phase::Head { searched: 0 }) {
            Phase::Head { searched } => Ok(Step::from(self.head(searched, src)?)),
            Phase::LongHead(long) => Ok(Step::from(self.long_head(long, src)?)),
            Phase::Counted { head, length } => {
                if src.len() <= length {
                    self.phase = Phase::Counted { head, length };
                    return Ok(Step::More);
                }
                let body = take(src, length);
                end(src)?;
                Ok(Step::Frame(head.complete(body, None)?))
            }
            Phase::SkipCounted { head, length, left } => {
                let now = left.min(src.len() as u64);
                src.advance(now as usize);
                if now < left || src.is_empty() {
                    self.phase = Phase::SkipCounted { head, length, left: left - now };
                    return Ok(Step::More);
                }
                end(src)?;
                self.skipped(head, length)
            }
            Phase::Open { head, searched } => self.open(head, searched, src),
            Phase::SkipOpen { head, skipped } => self.skip_open(head, skipped, src),
        }
    }
}

enum Step {
    Frame(Incoming),
    /// Go on with this phase.
    Next(Phase),
    /// The phase is set; more bytes are needed.
    More,
}

impl From<Option<Phase>> for Step {
    fn from(phase: Option<Phase>) -> Self {
        phase.map_or(Self::More, Self::Next)
    }
}

impl Decoder for Codec {
    type Item = Incoming;
    type Error = Malformed;

    fn decode(&mut self, src: &mut BytesMut) -> Result<Option<Incoming>, Malformed> {
        loop {
            match self.step(src)? {
                Step::Frame(frame) => return Ok(Some(frame)),
                Step::Next(phase) => self.phase = phase,
                Step::More => return Ok(None),
            }
        }
    }

    /// Bytes left over when the broker hangs up are not a frame and not worth an error.
    fn decode_eof(&mut self, src: &mut BytesMut) -> Result<Option<Incoming>, Malformed> {
        self.decode(src)
    }
}

/// Drops line ends in front of a frame.
fn eat_beats(src: &mut BytesMut) {
    let mut eaten = 0;
    loop {
        match &src[eaten..] {
            [b'\n', ..] => eaten += 1,
            [b'\r', b'\n', ..] => eaten += 2,
            _ => break,
        }
    }
    src.advance(eaten);
}

/// The position behind the first empty line whose preceding line ends at or after `from`.
fn end_of_block(src: &[u8], from: usize) -> Option<usize> {
    memchr::memchr_iter(b'\n', &src[from..]).find_map(|at| match &src[from + at + 1..] {
        [b'\n', ..] => Some(from + at + 2),
        [b'\r', b'\n', ..] => Some(from + at + 3),
        _ => None,
    })
}

fn take(src: &mut BytesMut, length: usize) -> Bytes {
    if length >= SHARE_FROM {
        return src.split_to(length).freeze();
    }
    let body = Bytes::copy_from_slice(&src[..length]);
    src.advance(length);
    body
}

/// Removes the NUL after a body of known length; the buffer holds at least this one byte.
fn end(src: &mut BytesMut) -> Result<(), Malformed> {
    if src.first() != Some(&0) {
        return Err(Malformed::NoNul);
    }
    src.advance(1);
    Ok(())
}

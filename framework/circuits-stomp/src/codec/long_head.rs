//! A header block beyond the limit: read line by line and thrown away, except for what is needed to answer and acknowledge.

use crate::delivery::Flaw;

/// Kept even beyond the limit, wherever in the block they come.
const ESSENTIAL: [&[u8]; 10] = [
    b"message-id",
    b"ack",
    b"subscription",
    b"destination",
    b"reply-to",
    b"correlation-id",
    b"content-length",
    b"redelivered",
    b"receipt-id",
    b"receipt",
];

/// An essential header longer than this is not kept either.
const LONGEST_LINE: usize = 16 * 1024;

#[derive(Default)]
pub(super) struct LongHead {
    /// Command and headers kept so far, as lines.
    kept: Vec<u8>,
    /// The unfinished line; what exceeds `LONGEST_LINE` is dropped.
    line: Vec<u8>,
    /// Length of the unfinished line, dropped bytes included.
    line_length: usize,
    /// Which essential headers have been kept already: only the first of each is exempt from the limit.
    seen: [bool; ESSENTIAL.len()],
    /// Size of the block so far.
    pub(super) total: u64,
}

impl LongHead {
    /// Continues with `input`. Returns the number of bytes used and whether the block ended there.
    pub(super) fn feed(&mut self, input: &[u8], limit: usize) -> (usize, bool) {
        let mut used = 0;
        while let Some(length) = memchr::memchr(b'\n', &input[used..]) {
            self.extend(&input[used..used + length]);
            used += length + 1;
            self.total += 1;
            if self.end_line(limit) {
                return (used, true);
            }
        }
        self.extend(&input[used..]);
        (input.len(), false)
    }

    fn extend(&mut self, part: &[u8]) {
        let room = LONGEST_LINE.saturating_sub(self.line.len());
        self.line.extend_from_slice(&part[..part.len().min(room)]);
        self.line_length += part.len();
        self.total += part.len() as u64;
    }

    /// Takes in the finished line; true if it is the empty line that ends the block.
    fn end_line(&mut self, limit: usize) -> bool {
        let whole = std::mem::take(&mut self.line_length) == self.line.len();
        let line = std::mem::take(&mut self.line);
        let text = line.strip_suffix(b"\r").unwrap_or(&line);
        if text.is_empty() {
            return true;
        }
        let name = &text[..memchr::memchr(b':', text).unwrap_or(text.len())];
        let fits = self.kept.len() + line.len() < limit;
        let essential = ESSENTIAL.iter().position(|known| *known == name).filter(|index| !self.seen[*index]);
        let command = self.kept.is_empty();
        if whole && (fits || essential.is_some() || command) {
            if let Some(index) = essential {
                self.seen[index] = true;
            }
            if !command {
                self.kept.push(b'\n');
            }
            self.kept.extend_from_slice(text);
        }
        false
    }

    pub(super) fn finish(self, limit: usize) -> (Vec<u8>, Flaw) {
        (self.kept, Flaw::HeaderTooBig { bytes: self.total, limit })
    }
}

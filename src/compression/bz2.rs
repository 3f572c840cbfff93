//! bz2 files, several blocks at once.
//!
//! There is no description of the format but libbz2, which decodes one bit after another. But each
//! block starts with a mark of 48 bits, at any bit, so blocks can be found and decoded before
//! those that precede them. What looks like a mark may be within a block, by chance or by malice;
//! so what is decoded ahead counts only once the chain from the start of the file has come there:
//!
//! - a stream header is at a byte boundary, and a mark is next to it;
//! - a block ends where libbz2, given the bits from its mark on, has decoded it, found its CRC
//!   right and read the next mark ([`Block::confirm`]);
//! - the mark of the end is followed by the CRC of the stream, and from the next byte boundary on
//!   by another header, or by the end of the file.
//!
//! Every decoder is given the bits of the file and none else, so the result is the one libbz2 would
//! come to alone. A block in which something looks like a mark is decoded from there on by the
//! thread that reads, with the state the other thread has left; nothing is decoded twice but for
//! what a false mark starts.

use std::{
    collections::VecDeque,
    io::{self, BufRead, Read},
    mem::replace,
    num::NonZeroUsize,
};

mod ahead;
mod block;
mod window;

use self::{
    ahead::{Ahead, Message, Pool},
    block::{Block, CONFIRMATION},
    window::{BLOCK, END, MARK, Window},
};
use super::{Compression, CompressionError, input::Input};

/// Bytes of the file that may be read ahead for each block that may be decoded ahead. 900,000
/// bytes that cannot be compressed come to 4 kB more. Blocks can be made that have 2,250,250 bytes
/// (18,002 groups of 50 codes of 20 bits); if they do not fit they are decoded where they are
/// read, bit by bit, as is whatever has no mark behind it.
const READ_AHEAD: u64 = 1 << 20;

/// Bytes of a stream header and the mark that is next to it.
const HEAD: u64 = 10;

/// Bytes given at a time to the decoder of the thread that reads.
const FEED: usize = 64 << 10;

/// False marks that do not matter, and how many true ones make up for another.
const FALSE_MARKS: (u64, u64) = (16, 4);

/// Decodes all streams of a bz2 file.
pub(super) struct Decoder<R> {
    input: Input<R>,
    /// What `input` said when it was read ahead; it matters when what it did not give is needed.
    failure: Option<io::Error>,
    window: Window,
    place: Place,
    /// Last digit of the header of the stream that `place` is in.
    level: u8,
    /// CRC of that stream up to `place`.
    checksum: u32,
    piece: Vec<u8>,
    given: usize,
    /// Blocks decoded ahead, in the order of the file.
    ahead: VecDeque<Ahead>,
    /// Marks from here on have not been looked at to decode what they start.
    ahead_from: u64,
    /// Last digit of the header of the stream that seems to be there.
    ahead_level: u8,
    true_blocks: u64,
    false_marks: u64,
    /// Dropped last: it waits for its threads, and these for the receivers above to be gone.
    pool: Pool,
}

/// How far the chain is proven, and what is due there.
enum Place {
    /// A stream header or the end of the file, at this byte.
    Stream(u64),
    /// A mark, at this bit.
    Mark(u64),
    /// A block that another thread decodes.
    There(Ahead),
    /// A block that this thread decodes.
    Here(Here),
    /// The end of the file.
    End,
    /// Nothing, for there was an error.
    Failed,
}

/// A block decoded by the thread that reads.
struct Here {
    block: Block,
    /// The first bit of its mark.
    start: u64,
    /// It does not end before this bit nor at it.
    unended: u64,
    /// How many bytes of it are or were in `bits`.
    fed: u64,
    bits: Vec<u8>,
    taken: usize,
}

impl<R: Read> Decoder<R> {
    /// A decoder of `input` that has up to `threads` threads at work.
    pub(super) fn new(input: Input<R>, threads: NonZeroUsize) -> Self {
        Self {
            input,
            failure: None,
            window: Window::default(),
            place: Place::Stream(0),
            level: b'9',
            checksum: 0,
            piece: Vec::new(),
            given: 0,
            ahead: VecDeque::new(),
            ahead_from: 0,
            ahead_level: b'9',
            true_blocks: 0,
            false_marks: 0,
            pool: Pool::new(threads),
        }
    }

    /// What is decoded.
    pub(super) const fn get_ref(&self) -> &Input<R> {
        &self.input
    }

    /// Gives back what is decoded.
    pub(super) fn into_inner(self) -> Input<R> {
        self.input
    }

    /// Goes on until there is a piece or the end; after an error, only to another error.
    fn advance(&mut self) -> io::Result<()> {
        while self.given == self.piece.len() {
            self.look_ahead();
            self.place = match replace(&mut self.place, Place::Failed) {
                Place::Stream(at) => self.stream(at)?,
                Place::Mark(at) => self.mark(at)?,
                Place::There(ahead) => self.there(ahead)?,
                Place::Here(here) => self.here(here)?,
                Place::End => {
                    self.place = Place::End;
                    break;
                }
                Place::Failed => return Err(io::Error::other("reading goes on after a failure")),
            };
        }
        Ok(())
    }

    /// Has blocks decoded ahead.
    ///
    /// That does not pay if most marks are false, as they can be made to be: each costs a decoder
    /// that may come as far as the output of a block. So there is nothing decoded ahead as long as
    /// false marks outnumber a quarter of the true blocks, and hostile files cost little more
    /// than the decoding of what they hold.
    fn look_ahead(&mut self) {
        let (some, of_true) = FALSE_MARKS;
        let demand = self.pool.demand();
        while self.ahead.len() < demand && self.false_marks <= some + self.true_blocks / of_true {
            if let Some((mark, next)) = self.window.segment(self.ahead_from) {
                self.ahead_from = next.at;
                self.ahead_level = self.header_before(mark.at).unwrap_or(self.ahead_level);
                if mark.block {
                    let bytes = bytes_between(mark.at, next.at) + CONFIRMATION as u64;
                    let bits = self.window.aligned(mark.at, clamp(bytes));
                    let place = (mark.at, next.at);
                    self.ahead.extend(Ahead::start(&mut self.pool, place, self.ahead_level, bits));
                }
            } else if self.failure.is_some()
                || self.window.complete()
                || self.window.len() >= READ_AHEAD * demand as u64
            {
                break;
            } else {
                self.failure = self.fill().err();
            }
        }
    }

    /// The level in what looks like a stream header next to the mark at `mark`.
    fn header_before(&self, mark: u64) -> Option<u8> {
        let header = mark.checked_sub(32).filter(|at| at % 8 == 0)?;
        match u32::try_from(self.window.bits(header, 32)?).ok()?.to_be_bytes() {
            [b'B', b'Z', b'h', level @ b'1'..=b'9'] => Some(level),
            _ => None,
        }
    }

    /// Reads more of the file; false at its end.
    fn fill(&mut self) -> io::Result<bool> {
        if let Some(failure) = self.failure.take() {
            return Err(failure);
        }
        if self.window.complete() {
            return Ok(false);
        }
        let bytes = self.input.fill_buf()?;
        let count = bytes.len();
        self.window.push(bytes);
        self.input.consume(count);
        Ok(count > 0)
    }

    /// The `count` bits at `at`.
    fn bits(&mut self, at: u64, count: u64) -> io::Result<u64> {
        loop {
            if let Some(bits) = self.window.bits(at, count) {
                return Ok(bits);
            }
            if !self.fill()? {
                return Err(self.truncated());
            }
        }
    }

    /// A stream header or the end of the file.
    fn stream(&mut self, at: u64) -> io::Result<Place> {
        self.window.forget(at);
        while self.window.end() < at + HEAD && self.fill()? {}
        let head = self.window.aligned(8 * at, clamp(HEAD.min(self.window.end() - at)));
        if head.is_empty() {
            return Ok(Place::End);
        }
        if !Compression::Bzip2.starts(&head) {
            return Err(wrong(CompressionError::TrailingGarbage {
                compression: Compression::Bzip2,
                offset: at,
            }));
        }
        let [b'B', b'Z', b'h', level, _, _, _, _, _, _] = head[..] else {
            return Err(self.truncated());
        };
        (self.level, self.checksum) = (level, 0);
        if self.ahead.is_empty() {
            self.ahead_level = level;
        }
        Ok(Place::Mark(8 * (at + 4)))
    }

    /// A mark, and the 32 bits of the checksum that is behind either.
    fn mark(&mut self, at: u64) -> io::Result<Place> {
        self.window.forget(at / 8);
        let mark = self.bits(at, MARK)?;
        let [.., a, b, c, d] = self.bits(at + MARK, 32)?.to_be_bytes();
        let checksum = u32::from_be_bytes([a, b, c, d]);
        match mark {
            BLOCK => {
                self.true_blocks += 1;
                self.checksum = self.checksum.rotate_left(1) ^ checksum;
                Ok(self.block(at)?)
            }
            END if checksum == self.checksum => Ok(Place::Stream((at + MARK + 32).div_ceil(8))),
            _ => Err(damaged(at, io::Error::other("the checksum of a stream is wrong"))),
        }
    }

    /// Who decodes the block whose mark is at `at`.
    fn block(&mut self, at: u64) -> io::Result<Place> {
        while self.ahead.front().is_some_and(|ahead| ahead.start < at) {
            self.ahead.pop_front();
        }
        self.ahead_from = self.ahead_from.max(at + 1);
        match self.ahead.pop_front() {
            Some(ahead) if ahead.start == at && ahead.level == self.level => return Ok(Place::There(ahead)),
            // What looked like a stream header was none, and the others have its level too.
            Some(ahead) if ahead.start == at => {
                self.false_marks += 1;
                self.ahead.clear();
                (self.ahead_from, self.ahead_level) = (at + 1, self.level);
            }
            Some(ahead) => self.ahead.push_front(ahead),
            None => {}
        }
        Ok(Place::Here(Here::new(Block::new(self.level)?, at, at)))
    }

    fn there(&mut self, ahead: Ahead) -> io::Result<Place> {
        match ahead.messages.recv() {
            Ok(Message::Output(piece)) => {
                self.give(piece);
                Ok(Place::There(ahead))
            }
            Ok(Message::Ended) => Ok(Place::Mark(ahead.end)),
            Ok(Message::More(block)) => {
                self.false_marks += 1;
                Ok(Place::Here(Here::new(block, ahead.start, ahead.end)))
            }
            Ok(Message::Failed(error)) => Err(damaged(ahead.start, error)),
            Err(_) => Err(io::Error::other("a thread that decodes bz2 blocks has panicked")),
        }
    }

    fn here(&mut self, mut here: Here) -> io::Result<Place> {
        loop {
            let mut rest = &here.bits[here.taken..];
            let piece = here.block.piece(&mut rest).map_err(|error| damaged(here.start, error))?;
            here.taken = here.bits.len() - rest.len();
            if let Some(piece) = piece {
                self.give(piece);
                return Ok(Place::Here(here));
            }
            let next = here.start + 8 * here.fed;
            // A mark may begin in the last byte fed.
            self.window.forget((next / 8).saturating_sub(1));
            let end = match self.window.next_mark(here.unended) {
                Some(mark) if bytes_between(here.start, mark.at) > here.fed => {
                    bytes_between(here.start, mark.at)
                }
                Some(mark) if here.block.begun() => {
                    let bits = self.window.aligned(next, CONFIRMATION);
                    here.block.confirm(&bits).map_err(|error| damaged(here.start, error))?;
                    return Ok(Place::Mark(mark.at));
                }
                Some(mark) => {
                    self.false_marks += 1;
                    here.unended = mark.at;
                    continue;
                }
                None => self.window.searched().saturating_sub(here.start) / 8,
            };
            let count = clamp(end.saturating_sub(here.fed)).min(FEED);
            if count == 0 && !self.fill()? {
                return Err(self.truncated());
            }
            here.fed += count as u64;
            (here.bits, here.taken) = (self.window.aligned(next, count), 0);
        }
    }

    fn give(&mut self, piece: Vec<u8>) {
        (self.piece, self.given) = (piece, 0);
    }

    fn truncated(&self) -> io::Error {
        wrong(CompressionError::Truncated { compression: Compression::Bzip2, offset: self.input.offset() })
    }
}

impl<R: Read> Read for Decoder<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.advance()?;
        let count = (&self.piece[self.given..]).read(into)?;
        self.given += count;
        Ok(count)
    }
}

impl Here {
    /// Goes on with `block` behind the bits up to `unended`.
    const fn new(block: Block, start: u64, unended: u64) -> Self {
        Self { block, start, unended, fed: bytes_between(start, unended), bits: Vec::new(), taken: 0 }
    }
}

/// Bytes to give to a decoder so that it has all bits from `start` to `end`.
const fn bytes_between(start: u64, end: u64) -> u64 {
    (end - start).div_ceil(8)
}

/// A size in memory.
fn clamp(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}

/// What is wrong with the block, or the end of a stream, whose mark is at `mark`.
fn damaged(mark: u64, source: io::Error) -> io::Error {
    if source.kind() == io::ErrorKind::OutOfMemory {
        return source;
    }
    wrong(CompressionError::Damaged { compression: Compression::Bzip2, offset: mark / 8, source })
}

fn wrong(error: CompressionError) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

#[cfg(test)]
mod tests;

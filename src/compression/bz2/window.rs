//! The part of the file that is being decoded, and the marks in it.

use std::collections::VecDeque;

/// Mark at the start of a block: the first digits of π.
pub(super) const BLOCK: u64 = 0x3141_5926_5359;

/// Mark at the end of a stream: the first digits of √π.
pub(super) const END: u64 = 0x1772_4538_5090;

/// Bits of a mark.
pub(super) const MARK: u64 = 48;

/// Where one of the two marks is, or bits that look like it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    /// Its first bit, counted from the start of the file.
    pub(super) at: u64,
    /// Whether it is a block's, not the end's.
    pub(super) block: bool,
}

/// Bytes of the file from somewhere on. Nothing in a bz2 stream but its start is at a byte
/// boundary, so positions are in bits unless said otherwise.
#[derive(Debug, Default)]
pub(super) struct Window {
    bytes: Vec<u8>,
    /// Where in the file `bytes` start, in bytes.
    base: u64,
    /// Bytes before this are not needed any more.
    kept: u64,
    /// How far marks have been looked for, in bytes; a multiple of four.
    scanned: u64,
    marks: VecDeque<Mark>,
    complete: bool,
}

impl Window {
    /// Appends what the file holds next; nothing means that it has ended.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
        self.complete = bytes.is_empty();
        self.scan();
    }

    /// Whether the end of the file is within.
    pub(super) const fn complete(&self) -> bool {
        self.complete
    }

    /// How many bytes are still needed.
    pub(super) fn len(&self) -> u64 {
        self.end() - self.kept
    }

    /// Gives up the bytes before byte `before` of the file.
    pub(super) fn forget(&mut self, before: u64) {
        // A mark that is not found yet may start four bytes before where it is looked for.
        self.kept = before.min(self.scanned.saturating_sub(4)).max(self.kept);
        let unneeded = self.index(self.kept);
        if unneeded > self.bytes.len() / 2 {
            self.bytes.drain(..unneeded);
            self.base = self.kept;
        }
    }

    /// The `count` bits at `at`, 48 at most; `None` if they are not within.
    pub(super) fn bits(&self, at: u64, count: u64) -> Option<u64> {
        (at >= 8 * self.base && at + count <= 8 * self.end()).then(|| self.word(at) >> (64 - count))
    }

    /// The `count` bytes that start with the bit `at`; all of them must have been read.
    pub(super) fn aligned(&self, at: u64, count: usize) -> Vec<u8> {
        let bytes = &self.bytes[self.index(at / 8)..];
        match at % 8 {
            0 => bytes[..count].to_vec(),
            shift => {
                let pairs = bytes[..count].iter().zip(&bytes[1..]);
                pairs.map(|(&high, &low)| high << shift | low >> (8 - shift)).collect()
            }
        }
    }

    /// The first mark after `at`, if it has been read; the marks before are given up.
    pub(super) fn next_mark(&mut self, at: u64) -> Option<Mark> {
        while self.marks.front().is_some_and(|mark| mark.at <= at) {
            self.marks.pop_front();
        }
        self.marks.front().copied()
    }

    /// The first mark at `at` or after it, and the one that follows.
    pub(super) fn segment(&self, at: u64) -> Option<(Mark, Mark)> {
        let first = self.marks.partition_point(|mark| mark.at < at);
        Some((*self.marks.get(first)?, *self.marks.get(first + 1)?))
    }

    /// No mark that starts before this bit is still unknown.
    pub(super) fn searched(&self) -> u64 {
        if self.complete { 8 * self.end() } else { first_start(self.scanned) }
    }

    /// How far the file has been read, in bytes.
    pub(super) const fn end(&self) -> u64 {
        self.base + self.bytes.len() as u64
    }

    /// Where in `bytes` the byte `at` of the file is.
    fn index(&self, at: u64) -> usize {
        // No more than a window fits in memory.
        usize::try_from(at.saturating_sub(self.base)).unwrap_or(usize::MAX).min(self.bytes.len())
    }

    /// At least 57 bits from `at` on, zeros after the end.
    fn word(&self, at: u64) -> u64 {
        let bytes = &self.bytes[self.index(at / 8)..];
        let word = bytes.first_chunk().copied().unwrap_or_else(|| {
            let mut padded = [0; 8];
            padded[..bytes.len()].copy_from_slice(bytes);
            padded
        });
        u64::from_be_bytes(word) << (at % 8)
    }

    /// Finds the marks in what is new.
    ///
    /// A mark covers five whole bytes, wherever it starts, and thus a pair of bytes that starts at
    /// a multiple of four. So every fourth pair is looked up in a table of those that occur in
    /// marks: one in a thousand does, and bits are compared only there.
    fn scan(&mut self) {
        loop {
            // Four bytes that have another three behind them: a mark that is found is whole.
            let new = &self.bytes[self.index(self.scanned)..];
            let mut groups = new[..new.len().saturating_sub(3)].chunks_exact(4);
            let count = groups.len();
            let hit = groups.position(|group| occurs(group[0], group[1]));
            self.scanned += 4 * hit.unwrap_or(count) as u64;
            if hit.is_none() {
                break;
            }
            self.compare();
        }
        while self.complete && self.scanned < self.end() {
            self.compare();
        }
    }

    /// Finds the marks of which the pair at `scanned` is the first one looked at.
    fn compare(&mut self) {
        for at in first_start(self.scanned)..=8 * self.scanned {
            let bits = self.bits(at, MARK);
            if let Some(bits @ (BLOCK | END)) = bits {
                self.marks.push_back(Mark { at, block: bits == BLOCK });
            }
        }
        self.scanned += 4;
    }
}

/// The first bit at which a mark can start whose first pair is that at byte `pair`: one of its
/// first four whole bytes is there.
const fn first_start(pair: u64) -> u64 {
    (8 * pair).saturating_sub(8 * 3 + 7)
}

/// Whether the pair of bytes occurs in a mark where the scan meets it.
fn occurs(first: u8, second: u8) -> bool {
    PAIRS[usize::from(first)][usize::from(second / 64)] >> (second % 64) & 1 != 0
}

/// A bit for every pair of bytes: by the first, then by the second.
static PAIRS: [[u64; 4]; 256] = pairs();

const fn pairs() -> [[u64; 4]; 256] {
    let mut pairs = [[0; 4]; 256];
    let mut case = 0;
    // Two marks, eight ways to lie across bytes, four places for the pair.
    while case < 2 * 8 * 4 {
        let (mark, shift, place) = (if case < 32 { BLOCK } else { END }, case / 4 % 8, case % 4);
        let bytes = (mark << 16 >> shift).to_be_bytes();
        let first = place + if shift == 0 { 0 } else { 1 };
        let (high, low) = (bytes[first], bytes[first + 1]);
        pairs[high as usize][low as usize / 64] |= 1 << (low % 64);
        case += 1;
    }
    pairs
}

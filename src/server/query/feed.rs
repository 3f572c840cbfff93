//! How entries come to the query process: `kind length payload`, one after the other, each told when it is
//! in the index.

use std::io::{self, Read, Write};

use super::index::Index;
use crate::server::key::EntryKey;

/// An entry: the length of its key, its key, its document.
pub(super) const ENTRY: u8 = b'E';
/// A sequence number: all entries up to it have been sent. Answered by a [`Progress`].
pub(super) const SYNC: u8 = b'S';
/// The first entries are there. Answered by a [`Progress`].
pub(super) const LOADED: u8 = b'L';

/// Longer messages end the conversation: an entry is at most 10 MiB.
const MAX_PAYLOAD: usize = crate::xml::MAX_DOCUMENT_BYTES + 1024;

/// Bytes that are read at once.
const CHUNK: usize = 64 * 1024;

/// How far the index is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Entries in it.
    pub entries: u64,
    /// Statements in it; not known while it is being loaded.
    pub statements: u64,
    /// Entries that could not be indexed.
    pub failed: u64,
}

impl Progress {
    pub(super) const BYTES: usize = 24;

    fn to_bytes(self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        let numbers = [self.entries, self.statements, self.failed];
        for (part, number) in bytes.chunks_exact_mut(8).zip(numbers) {
            part.copy_from_slice(&number.to_be_bytes());
        }
        bytes
    }

    pub(super) fn from_bytes(bytes: [u8; Self::BYTES]) -> Self {
        let mut numbers =
            bytes.chunks_exact(8).map(|part| part.iter().fold(0, |n, b| n << 8 | u64::from(*b)));
        let mut next = || numbers.next().unwrap_or_default();
        Self { entries: next(), statements: next(), failed: next() }
    }
}

/// A message, to be sent.
pub(super) fn message(kind: u8, payload: &[&[u8]], to: &mut Vec<u8>) {
    let length: usize = payload.iter().map(|part| part.len()).sum();
    to.push(kind);
    to.extend_from_slice(&u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes());
    for part in payload {
        to.extend_from_slice(part);
    }
}

/// An entry, to be sent.
pub(super) fn entry(key: &EntryKey, document: &[u8], to: &mut Vec<u8>) {
    let key = key.to_string();
    let length = u16::try_from(key.len()).unwrap_or(u16::MAX).to_be_bytes();
    message(ENTRY, &[&length, key.as_bytes(), document], to);
}

/// What has come.
#[derive(Debug, Default)]
pub(super) struct Reader {
    bytes: Vec<u8>,
    /// Of these, so many have been dealt with.
    done: usize,
    failed: u64,
}

impl Reader {
    /// The length of the next message, with its head, if all of it is there.
    fn next(&self) -> io::Result<Option<usize>> {
        let rest = self.bytes.get(self.done..).unwrap_or_default();
        let Some([_, a, b, c, d]) = rest.first_chunk() else { return Ok(None) };
        let length = u32::from_be_bytes([*a, *b, *c, *d]) as usize;
        if length > MAX_PAYLOAD {
            return Err(io::ErrorKind::InvalidData.into());
        }
        Ok((rest.len() >= 5 + length).then_some(5 + length))
    }

    /// Is there something to do before more is read?
    pub(super) fn has_message(&self) -> bool {
        !matches!(self.next(), Ok(None))
    }

    /// Deals with the next message, or reads some more of it; false at the end of it all.
    pub(super) fn advance(&mut self, from: &mut (impl Read + Write), index: &mut Index) -> io::Result<bool> {
        let Some(length) = self.next()? else {
            self.bytes.drain(..self.done);
            self.done = 0;
            let had = self.bytes.len();
            self.bytes.resize(had + CHUNK, 0);
            let read = from.read(self.bytes.get_mut(had..).unwrap_or_default())?;
            self.bytes.truncate(had + read);
            return Ok(read > 0);
        };
        let message = self.bytes.get(self.done..self.done + length).unwrap_or_default();
        let (kind, payload) = (message.first().copied(), message.get(5..).unwrap_or_default());
        let acknowledge = match kind {
            Some(ENTRY) => {
                let added = split(payload).is_some_and(|(key, document)| index.add(&key, document).is_ok());
                self.failed += u64::from(!added);
                false
            }
            Some(LOADED) => {
                index.settle();
                true
            }
            Some(SYNC) => {
                index.settle_loaded();
                true
            }
            _ => return Err(io::ErrorKind::InvalidData.into()),
        };
        self.done += length;
        if acknowledge {
            let progress = Progress {
                entries: index.entries() as u64,
                statements: index.len() as u64,
                failed: self.failed,
            };
            from.write_all(&progress.to_bytes())?;
        }
        Ok(true)
    }
}

fn split(payload: &[u8]) -> Option<(EntryKey, &[u8])> {
    let (length, rest) = payload.split_first_chunk()?;
    let (key, document) = rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
    Some((std::str::from_utf8(key).ok()?.parse().ok()?, document))
}

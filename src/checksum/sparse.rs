//! A file with holes, of which only the data are read.

use std::{
    fs::File,
    io::{self, Read},
    num::NonZeroU64,
    os::unix::fs::FileExt,
};

use rustix::{
    fs::{Advice, SeekFrom, fadvise, seek},
    io::Errno,
};

use super::read::Source;

/// Bytes of a hole that are taken for zeros before the system is asked again: the file may have been
/// cut short meanwhile, and a hole may be a terabyte.
const HOLE: u64 = 64 << 20;

/// Bytes that are asked of the disk in advance: some hundredths of a second of its time.
const AHEAD: u64 = 8 << 20;

/// Reads a regular file or a block device from some place to its end; a hole is zeros.
#[derive(Debug)]
pub(super) struct SparseFile<'a> {
    file: &'a File,
    position: u64,
    /// Where the file ended when it was opened.
    length: u64,
    /// Whether it may have holes.
    sparse: bool,
    /// Where what is at the position, data or hole, ends.
    until: u64,
    in_hole: bool,
    /// How far reading from the disk has been asked for.
    wanted: u64,
}

impl<'a> SparseFile<'a> {
    /// From `position` to the end of the file at `length`, or a byte more if it has grown since; a file
    /// that is not `sparse` has no holes.
    pub(super) fn new(file: &'a File, position: u64, length: u64, sparse: bool) -> Self {
        // Twice the usual read-ahead. Where advice is not heard, reading is merely slower.
        let _ = fadvise(file, position, None, Advice::Sequential);
        Self { file, position, length, sparse, until: position, in_hole: false, wanted: position }
    }

    /// Finds out what is at the position once what was there before has ended.
    fn look(&mut self) {
        if self.position < self.until {
            return;
        }
        if !self.sparse {
            self.until = u64::MAX;
            return;
        }
        let data = seek(self.file, SeekFrom::Data(self.position));
        let hole = match data {
            Ok(place) if place > self.position => Some(place),
            // No more data until the end (lseek(2)), which is where it is now.
            Err(Errno::NXIO) => seek(self.file, SeekFrom::End(0)).ok(),
            _ => None,
        };
        let until = match (hole, data) {
            (Some(place), _) => place.min(self.position.saturating_add(HOLE)),
            (None, Ok(place)) => seek(self.file, SeekFrom::Hole(place)).unwrap_or(u64::MAX),
            // No holes are told here: all is data.
            (None, Err(_)) => u64::MAX,
        };
        // At the end of the file, and wherever a file system answers oddly, reading tells.
        let plain = until > self.position;
        (self.in_hole, self.until) = if plain { (hole.is_some(), until) } else { (false, u64::MAX) };
    }

    /// Has the disk read what comes next, while what was read is hashed.
    fn read_ahead(&mut self) {
        if self.wanted < self.position + AHEAD / 2 {
            self.wanted = self.wanted.max(self.position);
            // Without it, reading is merely slower.
            let _ = fadvise(self.file, self.wanted, NonZeroU64::new(AHEAD), Advice::WillNeed);
            self.wanted += AHEAD;
        }
    }

    /// Bytes, at most `count`, that are alike: all data or all hole.
    fn alike(&mut self, count: usize) -> usize {
        self.look();
        let until = self.until.min(self.length.saturating_add(1));
        usize::try_from(until.saturating_sub(self.position)).map_or(count, |left| left.min(count))
    }
}

impl Read for SparseFile<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.alike(into.len());
        let count = if self.in_hole {
            into[..count].fill(0);
            count
        } else {
            self.read_ahead();
            self.file.read_at(&mut into[..count], self.position)?
        };
        self.position += count as u64;
        Ok(count)
    }
}

impl Source for SparseFile<'_> {
    fn skip_hole(&mut self, count: usize) -> io::Result<bool> {
        let hole = self.alike(count) == count && self.in_hole;
        if hole {
            self.position += count as u64;
        }
        Ok(hole)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(file: &File, start: u64) -> Vec<u8> {
        let mut content = Vec::new();
        SparseFile::new(file, start, file.metadata().unwrap().len(), true).read_to_end(&mut content).unwrap();
        content
    }

    #[test]
    fn a_hole_is_skipped_and_data_is_not() {
        let file = tempfile::tempfile().unwrap();
        file.write_at(b"start", 0).unwrap();
        file.write_at(b"middle", 64 << 20).unwrap();
        file.set_len(128 << 20).unwrap();
        let mut sparse = SparseFile::new(&file, 0, 128 << 20, true);
        assert!(!sparse.skip_hole(1 << 20).unwrap());
        let mut start = [0; 5];
        sparse.read_exact(&mut start).unwrap();
        assert_eq!(&start, b"start");
        if seek(&file, SeekFrom::Data(1 << 20)) == Ok(1 << 20) {
            eprintln!("skipped: this file system tells no holes");
            return;
        }
        let mut sparse = SparseFile::new(&file, 1 << 20, 128 << 20, true);
        assert!(sparse.skip_hole(63 << 20).unwrap());
        assert!(!sparse.skip_hole(1 << 20).unwrap(), "there are data");
        let mut middle = [0; 6];
        sparse.read_exact(&mut middle).unwrap();
        assert_eq!(&middle, b"middle");
        // The last hole ends with the file, and nothing is skipped beyond.
        let mut sparse = SparseFile::new(&file, 127 << 20, 128 << 20, true);
        assert!(!sparse.skip_hole(2 << 20).unwrap());
        assert!(sparse.skip_hole(1 << 20).unwrap());
        assert!(!sparse.skip_hole(1).unwrap());
        assert_eq!(sparse.read(&mut [0; 10]).unwrap(), 0);
        // What is no longer there is not a hole.
        file.set_len(1 << 40).unwrap();
        let mut sparse = SparseFile::new(&file, 65 << 20, 1 << 40, true);
        assert!(sparse.skip_hole(1 << 20).unwrap());
        file.set_len(128 << 20).unwrap();
        let mut skipped = 1 << 20;
        while sparse.skip_hole(1 << 20).unwrap() {
            skipped += 1 << 20;
            assert!(skipped <= HOLE);
        }
        assert_eq!(sparse.read(&mut [0; 10]).unwrap(), 0);
        // What was not there when it was opened is not read, but for a byte that tells.
        let mut content = Vec::new();
        SparseFile::new(&file, 0, 1000, true).read_to_end(&mut content).unwrap();
        assert_eq!(content.len(), 1001);
        content.clear();
        SparseFile::new(&file, (64 << 20) - 3, 64 << 20, true).read_to_end(&mut content).unwrap();
        assert_eq!(content, b"\0\0\0m");
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]

        #[test]
        fn content_is_what_any_other_reader_sees(
            pieces in proptest::collection::vec((0_u64..600_000, 1_usize..50_000, any::<u8>()), 0..12),
            length in 0_u64..700_000,
            start in 0_u64..100_000,
        ) {
            let file = tempfile::NamedTempFile::new().unwrap();
            for (place, count, byte) in pieces {
                file.as_file().write_at(&vec![byte; count], place).unwrap();
            }
            file.as_file().set_len(length).unwrap();
            let start = start.min(length);
            let content = std::fs::read(file.path()).unwrap();
            prop_assert!(read(file.as_file(), start) == content[usize::try_from(start).unwrap()..]);
        }
    }
}

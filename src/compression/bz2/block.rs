//! One block, decoded by libbz2 from the bits of the file.

use std::{io, mem::take};

use bzip2::{Decompress, Status};

/// Bytes of output handed on at a time: a block may expand to 46 MB, 259 bytes for every five of
/// its 900,000.
const PIECE: usize = 256 << 10;

/// Bytes of the mark behind a block that libbz2 is given; see [`Block::confirm`].
pub(super) const CONFIRMATION: usize = 5;

/// A decoder that has been given a stream header and then nothing but the bits of the file from a
/// block's mark on. So it does what a decoder of the whole file does once it has come there.
pub(super) struct Block {
    raw: Decompress,
    begun: bool,
    spare: Vec<u8>,
}

impl Block {
    /// A decoder for a block of a stream whose header ends with the digit `level`.
    pub(super) fn new(level: u8) -> io::Result<Self> {
        let mut block = Self { raw: Decompress::new(false), begun: false, spare: Vec::new() };
        block.piece(&mut &[b'B', b'Z', b'h', level][..])?;
        Ok(block)
    }

    /// Decodes until there is a piece of output; `None` if all `input` is taken and more is needed.
    pub(super) fn piece(&mut self, input: &mut &[u8]) -> io::Result<Option<Vec<u8>>> {
        let mut output = take(&mut self.spare);
        output.reserve_exact(PIECE);
        loop {
            let before = self.raw.total_in();
            let status = self.raw.decompress_vec(input, &mut output)?;
            let taken = usize::try_from(self.raw.total_in() - before).unwrap_or(usize::MAX);
            *input = input.get(taken..).unwrap_or_default();
            match status {
                Status::Ok if output.len() == output.capacity() => break,
                Status::Ok if input.is_empty() => break,
                Status::Ok if taken > 0 => {}
                Status::MemNeeded => return Err(io::ErrorKind::OutOfMemory.into()),
                // The mark of the end is never given to it, and with input and space it goes on.
                _ => return Err(bzip2::Error::Sequence.into()),
            }
        }
        if output.is_empty() {
            self.spare = output;
            return Ok(None);
        }
        self.begun = true;
        Ok(Some(output))
    }

    /// Whether there has been output. libbz2 writes nothing of a block before it has read all of
    /// it, and no block is empty; so this tells whether the block ends within the input so far.
    pub(super) const fn begun(&self) -> bool {
        self.begun
    }

    /// Makes sure that the block ends where a mark is.
    ///
    /// Output has begun with the byte in which the mark's first bit is or, if that is a byte's
    /// first, with the byte before; `mark` are the [`CONFIRMATION`] bytes after. Having checked
    /// the block's CRC, libbz2 reads a mark where the block ends and accepts no other bits, and
    /// five bytes of it at least are within what it has now. They cannot be at any other place
    /// than the mark known: two marks do not overlap by more than three bits.
    pub(super) fn confirm(&mut self, mark: &[u8]) -> io::Result<()> {
        match self.piece(&mut &*mark)? {
            None => Ok(()),
            Some(_) => Err(bzip2::Error::Sequence.into()),
        }
    }
}

//! Writing a file whose zeros take no room.

use std::{
    fs::File,
    io::{self, Read},
    os::unix::fs::FileExt as _,
    path::PathBuf,
};

use crate::checksum::{DigestOptions, Image, ImageError};

/// Bytes that are a hole if all of them are zero: a block of most file systems.
const BLOCK: usize = 4096;

static ZEROS: [u8; BLOCK] = [0; BLOCK];

/// Writes to a file from some place on, beyond which nothing was written before.
#[derive(Debug)]
pub(crate) struct SparseWriter<'a> {
    file: &'a File,
    position: u64,
}

impl<'a> SparseWriter<'a> {
    /// From `position` on.
    pub(crate) const fn new(file: &'a File, position: u64) -> Self {
        Self { file, position }
    }

    /// Bytes of the file so far.
    pub(crate) const fn position(&self) -> u64 {
        self.position
    }

    /// Goes on with `bytes`; whole blocks of zeros are left out.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut rest = bytes;
        while !rest.is_empty() {
            let data = run(rest, self.position, false);
            self.file.write_all_at(&rest[..data], self.position)?;
            self.position += data as u64;
            rest = &rest[data..];
            let hole = run(rest, self.position, true);
            self.position += hole as u64;
            rest = &rest[hole..];
        }
        Ok(())
    }

    /// Gives the file its length, which a hole at its end would lack.
    pub(crate) fn finish(&self) -> io::Result<()> {
        self.file.set_len(self.position)
    }
}

/// Reads an image and writes its content into `file`, an empty one. `progress` is told the bytes that are
/// read; `name` is for errors.
///
/// # Errors
/// [`io::Error`] if the content cannot be written; inside, why there is no image.
pub(crate) fn keep(
    name: impl Into<PathBuf>,
    stream: impl Read,
    options: &DigestOptions,
    progress: impl FnMut(u64),
    file: &File,
) -> io::Result<Result<Image, ImageError>> {
    let mut writer = SparseWriter::new(file, 0);
    let mut failure = None;
    let image = Image::read_into(name, stream, options, progress, |bytes| {
        writer.write(bytes).map_err(|error| {
            failure = Some(error);
            // It is told above.
            io::ErrorKind::Other.into()
        })
    });
    match failure {
        Some(error) => Err(error),
        None => writer.finish().map(|()| image),
    }
}

/// How many bytes, from the first one on, belong to blocks that are all zero, or to others. What does not
/// fill a block is data.
fn run(bytes: &[u8], position: u64, zero: bool) -> usize {
    let mut length = 0;
    while length < bytes.len() {
        let within = usize::try_from((position + length as u64) % BLOCK as u64).unwrap_or_default();
        let block = &bytes[length..bytes.len().min(length + BLOCK - within)];
        let is_zero = block.len() == BLOCK && block == ZEROS;
        if is_zero != zero {
            break;
        }
        length += block.len();
    }
    length
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt as _;

    use proptest::prelude::*;

    use super::*;

    fn written(pieces: &[Vec<u8>]) -> (File, Vec<u8>) {
        let file = tempfile::tempfile().unwrap();
        let mut writer = SparseWriter::new(&file, 0);
        for piece in pieces {
            writer.write(piece).unwrap();
        }
        writer.finish().unwrap();
        let mut content = Vec::new();
        (&file).read_to_end(&mut content).unwrap();
        (file, content)
    }

    #[test]
    fn zeros_take_no_room() {
        let (file, content) = written(&[vec![1; 5], vec![0; 1 << 20], vec![2; 5], vec![0; 1 << 20]]);
        assert_eq!(content.len(), (2 << 20) + 10);
        let blocks = file.metadata().unwrap().blocks();
        assert!(blocks * 512 < 1 << 19, "{blocks} blocks");
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

        #[test]
        fn what_is_read_is_what_was_written(
            pieces in proptest::collection::vec((0_usize..30_000, 0_u8..3), 0..12),
        ) {
            let pieces: Vec<_> = pieces.into_iter().map(|(length, byte)| vec![byte; length]).collect();
            let (_, content) = written(&pieces);
            prop_assert!(content == pieces.concat());
        }
    }
}

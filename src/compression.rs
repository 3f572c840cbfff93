//! Compressed images: recognised by their first bytes, never by name, and read as a stream.

use std::{
    fmt,
    io::{self, Read},
    num::NonZeroUsize,
    thread,
};

use zstd::zstd_safe::zstd_sys::ZSTD_ErrorCode as ZstdCode;

mod bz2;
mod input;

use input::Input;

/// Memory an xz stream may ask for, in bytes. `xz -9` needs 65 MiB; a dictionary may claim 1.5 GiB.
pub const XZ_MEMORY_LIMIT: u64 = 128 << 20;

/// Largest window of a zst frame, as a power of two: 128 MiB, which `zstd --ultra -22` and
/// `zstd --long` stay within and `zstd` itself has as its default. A frame may claim 2 GiB and more.
pub const ZSTD_WINDOW_LOG_MAX: u32 = 27;

/// Bytes of an xz stream header (.xz file format §2.1.1).
const XZ_HEADER: usize = 12;

/// The checks of xz blocks that liblzma knows: none, CRC32, CRC64, SHA-256 (.xz file format §2.1.1.2).
const XZ_CHECKS: [u8; 4] = [0, 1, 4, 10];

/// Bytes looked at to recognise a compression.
pub(crate) const HEAD: usize = 4096;

/// Fewer bytes than this are not called compressed: no magic number can be told in them.
const SHORTEST_HEAD: usize = 4;

/// A compression an image may be published in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Compression {
    /// RFC 1952, one or more members.
    Gzip,
    /// One or more bzip2 streams.
    Bzip2,
    /// The .xz file format 1.2: one or more streams of any number of blocks, with stream padding.
    Xz,
    /// RFC 8878, one or more frames, skippable ones among them.
    Zstd,
}

impl Compression {
    /// Every compression.
    pub const ALL: [Self; 4] = [Self::Gzip, Self::Bzip2, Self::Xz, Self::Zstd];

    /// The text of `dcterms:compression`, which is the file name extension.
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Gzip => "gz",
            Self::Bzip2 => "bz2",
            Self::Xz => "xz",
            Self::Zstd => "zst",
        }
    }

    /// The compression of a file that starts with `head`.
    ///
    /// More is required than the magic number where that is short, so that a raw image is not
    /// taken for a compressed one by chance: for gz also the method 8 and no reserved flag
    /// (RFC 1952 §2.3), for bz2 also the mark of a block or of the end. From there on a header
    /// that is wrong means damage, not a raw image.
    pub fn recognise(head: &[u8]) -> Option<Self> {
        if head.len() < SHORTEST_HEAD {
            return None;
        }
        Self::ALL.into_iter().find(|compression| compression.starts(head))
    }

    /// Whether `head` starts like this compression, as far as it goes.
    fn starts(self, head: &[u8]) -> bool {
        match self {
            Self::Gzip => agrees(head, &[0x1f, 0x8b, 8]) && head.get(3).is_none_or(|flags| flags & 0xe0 == 0),
            Self::Bzip2 => {
                let rest = head.get(4..).unwrap_or_default();
                agrees(head, b"BZh")
                    && head.get(3).is_none_or(|level| (b'1'..=b'9').contains(level))
                    && (agrees(rest, b"1AY&SY") || agrees(rest, b"\x17\x72\x45\x38\x50\x90"))
            }
            Self::Xz => agrees(head, b"\xfd7zXZ\0"),
            Self::Zstd => match after_skippable_frames(head) {
                Some(rest) => agrees(rest, &[0x28, 0xb5, 0x2f, 0xfd]),
                None => true,
            },
        }
    }
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.extension())
    }
}

/// Whether the two agree in as many bytes as both have.
fn agrees(head: &[u8], magic: &[u8]) -> bool {
    head.iter().zip(magic).all(|(a, b)| a == b)
}

/// What follows the skippable frames (RFC 8878 §3.1.2) `head` starts with; pzstd writes one first.
/// LZ4 has the same, so a file is zst only if a zst frame is in sight, or nothing is: `None` if the
/// frames reach to the end of as much as is ever looked at. No raw image starts like that, and what is
/// not zst behind them is then an error.
fn after_skippable_frames(head: &[u8]) -> Option<&[u8]> {
    let mut rest = head;
    while let [0x50..=0x5f, 0x2a, 0x4d, 0x18, a, b, c, d, data @ ..] = rest {
        let length = u32::from_le_bytes([*a, *b, *c, *d]);
        match usize::try_from(length).ok().and_then(|length| data.get(length..)) {
            Some(next) if !next.is_empty() => rest = next,
            _ if head.len() >= HEAD => return None,
            _ => break,
        }
    }
    Some(rest)
}

/// Why compressed data cannot be read; inside the [`io::Error`] a [`Reader`] returns.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CompressionError {
    /// The data end within a member, stream or frame.
    #[error("truncated {compression} data: more is needed after {offset} bytes")]
    Truncated {
        /// What the data are.
        compression: Compression,
        /// Length of the file in bytes.
        offset: u64,
    },
    /// Something else follows the compressed data.
    #[error("the {compression} data end at byte {offset} but something else follows")]
    TrailingGarbage {
        /// What the data are.
        compression: Compression,
        /// Where in the file the compressed data end.
        offset: u64,
    },
    /// A wrong header, code or checksum.
    #[error("damaged {compression} data near byte {offset}")]
    Damaged {
        /// What the data are.
        compression: Compression,
        /// How much of the file had been consumed, in xz up to [`XZ_MEMORY_LIMIT`] more than that; in
        /// bz2, where the damaged block or end of a stream starts.
        offset: u64,
        /// What the decoder says.
        source: io::Error,
    },
    /// [`XZ_MEMORY_LIMIT`] or [`ZSTD_WINDOW_LOG_MAX`] is exceeded.
    #[error("the {compression} data ask for more than {limit} bytes of memory")]
    Memory {
        /// What the data are.
        compression: Compression,
        /// The limit in bytes.
        limit: u64,
    },
}

/// The uncompressed content of what `R` holds, compressed or not.
///
/// Everything is checked that the formats allow to check: checksums, sizes, that no member is
/// cut short and that nothing else follows the last one. Memory is bounded by
/// [`XZ_MEMORY_LIMIT`] or the window of [`ZSTD_WINDOW_LOG_MAX`] and a few hundred kilobytes, for
/// bz2 by 15 MB for each thread.
#[derive(Debug)]
pub struct Reader<R> {
    compression: Option<Compression>,
    threads: NonZeroUsize,
    state: State<R>,
}

#[derive(Debug)]
enum State<R> {
    Reading(Decoder<R>),
    Finished,
    Failed,
}

/// Decodes one member of a gz file, one stream of an xz file, or all of a bz2 or zst file.
enum Decoder<R> {
    Raw(Input<R>),
    Gzip(Box<flate2::bufread::GzDecoder<Input<R>>>),
    Bzip2(Box<bz2::Decoder<R>>),
    Xz(liblzma::bufread::XzDecoder<Input<R>>),
    Zstd(zstd::stream::read::Decoder<'static, Input<R>>),
}

impl<R: Read> Reader<R> {
    /// Looks at the first bytes of `file` and prepares to read its content, with a thread for each
    /// core where the compression allows several.
    ///
    /// # Errors
    /// [`io::Error`] from `file`, or from a decoder that cannot be set up.
    pub fn new(file: R) -> io::Result<Self> {
        Self::with_threads(file, thread::available_parallelism().unwrap_or(NonZeroUsize::MIN))
    }

    /// As [`Reader::new`], with so many threads at most beside the one that reads. `file` is read
    /// only by that one.
    ///
    /// # Errors
    /// As for [`Reader::new`].
    pub fn with_threads(file: R, threads: NonZeroUsize) -> io::Result<Self> {
        let mut input = Input::new(file);
        let compression = Compression::recognise(input.peek(HEAD)?);
        let state = State::Reading(Decoder::new(input, compression, threads)?);
        Ok(Self { compression, threads, state })
    }

    /// The compression found, `None` if the file is its own content.
    pub const fn compression(&self) -> Option<Compression> {
        self.compression
    }

    /// Goes on to the next member, or finds that there is none.
    fn advance(&mut self) -> io::Result<()> {
        let State::Reading(decoder) = std::mem::replace(&mut self.state, State::Failed) else {
            return Ok(());
        };
        let mut input = decoder.into_input();
        let end = input.offset();
        // .xz file format §2.2: a multiple of four zero bytes may follow each stream.
        let aligned = self.compression != Some(Compression::Xz) || input.skip_zeros()? % 4 == 0;
        let head = input.peek(HEAD)?;
        self.state = match self.compression {
            _ if head.is_empty() && aligned => State::Finished,
            Some(compression) if aligned && compression.starts(head) => {
                State::Reading(Decoder::new(input, Some(compression), self.threads)?)
            }
            Some(compression) => {
                let garbage = CompressionError::TrailingGarbage { compression, offset: end };
                return Err(io::Error::new(io::ErrorKind::InvalidData, garbage));
            }
            None => State::Finished,
        };
        Ok(())
    }
}

impl<R: Read> Read for Reader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            let decoder = match &mut self.state {
                State::Reading(decoder) => decoder,
                State::Finished => return Ok(0),
                State::Failed => return Err(io::Error::other("reading goes on after a failure")),
            };
            match decoder.read(buffer) {
                Ok(0) => self.advance()?,
                Ok(count) => return Ok(count),
                Err(error) => {
                    let error = explain(error, self.compression, decoder.input());
                    self.state = State::Failed;
                    return Err(error);
                }
            }
        }
    }
}

impl<R: Read> Decoder<R> {
    fn new(mut input: Input<R>, compression: Option<Compression>, threads: NonZeroUsize) -> io::Result<Self> {
        Ok(match compression {
            None => Self::Raw(input),
            Some(Compression::Gzip) => Self::Gzip(Box::new(flate2::bufread::GzDecoder::new(input))),
            Some(Compression::Bzip2) => Self::Bzip2(Box::new(bz2::Decoder::new(input, threads))),
            Some(Compression::Xz) => {
                let offset = input.offset();
                let stream = xz_stream(input.peek(XZ_HEADER)?, offset, threads)?;
                Self::Xz(liblzma::bufread::XzDecoder::new_stream(input, stream))
            }
            Some(Compression::Zstd) => {
                let mut decoder = zstd::stream::read::Decoder::with_buffer(input)?;
                decoder.window_log_max(ZSTD_WINDOW_LOG_MAX)?;
                Self::Zstd(decoder)
            }
        })
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Raw(input) => input.read(buffer),
            Self::Gzip(decoder) => decoder.read(buffer),
            Self::Bzip2(decoder) => decoder.read(buffer),
            Self::Xz(decoder) => decoder.read(buffer),
            Self::Zstd(decoder) => decoder.read(buffer),
        }
    }

    fn input(&self) -> &Input<R> {
        match self {
            Self::Raw(input) => input,
            Self::Gzip(decoder) => decoder.get_ref(),
            Self::Bzip2(decoder) => decoder.get_ref(),
            Self::Xz(decoder) => decoder.get_ref(),
            Self::Zstd(decoder) => decoder.get_ref(),
        }
    }

    fn into_input(self) -> Input<R> {
        match self {
            Self::Raw(input) => input,
            Self::Gzip(decoder) => decoder.into_inner(),
            Self::Bzip2(decoder) => decoder.into_inner(),
            Self::Xz(decoder) => decoder.into_inner(),
            Self::Zstd(decoder) => decoder.into_inner(),
        }
    }
}

/// A decoder for the xz stream that starts with `header`, at `offset`.
fn xz_stream(header: &[u8], offset: u64, threads: NonZeroUsize) -> io::Result<liblzma::stream::Stream> {
    // The multi-threaded decoder cannot be told to report a check it does not know, and would pass
    // over it in silence. What is no whole header is for the decoder to refuse.
    if header.len() == XZ_HEADER && !XZ_CHECKS.contains(&(header[7] & 0x0f)) {
        let source = liblzma::stream::Error::UnsupportedCheck.into();
        let damaged = CompressionError::Damaged { compression: Compression::Xz, offset, source };
        return Err(io::Error::new(io::ErrorKind::InvalidData, damaged));
    }
    let threads = u32::try_from(threads.get()).unwrap_or(u32::MAX);
    let mut builder = liblzma::stream::MtStreamBuilder::new();
    // As many blocks at once as fit: three of `xz -6 -T0`, which have 24 MiB and are there compressed
    // and not. A larger bound for them would let a single block ask for as much.
    builder.threads(threads).memlimit_threading(XZ_MEMORY_LIMIT).memlimit_stop(XZ_MEMORY_LIMIT);
    Ok(builder.decoder()?)
}

impl<R> fmt::Debug for Decoder<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Decoder")
    }
}

/// Turns what a decoder says into what is wrong; the file's own errors stay as they are, and so do
/// those of bz2, whose decoder says what is wrong itself.
fn explain<R: Read>(error: io::Error, compression: Option<Compression>, input: &Input<R>) -> io::Error {
    let Some(compression) = compression.filter(|&found| found != Compression::Bzip2 && !input.failed())
    else {
        return error;
    };
    let offset = input.offset();
    let is_lzma = |kind| error.get_ref().and_then(|e| e.downcast_ref()) == Some(&kind);
    let is_zstd = |kind| {
        let inner = error.get_ref().and_then(|e| e.downcast_ref::<zstd::Error>());
        inner.is_some_and(|error| error.is(kind))
    };
    let explained = if error.kind() == io::ErrorKind::UnexpectedEof {
        CompressionError::Truncated { compression, offset }
    } else if is_lzma(liblzma::stream::Error::MemLimit) {
        CompressionError::Memory { compression, limit: XZ_MEMORY_LIMIT }
    } else if is_zstd(ZstdCode::ZSTD_error_frameParameter_windowTooLarge) {
        CompressionError::Memory { compression, limit: 1 << ZSTD_WINDOW_LOG_MAX }
    } else if is_zstd(ZstdCode::ZSTD_error_prefix_unknown) {
        // The first frame was recognised, so this is where another one should start.
        CompressionError::TrailingGarbage { compression, offset }
    } else {
        CompressionError::Damaged { compression, offset, source: error }
    };
    io::Error::new(io::ErrorKind::InvalidData, explained)
}

#[cfg(test)]
pub(crate) mod tests;

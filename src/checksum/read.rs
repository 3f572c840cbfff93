//! Reading an image: one pass over file and content, a fixed number of buffers.

use std::{
    io::{self, Cursor, Read},
    num::NonZeroUsize,
    path::PathBuf,
    thread,
};

use super::{
    Checksum, ChecksumAlgorithm, ImageDigests, ImageError, hex,
    pool::{self, CHUNK, Sink, Values},
};
use crate::{
    Identifier,
    compression::{self, Compression},
    format::{self, FormatError, ImageFormat},
};

/// How an image is read.
#[derive(Clone, Debug)]
pub struct DigestOptions {
    /// The checksums wanted of the content; SHA-1 is computed in any case.
    pub algorithms: Vec<ChecksumAlgorithm>,
    /// The checksums wanted of the compressed file, if it is compressed.
    pub compressed: Vec<ChecksumAlgorithm>,
    /// Threads that read, decompress and compute checksums; more than one for each checksum and one
    /// to read are of no use. Where a compression allows several, as many more decompress.
    pub threads: NonZeroUsize,
    /// Most bytes the content may have.
    pub max_bytes: Option<u64>,
    /// Whether what is compressed is expanded; otherwise it is its own content.
    pub expand: bool,
}

impl Default for DigestOptions {
    /// All checksums of the content and of the compressed file, a thread for each core, no limit, expanded.
    fn default() -> Self {
        Self {
            algorithms: ChecksumAlgorithm::ALL.to_vec(),
            compressed: ChecksumAlgorithm::ALL.to_vec(),
            threads: thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
            max_bytes: None,
            expand: true,
        }
    }
}

/// What reading an image tells.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Image {
    /// Size and checksums of the uncompressed content.
    pub digests: ImageDigests,
    /// How the file is compressed, by its first bytes.
    pub compression: Option<Compression>,
    /// The file as it lies there, if it is compressed.
    pub compressed: Option<FileDigests>,
    /// The format of the uncompressed content, if its magic number tells.
    pub format: Option<ImageFormat>,
    /// Bytes of the disk that the content stands for, where its format tells.
    pub virtual_size: Option<u64>,
}

/// Size and checksums of a file as it lies there, compressed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FileDigests {
    /// Size in bytes.
    pub bytes: u64,
    /// The checksums that were asked for, in the order of [`ChecksumAlgorithm::ALL`].
    pub checksums: Vec<Checksum>,
}

/// Where bytes come from, and may be known to be zeros.
pub(super) trait Source: Read {
    /// Skips `count` bytes if all of them are known to be zeros, and says whether.
    fn skip_hole(&mut self, count: usize) -> io::Result<bool>;
}

/// A source that knows nothing.
struct Stream<R>(R);

impl<R: Read> Read for Stream<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.0.read(into)
    }
}

impl<R: Read> Source for Stream<R> {
    fn skip_hole(&mut self, _: usize) -> io::Result<bool> {
        Ok(false)
    }
}

/// The content is larger than [`DigestOptions::max_bytes`]; inside an [`io::Error`].
#[derive(Debug, thiserror::Error)]
#[error("more than {limit} bytes")]
pub(super) struct TooLarge {
    pub(super) limit: u64,
}

impl DigestOptions {
    /// What is computed of the content.
    fn content(&self) -> Vec<ChecksumAlgorithm> {
        let wanted = |a: &ChecksumAlgorithm| *a == ChecksumAlgorithm::Sha1 || self.algorithms.contains(a);
        ChecksumAlgorithm::ALL.into_iter().filter(wanted).collect()
    }
}

impl ImageDigests {
    /// Reads `content`, compressed or not as it is, to its end and returns its size in bytes and
    /// its checksums: those asked for, and SHA-1 in any case.
    ///
    /// The algorithms run side by side, and memory stays under 8 MiB whatever the size.
    ///
    /// # Errors
    /// [`io::Error`] from `content`; nothing is returned for a partly read one.
    pub fn read(content: impl Read, algorithms: &[ChecksumAlgorithm]) -> io::Result<Self> {
        let options = DigestOptions { algorithms: algorithms.to_vec(), ..DigestOptions::default() };
        let mut content = Stream(content);
        let (bytes, values) = pool::hash(&[&options.content()], options.threads, |sinks| {
            let Ok([mut sink]) = <[Sink<'_>; 1]>::try_from(sinks) else { return Ok(0) };
            fill(&mut sink, &mut content, None, |_| Ok(()))?;
            Ok(sink.bytes())
        })?;
        Self::new(bytes, values.into_iter().next().unwrap_or_default())
    }

    fn new(bytes: u64, values: Values) -> io::Result<Self> {
        let sha1 = values.iter().find(|(algorithm, _)| *algorithm == ChecksumAlgorithm::Sha1);
        let sha1 = sha1.and_then(|(_, value)| <[u8; 20]>::try_from(&value[..]).ok());
        let sha1 = sha1.ok_or_else(|| io::Error::other("there is no SHA-1"))?;
        Ok(Self { bytes, identifier: Identifier::from_sha1(sha1), checksums: checksums(values) })
    }
}

fn checksums(values: Values) -> Vec<Checksum> {
    let checksum = |(algorithm, value): (_, Box<[u8]>)| Checksum { algorithm, value: hex(&value) };
    values.into_iter().map(checksum).collect()
}

impl Image {
    /// Reads an image, compressed or not, from `stream` to its end; `progress` is told the number
    /// of bytes each time some have been read. `name` is for errors.
    ///
    /// # Errors
    /// [`ImageError`] if it cannot be read, is damaged, or is more or less than a disk image.
    pub fn read(
        name: impl Into<PathBuf>,
        stream: impl Read,
        options: &DigestOptions,
        progress: impl FnMut(u64),
    ) -> Result<Self, ImageError> {
        Self::read_into(name, stream, options, progress, |_| Ok(()))
    }

    /// The same, and gives `keep` the content as it comes.
    ///
    /// # Errors
    /// As for [`Image::read`], and what `keep` returns as [`ImageError::Unreadable`].
    pub fn read_into(
        name: impl Into<PathBuf>,
        mut stream: impl Read,
        options: &DigestOptions,
        progress: impl FnMut(u64),
        keep: impl FnMut(&[u8]) -> io::Result<()>,
    ) -> Result<Self, ImageError> {
        let mut head = Vec::with_capacity(compression::HEAD);
        let read = stream.by_ref().take(compression::HEAD as u64).read_to_end(&mut head);
        let image = read.and_then(|_| {
            let source = Stream(Cursor::new(&head).chain(stream));
            digest(&head, &mut Counted::new(source, progress), options, keep)
        });
        image.map_err(|cause| ImageError::of(name.into(), cause))
    }
}

/// Reads all of `source`, which starts with `head`, and gives `keep` the content, but not all of a hole.
pub(super) fn digest(
    head: &[u8],
    source: &mut impl Source,
    options: &DigestOptions,
    mut keep: impl FnMut(&[u8]) -> io::Result<()>,
) -> io::Result<Image> {
    let compression = Compression::recognise(head).filter(|_| options.expand);
    let content = options.content();
    let mut edges = Edges::default();
    let mut read_bytes = 0;
    let mut streams = vec![&content[..]];
    if compression.is_some() && !options.compressed.is_empty() {
        streams.push(&options.compressed);
    }
    // The thread that reads bz2 waits for those that decompress it.
    let waiting = usize::from(compression == Some(Compression::Bzip2));
    let (bytes, values) = pool::hash(&streams, options.threads.saturating_add(waiting), |sinks| {
        let mut sinks = sinks.into_iter();
        let mut sink = sinks.next().ok_or_else(|| io::Error::other("nothing is to be computed"))?;
        if compression.is_none() {
            fill(&mut sink, source, options.max_bytes, |bytes| edges.see(bytes).and_then(|()| keep(bytes)))?;
        } else {
            let mut file = sinks.next();
            let most = options.max_bytes.map(|limit| (limit, most_compressed(limit)));
            let tee = Tee { source, sink: file.as_mut(), bytes: &mut read_bytes, most };
            let mut content = Stream(compression::Reader::with_threads(tee, options.threads)?);
            let see = |bytes: &[u8]| edges.see(bytes).and_then(|()| keep(bytes));
            fill(&mut sink, &mut content, options.max_bytes, see)?;
            drop(content);
            file.as_mut().map_or(Ok(()), Sink::finish)?;
        }
        Ok(sink.bytes())
    })?;
    let inspection = format::inspect(&edges.head, &edges.tail, bytes).map_err(invalid)?;
    let mut values = values.into_iter();
    let digests = ImageDigests::new(bytes, values.next().unwrap_or_default())?;
    let compressed = compression
        .map(|_| FileDigests { bytes: read_bytes, checksums: checksums(values.next().unwrap_or_default()) });
    let (format, virtual_size) = inspection.map_or((None, None), |i| (Some(i.format), i.virtual_size));
    Ok(Image { digests, compression, compressed, format, virtual_size })
}

/// Reads `source` into `sink` to its end, and shows `see` all of it, but of zeros that are not
/// read only as many as matter.
fn fill(
    sink: &mut Sink<'_>,
    source: &mut impl Source,
    max_bytes: Option<u64>,
    mut see: impl FnMut(&[u8]) -> io::Result<()>,
) -> io::Result<()> {
    loop {
        if sink.at_chunk() && source.skip_hole(CHUNK)? {
            sink.add_zeros()?;
            see(&ZEROS)?;
        } else {
            let mut seen = Ok(());
            if sink.read_from(source, |bytes| seen = see(bytes))? == 0 {
                return sink.finish();
            }
            seen?;
        }
        if let Some(limit) = max_bytes.filter(|&limit| sink.bytes() > limit) {
            return Err(io::Error::new(io::ErrorKind::InvalidData, TooLarge { limit }));
        }
    }
}

/// Enough zeros to fill any of [`Edges`].
static ZEROS: [u8; format::HEAD] = [0; format::HEAD];

/// The ends of the content, which tell its format.
#[derive(Default)]
struct Edges {
    head: Vec<u8>,
    tail: Vec<u8>,
}

impl Edges {
    /// Goes on with `bytes`. What the head tells to be no disk is refused before the rest is read.
    fn see(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.tail.extend(bytes.get(bytes.len().saturating_sub(format::TAIL)..).unwrap_or_default());
        self.tail.drain(..self.tail.len().saturating_sub(format::TAIL));
        let missing = format::HEAD - self.head.len();
        if missing > 0 {
            self.head.extend(bytes.iter().take(missing));
            // Whether it is damaged cannot be told before its end.
            if self.head.len() == format::HEAD
                && let Err(error) = format::inspect(&self.head, &[], u64::MAX)
                && !matches!(error, FormatError::Damaged { .. })
            {
                return Err(invalid(error));
            }
        }
        Ok(())
    }
}

fn invalid(error: FormatError) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

/// Hands on a file as it is read, with a copy for its own checksums.
struct Tee<'a, 'b, S> {
    source: &'a mut S,
    sink: Option<&'a mut Sink<'b>>,
    bytes: &'a mut u64,
    /// Most bytes of content, and of the file.
    most: Option<(u64, u64)>,
}

/// Most bytes of a file that holds `limit` bytes: what cannot be compressed grows by a hundredth at
/// most. Padding and empty members have no content and are bounded by this alone.
const fn most_compressed(limit: u64) -> u64 {
    limit.saturating_add(limit / 64).saturating_add(1 << 20)
}

impl<S: Read> Read for Tee<'_, '_, S> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.source.read(into)?;
        *self.bytes += count as u64;
        if let Some((limit, _)) = self.most.filter(|&(_, most)| *self.bytes > most) {
            return Err(io::Error::new(io::ErrorKind::InvalidData, TooLarge { limit }));
        }
        if let Some(sink) = &mut self.sink {
            let mut copy = &into[..count];
            while !copy.is_empty() {
                sink.read_from(&mut copy, |_| {})?;
            }
        }
        Ok(count)
    }
}

/// Tells how much has been read of the file, compressed as it is.
pub(super) struct Counted<S, P> {
    source: S,
    pub(super) bytes: u64,
    progress: P,
}

impl<S, P: FnMut(u64)> Counted<S, P> {
    pub(super) const fn new(source: S, progress: P) -> Self {
        Self { source, bytes: 0, progress }
    }

    fn count(&mut self, bytes: usize) {
        self.bytes += bytes as u64;
        (self.progress)(bytes as u64);
    }
}

impl<S: Read, P: FnMut(u64)> Read for Counted<S, P> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.source.read(into)?;
        self.count(count);
        Ok(count)
    }
}

impl<S: Source, P: FnMut(u64)> Source for Counted<S, P> {
    fn skip_hole(&mut self, count: usize) -> io::Result<bool> {
        let skipped = self.source.skip_hole(count)?;
        if skipped {
            self.count(count);
        }
        Ok(skipped)
    }
}

#[cfg(test)]
mod tests;

//! An image in a file: what it is, and that it stays the same while it is read.

use std::{
    fs::{self, File, Metadata},
    io::{self, Read as _, Seek, SeekFrom},
    os::{
        fd::AsFd as _,
        unix::fs::{FileExt as _, FileTypeExt, MetadataExt, OpenOptionsExt as _},
    },
    path::{Path, PathBuf},
};

use rustix::fs::OFlags;

use super::{
    DigestOptions, Image, ImageError,
    read::{self, Counted},
    sparse::SparseFile,
};
use crate::compression;

/// What standard input is called in errors.
const STANDARD_INPUT: &str = "standard input";

/// An open image, on which its content can be read once.
#[derive(Debug)]
pub struct ImageFile {
    /// As given, or [`STANDARD_INPUT`].
    name: PathBuf,
    file: File,
    place: Place,
}

#[derive(Debug)]
enum Place {
    /// A regular file or a block device at a path.
    Path(Stamp),
    /// The same on standard input, from where the descriptor stands.
    Descriptor(Stamp, u64),
    /// A pipe, socket or terminal: it has no size and can be read only once.
    Stream,
}

/// What must stay the same of a file. A block device has no modification time of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    identity: (u64, u64),
    length: u64,
    modified: Option<(i64, i64)>,
}

impl ImageFile {
    /// Opens the image at `path`: a regular file or a block device, or a symbolic link to one.
    ///
    /// # Errors
    /// [`ImageError`] if there is none, it is something else, or it cannot be opened.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, ImageError> {
        let name = path.into();
        let opened = (|| {
            // Looked at before it is opened: opening a pipe waits for its writer.
            let metadata = fs::metadata(&name)?;
            if let Some(found) = unsuitable(&metadata) {
                return Ok(Err(found));
            }
            // Not even if a pipe has taken its place since.
            let flags = i32::try_from(OFlags::NONBLOCK.bits()).unwrap_or_default();
            let mut file = File::options().read(true).custom_flags(flags).open(&name)?;
            let metadata = file.metadata()?;
            if let Some(found) = unsuitable(&metadata) {
                return Ok(Err(found));
            }
            let before = Stamp::of(&metadata, &mut file)?;
            Ok(Ok((file, before)))
        })();
        match opened {
            Ok(Ok((file, before))) => Ok(Self { name, file, place: Place::Path(before) }),
            Ok(Err(found)) => Err(ImageError::Kind { image: name, found }),
            Err(cause) => Err(ImageError::of(name, cause)),
        }
    }

    /// The image on standard input, from where it stands to its end: a pipe, or a file that is held
    /// to what one at a path is.
    ///
    /// # Errors
    /// [`ImageError`] if it is closed or a directory.
    pub fn standard_input() -> Result<Self, ImageError> {
        let name = PathBuf::from(STANDARD_INPUT);
        let opened = (|| {
            let mut file = File::from(io::stdin().as_fd().try_clone_to_owned()?);
            let metadata = file.metadata()?;
            let place = if metadata.is_file() || metadata.file_type().is_block_device() {
                let position = file.stream_position()?;
                let stamp = Stamp::of(&metadata, &mut file)?;
                Place::Descriptor(stamp, position.min(stamp.length))
            } else {
                Place::Stream
            };
            Ok((file, place, metadata.is_dir()))
        })();
        match opened {
            Ok((_, _, true)) => Err(ImageError::Kind { image: name, found: "a directory" }),
            Ok((file, place, false)) => Ok(Self { name, file, place }),
            Err(cause) => Err(ImageError::of(name, cause)),
        }
    }

    /// Bytes to be read of the file, compressed as it is, where that is known.
    pub const fn length(&self) -> Option<u64> {
        match self.place {
            Place::Path(stamp) => Some(stamp.length),
            Place::Descriptor(stamp, position) => Some(stamp.length - position),
            Place::Stream => None,
        }
    }

    /// Reads the image to its end and describes it; `progress` is told the number of bytes each
    /// time some of the file have been read. The holes of a sparse file are not read.
    ///
    /// # Errors
    /// [`ImageError`] if it cannot be read, is damaged, or did not stay the same meanwhile.
    pub fn digest(self, options: &DigestOptions, progress: impl FnMut(u64)) -> Result<Image, ImageError> {
        let Self { name, mut file, place } = self;
        let (before, start) = match place {
            Place::Path(stamp) => (stamp, 0),
            Place::Descriptor(stamp, position) => (stamp, position),
            Place::Stream => return Image::read(name, file, options, progress),
        };
        let sparse = file.metadata().is_ok_and(|metadata| is_sparse(&metadata));
        let mut source = Counted::new(SparseFile::new(&file, start, before.length, sparse), progress);
        let image = head(&file, start).and_then(|head| read::digest(&head, &mut source, options, |_| Ok(())));
        // A file cut short under the reader fails as truncated, but that is not what is wrong.
        let whole = image.is_err() || source.bytes == before.length - start;
        let after = match place {
            Place::Path(_) => Stamp::now(&name, &mut file),
            _ => file.metadata().and_then(|metadata| Stamp::of(&metadata, &mut file)),
        };
        match after {
            Ok(after) if after == before && whole => image.map_err(|cause| ImageError::of(name, cause)),
            Ok(_) => Err(ImageError::Changed { image: name }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(ImageError::Vanished { image: name })
            }
            Err(cause) => Err(ImageError::Unreadable { image: name, cause }),
        }
    }
}

/// The first bytes, by which a compression is recognised.
fn head(file: &File, start: u64) -> io::Result<Vec<u8>> {
    struct At<'a>(&'a File, u64);
    impl io::Read for At<'_> {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            let count = self.0.read_at(into, self.1)?;
            self.1 += count as u64;
            Ok(count)
        }
    }
    let mut head = Vec::with_capacity(compression::HEAD);
    At(file, start).take(compression::HEAD as u64).read_to_end(&mut head)?;
    Ok(head)
}

/// Whether there are fewer blocks, of 512 bytes (stat(2)), than the file's length takes. Without that
/// nothing is asked about holes, of which some file systems have told wrongly.
fn is_sparse(metadata: &Metadata) -> bool {
    metadata.is_file() && metadata.blocks().saturating_mul(512) < metadata.len()
}

/// What a file is that cannot hold an image: it has no size, or no end.
fn unsuitable(metadata: &Metadata) -> Option<&'static str> {
    let kind = metadata.file_type();
    if kind.is_file() || kind.is_block_device() {
        None
    } else if kind.is_dir() {
        Some("a directory")
    } else if kind.is_fifo() {
        Some("a pipe")
    } else if kind.is_socket() {
        Some("a socket")
    } else {
        Some("a character device")
    }
}

impl Stamp {
    fn of(metadata: &Metadata, file: &mut File) -> io::Result<Self> {
        let identity = (metadata.dev(), metadata.ino());
        if metadata.file_type().is_block_device() {
            // The system states no size of a device; its end does. Reading is by position.
            let position = file.stream_position()?;
            let length = file.seek(SeekFrom::End(0))?;
            file.seek(SeekFrom::Start(position))?;
            return Ok(Self { identity, length, modified: None });
        }
        let modified = Some((metadata.mtime(), metadata.mtime_nsec()));
        Ok(Self { identity, length: metadata.len(), modified })
    }

    /// Of what lies at `path` now, be it the open file or another that took its place.
    fn now(path: &Path, file: &mut File) -> io::Result<Self> {
        Self::of(&fs::metadata(path)?, file)
    }
}

#[cfg(test)]
mod tests {
    use std::{io::Write, process::Command};

    use super::*;
    use crate::{ChecksumAlgorithm, Compression, ImageDigests, ImageFormat};

    fn digest(path: &Path) -> Result<Image, ImageError> {
        ImageFile::open(path)?.digest(&DigestOptions::default(), |_| {})
    }

    fn gzip(content: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(content).unwrap();
        encoder.finish().unwrap()
    }

    /// C39: the content decides, not the name.
    #[test]
    fn c39_compression_and_format_are_told_by_content() {
        let folder = tempfile::tempdir().unwrap();
        // A qcow2 header of version 3 with nothing but a size and its own length.
        let mut content = [&b"QFI\xfb\0\0\0\x03"[..], &[0; 5000]].concat();
        content[24..32].copy_from_slice(&(1_u64 << 33).to_be_bytes());
        content[103] = 104;
        let expected = ImageDigests::read(&content[..], &ChecksumAlgorithm::ALL).unwrap();
        for (name, file, compression) in
            [("raw.img.gz", content.clone(), None), ("gz.img", gzip(&content), Some(Compression::Gzip))]
        {
            let path = folder.path().join(name);
            fs::write(&path, &file).unwrap();
            let mut read = 0;
            let image = ImageFile::open(&path).unwrap();
            assert_eq!(image.length(), Some(file.len() as u64));
            let image = image.digest(&DigestOptions::default(), |count| read += count).unwrap();
            assert_eq!((image.format, image.virtual_size), (Some(ImageFormat::Qcow2), Some(1 << 33)));
            assert_eq!((image.digests, image.compression), (expected.clone(), compression));
            let compressed = image.compressed.map(|file| (file.bytes, file.checksums));
            let itself = ImageDigests::read(&file[..], &ChecksumAlgorithm::ALL).unwrap();
            let itself = compression.map(|_| (itself.bytes(), itself.checksums().to_vec()));
            assert_eq!(compressed, itself);
            assert_eq!(read, file.len() as u64);
        }
    }

    #[test]
    fn what_is_no_image_file_is_refused_by_kind() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("missing");
        let error = digest(&missing).unwrap_err();
        assert_eq!(error.to_string(), format!("image does not exist: {}", missing.display()));
        assert!(matches!(digest(folder.path()), Err(ImageError::Kind { found: "a directory", .. })));
        let zero = digest(Path::new("/dev/zero"));
        assert!(matches!(zero, Err(ImageError::Kind { found: "a character device", .. })));
        let pipe = folder.path().join("pipe");
        if Command::new("mkfifo").arg(&pipe).status().is_ok_and(|status| status.success()) {
            assert!(matches!(digest(&pipe), Err(ImageError::Kind { found: "a pipe", .. })));
        }
        let damaged = folder.path().join("damaged");
        fs::write(&damaged, &gzip(&[1; 500])[..20]).unwrap();
        assert_eq!(
            digest(&damaged).unwrap_err().to_string(),
            format!("{}: truncated gz data: more is needed after 20 bytes", damaged.display())
        );
    }

    #[test]
    fn an_image_that_does_not_stay_the_same_is_refused() {
        type Act = fn(&Path);
        let vanishes: Act = |path| fs::remove_file(path).unwrap();
        let changes: [Act; 4] = [
            |path| fs::OpenOptions::new().append(true).open(path).unwrap().write_all(b"more").unwrap(),
            |path| fs::OpenOptions::new().write(true).open(path).unwrap().set_len(10).unwrap(),
            |path| {
                let other = path.with_extension("other");
                fs::write(&other, vec![3; 2_000_000]).unwrap();
                fs::rename(other, path).unwrap();
            },
            |path| {
                let file = fs::OpenOptions::new().write(true).open(path).unwrap();
                file.set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
            },
        ];
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("image");
        let digest_while = |act: Act| {
            fs::write(&path, vec![3; 2_000_000]).unwrap();
            let mut act = Some(act);
            let progress = |_| {
                if let Some(act) = act.take() {
                    act(&path);
                }
            };
            ImageFile::open(&path).unwrap().digest(&DigestOptions::default(), progress).unwrap_err()
        };
        assert!(matches!(digest_while(vanishes), ImageError::Vanished { .. }));
        for act in changes {
            assert!(matches!(digest_while(act), ImageError::Changed { .. }));
        }
    }
}

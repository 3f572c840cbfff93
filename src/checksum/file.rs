//! An image in a file: what it is, and that it stays the same while it is read.

use std::{
    fs::{self, File, Metadata},
    io::{self, Read, Seek, SeekFrom},
    os::unix::fs::{FileTypeExt, MetadataExt},
    path::{Path, PathBuf},
};

use super::{ChecksumAlgorithm, ImageDigests};
use crate::{
    compression::{self, Compression, CompressionError},
    format::{self, ImageFormat},
};

/// An open image, on which its content can be read once.
#[derive(Debug)]
pub struct ImageFile {
    path: PathBuf,
    file: File,
    before: Stamp,
}

/// What reading an image tells.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Image {
    /// Size and checksums of the uncompressed content.
    pub digests: ImageDigests,
    /// How the file is compressed, by its first bytes.
    pub compression: Option<Compression>,
    /// The format of the uncompressed content, if its magic number tells.
    pub format: Option<ImageFormat>,
}

/// Why an image cannot be described.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImageFileError {
    /// There is none.
    #[error("image does not exist: {}", path.display())]
    Missing {
        /// The path as given.
        path: PathBuf,
    },
    /// A directory, pipe, socket or character device.
    #[error("{} is {found}, not a file or block device", path.display())]
    Kind {
        /// The path as given.
        path: PathBuf,
        /// What it is.
        found: &'static str,
    },
    /// It cannot be opened or read.
    #[error("cannot read {}: {cause}", path.display())]
    Unreadable {
        /// The path as given.
        path: PathBuf,
        /// What the system says.
        cause: io::Error,
    },
    /// Its compressed content is damaged, cut short, or followed by something else.
    #[error("{}: {cause}", path.display())]
    Compressed {
        /// The path as given.
        path: PathBuf,
        /// What is wrong.
        cause: CompressionError,
    },
    /// Size, modification time or identity are not what they were before it was read.
    #[error("{} changed while it was read", path.display())]
    Changed {
        /// The path as given.
        path: PathBuf,
    },
    /// It was removed or renamed while it was read.
    #[error("{} vanished while it was read", path.display())]
    Vanished {
        /// The path as given.
        path: PathBuf,
    },
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
    /// [`ImageFileError`] if there is none, it is something else, or it cannot be opened.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, ImageFileError> {
        let path = path.into();
        let opened = (|| {
            // Looked at before it is opened: opening a pipe waits for its writer.
            let metadata = fs::metadata(&path)?;
            if let Some(found) = unsuitable(&metadata) {
                return Ok(Err(found));
            }
            let mut file = File::open(&path)?;
            let before = Stamp::of(&file.metadata()?, &mut file)?;
            Ok(Ok((file, before)))
        })();
        match opened {
            Ok(Ok((file, before))) => Ok(Self { path, file, before }),
            Ok(Err(found)) => Err(ImageFileError::Kind { path, found }),
            Err(cause) => Err(failure(path, cause)),
        }
    }

    /// Size of the file, compressed as it is, in bytes.
    pub const fn length(&self) -> u64 {
        self.before.length
    }

    /// Reads the image to its end and describes it; `progress` is told the number of bytes each
    /// time some of the file have been read.
    ///
    /// # Errors
    /// [`ImageFileError`] if it cannot be read, is damaged, or did not stay the same meanwhile.
    pub fn digest(
        self,
        algorithms: &[ChecksumAlgorithm],
        progress: impl FnMut(u64),
    ) -> Result<Image, ImageFileError> {
        let Self { path, mut file, before } = self;
        let mut counted = Counted { file: &mut file, count: 0, progress };
        let image = read(&mut counted, algorithms);
        // A file cut short under the reader fails as truncated, but that is not what is wrong.
        let whole = image.is_err() || counted.count == before.length;
        match Stamp::now(&path, &mut file) {
            Ok(after) if after == before && whole => image.map_err(|cause| failure(path, cause)),
            Ok(_) => Err(ImageFileError::Changed { path }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(ImageFileError::Vanished { path }),
            Err(cause) => Err(ImageFileError::Unreadable { path, cause }),
        }
    }
}

fn read(file: impl Read, algorithms: &[ChecksumAlgorithm]) -> io::Result<Image> {
    let mut content = compression::Reader::new(file)?;
    let compression = content.compression();
    let mut head = Vec::with_capacity(format::HEAD);
    content.by_ref().take(format::HEAD as u64).read_to_end(&mut head)?;
    let format = ImageFormat::recognise(&head);
    let digests = ImageDigests::read(head.chain(content), algorithms)?;
    Ok(Image { digests, compression, format })
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

fn failure(path: PathBuf, cause: io::Error) -> ImageFileError {
    match cause.downcast::<CompressionError>() {
        Ok(cause) => ImageFileError::Compressed { path, cause },
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => ImageFileError::Missing { path },
        Err(cause) => ImageFileError::Unreadable { path, cause },
    }
}

impl Stamp {
    fn of(metadata: &Metadata, file: &mut File) -> io::Result<Self> {
        let identity = (metadata.dev(), metadata.ino());
        if metadata.file_type().is_block_device() {
            // The system states no size of a device; its end does. Reading starts at the start.
            let length = file.seek(SeekFrom::End(0))?;
            file.seek(SeekFrom::Start(0))?;
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

/// Tells what is read of the file, compressed as it is.
struct Counted<'a, P> {
    file: &'a mut File,
    count: u64,
    progress: P,
}

impl<P: FnMut(u64)> Read for Counted<'_, P> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read(into)?;
        self.count += count as u64;
        (self.progress)(count as u64);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use std::{io::Write, process::Command};

    use super::*;

    fn digest(path: &Path) -> Result<Image, ImageFileError> {
        ImageFile::open(path)?.digest(&ChecksumAlgorithm::ALL, |_| {})
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
        let content = [&b"QFI\xfb\0\0\0\x03"[..], &[7; 5000]].concat();
        let expected = ImageDigests::read(&content[..], &ChecksumAlgorithm::ALL).unwrap();
        for (name, file, compression) in
            [("raw.img.gz", content.clone(), None), ("gz.img", gzip(&content), Some(Compression::Gzip))]
        {
            let path = folder.path().join(name);
            fs::write(&path, &file).unwrap();
            let mut read = 0;
            let image = ImageFile::open(&path).unwrap();
            assert_eq!(image.length(), file.len() as u64);
            let image = image.digest(&ChecksumAlgorithm::ALL, |count| read += count).unwrap();
            let format = Some(ImageFormat::Qcow2);
            assert_eq!(image, Image { digests: expected.clone(), compression, format });
            assert_eq!(read, file.len() as u64);
        }
    }

    #[test]
    fn what_is_no_image_file_is_refused_by_kind() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("missing");
        let error = digest(&missing).unwrap_err();
        assert_eq!(error.to_string(), format!("image does not exist: {}", missing.display()));
        assert!(matches!(digest(folder.path()), Err(ImageFileError::Kind { found: "a directory", .. })));
        let zero = digest(Path::new("/dev/zero"));
        assert!(matches!(zero, Err(ImageFileError::Kind { found: "a character device", .. })));
        let pipe = folder.path().join("pipe");
        if Command::new("mkfifo").arg(&pipe).status().is_ok_and(|status| status.success()) {
            assert!(matches!(digest(&pipe), Err(ImageFileError::Kind { found: "a pipe", .. })));
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
            ImageFile::open(&path).unwrap().digest(&ChecksumAlgorithm::ALL, progress).unwrap_err()
        };
        assert!(matches!(digest_while(vanishes), ImageFileError::Vanished { .. }));
        for act in changes {
            assert!(matches!(digest_while(act), ImageFileError::Changed { .. }));
        }
    }
}

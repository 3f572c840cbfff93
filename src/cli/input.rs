//! Reading the documents named on the command line.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::{Failure, Status, is_dash, shown, text};
use crate::xml::MAX_DOCUMENT_BYTES;

/// The largest certificate or key file read, in bytes.
pub const MAX_CREDENTIALS_BYTES: usize = 1024 * 1024;

/// Why an input was not read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InputError {
    /// Missing, a directory, not permitted, or an error of the disk.
    #[error("cannot read {}: {}", name(path), text::reason(error))]
    Read {
        /// The input.
        path: PathBuf,
        /// The system's reason.
        error: io::Error,
    },
    /// More than is ever read.
    #[error("cannot read {}: it is larger than {} MiB", name(path), limit / (1024 * 1024))]
    TooLarge {
        /// The input.
        path: PathBuf,
        /// The limit in bytes.
        limit: u64,
    },
}

impl From<InputError> for Failure {
    fn from(error: InputError) -> Self {
        Self::new(Status::File, error)
    }
}

/// Opens an input; `-` is standard input.
///
/// # Errors
/// [`InputError::Read`] if it is not there or must not be read.
pub fn open(path: &Path) -> Result<Box<dyn Read + Send>, InputError> {
    if is_dash(path) {
        return Ok(Box::new(io::stdin()));
    }
    let file = File::open(path).and_then(|file| {
        if file.metadata()?.is_dir() { Err(io::ErrorKind::IsADirectory.into()) } else { Ok(file) }
    });
    file.map(|file| Box::new(file) as _).map_err(|error| InputError::Read { path: path.to_owned(), error })
}

/// The whole of a document; `-` is standard input.
///
/// # Errors
/// [`InputError`] if it cannot be read to its end or is longer than [`MAX_DOCUMENT_BYTES`].
pub fn read(path: &Path) -> Result<Vec<u8>, InputError> {
    read_up_to(path, MAX_DOCUMENT_BYTES as u64)
}

/// The whole of an input of at most `limit` bytes; `-` is standard input.
///
/// # Errors
/// [`InputError`] if it cannot be read to its end or is longer.
pub fn read_up_to(path: &Path, limit: u64) -> Result<Vec<u8>, InputError> {
    let mut bytes = Vec::new();
    let input = open(path)?;
    let read = input.take(limit + 1).read_to_end(&mut bytes);
    read.map_err(|error| InputError::Read { path: path.to_owned(), error })?;
    if bytes.len() as u64 > limit {
        return Err(InputError::TooLarge { path: path.to_owned(), limit });
    }
    Ok(bytes)
}

/// The whole of a file with a key or certificates, wiped when dropped; `-` is standard input.
///
/// # Errors
/// [`InputError`] if it cannot be read to its end or is longer than [`MAX_CREDENTIALS_BYTES`].
pub fn read_credentials(path: &Path) -> Result<Zeroizing<Vec<u8>>, InputError> {
    let bytes = read_secret(open(path)?, MAX_CREDENTIALS_BYTES + 1)
        .map_err(|error| InputError::Read { path: path.to_owned(), error })?;
    if bytes.len() > MAX_CREDENTIALS_BYTES {
        return Err(InputError::TooLarge { path: path.to_owned(), limit: MAX_CREDENTIALS_BYTES as u64 });
    }
    Ok(bytes)
}

/// The first `limit` bytes, wiped when dropped. They are allocated once: a growing buffer would
/// leave copies behind.
pub(crate) fn read_secret(mut reader: impl Read, limit: usize) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(vec![0; limit]);
    let mut length = 0;
    while let Some(free) = bytes.get_mut(length..).filter(|free| !free.is_empty()) {
        match reader.read(free) {
            Ok(0) => break,
            Ok(read) => length += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    bytes.truncate(length);
    Ok(bytes)
}

/// Sees that no more than one of these inputs is standard input.
///
/// # Errors
/// [`Failure`] if more are.
pub fn check_once<'a>(paths: impl IntoIterator<Item = &'a PathBuf>) -> Result<(), Failure> {
    match paths.into_iter().filter(|path| is_dash(path)).count() {
        0 | 1 => Ok(()),
        _ => Err(Failure::new(Status::Usage, "standard input can be read only once")),
    }
}

/// How messages and results name an input.
pub fn name(path: &Path) -> String {
    if is_dash(path) { "standard input".to_owned() } else { shown(path).to_string() }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;

    use super::*;

    const LIMIT: u64 = MAX_DOCUMENT_BYTES as u64;

    #[test]
    fn c22_any_file_name_is_read() {
        let folder = tempfile::tempdir().unwrap();
        for name in [&b"a b.xml"[..], b"a\nb.xml", b"\xff.xml", b"--x", b"'\".xml"] {
            let path = folder.path().join(OsStr::from_bytes(name));
            std::fs::write(&path, name).unwrap();
            assert_eq!(read(&path).unwrap(), name);
        }
    }

    #[test]
    fn reading_stops_at_the_limit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("large.xml");
        let file = File::create(&path).unwrap();
        file.set_len(LIMIT).unwrap();
        assert_eq!(read(&path).unwrap().len() as u64, LIMIT);
        file.set_len(LIMIT + 1).unwrap();
        let error = read(&path).unwrap_err();
        assert!(matches!(error, InputError::TooLarge { .. }));
        assert!(error.to_string().ends_with("large.xml: it is larger than 10 MiB"), "{error}");
        assert!(matches!(read(Path::new("/dev/zero")), Err(InputError::TooLarge { .. })));
    }

    #[test]
    fn credentials_are_read_to_their_limit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("large.p12");
        std::fs::write(&path, b"key").unwrap();
        assert_eq!(*read_credentials(&path).unwrap(), b"key");
        let file = File::options().write(true).open(&path).unwrap();
        file.set_len(MAX_CREDENTIALS_BYTES as u64).unwrap();
        assert_eq!(read_credentials(&path).unwrap().len(), MAX_CREDENTIALS_BYTES);
        file.set_len(MAX_CREDENTIALS_BYTES as u64 + 1).unwrap();
        let error = read_credentials(&path).unwrap_err();
        assert!(error.to_string().ends_with("large.p12: it is larger than 1 MiB"), "{error}");
        assert!(matches!(read_credentials(Path::new("/dev/zero")), Err(InputError::TooLarge { .. })));
    }

    #[test]
    fn a_secret_stays_where_it_was_read_to() {
        let pieces = io::Read::chain(&b"se"[..], &b"cret and more"[..]);
        let secret = read_secret(pieces, 6).unwrap();
        assert_eq!((secret.as_slice(), secret.capacity()), (&b"secret"[..], 6));
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let shown = folder.path().display();
        assert_eq!(
            read(folder.path()).unwrap_err().to_string(),
            format!("cannot read {shown}: is a directory")
        );
        let error = read(&folder.path().join("x")).unwrap_err();
        assert_eq!(error.to_string(), format!("cannot read {shown}/x: No such file or directory"));
    }
}

//! Reading the documents named on the command line.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::{Failure, Status, is_dash, shown, text};
use crate::xml::MAX_DOCUMENT_BYTES;

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
    let mut bytes = Vec::new();
    let limit = MAX_DOCUMENT_BYTES as u64;
    let input = open(path)?;
    let read = input.take(limit + 1).read_to_end(&mut bytes);
    read.map_err(|error| InputError::Read { path: path.to_owned(), error })?;
    if bytes.len() as u64 > limit {
        return Err(InputError::TooLarge { path: path.to_owned(), limit });
    }
    Ok(bytes)
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

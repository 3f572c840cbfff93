//! Reading an image, with a progress bar.

use std::path::Path;

use super::{Failure, Session, Status, progress::Progress, reason, shown};
use crate::{
    ChecksumAlgorithm,
    checksum::{Image, ImageFile, ImageFileError},
    compression::CompressionError,
};

impl From<ImageFileError> for Failure {
    fn from(error: ImageFileError) -> Self {
        let hint = match error {
            ImageFileError::Changed { .. } => Some("stop whatever writes to the image, then try again"),
            ImageFileError::Compressed { cause: CompressionError::Memory { .. }, .. } => {
                Some("compress the image again with a smaller dictionary or window")
            }
            ImageFileError::Compressed { .. } => Some("fetch or make the image again"),
            _ => None,
        };
        let failure = match error {
            ImageFileError::Unreadable { path, cause } => {
                Self::new(Status::File, format_args!("cannot read {}: {}", shown(&path), reason(&cause)))
            }
            error => Self::new(Status::File, error),
        };
        match hint {
            Some(hint) => failure.with_hint(hint),
            None => failure,
        }
    }
}

/// Reads the image at `path` to its end.
///
/// # Errors
/// [`Failure`] if it cannot be read or did not stay the same meanwhile.
pub fn digest(session: &Session, path: &Path, algorithms: &[ChecksumAlgorithm]) -> Result<Image, Failure> {
    let image = ImageFile::open(path)?;
    let progress = Progress::bar(session, Some(image.length()));
    Ok(image.digest(algorithms, |bytes| progress.advance(bytes))?)
}

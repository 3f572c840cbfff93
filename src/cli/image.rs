//! Reading an image with a progress bar.

use std::path::Path;

use super::{Failure, Session, Status, progress::Progress, shown, text};
use crate::{
    ChecksumAlgorithm,
    checksum::{Image, ImageFile, ImageFileError},
};

impl From<ImageFileError> for Failure {
    fn from(error: ImageFileError) -> Self {
        let failure = |status, fact: std::fmt::Arguments<'_>| Self::new(status, fact);
        match error {
            ImageFileError::Missing { path } => {
                failure(Status::File, format_args!("image does not exist: {}", shown(&path)))
            }
            ImageFileError::Kind { path, found } => {
                failure(Status::File, format_args!("{} is {found}, not a file or block device", shown(&path)))
            }
            ImageFileError::Unreadable { path, cause } => {
                failure(Status::File, format_args!("cannot read {}: {}", shown(&path), text::reason(&cause)))
            }
            ImageFileError::Compressed { path, cause } => {
                failure(Status::No, format_args!("{}: {cause}", shown(&path)))
                    .with_hint("make or download the image again")
            }
            ImageFileError::Changed { path } => {
                failure(Status::File, format_args!("{} changed while it was read", shown(&path)))
                    .with_hint("try again when nothing writes to it")
            }
            ImageFileError::Vanished { path } => {
                failure(Status::File, format_args!("{} vanished while it was read", shown(&path)))
            }
        }
    }
}

/// Reads the image at `path` to its end, with a bar on a terminal.
///
/// # Errors
/// A [`Failure`] if it cannot be read, is damaged, or changes meanwhile.
pub fn digest(session: &Session, path: &Path, algorithms: &[ChecksumAlgorithm]) -> Result<Image, Failure> {
    let image = ImageFile::open(path)?;
    let bar = Progress::bar(session, Some(image.length()));
    Ok(image.digest(algorithms, |bytes| bar.advance(bytes))?)
}

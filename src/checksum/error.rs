//! Why an image cannot be described.

use std::{io, path::PathBuf};

use super::read::TooLarge;
use crate::{compression::CompressionError, format::FormatError, remote::RemoteError};

/// Why an image cannot be described. `image` is the path as given, a URL, or `standard input`.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImageError {
    /// There is none.
    #[error("image does not exist: {}", image.display())]
    Missing {
        /// Which image.
        image: PathBuf,
    },
    /// A directory, pipe, socket or character device.
    #[error("{} is {found}, not a file or block device", image.display())]
    Kind {
        /// Which image.
        image: PathBuf,
        /// What it is.
        found: &'static str,
    },
    /// It cannot be opened or read.
    #[error("cannot read {}: {cause}", image.display())]
    Unreadable {
        /// Which image.
        image: PathBuf,
        /// What the system says.
        cause: io::Error,
    },
    /// Its compressed content is damaged, cut short, or followed by something else.
    #[error("{}: {cause}", image.display())]
    Compressed {
        /// Which image.
        image: PathBuf,
        /// What is wrong.
        cause: CompressionError,
    },
    /// Its header is damaged, or the disk is not all in it.
    #[error("{}: {cause}", image.display())]
    Format {
        /// Which image.
        image: PathBuf,
        /// What is wrong.
        cause: FormatError,
    },
    /// It is on the web and cannot be had from there, or changed meanwhile.
    #[error(transparent)]
    Remote {
        /// What is wrong.
        cause: RemoteError,
    },
    /// The content is larger than allowed.
    #[error("{} holds more than {limit} bytes", image.display())]
    TooLarge {
        /// Which image.
        image: PathBuf,
        /// Most bytes allowed.
        limit: u64,
    },
    /// Size, modification time or identity are not what they were before it was read.
    #[error("{} changed while it was read", image.display())]
    Changed {
        /// Which image.
        image: PathBuf,
    },
    /// It was removed or renamed while it was read.
    #[error("{} vanished while it was read", image.display())]
    Vanished {
        /// Which image.
        image: PathBuf,
    },
}

impl ImageError {
    /// Names what a reader reports.
    pub(crate) fn of(image: PathBuf, cause: io::Error) -> Self {
        let cause = match cause.downcast::<CompressionError>() {
            Ok(cause) => return Self::Compressed { image, cause },
            Err(cause) => cause,
        };
        let cause = match cause.downcast::<FormatError>() {
            Ok(cause) => return Self::Format { image, cause },
            Err(cause) => cause,
        };
        let cause = match cause.downcast::<RemoteError>() {
            Ok(cause) => return Self::Remote { cause },
            Err(cause) => cause,
        };
        match cause.downcast::<TooLarge>() {
            Ok(TooLarge { limit }) => Self::TooLarge { image, limit },
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => Self::Missing { image },
            Err(cause) => Self::Unreadable { image, cause },
        }
    }
}

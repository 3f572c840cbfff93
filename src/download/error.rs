//! Why there is no image.

use std::{fmt, io, path::PathBuf};

use crate::{
    cache::CacheError,
    checksum::{ImageError, ImageMismatch},
    location::LocationError,
    remote::RemoteError,
};

/// Why an image was not fetched.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DownloadError {
    /// The entry says of nowhere that the image lies there.
    #[error("the entry states no location of the image")]
    NoLocation,
    /// No location gave it.
    #[error("the image could not be had from {}", counted(.0.len()))]
    Failed(Vec<LocationFailure>),
    /// What came cannot be kept.
    #[error("cannot write {}: {cause}", path.display())]
    Disk {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// What is kept cannot be used.
    #[error(transparent)]
    Cache(#[from] CacheError),
}

fn counted(locations: usize) -> String {
    if locations == 1 { "its location".to_owned() } else { format!("any of its {locations} locations") }
}

/// A location, and why the image was not had from there.
#[derive(Debug)]
pub struct LocationFailure {
    /// As the entry states it, in printable characters.
    pub location: String,
    /// Why.
    pub problem: LocationProblem,
}

impl fmt::Display for LocationFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Most errors name it.
        let text = self.problem.to_string();
        if text.contains(&self.location) {
            f.write_str(&text)
        } else {
            write!(f, "{}: {text}", self.location)
        }
    }
}

/// Why an image was not had from a location.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LocationProblem {
    /// No image can be had from such a location.
    #[error(transparent)]
    Location(#[from] LocationError),
    /// A file of this machine, in an entry of somebody else.
    #[error("a file of this machine counts only in an entry that is a file here itself")]
    ForeignFile,
    /// The policy does not allow it.
    #[error("the policy does not allow this location")]
    NotAllowed,
    /// What the server does.
    #[error(transparent)]
    Remote(#[from] RemoteError),
    /// What lies there is too long or too short from the outset.
    #[error("{found} bytes lie there, but the image has {stated}")]
    Length {
        /// What the entry says.
        stated: u64,
        /// What the server says.
        found: u64,
    },
    /// What lies there is larger than the image when it is expanded.
    #[error("what lies there holds more than the {stated} bytes of the image")]
    TooLarge {
        /// What the entry says.
        stated: u64,
    },
    /// What lies there is damaged, or no image that stands alone.
    #[error(transparent)]
    Image(ImageError),
    /// It is another image.
    #[error("it is not the image that the entry describes: {}", joined(.0))]
    Mismatch(Vec<ImageMismatch>),
    /// The image is right, but the compressed file is not the one described.
    #[error("the compressed file is not the one that the entry describes: it has {found}, not {stated}")]
    CompressedMismatch {
        /// Size and SHA-512 as the entry has them.
        stated: String,
        /// The same of what came.
        found: String,
    },
}

impl LocationProblem {
    /// Whether something came, and was not the image.
    pub const fn is_wrong_content(&self) -> bool {
        matches!(
            self,
            Self::Length { .. }
                | Self::TooLarge { .. }
                | Self::Image(_)
                | Self::Mismatch(_)
                | Self::CompressedMismatch { .. }
                | Self::Remote(RemoteError::Changed { .. })
        )
    }
}

fn joined(mismatches: &[ImageMismatch]) -> String {
    mismatches.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

//! Size and checksums of an image.

use std::fmt;

use crate::{Identifier, Metadata};

mod engine;
mod error;
mod file;
mod pool;
mod read;
mod schedule;
mod sparse;
pub mod sums;

pub use error::ImageError;
pub use file::ImageFile;
pub use read::{DigestOptions, FileDigests, Image};

/// A checksum algorithm an entry may name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ChecksumAlgorithm {
    /// RFC 1321; 128 bits.
    Md5,
    /// FIPS 180-4; 160 bits; also the image's identifier.
    Sha1,
    /// FIPS 180-4; 256 bits.
    Sha256,
    /// FIPS 180-4; 512 bits.
    Sha512,
}

impl ChecksumAlgorithm {
    /// Every algorithm, in the order entries list them.
    pub const ALL: [Self; 4] = [Self::Md5, Self::Sha1, Self::Sha256, Self::Sha512];

    /// The text of `slreq:algorithm`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Md5 => "MD5",
            Self::Sha1 => "SHA-1",
            Self::Sha256 => "SHA-256",
            Self::Sha512 => "SHA-512",
        }
    }

    /// The length of a value in hexadecimal digits.
    pub const fn hex_length(self) -> usize {
        match self {
            Self::Md5 => 32,
            Self::Sha1 => 40,
            Self::Sha256 => 64,
            Self::Sha512 => 128,
        }
    }

    /// The algorithm with this `slreq:algorithm` text, to the letter.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.name() == name)
    }
}

impl fmt::Display for ChecksumAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A checksum of an image: an algorithm and a value of the length it produces.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Checksum {
    algorithm: ChecksumAlgorithm,
    value: String,
}

/// A text that is no value of the algorithm.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{value} is not a valid {algorithm} checksum: it is not {} hexadecimal digits", algorithm.hex_length())]
pub struct ChecksumError {
    /// The algorithm meant.
    pub algorithm: ChecksumAlgorithm,
    /// The text as given.
    pub value: String,
}

impl Checksum {
    /// A checksum from its hexadecimal text; upper case is accepted and folded.
    ///
    /// # Errors
    /// [`ChecksumError`] unless `value` is exactly the algorithm's number of digits.
    pub fn from_hex(algorithm: ChecksumAlgorithm, value: &str) -> Result<Self, ChecksumError> {
        if value.len() == algorithm.hex_length() && value.bytes().all(|b| b.is_ascii_hexdigit()) {
            Ok(Self { algorithm, value: value.to_ascii_lowercase() })
        } else {
            Err(ChecksumError { algorithm, value: value.to_owned() })
        }
    }

    /// The algorithm.
    pub const fn algorithm(&self) -> ChecksumAlgorithm {
        self.algorithm
    }

    /// The value in lower-case hexadecimal digits.
    pub fn value(&self) -> &str {
        &self.value
    }
}

/// What is known of an image after reading it to its end: size and checksums of its
/// uncompressed content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageDigests {
    bytes: u64,
    identifier: Identifier,
    checksums: Vec<Checksum>,
}

impl ImageDigests {
    /// What was found when an image was read, from where it was kept; `None` unless SHA-1 is among the
    /// checksums.
    pub(crate) fn of(bytes: u64, mut checksums: Vec<Checksum>) -> Option<Self> {
        checksums.sort();
        let sha1 = checksums.iter().find(|checksum| checksum.algorithm == ChecksumAlgorithm::Sha1)?;
        let identifier = Identifier::from_sha1_hex(&sha1.value)?;
        Some(Self { bytes, identifier, checksums })
    }

    /// The checksum of this algorithm, if it was computed.
    pub fn checksum(&self, algorithm: ChecksumAlgorithm) -> Option<&Checksum> {
        self.checksums.iter().find(|checksum| checksum.algorithm == algorithm)
    }

    /// Size of the uncompressed content in bytes.
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The image's identifier, from its SHA-1.
    pub const fn identifier(&self) -> Identifier {
        self.identifier
    }

    /// The checksums that were asked for, SHA-1 always among them, in the order of
    /// [`ChecksumAlgorithm::ALL`].
    pub fn checksums(&self) -> &[Checksum] {
        &self.checksums
    }

    /// Compares an entry with the image: size, identifier and every checksum the entry states.
    ///
    /// # Errors
    /// Every [`ImageMismatch`], in the order of the entry. A checksum that was not computed
    /// is one, so that nothing passes unchecked.
    pub fn check(&self, metadata: &Metadata) -> Result<(), Vec<ImageMismatch>> {
        let mut mismatches = Vec::new();
        if metadata.identifier != self.identifier {
            let (stated, found) = (metadata.identifier, self.identifier);
            mismatches.push(ImageMismatch::Identifier { stated, found });
        }
        if metadata.bytes != self.bytes {
            mismatches.push(ImageMismatch::Bytes { stated: metadata.bytes, found: self.bytes });
        }
        mismatches.extend(metadata.checksums.iter().filter_map(|stated| self.check_checksum(stated)));
        if mismatches.is_empty() { Ok(()) } else { Err(mismatches) }
    }

    /// How a stated checksum differs from the image's, if it does.
    pub fn check_checksum(&self, stated: &Checksum) -> Option<ImageMismatch> {
        let algorithm = stated.algorithm;
        match self.checksum(algorithm) {
            None => Some(ImageMismatch::NotComputed { algorithm }),
            Some(found) if found == stated => None,
            Some(found) => Some(ImageMismatch::Checksum {
                algorithm,
                stated: stated.value.clone(),
                found: found.value.clone(),
            }),
        }
    }
}

/// How an entry and an image differ.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ImageMismatch {
    /// The identifier is another image's.
    #[error("the identifier is {stated} but the image's is {found}")]
    Identifier {
        /// What the entry says.
        stated: Identifier,
        /// What the image has.
        found: Identifier,
    },
    /// The sizes differ.
    #[error("the size is stated as {stated} bytes but the image has {found}")]
    Bytes {
        /// What the entry says.
        stated: u64,
        /// What the image has.
        found: u64,
    },
    /// The values of a checksum differ.
    #[error("the {algorithm} checksum is stated as {stated} but the image's is {found}")]
    Checksum {
        /// Which checksum.
        algorithm: ChecksumAlgorithm,
        /// What the entry says.
        stated: String,
        /// What the image has.
        found: String,
    },
    /// The entry states a checksum the image was not read for.
    #[error("the {algorithm} checksum was not computed")]
    NotComputed {
        /// Which checksum.
        algorithm: ChecksumAlgorithm,
    },
}

/// Bytes as lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from(b"0123456789abcdef"[usize::from(nibble)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

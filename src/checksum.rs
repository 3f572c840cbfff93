//! Size and checksums of an image.

use std::fmt;

use crate::Identifier;

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
}

/// Bytes as lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

//! Describe, sign, check and publish machine-image metadata.

pub mod certificate;
pub mod checksum;
#[cfg(feature = "cli")]
pub mod cli;
pub mod compression;
#[cfg(feature = "cli")]
pub mod config;
pub mod credentials;
pub mod dsig;
pub mod email;
pub mod format;
pub mod identifier;
pub mod marketplace;
pub mod metadata;
pub mod name;
pub mod timestamp;
pub mod validate;
pub mod xml;

pub use certificate::{Certificate, CertificateError};
pub use checksum::{Checksum, ChecksumAlgorithm, ImageDigests};
pub use compression::Compression;
pub use credentials::{Credentials, CredentialsError, Password};
pub use email::Email;
pub use format::ImageFormat;
pub use identifier::Identifier;
pub use metadata::{Endorsement, Endorser, Metadata};
pub use name::DistinguishedName;
pub use timestamp::Timestamp;

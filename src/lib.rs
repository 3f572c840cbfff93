//! Describe, sign, check and publish machine-image metadata.
//!
//! A machine image is opaque and large; what makes it trustworthy is a small RDF/XML document, an
//! **entry**, that gives its identifier (the SHA-1 of its content), size and checksums, what is in
//! it and where it lies. Whoever endorses the image signs the entry with an X.509 certificate and
//! keeps it in a **Marketplace**, where it is found, checked, and in the end deprecated.
//!
//! # The flow
//!
//! ```text
//! image   -> checksum::ImageFile::digest -> Image
//! URL     -> remote::RemoteImage -> checksum::Image::read -> Image: as it arrives, kept nowhere
//! Image   -> ImageDigests -> Metadata::builder -> to_rdf
//! entry   -> dsig::sign   -> Verified<Metadata>, whose document() is the signed entry
//! bytes   -> dsig::verify -> Verified<Metadata>
//! bytes   -> tsp::Client::stamp -> FILE.tsr -> tsp::verify -> Stamp: when the entry was signed at the latest
//! bytes   -> validate::validate -> Report: every check, and Verified<Metadata> if all hold
//! Certificate -> trust::verify_path -> TrustedPath: to an authority in trust::Anchors
//! entry   -> marketplace::Client::upload -> URL
//! id      -> marketplace::Client::documents -> policy::Policy::decide -> Decisions, and what may be used
//! id      -> marketplace::Client::fetch -> verify -> dsig::deprecate -> upload -> URL
//! id      -> download::Provider::image -> policy::Policy -> cache::Cache -> CachedImage: a file that was verified
//! ```
//!
//! What was verified is what is used: a [`Verified`](dsig::Verified) is read from the very octets
//! that were digested, and there is no other way to have one.
//!
//! ```
//! use stratuslab::{ChecksumAlgorithm, Credentials, ImageDigests, Metadata, Timestamp};
//! use stratuslab::dsig::{AlgorithmPolicy, SignRequest, sign, verify};
//! use stratuslab::metadata::rules::Leniency;
//!
//! # fn certificate() -> Result<(Vec<u8>, Vec<u8>), openssl::error::ErrorStack> {
//! #     use openssl::{asn1::Asn1Time, ec::{EcGroup, EcKey}, hash::MessageDigest, nid::Nid, pkey::PKey, x509::{X509, X509Name}};
//! #     let key = PKey::from_ec_key(EcKey::generate(&*EcGroup::from_curve_name(Nid::X9_62_PRIME256V1)?)?)?;
//! #     let mut name = X509Name::builder()?;
//! #     name.append_entry_by_text("CN", "Jane Tester")?;
//! #     let name = name.build();
//! #     let mut certificate = X509::builder()?;
//! #     certificate.set_version(2)?;
//! #     certificate.set_subject_name(&name)?;
//! #     certificate.set_issuer_name(&name)?;
//! #     certificate.set_not_before(&*Asn1Time::days_from_now(0)?)?;
//! #     certificate.set_not_after(&*Asn1Time::days_from_now(1)?)?;
//! #     certificate.set_pubkey(&key)?;
//! #     certificate.sign(&key, MessageDigest::sha256())?;
//! #     Ok((certificate.build().to_pem()?, key.private_key_to_pem_pkcs8()?))
//! # }
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let image = b"an image, if a short one";
//! let digests = ImageDigests::read(&image[..], &ChecksumAlgorithm::ALL)?;
//! let now = Timestamp::now();
//! let metadata = Metadata::builder(&digests)
//!     .image_type("base")
//!     .os("ttylinux")
//!     .location("http://example.org/ttylinux.img")
//!     .created(now)
//!     .valid(now.checked_add_days(182).ok_or("too late")?)
//!     .build();
//!
//! let (certificate, key) = certificate()?; // in PEM
//! let entry = sign(
//!     metadata.to_rdf()?.as_bytes(),
//!     &SignRequest {
//!         credentials: &Credentials::from_pem(&certificate, &key, None)?,
//!         method: None,
//!         email: Some(&"jane.tester@example.org".parse()?),
//!         created: now,
//!         leniency: Leniency::Strict,
//!         include_chain: false,
//!     },
//! )?;
//!
//! let verified = verify(entry.document(), &AlgorithmPolicy::default())?;
//! assert_eq!(verified.identifier, digests.identifier());
//! assert_eq!(verified.os.as_deref(), Some("ttylinux"));
//! # Ok(())
//! # }
//! ```

pub mod cache;
pub mod certificate;
pub mod checksum;
#[cfg(feature = "cli")]
pub mod cli;
pub mod compression;
#[cfg(feature = "cli")]
pub mod config;
pub mod credentials;
pub mod download;
pub mod dsig;
pub mod email;
pub mod format;
pub mod http;
pub mod identifier;
pub mod location;
pub mod marketplace;
pub mod metadata;
pub mod name;
pub mod policy;
pub mod remote;
#[cfg(feature = "marketplace")]
pub mod server;
pub mod timestamp;
pub mod trust;
pub mod tsp;
pub mod validate;
pub mod xml;

pub use certificate::{Certificate, CertificateError};
pub use checksum::{Checksum, ChecksumAlgorithm, ImageDigests};
pub use compression::Compression;
pub use credentials::{Credentials, CredentialsError, Password};
pub use email::Email;
pub use format::ImageFormat;
pub use identifier::Identifier;
pub use location::Location;
pub use metadata::{Endorsement, Endorser, Metadata};
pub use name::DistinguishedName;
pub use timestamp::Timestamp;

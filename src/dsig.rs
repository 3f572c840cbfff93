//! XML Signature (XML-DSig 1.1), the one shape of it that entries have: one enveloped
//! signature over the whole document, made with the key of an X.509 certificate.
//!
//! [`sign`](sign()) makes it, [`verify`](verify()) judges it and hands out what was signed.

use std::{fmt, str::FromStr};

use openssl::{
    hash::MessageDigest,
    nid::Nid,
    pkey::{HasPublic, Id, PKeyRef},
};

pub mod c14n;
mod element;
mod key;
pub mod sign;
pub mod verify;

pub(crate) use self::verify::stray_signature_part;
pub use self::{
    sign::{SignError, SignRequest, deprecate, sign},
    verify::{Evidence, Verified, VerifyError, verify, verify_leniently},
};

/// The namespace of XML Signature.
pub const NAMESPACE: &str = "http://www.w3.org/2000/09/xmldsig#";

/// `Transform` that leaves the signature itself out (XML-DSig §6.6.4).
pub const ENVELOPED_SIGNATURE: &str = "http://www.w3.org/2000/09/xmldsig#enveloped-signature";

/// The smallest RSA key accepted, in bits.
pub const MINIMUM_RSA_BITS: u32 = 2048;
/// The smallest RSA key accepted where SHA-1 is, in bits.
pub const MINIMUM_LEGACY_RSA_BITS: u32 = 1024;

/// A hash function, as `DigestMethod` and inside a `SignatureMethod` (XML-DSig §6.2, RFC 6931).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DigestMethod {
    /// 160 bits; only where [`AlgorithmPolicy::allow_sha1`] says so.
    Sha1,
    /// 256 bits.
    Sha256,
    /// 384 bits.
    Sha384,
    /// 512 bits.
    Sha512,
}

impl DigestMethod {
    const ALL: [Self; 4] = [Self::Sha1, Self::Sha256, Self::Sha384, Self::Sha512];

    /// The algorithm's URI.
    pub const fn uri(self) -> &'static str {
        match self {
            Self::Sha1 => "http://www.w3.org/2000/09/xmldsig#sha1",
            Self::Sha256 => "http://www.w3.org/2001/04/xmlenc#sha256",
            Self::Sha384 => "http://www.w3.org/2001/04/xmldsig-more#sha384",
            Self::Sha512 => "http://www.w3.org/2001/04/xmlenc#sha512",
        }
    }

    /// A short name, for people.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sha1 => "sha1",
            Self::Sha256 => "sha256",
            Self::Sha384 => "sha384",
            Self::Sha512 => "sha512",
        }
    }

    /// The algorithm with this URI.
    pub fn from_uri(uri: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|method| method.uri() == uri)
    }

    pub(crate) fn message_digest(self) -> MessageDigest {
        match self {
            Self::Sha1 => MessageDigest::sha1(),
            Self::Sha256 => MessageDigest::sha256(),
            Self::Sha384 => MessageDigest::sha384(),
            Self::Sha512 => MessageDigest::sha512(),
        }
    }

    /// The digest of `octets`.
    pub(crate) fn digest(self, octets: &[u8]) -> Vec<u8> {
        key::digest(self, octets)
    }
}

/// A kind of key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum KeyType {
    /// RSA, with its size in bits.
    Rsa {
        /// Size of the modulus in bits.
        bits: u32,
    },
    /// Elliptic curve P-256.
    P256,
    /// Elliptic curve P-384.
    P384,
    /// Elliptic curve P-521.
    P521,
    /// Any other key, which no [`SignatureMethod`] uses.
    Other,
}

impl KeyType {
    /// The kind of this key.
    pub fn of<T: HasPublic>(key: &PKeyRef<T>) -> Self {
        if key.id() == Id::RSA {
            return Self::Rsa { bits: key.bits() };
        }
        match key.ec_key().ok().and_then(|key| key.group().curve_name()) {
            Some(Nid::X9_62_PRIME256V1) => Self::P256,
            Some(Nid::SECP384R1) => Self::P384,
            Some(Nid::SECP521R1) => Self::P521,
            _ => Self::Other,
        }
    }
}

impl fmt::Display for KeyType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rsa { bits } => write!(f, "RSA {bits} bits"),
            Self::P256 => f.write_str("EC P-256"),
            Self::P384 => f.write_str("EC P-384"),
            Self::P521 => f.write_str("EC P-521"),
            Self::Other => f.write_str("unsupported"),
        }
    }
}

/// A signature algorithm: `SignatureMethod` (XML-DSig §6.4, RFC 6931).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SignatureMethod {
    /// RSA PKCS#1 v1.5 with SHA-1; only where [`AlgorithmPolicy::allow_sha1`] says so.
    RsaSha1,
    /// RSA PKCS#1 v1.5 with SHA-256.
    RsaSha256,
    /// RSA PKCS#1 v1.5 with SHA-384.
    RsaSha384,
    /// RSA PKCS#1 v1.5 with SHA-512.
    RsaSha512,
    /// ECDSA with SHA-256.
    EcdsaSha256,
    /// ECDSA with SHA-384.
    EcdsaSha384,
}

impl SignatureMethod {
    /// Every algorithm, the preferred ones first.
    pub const ALL: [Self; 6] = [
        Self::RsaSha256,
        Self::RsaSha384,
        Self::RsaSha512,
        Self::EcdsaSha256,
        Self::EcdsaSha384,
        Self::RsaSha1,
    ];

    /// The algorithm's URI.
    pub const fn uri(self) -> &'static str {
        match self {
            Self::RsaSha1 => "http://www.w3.org/2000/09/xmldsig#rsa-sha1",
            Self::RsaSha256 => "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
            Self::RsaSha384 => "http://www.w3.org/2001/04/xmldsig-more#rsa-sha384",
            Self::RsaSha512 => "http://www.w3.org/2001/04/xmldsig-more#rsa-sha512",
            Self::EcdsaSha256 => "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256",
            Self::EcdsaSha384 => "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384",
        }
    }

    /// The name after the URI's `#`, which is also the one people type.
    pub const fn name(self) -> &'static str {
        match self {
            Self::RsaSha1 => "rsa-sha1",
            Self::RsaSha256 => "rsa-sha256",
            Self::RsaSha384 => "rsa-sha384",
            Self::RsaSha512 => "rsa-sha512",
            Self::EcdsaSha256 => "ecdsa-sha256",
            Self::EcdsaSha384 => "ecdsa-sha384",
        }
    }

    /// The algorithm with this URI.
    pub fn from_uri(uri: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|method| method.uri() == uri)
    }

    /// The algorithm to sign with if none is named.
    pub const fn default_for(key: KeyType) -> Option<Self> {
        match key {
            KeyType::Rsa { .. } => Some(Self::RsaSha256),
            KeyType::P256 | KeyType::P384 | KeyType::P521 => Some(Self::EcdsaSha256),
            KeyType::Other => None,
        }
    }

    /// The hash function inside.
    pub const fn digest_method(self) -> DigestMethod {
        match self {
            Self::RsaSha1 => DigestMethod::Sha1,
            Self::RsaSha256 | Self::EcdsaSha256 => DigestMethod::Sha256,
            Self::RsaSha384 | Self::EcdsaSha384 => DigestMethod::Sha384,
            Self::RsaSha512 => DigestMethod::Sha512,
        }
    }

    /// Whether keys of this kind can make such signatures.
    pub const fn fits(self, key: KeyType) -> bool {
        match self {
            Self::RsaSha1 | Self::RsaSha256 | Self::RsaSha384 | Self::RsaSha512 => {
                matches!(key, KeyType::Rsa { .. })
            }
            Self::EcdsaSha256 | Self::EcdsaSha384 => {
                matches!(key, KeyType::P256 | KeyType::P384 | KeyType::P521)
            }
        }
    }
}

impl fmt::Display for SignatureMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A text that names no [`SignatureMethod`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown signature algorithm '{name}'; known are {}", SignatureMethod::ALL.map(SignatureMethod::name).join(", "))]
pub struct UnknownSignatureMethod {
    /// The text as given.
    pub name: String,
}

impl FromStr for SignatureMethod {
    type Err = UnknownSignatureMethod;

    fn from_str(name: &str) -> Result<Self, UnknownSignatureMethod> {
        Self::ALL
            .into_iter()
            .find(|method| method.name() == name)
            .ok_or_else(|| UnknownSignatureMethod { name: name.to_owned() })
    }
}

/// Which algorithms a signature may use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct AlgorithmPolicy {
    /// Accept SHA-1, and RSA keys down to [`MINIMUM_LEGACY_RSA_BITS`]: what the original tools
    /// made. Collisions for SHA-1 can be computed.
    pub allow_sha1: bool,
}

impl AlgorithmPolicy {
    /// SHA-256 and better, or also SHA-1.
    pub const fn new(allow_sha1: bool) -> Self {
        Self { allow_sha1 }
    }

    pub(crate) const fn allows(self, digest: DigestMethod) -> bool {
        self.allow_sha1 || !matches!(digest, DigestMethod::Sha1)
    }

    pub(crate) const fn minimum_rsa_bits(self) -> u32 {
        if self.allow_sha1 { MINIMUM_LEGACY_RSA_BITS } else { MINIMUM_RSA_BITS }
    }
}

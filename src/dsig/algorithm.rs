//! The one table of algorithms, and which of them a policy accepts.

use std::{fmt, str::FromStr};

use openssl::hash::MessageDigest;

use super::{KeyType, MINIMUM_LEGACY_RSA_BITS, MINIMUM_RSA_BITS};

mod refused;

pub(super) use self::refused::refused;

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

    /// The length of its digests, in bytes.
    pub const fn length(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
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
        super::key::digest(self, octets)
    }
}

/// A signature algorithm: `SignatureMethod` (XML-DSig §6.4, RFC 6931, RFC 9231).
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
    /// RSASSA-PSS with SHA-256, in MGF1 too, and a salt of 32 bytes.
    RsaPssSha256,
    /// RSASSA-PSS with SHA-384, in MGF1 too, and a salt of 48 bytes.
    RsaPssSha384,
    /// RSASSA-PSS with SHA-512, in MGF1 too, and a salt of 64 bytes.
    RsaPssSha512,
    /// ECDSA with SHA-256.
    EcdsaSha256,
    /// ECDSA with SHA-384.
    EcdsaSha384,
    /// ECDSA with SHA-512.
    EcdsaSha512,
    /// Ed25519 (RFC 8032 §5.1), not prehashed.
    Ed25519,
    /// DSA with SHA-1, 1024 and 160 bits; only where [`AlgorithmPolicy::allow_sha1`] says so.
    DsaSha1,
}

/// How a signature is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scheme {
    /// RSASSA-PKCS1-v1_5 (RFC 8017 §8.2)
    Pkcs1,
    /// RSASSA-PSS (RFC 8017 §8.1)
    Pss,
    /// XML-DSig §6.4.3
    Ecdsa,
    /// RFC 9231 §2.3.12
    Eddsa,
    /// XML-DSig §6.4.1
    Dsa,
}

impl SignatureMethod {
    /// Every algorithm, the preferred ones first.
    pub const ALL: [Self; 12] = [
        Self::RsaSha256,
        Self::RsaSha384,
        Self::RsaSha512,
        Self::RsaPssSha256,
        Self::RsaPssSha384,
        Self::RsaPssSha512,
        Self::EcdsaSha256,
        Self::EcdsaSha384,
        Self::EcdsaSha512,
        Self::Ed25519,
        Self::RsaSha1,
        Self::DsaSha1,
    ];

    /// The algorithm's URI.
    pub const fn uri(self) -> &'static str {
        match self {
            Self::RsaSha1 => "http://www.w3.org/2000/09/xmldsig#rsa-sha1",
            Self::RsaSha256 => "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
            Self::RsaSha384 => "http://www.w3.org/2001/04/xmldsig-more#rsa-sha384",
            Self::RsaSha512 => "http://www.w3.org/2001/04/xmldsig-more#rsa-sha512",
            Self::RsaPssSha256 => "http://www.w3.org/2007/05/xmldsig-more#sha256-rsa-MGF1",
            Self::RsaPssSha384 => "http://www.w3.org/2007/05/xmldsig-more#sha384-rsa-MGF1",
            Self::RsaPssSha512 => "http://www.w3.org/2007/05/xmldsig-more#sha512-rsa-MGF1",
            Self::EcdsaSha256 => "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256",
            Self::EcdsaSha384 => "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384",
            Self::EcdsaSha512 => "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha512",
            Self::Ed25519 => "http://www.w3.org/2021/04/xmldsig-more#eddsa-ed25519",
            Self::DsaSha1 => "http://www.w3.org/2000/09/xmldsig#dsa-sha1",
        }
    }

    /// The name after the URI's `#`, which is also the one people type.
    pub const fn name(self) -> &'static str {
        match self {
            Self::RsaSha1 => "rsa-sha1",
            Self::RsaSha256 => "rsa-sha256",
            Self::RsaSha384 => "rsa-sha384",
            Self::RsaSha512 => "rsa-sha512",
            Self::RsaPssSha256 => "sha256-rsa-MGF1",
            Self::RsaPssSha384 => "sha384-rsa-MGF1",
            Self::RsaPssSha512 => "sha512-rsa-MGF1",
            Self::EcdsaSha256 => "ecdsa-sha256",
            Self::EcdsaSha384 => "ecdsa-sha384",
            Self::EcdsaSha512 => "ecdsa-sha512",
            Self::Ed25519 => "eddsa-ed25519",
            Self::DsaSha1 => "dsa-sha1",
        }
    }

    /// The algorithm with this URI.
    pub fn from_uri(uri: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|method| method.uri() == uri)
    }

    /// The algorithm to sign with if none is named. DSA has none: only SHA-1 goes with it.
    pub const fn default_for(key: KeyType) -> Option<Self> {
        match key {
            KeyType::Rsa { .. } => Some(Self::RsaSha256),
            KeyType::RsaPss { digest: None | Some(DigestMethod::Sha256), .. } => Some(Self::RsaPssSha256),
            KeyType::RsaPss { digest: Some(DigestMethod::Sha384), .. } => Some(Self::RsaPssSha384),
            KeyType::RsaPss { digest: Some(DigestMethod::Sha512), .. } => Some(Self::RsaPssSha512),
            KeyType::P256 | KeyType::P384 | KeyType::P521 => Some(Self::EcdsaSha256),
            KeyType::Ed25519 => Some(Self::Ed25519),
            KeyType::RsaPss { digest: Some(DigestMethod::Sha1), .. }
            | KeyType::Dsa { .. }
            | KeyType::Other => None,
        }
    }

    /// The hash function inside; entries are digested with the same.
    pub const fn digest_method(self) -> DigestMethod {
        match self {
            Self::RsaSha1 | Self::DsaSha1 => DigestMethod::Sha1,
            Self::RsaSha256 | Self::RsaPssSha256 | Self::EcdsaSha256 => DigestMethod::Sha256,
            Self::RsaSha384 | Self::RsaPssSha384 | Self::EcdsaSha384 => DigestMethod::Sha384,
            // RFC 8032 §5.1: Ed25519 is made of SHA-512, so that there is no second hash to trust.
            Self::RsaSha512 | Self::RsaPssSha512 | Self::EcdsaSha512 | Self::Ed25519 => DigestMethod::Sha512,
        }
    }

    pub(super) const fn scheme(self) -> Scheme {
        match self {
            Self::RsaSha1 | Self::RsaSha256 | Self::RsaSha384 | Self::RsaSha512 => Scheme::Pkcs1,
            Self::RsaPssSha256 | Self::RsaPssSha384 | Self::RsaPssSha512 => Scheme::Pss,
            Self::EcdsaSha256 | Self::EcdsaSha384 | Self::EcdsaSha512 => Scheme::Ecdsa,
            Self::Ed25519 => Scheme::Eddsa,
            Self::DsaSha1 => Scheme::Dsa,
        }
    }

    /// Whether keys of this kind can make such signatures.
    pub fn fits(self, key: KeyType) -> bool {
        match (self.scheme(), key) {
            // RFC 4055 §1.2: a key said to be for RSASSA-PSS is for nothing else.
            (Scheme::Pss, KeyType::RsaPss { digest, .. }) => {
                digest.is_none_or(|digest| digest == self.digest_method())
            }
            (Scheme::Pkcs1 | Scheme::Pss, KeyType::Rsa { .. })
            | (Scheme::Ecdsa, KeyType::P256 | KeyType::P384 | KeyType::P521)
            | (Scheme::Eddsa, KeyType::Ed25519)
            // XML-DSig §6.4.1: r and s have 20 octets each.
            | (Scheme::Dsa, KeyType::Dsa { bits: 1024, order_bits: 160 }) => true,
            _ => false,
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
    /// Accept SHA-1, DSA, and RSA keys down to [`MINIMUM_LEGACY_RSA_BITS`]: what the original tools
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_what_follows_the_hash_sign_and_nothing_known_is_refused() {
        for method in SignatureMethod::ALL {
            assert_eq!(method.uri().split_once('#').unwrap().1, method.name());
            assert_eq!(SignatureMethod::from_uri(method.uri()), Some(method));
            assert_eq!(method.name().parse(), Ok(method));
            assert_eq!(refused(method.uri()), None);
        }
        for method in DigestMethod::ALL {
            assert!(method.uri().ends_with(method.name()));
            assert_eq!(method.length(), method.message_digest().size());
            assert_eq!(refused(method.uri()), None);
        }
        let error = "rsa".parse::<SignatureMethod>().unwrap_err().to_string();
        assert!(error.starts_with("unknown signature algorithm 'rsa'; known are rsa-sha256, "), "{error}");
        assert!(error.ends_with("rsa-sha1, dsa-sha1"), "{error}");
    }

    #[test]
    fn a_key_s_default_fits_it() {
        let digests =
            [None, Some(DigestMethod::Sha256), Some(DigestMethod::Sha384), Some(DigestMethod::Sha512)];
        let restricted = digests.map(|digest| KeyType::RsaPss { bits: 2048, digest });
        let others = [KeyType::Rsa { bits: 2048 }, KeyType::P256, KeyType::P521, KeyType::Ed25519];
        for key in restricted.into_iter().chain(others) {
            assert!(SignatureMethod::default_for(key).unwrap().fits(key), "{key}");
        }
        assert_eq!(SignatureMethod::default_for(KeyType::Dsa { bits: 1024, order_bits: 160 }), None);
    }
}

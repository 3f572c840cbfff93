//! The algorithms of tokens, by their object identifiers, and signatures made with them.

use der::asn1::ObjectIdentifier;
use openssl::{
    pkey::{PKeyRef, Public},
    sign::Verifier,
};

use super::{cms::SignerInfo, error::StampError};
use crate::dsig::{AlgorithmPolicy, DigestMethod, KeyType};

const fn oid(numbers: &str) -> ObjectIdentifier {
    ObjectIdentifier::new_unwrap(numbers)
}

/// RFC 3370 §2.1, RFC 5754 §2
const DIGESTS: [(ObjectIdentifier, DigestMethod); 4] = [
    (oid("1.3.14.3.2.26"), DigestMethod::Sha1),
    (oid("2.16.840.1.101.3.4.2.1"), DigestMethod::Sha256),
    (oid("2.16.840.1.101.3.4.2.2"), DigestMethod::Sha384),
    (oid("2.16.840.1.101.3.4.2.3"), DigestMethod::Sha512),
];

/// RFC 3370 §3.2, RFC 5754 §3. A method of `None` is that of `digestAlgorithm`.
const SIGNATURES: [(ObjectIdentifier, Scheme, Option<DigestMethod>); 9] = [
    (oid("1.2.840.113549.1.1.1"), Scheme::Rsa, None),
    (oid("1.2.840.113549.1.1.5"), Scheme::Rsa, Some(DigestMethod::Sha1)),
    (oid("1.2.840.113549.1.1.11"), Scheme::Rsa, Some(DigestMethod::Sha256)),
    (oid("1.2.840.113549.1.1.12"), Scheme::Rsa, Some(DigestMethod::Sha384)),
    (oid("1.2.840.113549.1.1.13"), Scheme::Rsa, Some(DigestMethod::Sha512)),
    (oid("1.2.840.10045.4.1"), Scheme::Ecdsa, Some(DigestMethod::Sha1)),
    (oid("1.2.840.10045.4.3.2"), Scheme::Ecdsa, Some(DigestMethod::Sha256)),
    (oid("1.2.840.10045.4.3.3"), Scheme::Ecdsa, Some(DigestMethod::Sha384)),
    (oid("1.2.840.10045.4.3.4"), Scheme::Ecdsa, Some(DigestMethod::Sha512)),
];

/// How a token is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scheme {
    /// PKCS#1 v1.5
    Rsa,
    Ecdsa,
}

impl Scheme {
    const fn name(self) -> &'static str {
        match self {
            Self::Rsa => "RSA",
            Self::Ecdsa => "ECDSA",
        }
    }
}

/// The object identifier of a hash function.
pub(super) const fn oid_of(method: DigestMethod) -> ObjectIdentifier {
    let [sha1, sha256, sha384, sha512] = DIGESTS;
    match method {
        DigestMethod::Sha1 => sha1.0,
        DigestMethod::Sha256 => sha256.0,
        DigestMethod::Sha384 => sha384.0,
        DigestMethod::Sha512 => sha512.0,
    }
}

/// The hash function with this object identifier, if it is known.
pub(super) fn digest_method(algorithm: ObjectIdentifier) -> Result<DigestMethod, StampError> {
    let known = DIGESTS.iter().find(|(oid, _)| *oid == algorithm).map(|(_, method)| *method);
    let what = "the digest";
    known.ok_or_else(|| StampError::UnknownAlgorithm { what, algorithm: algorithm.to_string() })
}

/// [`digest_method`], if it is allowed too.
pub(super) fn allowed_digest(
    algorithm: ObjectIdentifier,
    policy: AlgorithmPolicy,
) -> Result<DigestMethod, StampError> {
    let method = digest_method(algorithm)?;
    if policy.allows(method) {
        Ok(method)
    } else {
        Err(StampError::ForbiddenAlgorithm { algorithm: method.name() })
    }
}

/// The scheme of a `signatureAlgorithm` beside a `digestAlgorithm`, which must agree.
pub(super) fn scheme(algorithm: ObjectIdentifier, digest: DigestMethod) -> Result<Scheme, StampError> {
    let Some((_, scheme, method)) = SIGNATURES.iter().find(|(oid, _, _)| *oid == algorithm) else {
        let what = "the signature algorithm";
        return Err(StampError::UnknownAlgorithm { what, algorithm: algorithm.to_string() });
    };
    match method {
        Some(method) if *method != digest => {
            Err(StampError::Digests { signature: method.name(), digest: digest.name() })
        }
        _ => Ok(*scheme),
    }
}

/// Whether the signature is that of the holder of `key`.
pub(super) fn verify(
    signer: &SignerInfo<'_>,
    key: &PKeyRef<Public>,
    policy: AlgorithmPolicy,
) -> Result<bool, StampError> {
    match (signer.scheme, KeyType::of(key)) {
        (Scheme::Rsa, KeyType::Rsa { bits }) if bits < policy.minimum_rsa_bits() => {
            return Err(StampError::WeakKey { bits, minimum: policy.minimum_rsa_bits() });
        }
        (Scheme::Rsa, KeyType::Rsa { .. })
        | (Scheme::Ecdsa, KeyType::P256 | KeyType::P384 | KeyType::P521) => {}
        (scheme, key) => return Err(StampError::KeyType { signature: scheme.name(), key }),
    }
    let verified = Verifier::new(signer.digest.message_digest(), key)
        .and_then(|mut verifier| verifier.verify_oneshot(signer.signature, &signer.octets));
    // What OpenSSL cannot even read as a signature is none.
    Ok(verified.unwrap_or(false))
}

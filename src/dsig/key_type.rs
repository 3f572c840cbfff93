//! Kinds of keys.

use std::fmt;

use der::{
    AnyRef, Decode as _, Reader as _, SliceReader, TagNumber,
    asn1::{ContextSpecific, ObjectIdentifier},
};
use openssl::{
    nid::Nid,
    pkey::{HasPublic, Id, PKeyRef},
};

use super::DigestMethod;
use crate::certificate::public_key;

/// id-mgf1 (RFC 8017 appendix A.2.1)
const MGF1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.8");
/// The hash functions a key may be restricted to (RFC 8017 appendix A.2.3).
const DIGESTS: [(ObjectIdentifier, DigestMethod); 3] = [
    (ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1"), DigestMethod::Sha256),
    (ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.2"), DigestMethod::Sha384),
    (ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.3"), DigestMethod::Sha512),
];

/// A kind of key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum KeyType {
    /// RSA, with its size in bits.
    Rsa {
        /// Size of the modulus in bits.
        bits: u32,
    },
    /// RSA for nothing but RSASSA-PSS (id-RSASSA-PSS, RFC 4055 §1.2).
    RsaPss {
        /// Size of the modulus in bits.
        bits: u32,
        /// The one hash function it is for, if the key says so.
        digest: Option<DigestMethod>,
    },
    /// Elliptic curve P-256.
    P256,
    /// Elliptic curve P-384.
    P384,
    /// Elliptic curve P-521.
    P521,
    /// Edwards curve 25519 (RFC 8410).
    Ed25519,
    /// DSA (FIPS 186-4 §4).
    Dsa {
        /// Size of the prime p in bits.
        bits: u32,
        /// Size of the order q in bits.
        order_bits: u32,
    },
    /// Any other key, which no [`SignatureMethod`](super::SignatureMethod) uses.
    Other,
}

impl KeyType {
    /// The kind of this key.
    pub fn of<T: HasPublic>(key: &PKeyRef<T>) -> Self {
        let bits = key.bits();
        match key.id() {
            Id::RSA => Self::Rsa { bits },
            Id::RSA_PSS => key
                .public_key_to_der()
                .map_or(Self::Other, |spki| rsa_pss(bits, &spki).unwrap_or(Self::Other)),
            Id::ED25519 => Self::Ed25519,
            Id::DSA => match key.dsa().ok().and_then(|key| u32::try_from(key.q_opt()?.num_bits()).ok()) {
                Some(order_bits) => Self::Dsa { bits, order_bits },
                None => Self::Other,
            },
            _ => match key.ec_key().ok().and_then(|key| key.group().curve_name()) {
                Some(Nid::X9_62_PRIME256V1) => Self::P256,
                Some(Nid::SECP384R1) => Self::P384,
                Some(Nid::SECP521R1) => Self::P521,
                _ => Self::Other,
            },
        }
    }

    /// The size of an RSA key's modulus, in bits.
    pub const fn rsa_bits(self) -> Option<u32> {
        match self {
            Self::Rsa { bits } | Self::RsaPss { bits, .. } => Some(bits),
            _ => None,
        }
    }
}

impl fmt::Display for KeyType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rsa { bits } => write!(f, "RSA {bits} bits"),
            Self::RsaPss { bits, digest: None } => write!(f, "RSA {bits} bits for PSS only"),
            Self::RsaPss { bits, digest: Some(digest) } => {
                write!(f, "RSA {bits} bits for PSS with {} only", digest.name())
            }
            Self::P256 => f.write_str("EC P-256"),
            Self::P384 => f.write_str("EC P-384"),
            Self::P521 => f.write_str("EC P-521"),
            Self::Ed25519 => f.write_str("Ed25519"),
            Self::Dsa { bits, order_bits } => write!(f, "DSA {bits} bits of order {order_bits} bits"),
            Self::Other => f.write_str("unsupported"),
        }
    }
}

/// A key for RSASSA-PSS; `None` if it is restricted to something that no algorithm here is.
fn rsa_pss(bits: u32, spki: &[u8]) -> Option<KeyType> {
    let (_, parameters, _) = public_key::fields(spki).ok()?;
    if parameters.is_empty() {
        return Some(KeyType::RsaPss { bits, digest: None });
    }
    let (digest, least_salt) = pss_parameters(parameters).ok()??;
    (least_salt <= digest.length()).then_some(KeyType::RsaPss { bits, digest: Some(digest) })
}

/// `RSASSA-PSS-params` (RFC 4055 §3.1): the hash function, if MGF1 has the same, and in bytes the
/// shortest salt.
fn pss_parameters(der: &[u8]) -> Result<Option<(DigestMethod, usize)>, der::Error> {
    let known = |hash| DIGESTS.into_iter().find(|&(id, _)| id == hash).map(|(_, digest)| digest);
    let mut reader = SliceReader::new(der)?;
    let fields = reader.sequence(|fields| {
        let hash = ContextSpecific::<AnyRef<'_>>::decode_explicit(fields, TagNumber(0))?;
        let mask = ContextSpecific::<AnyRef<'_>>::decode_explicit(fields, TagNumber(1))?;
        let salt = ContextSpecific::<u32>::decode_explicit(fields, TagNumber(2))?;
        let trailer = ContextSpecific::<u32>::decode_explicit(fields, TagNumber(3))?;
        Ok::<_, der::Error>((hash, mask, salt, trailer))
    })?;
    reader.finish()?;
    let (Some(hash), Some(mask), salt, trailer) = fields else { return Ok(None) };
    let (hash, _) = algorithm_identifier(hash.value)?;
    let (function, inner) = algorithm_identifier(mask.value)?;
    let Some(inner) = inner else { return Ok(None) };
    let (inner, _) = algorithm_identifier(inner)?;
    if function != MGF1 || inner != hash || trailer.is_some_and(|trailer| trailer.value != 1) {
        return Ok(None);
    }
    let salt = salt.map_or(20, |salt| usize::try_from(salt.value).unwrap_or(usize::MAX));
    Ok(known(hash).map(|digest| (digest, salt)))
}

fn algorithm_identifier(value: AnyRef<'_>) -> Result<(ObjectIdentifier, Option<AnyRef<'_>>), der::Error> {
    value.sequence(|fields| {
        let id = ObjectIdentifier::decode(fields)?;
        let parameters = if fields.is_finished() { None } else { Some(AnyRef::decode(fields)?) };
        Ok((id, parameters))
    })
}

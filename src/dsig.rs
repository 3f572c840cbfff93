//! XML Signature (XML-DSig 1.1), the one shape of it that entries have: one enveloped
//! signature over the whole document, made with the key of an X.509 certificate.
//!
//! [`sign`](sign()) makes it, [`verify`](verify()) judges it and hands out what was signed.

mod algorithm;
pub mod c14n;
mod element;
mod key;
mod key_type;
pub mod sign;
pub mod verify;

pub(crate) use self::verify::stray_signature_part;
pub use self::{
    algorithm::{AlgorithmPolicy, DigestMethod, SignatureMethod, UnknownSignatureMethod},
    element::ShapeError,
    key_type::KeyType,
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

//! What can be wrong with a time stamp.

use crate::{CertificateError, DistinguishedName, Timestamp, dsig::KeyType, http::colon, trust::PathError};

use super::MAX_STAMP_BYTES;

/// Why a time stamp proves nothing.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StampError {
    /// Longer than [`MAX_STAMP_BYTES`].
    #[error("a time stamp of {length} bytes, more than the {MAX_STAMP_BYTES} that are read")]
    TooLong {
        /// The length, in bytes.
        length: usize,
    },
    /// Neither a `TimeStampResp` (RFC 3161 §2.4.2) nor a `TimeStampToken` in DER, and nothing else.
    #[error("malformed time stamp: {0}")]
    Malformed(der::Error),
    /// The authority answered, and its answer is no (RFC 3161 §2.4.2).
    #[error("the time-stamp authority answers '{status}'{}{}", colon(&.failures.join(", ")), colon(.text))]
    Refused {
        /// `PKIStatus`, by its name.
        status: String,
        /// The bits of `PKIFailureInfo`, by their names.
        failures: Vec<String>,
        /// `statusString`, in one printable line; may be empty.
        text: String,
    },
    /// A granted answer without a token.
    #[error("the time-stamp authority's answer holds no token")]
    NoToken,
    /// A structure of another version than the standard's.
    #[error("{what} has version {found}, not {expected}")]
    Version {
        /// `TSTInfo`, `SignedData` or `SignerInfo`.
        what: &'static str,
        /// The version.
        found: u8,
        /// What it should be.
        expected: &'static str,
    },
    /// Not a `SignedData` around a `TSTInfo`.
    #[error("{what} is of type {found}, not {expected}")]
    ContentType {
        /// What has a type.
        what: &'static str,
        /// Its object identifier.
        found: String,
        /// The one it should be.
        expected: &'static str,
    },
    /// Not signed once (RFC 3161 §2.4.2: the TSA's signature only).
    #[error("the token has {count} signatures, not one")]
    Signers {
        /// How many `SignerInfo` there are.
        count: usize,
    },
    /// A signed attribute that is missing, there more than once, or not of one value.
    #[error("the token has the signed attribute {attribute} with {count} values, not one")]
    Attribute {
        /// Its name.
        attribute: &'static str,
        /// How many values it has in all.
        count: usize,
    },
    /// An algorithm that is not known.
    #[error("the token uses {what} {algorithm}, which is not supported")]
    UnknownAlgorithm {
        /// What it is for.
        what: &'static str,
        /// Its object identifier.
        algorithm: String,
    },
    /// An algorithm that is not allowed.
    #[error("the token uses the forbidden algorithm {algorithm}")]
    ForbiddenAlgorithm {
        /// Its name.
        algorithm: &'static str,
    },
    /// The signature is over another digest than the one it names.
    #[error("the token's signature is made with {signature} but its attributes are digested with {digest}")]
    Digests {
        /// The hash function in `signatureAlgorithm`.
        signature: &'static str,
        /// That of `digestAlgorithm`.
        digest: &'static str,
    },
    /// `TSTInfo` is not what was signed.
    #[error("the token's content does not match its digest: {method} is {computed}, signed is {signed}")]
    ContentDigest {
        /// The hash function.
        method: &'static str,
        /// What it gives, in hexadecimal.
        computed: String,
        /// What was signed, in hexadecimal.
        signed: String,
    },
    /// The certificate that `signingCertificate` names is not in the token.
    #[error("the token does not hold its signer's certificate, whose {method} is {wanted}")]
    SignerMissing {
        /// The hash function it is named by.
        method: &'static str,
        /// The digest of the certificate, in hexadecimal.
        wanted: String,
    },
    /// The certificate of the signer cannot be used.
    #[error("the time-stamp authority's certificate: {0}")]
    Certificate(#[from] CertificateError),
    /// Two parts of the token name different certificates.
    #[error("the token's {part} names {named} but its signer's certificate is {certificate}")]
    SignerMismatch {
        /// Which part.
        part: &'static str,
        /// What it names.
        named: String,
        /// What the certificate has.
        certificate: String,
    },
    /// The signer's certificate may be used for other things, or not for this (RFC 3161 §2.3).
    #[error("the certificate of {tsa} is not for time-stamping alone: {found}")]
    Usage {
        /// Its subject.
        tsa: DistinguishedName,
        /// Its extended key usage, in words.
        found: String,
    },
    /// The signer's key is not of the kind its signature is made with.
    #[error("the token is signed with {signature} but its signer's key is {key}")]
    KeyType {
        /// The kind of signature.
        signature: &'static str,
        /// The kind of key.
        key: KeyType,
    },
    /// The signer's RSA key is too short.
    #[error("the token is signed with an RSA key of {bits} bits, fewer than {minimum}")]
    WeakKey {
        /// Its size in bits.
        bits: u32,
        /// The least that is accepted.
        minimum: u32,
    },
    /// The signature is not that of the signer's key.
    #[error("the token's signature does not verify with the key of {tsa}")]
    Signature {
        /// The signer.
        tsa: DistinguishedName,
    },
    /// A time stamp of something else, such as an earlier signature of the same document.
    #[error(
        "the time stamp is of another signature: {method} of this one is {computed}, stamped is {stamped}"
    )]
    Imprint {
        /// The hash function.
        method: &'static str,
        /// What it gives, in hexadecimal.
        computed: String,
        /// What was stamped, in hexadecimal.
        stamped: String,
    },
    /// An answer to another request.
    #[error("the answer is to the request {received}, not {sent}")]
    Nonce {
        /// The nonce of the request, in hexadecimal.
        sent: String,
        /// The nonce of the answer, in hexadecimal, or what is in its place.
        received: String,
    },
    /// An instant or accuracy that cannot be told.
    #[error("the time stamp has the time '{value}', which is no date")]
    Date {
        /// `genTime` as it stands, and the accuracy if that is what is wrong.
        value: String,
    },
    /// An extension that must be understood and is not.
    #[error("the time stamp has the critical extension {extension}, which is not supported")]
    CriticalExtension {
        /// Its object identifier.
        extension: String,
    },
    /// The authority is not trusted, was not at the time, or that time is yet to come.
    #[error("{}", untrusted(.0))]
    Untrusted(#[from] PathError),
    /// Older than what it is of claims to be.
    #[error("the time stamp is of {time}, before the endorsement, which is of {endorsed}")]
    BeforeEndorsement {
        /// The latest instant the time stamp can be of.
        time: Timestamp,
        /// The date in the endorsement.
        endorsed: Timestamp,
    },
    /// Made when the endorser's certificate was not valid: nothing is known of the time when it was.
    #[error("the time stamp is of {time} but the endorser's certificate is valid from {from} to {to}")]
    EndorserNotValid {
        /// The time stamped.
        time: Timestamp,
        /// The first instant of the validity period.
        from: Timestamp,
        /// The last one.
        to: Timestamp,
    },
}

/// Whose path it is, which is not said where the time itself is wrong.
fn untrusted(error: &PathError) -> String {
    match error {
        PathError::Ahead { .. } => error.to_string(),
        error => format!("the time-stamp authority is not trusted: {error}"),
    }
}

impl From<der::Error> for StampError {
    fn from(error: der::Error) -> Self {
        Self::Malformed(error)
    }
}

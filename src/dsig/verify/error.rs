//! Why an entry does not verify.

use openssl::error::ErrorStack;

use crate::{
    certificate::CertificateError,
    dsig::{KeyType, ShapeError, SignatureMethod},
    metadata::rules::RuleError,
    trust::PathError,
    xml::XmlError,
};

/// Why an entry does not verify.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// The document cannot be read.
    #[error(transparent)]
    Xml(#[from] XmlError),
    /// The root is no `rdf:RDF`.
    #[error("the root element is {root}, not rdf:RDF: this is no metadata entry")]
    Root {
        /// The root's local name.
        root: String,
    },
    /// No `Signature` in the document.
    #[error("no signature")]
    NoSignature,
    /// The signature, its place or its parts are not as they have to be.
    #[error(transparent)]
    Shape(#[from] ShapeError),
    /// An algorithm that is not known here.
    #[error("{role} '{uri}' is not known")]
    UnknownAlgorithm {
        /// The role it plays.
        role: &'static str,
        /// The algorithm.
        uri: String,
    },
    /// An algorithm that is known and never accepted.
    #[error("{algorithm} is not accepted: {reason}")]
    RefusedAlgorithm {
        /// The algorithm's name: what follows the `#` of its URI.
        algorithm: &'static str,
        /// What speaks against it.
        reason: &'static str,
    },
    /// An algorithm that the policy does not allow.
    #[error("{algorithm} is not accepted: SHA-1 no longer protects signatures")]
    ForbiddenAlgorithm {
        /// The algorithm.
        algorithm: &'static str,
    },
    /// KeyInfo has no certificate.
    #[error("the signature carries no certificate")]
    NoCertificate,
    /// More certificates than any chain needs.
    #[error("the signature carries {count} certificates; at most {limit} are accepted")]
    TooManyCertificates {
        /// How many.
        count: usize,
        /// The limit.
        limit: usize,
    },
    /// A certificate that cannot be read.
    #[error("certificate {number} of the signature: {source}")]
    BadCertificate {
        /// Which, counted from 1.
        number: usize,
        /// What is wrong with it.
        source: CertificateError,
    },
    /// The certificate's key is of another kind than the algorithm needs.
    #[error("the signature method is {method} but the certificate's key is {key}")]
    KeyType {
        /// The method.
        method: SignatureMethod,
        /// The key.
        key: KeyType,
    },
    /// The certificate's key is too small.
    #[error("the certificate's RSA key has {bits} bits; at least {minimum} are needed")]
    WeakKey {
        /// Its size.
        bits: u32,
        /// The least accepted.
        minimum: u32,
    },
    /// The document is not the one that was signed.
    #[error(
        "content (ref='') validity: false: the document was changed after signing; its {method} digest is {computed}, the signed one is {signed}"
    )]
    DigestMismatch {
        /// The hash function.
        method: &'static str,
        /// Of the document, in hexadecimal digits.
        computed: String,
        /// Of the reference, in hexadecimal digits.
        signed: String,
    },
    /// SignatureValue is not as long as signatures with the certificate's key are.
    #[error("the signature value has {found} bytes; {method} with the certificate's key makes {expected}")]
    SignatureLength {
        /// The method.
        method: SignatureMethod,
        /// The right length, in bytes.
        expected: usize,
        /// The length, in bytes.
        found: usize,
    },
    /// One of the two numbers of the signature is zero, which no signature has.
    #[error("the number {number} of the {method} signature is zero")]
    SignatureZero {
        /// The method.
        method: SignatureMethod,
        /// `r` or `s`.
        number: char,
    },
    /// One of the two numbers of the signature is too large.
    #[error("the number {number} of the {method} signature is not less than the order of the key's group")]
    SignatureRange {
        /// The method.
        method: SignatureMethod,
        /// `r` or `s`.
        number: char,
    },
    /// SignatureValue was not made with the key of a certificate in KeyInfo.
    #[error(
        "signature validation: false: the signature was not made with the key of its certificate, or was changed"
    )]
    SignatureMismatch,
    /// Two certificates hold the key, so it is undecided who signed.
    #[error("two certificates hold the signature's key: of '{first}' and of '{second}'")]
    SharedKey {
        /// The subject of the first.
        first: String,
        /// The subject of the second.
        second: String,
    },
    /// More than one `rdf:Description` in the root.
    #[error("there are {count} rdf:Description in rdf:RDF; exactly one is accepted")]
    SeveralDescriptions {
        /// How many.
        count: usize,
    },
    /// Something else than the description in the root, or around the description.
    #[error("there is {element} in rdf:RDF, which has nothing but one rdf:Description")]
    Wrapper {
        /// Its local name.
        element: String,
    },
    /// An element that must be there exactly once on the way to the endorser.
    #[error("there must be exactly one {element}, there are {count}")]
    EndorserElement {
        /// Which.
        element: &'static str,
        /// How many there are.
        count: usize,
    },
    /// The endorser is not who the certificate belongs to.
    #[error(
        "endorser inconsistency ({part}): the certificate has '{certificate}', the document '{document}'"
    )]
    EndorserMismatch {
        /// `subject`, `issuer` or `email`.
        part: &'static str,
        /// What the certificate says.
        certificate: String,
        /// What the document says.
        document: String,
        /// Whether the certificate is a proxy (RFC 3820), which stands for somebody else only where
        /// somebody is trusted.
        proxy: bool,
    },
    /// A proxy made the signature, and does not stand for anyone who is trusted.
    #[error("the signature was made with a proxy certificate: {0}")]
    Proxy(Box<PathError>),
    /// The signature and all rules hold, and yet the entry cannot be read: a mistake of this
    /// library's, which must not pass for valid.
    #[error("the entry cannot be read")]
    Unreadable,
    /// The signature holds, but what was signed is no entry.
    #[error(transparent)]
    Rule(#[from] RuleError),
    /// The cryptographic library failed.
    #[error("OpenSSL failed: {0}")]
    OpenSsl(#[from] ErrorStack),
}

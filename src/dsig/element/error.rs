//! How a signature differs from the one accepted shape.

use crate::dsig::{DigestMethod, SignatureMethod};

/// How a signature differs from the one accepted shape.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ShapeError {
    /// More than one `Signature` under the root.
    #[error("there are {count} signatures; exactly one is accepted")]
    SeveralSignatures {
        /// How many.
        count: usize,
    },
    /// A `Signature` inside the `Signature`.
    #[error("there is a Signature inside the Signature, in {parent}")]
    NestedSignature {
        /// The local name of its parent.
        parent: String,
    },
    /// A `Signature` below `rdf:Description`.
    #[error(
        "there is a Signature inside rdf:Description, in {parent}; the one Signature must be the last element of rdf:RDF"
    )]
    SignatureInDescription {
        /// The local name of its parent.
        parent: String,
    },
    /// An element or attribute of the signature's namespace somewhere else than in the one
    /// signature at the end of the root.
    #[error(
        "{element} of the signature namespace is out of place: the one Signature must be the last element of rdf:RDF"
    )]
    Misplaced {
        /// Its local name.
        element: String,
    },
    /// The signature is not the last child of the root.
    #[error("{what} follows the signature; only white space may")]
    NotLast {
        /// What follows.
        what: &'static str,
    },
    /// An element or attribute of the signature is missing.
    #[error("invalid signature element: {parent} lacks {element}")]
    Missing {
        /// What is missing.
        element: &'static str,
        /// The local name of the element it must be in.
        parent: String,
    },
    /// An `Object`: what is signed is the document, not something in the signature.
    #[error("invalid signature element: there is an Object in {parent}")]
    Object {
        /// The local name of its parent.
        parent: String,
    },
    /// A `Manifest`, whose references nobody would have to check (XML-DSig §5.1).
    #[error("invalid signature element: there is a Manifest in {parent}")]
    Manifest {
        /// The local name of its parent.
        parent: String,
    },
    /// An element that the schema does not have there, or that is not accepted.
    #[error("invalid signature element: unexpected element {element} in {parent}")]
    UnknownElement {
        /// Its local name.
        element: String,
        /// The local name of its parent.
        parent: String,
    },
    /// An attribute that the schema does not have there.
    #[error("invalid signature element: unexpected attribute {attribute} in {parent}")]
    UnknownAttribute {
        /// Its local name.
        attribute: String,
        /// The local name of its element.
        parent: String,
    },
    /// Text other than white space between elements of the signature.
    #[error("invalid signature element: text between the elements of {parent}")]
    TextBetween {
        /// The local name of the element.
        parent: String,
    },
    /// A comment inside a value.
    #[error("invalid signature element: there is a comment inside the value of {element}")]
    CommentInValue {
        /// The local name of the value's element.
        element: String,
    },
    /// A processing instruction inside a value.
    #[error("invalid signature element: there is a processing instruction inside the value of {element}")]
    InstructionInValue {
        /// The local name of the value's element.
        element: String,
    },
    /// An element inside a value.
    #[error("invalid signature element: the value of {element} has an element {child} in it")]
    ElementInValue {
        /// The local name of the value's element.
        element: String,
        /// The local name of the element in it.
        child: String,
    },
    /// More than one `SignedInfo`.
    #[error("the signature has {count} SignedInfo; exactly one is accepted")]
    SeveralSignedInfo {
        /// How many.
        count: usize,
    },
    /// More than one `Reference`.
    #[error("the signature has {count} references; exactly one, to the whole document, is accepted")]
    SeveralReferences {
        /// How many.
        count: usize,
    },
    /// `Reference` has no `URI`, which leaves it to others what is signed (XML-DSig §4.4.3.1).
    #[error("the signature does not cover the document: its reference has no URI")]
    NoUri,
    /// `Reference` is to a part of the document.
    #[error("the signature does not cover the document: its reference is to the part '{uri}' of it")]
    PartialUri {
        /// The URI, which begins with `#`.
        uri: String,
    },
    /// `Reference` is to something that is not in the document.
    #[error("the signature does not cover the document: its reference is to '{uri}' outside of it")]
    ExternalUri {
        /// The URI.
        uri: String,
    },
    /// No transform leaves the signature itself out.
    #[error("the reference lacks the enveloped-signature transform")]
    EnvelopedMissing,
    /// The enveloped-signature transform is there more than once.
    #[error("the reference has the enveloped-signature transform {count} times; once is accepted")]
    EnvelopedTwice {
        /// How many times.
        count: usize,
    },
    /// Another transform precedes the enveloped-signature one.
    #[error("the first transform is '{first}'; it must be enveloped-signature")]
    EnvelopedNotFirst {
        /// The URI of the first transform.
        first: String,
    },
    /// A transform that is neither enveloped-signature nor a canonicalization, such as `XPath`, XSLT
    /// or base64: what it leaves of the document is not what people read.
    #[error("the transform '{uri}' is neither enveloped-signature nor a canonicalization")]
    ForbiddenTransform {
        /// Its URI.
        uri: String,
    },
    /// More than one canonicalization among the transforms.
    #[error("the reference has {count} canonicalizations; at most one is accepted")]
    SeveralCanonicalizations {
        /// How many.
        count: usize,
    },
    /// A length for the signature: no algorithm accepted here can be cut short (XML-DSig §6.3.1).
    #[error("the signature method {method} has an HMACOutputLength; signatures cannot be truncated")]
    OutputLength {
        /// The method.
        method: SignatureMethod,
    },
    /// More prefixes in a `PrefixList` than can be in scope.
    #[error("invalid signature element: more than {limit} prefixes in the PrefixList of InclusiveNamespaces")]
    PrefixList {
        /// The limit.
        limit: usize,
    },
    /// A value that is empty.
    #[error("invalid signature element: {element} is empty")]
    EmptyValue {
        /// The local name of the element.
        element: String,
    },
    /// A character that base64 does not have (RFC 4648 §4), or `=` before the end.
    #[error("invalid signature element: the content of {element} is not base64: it has '{character}' in it")]
    Base64Character {
        /// The local name of the element.
        element: String,
        /// The first such character.
        character: char,
    },
    /// Base64 of a length that encodes nothing: not a multiple of four characters.
    #[error(
        "invalid signature element: the content of {element} is not base64: {length} characters are not a multiple of 4"
    )]
    Base64Length {
        /// The local name of the element.
        element: String,
        /// How many characters there are, white space not counted.
        length: usize,
    },
    /// Base64 whose last character has bits that encode nothing (RFC 4648 §3.5).
    #[error(
        "invalid signature element: the content of {element} is not canonical base64: unused bits of its last character are set"
    )]
    Base64Padding {
        /// The local name of the element.
        element: String,
    },
    /// `DigestValue` is not as long as digests by its method are.
    #[error("the digest value has {found} bytes; {} has {expected}", method.name())]
    DigestLength {
        /// The method.
        method: DigestMethod,
        /// The right length, in bytes.
        expected: usize,
        /// The length, in bytes.
        found: usize,
    },
}

//! Why a certificate is not trusted.

use std::{fmt, path::PathBuf};

use openssl::error::ErrorStack;

use super::{MAX_AHEAD_SECONDS, MAX_INTERMEDIATES, ProxyError};
use crate::{CertificateError, DistinguishedName, Timestamp};

/// Why a certificate is not trusted. Names are those of subjects.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PathError {
    /// Dated after now.
    #[error("the {what} is of {at}, more than {} minutes ahead of now, which is {now}", MAX_AHEAD_SECONDS / 60)]
    Ahead {
        /// `endorsement` or `time stamp`.
        what: &'static str,
        /// Its date.
        at: Timestamp,
        /// The reader's clock.
        now: Timestamp,
    },
    /// Nobody who is known issued one of the certificates.
    #[error(
        "no path to a trust anchor: '{certificate}' was issued by '{issuer}', who is {}", none_of(*anchors)
    )]
    NoPath {
        /// The last certificate that was found.
        certificate: DistinguishedName,
        /// Its issuer.
        issuer: DistinguishedName,
        /// How many anchors there are.
        anchors: usize,
    },
    /// The path ends at a self-signed certificate that nobody made an anchor.
    #[error(
        "no path to a trust anchor: '{certificate}' is self-signed and {}", none_of(*anchors)
    )]
    UntrustedRoot {
        /// The self-signed one.
        certificate: DistinguishedName,
        /// How many anchors there are.
        anchors: usize,
    },
    /// The name of the issuer is known, but its key made another signature.
    #[error(
        "'{certificate}' names '{issuer}' as its issuer, but was not signed with the key that the trusted '{issuer}' has"
    )]
    IssuerKey {
        /// The certificate.
        certificate: DistinguishedName,
        /// The issuer it names.
        issuer: DistinguishedName,
    },
    /// Used before its validity period.
    #[error("'{certificate}' was not yet valid at {at}: it is valid from {not_before} to {not_after}")]
    NotYetValid {
        /// The certificate.
        certificate: DistinguishedName,
        /// When it was used.
        at: Timestamp,
        /// The first instant of its period.
        not_before: Timestamp,
        /// The last instant.
        not_after: Timestamp,
    },
    /// Used after its validity period.
    #[error("'{certificate}' had expired at {at}: it is valid from {not_before} to {not_after}")]
    Expired {
        /// The certificate.
        certificate: DistinguishedName,
        /// When it was used.
        at: Timestamp,
        /// The first instant of its period.
        not_before: Timestamp,
        /// The last instant.
        not_after: Timestamp,
    },
    /// Issued by the holder of a certificate that is no authority's.
    #[error("'{certificate}' was issued by '{issuer}', whose certificate is not that of an authority")]
    NotAuthority {
        /// The certificate.
        certificate: DistinguishedName,
        /// Its issuer.
        issuer: DistinguishedName,
    },
    /// More authorities than one above them allows.
    #[error("the path has {found} more authorities below '{authority}', which allows {limit}")]
    PathLength {
        /// The authority.
        authority: DistinguishedName,
        /// How many it allows below itself.
        limit: u32,
        /// How many there are.
        found: usize,
    },
    /// A path longer than any that is looked at.
    #[error("the path is longer than {MAX_INTERMEDIATES} certificates between endorser and trust anchor")]
    TooLong,
    /// Outside the names an authority may certify.
    #[error("'{certificate}' is outside the name constraints of its authorities: {reason}")]
    NameConstraints {
        /// The certificate.
        certificate: DistinguishedName,
        /// OpenSSL's word for it.
        reason: &'static str,
    },
    /// Of a key that is for something else.
    #[error("the key usage of '{certificate}' does not allow {needed}")]
    KeyUsage {
        /// The certificate.
        certificate: DistinguishedName,
        /// What was done with the key.
        needed: &'static str,
    },
    /// RFC 3161 §2.3.
    #[error(
        "'{certificate}' is not for time stamps: its extended key usage is not critical and timeStamping alone"
    )]
    ExtendedKeyUsage {
        /// The certificate.
        certificate: DistinguishedName,
    },
    /// RFC 5280 §4.2: who does not know a critical extension refuses the certificate.
    #[error("'{certificate}' has a critical extension that is not known: one of {}", extensions.join(", "))]
    CriticalExtension {
        /// The certificate.
        certificate: DistinguishedName,
        /// Its critical extensions, as object identifiers.
        extensions: Vec<String>,
    },
    /// Signed or signing with what no longer protects.
    #[error("'{certificate}' {weakness}")]
    Weak {
        /// The certificate.
        certificate: DistinguishedName,
        /// In which way.
        weakness: Weakness,
    },
    /// Outside the namespace that the reader's policy gives the authority.
    #[error("the signing policy {} lets '{authority}' certify {} '{subject}'", policy.display(), but_not(permitted))]
    SigningPolicy {
        /// The authority, in the policy's form.
        authority: String,
        /// The subject, in the same form.
        subject: String,
        /// The file.
        policy: PathBuf,
        /// What it permits.
        permitted: Vec<String>,
    },
    /// The certificate was revoked.
    #[error(
        "'{certificate}', serial number {serial}, was revoked at {revoked}, says the CRL of {crl}; the date of use, {at}, is the signer's own word{}", stamp(*stamped)
    )]
    Revoked {
        /// The certificate.
        certificate: DistinguishedName,
        /// Its serial number, in hexadecimal digits.
        serial: String,
        /// When it was revoked.
        revoked: Timestamp,
        /// `thisUpdate` of the CRL.
        crl: Timestamp,
        /// When it was used, as its holder says.
        at: Timestamp,
        /// When it was certainly used.
        stamped: Option<Timestamp>,
    },
    /// CRLs are asked for, and there is none of this issuer.
    #[error("whether '{certificate}' was revoked is unknown: there is no CRL of '{issuer}'")]
    CrlMissing {
        /// The certificate.
        certificate: DistinguishedName,
        /// Its issuer.
        issuer: DistinguishedName,
    },
    /// A CRL that is out of date.
    #[error(
        "the CRL of '{issuer}' of {this_update} is out of date: the next was due {}, and now is {now}",
        next_update.map_or_else(|| "at a time it does not tell".to_owned(), |next| format!("at {next}"))
    )]
    CrlStale {
        /// Whose CRL.
        issuer: DistinguishedName,
        /// When it was made.
        this_update: Timestamp,
        /// When the next is due; a CRL that does not tell is never current.
        next_update: Option<Timestamp>,
        /// The reader's clock.
        now: Timestamp,
    },
    /// A CRL that is not yet valid.
    #[error("the CRL of '{issuer}' is of {this_update}, which is after now, {now}")]
    CrlAhead {
        /// Whose CRL.
        issuer: DistinguishedName,
        /// When it was made.
        this_update: Timestamp,
        /// The reader's clock.
        now: Timestamp,
    },
    /// A CRL by somebody else.
    #[error("the CRL of '{issuer}' of {this_update} was not signed with the key of '{issuer}'")]
    CrlSignature {
        /// Whose CRL it says it is.
        issuer: DistinguishedName,
        /// When it says it was made.
        this_update: Timestamp,
    },
    /// A CRL with a critical extension: for some certificates only, or an amendment to another one.
    #[error(
        "the CRL of '{issuer}' of {this_update} has the critical extension {extension}, which is not known"
    )]
    CrlExtension {
        /// Whose CRL.
        issuer: DistinguishedName,
        /// When it was made.
        this_update: Timestamp,
        /// The extension's object identifier.
        extension: String,
    },
    /// Something with a proxy certificate.
    #[error(transparent)]
    Proxy(#[from] ProxyError),
    /// A certificate of the path is not understood.
    #[error("a certificate of the path: {0}")]
    Certificate(#[from] CertificateError),
    /// OpenSSL refuses the path for a reason without a name of its own here.
    #[error("OpenSSL refuses '{certificate}': {reason}")]
    Refused {
        /// The certificate.
        certificate: DistinguishedName,
        /// OpenSSL's reason.
        reason: &'static str,
    },
    /// The cryptographic library failed.
    #[error("OpenSSL failed: {0}")]
    OpenSsl(#[from] ErrorStack),
}

/// What no longer protects a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Weakness {
    /// The certificate's signature.
    Signature {
        /// The algorithm, as OpenSSL calls it.
        algorithm: String,
    },
    /// The certificate's key.
    Key {
        /// Its length in bits.
        bits: u32,
        /// The least accepted for an RSA key, in bits.
        minimum: u32,
    },
}

impl fmt::Display for Weakness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Signature { algorithm } => {
                write!(f, "is signed with {algorithm}, which no longer protects certificates")
            }
            Self::Key { bits, minimum } => {
                write!(f, "has a key of {bits} bits; an RSA key needs at least {minimum}")
            }
        }
    }
}

/// How many permitted subjects a message names.
const MAX_QUOTED: usize = 5;

fn none_of(anchors: usize) -> String {
    match anchors {
        1 => "not the trust anchor".to_owned(),
        count => format!("none of the {count} trust anchors"),
    }
}

fn but_not(subjects: &[String]) -> String {
    if subjects.is_empty() {
        return "nothing, and so not".to_owned();
    }
    let quoted: Vec<_> = subjects.iter().take(MAX_QUOTED).map(|subject| format!("'{subject}'")).collect();
    let more = if subjects.len() > MAX_QUOTED { ", …" } else { "" };
    format!("{}{more}, but not", quoted.join(", "))
}

fn stamp(stamped: Option<Timestamp>) -> String {
    stamped.map_or_else(
        || ", and there is no time stamp".to_owned(),
        |stamped| format!(", and the time stamp is of {stamped}"),
    )
}

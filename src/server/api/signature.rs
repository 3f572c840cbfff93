//! The JSON of signatures and certificates.

use serde::Serialize;
use utoipa::ToSchema;

use super::text::{Sha256Text, TimestampText};
use crate::{Certificate, dsig::Evidence};

/// How an entry was signed.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Signature {
    /// By its usual name.
    #[schema(example = "rsa-sha256")]
    pub(super) method: String,
    /// How the document was digested.
    #[schema(example = "sha256")]
    pub(super) digest: String,
    /// The algorithm that made the octets of `SignedInfo`.
    #[schema(format = "uri", example = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315")]
    pub(super) canonicalization: String,
    /// Whose key it was made with. Whether anyone vouches for the certificate is for the verdict.
    pub(super) certificate: CertificateFacts,
}

impl From<&Evidence> for Signature {
    fn from(evidence: &Evidence) -> Self {
        Self {
            method: evidence.signature_method.name().to_owned(),
            digest: evidence.digest_method.name().to_owned(),
            canonicalization: evidence.canonicalization.uri().to_owned(),
            certificate: (&evidence.certificate).into(),
        }
    }
}

/// A certificate.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Certificate)]
pub(super) struct CertificateFacts {
    /// Whose key it is (RFC 2253).
    pub(super) subject: String,
    /// Who issued it (RFC 2253).
    pub(super) issuer: String,
    /// Its serial number, in lower-case hexadecimal.
    #[schema(pattern = "^[0-9a-f]*$")]
    pub(super) serial: String,
    /// The e-mail address in it.
    #[schema(required)]
    pub(super) email: Option<String>,
    /// The first instant of its validity.
    pub(super) not_before: TimestampText,
    /// The last instant of its validity.
    pub(super) not_after: TimestampText,
    /// Its SHA-256.
    pub sha256_fingerprint: Sha256Text,
}

impl From<&Certificate> for CertificateFacts {
    fn from(certificate: &Certificate) -> Self {
        Self {
            subject: certificate.subject().as_str().to_owned(),
            issuer: certificate.issuer().as_str().to_owned(),
            serial: certificate.serial(),
            email: certificate.email().map(ToOwned::to_owned),
            not_before: certificate.not_before().into(),
            not_after: certificate.not_after().into(),
            sha256_fingerprint: Sha256Text::of_hex(certificate.sha256_fingerprint()),
        }
    }
}

//! Certificate revocation lists (RFC 5280 §5), judged at the reader's clock.
//!
//! A list must be current: `thisUpdate` past, `nextUpdate` to come. One without `nextUpdate` never
//! is (RFC 5280 §5.1.2.5 has no such list). Lists for a part of an authority's certificates, and what
//! amends another list, carry critical extensions and are refused (§5.2.4, §5.2.5): that they do not
//! list a certificate proves nothing. That they do, counts.

use std::sync::{Mutex, PoisonError};

use der::{Decode as _, Reader as _, SliceReader, Tag, asn1::ObjectIdentifier};
use openssl::{
    asn1::{Asn1Time, Asn1TimeRef},
    pkey::{PKey, Public},
    x509::{CrlStatus, X509, X509Crl, X509NameRef},
};

use super::extension;
use crate::{
    CertificateError, Timestamp,
    certificate::{element, time},
};

/// A list, as far as it was judged by itself.
pub(super) struct Crl {
    list: X509Crl,
    pub(super) this_update: Timestamp,
    pub(super) next_update: Option<Timestamp>,
    /// Critical extensions of the list or of one of its entries: none is understood.
    pub(super) critical: Option<ObjectIdentifier>,
    /// For encoded keys, whether they signed the list: large lists take long to digest.
    signed_by: Mutex<Vec<(Vec<u8>, bool)>>,
}

/// Why bytes are no CRL that can be used.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CrlError {
    /// Not the DER encoding of a `CertificateList`, or not all of one.
    #[error("malformed CRL: {0}")]
    Malformed(der::Error),
    /// OpenSSL does not read it.
    #[error("malformed CRL")]
    Unreadable,
    /// A date that is none.
    #[error("malformed CRL: {0}")]
    Date(CertificateError),
}

impl From<der::Error> for CrlError {
    fn from(error: der::Error) -> Self {
        Self::Malformed(error)
    }
}

impl From<CertificateError> for CrlError {
    fn from(error: CertificateError) -> Self {
        match error {
            CertificateError::Malformed(error) => Self::Malformed(error),
            error => Self::Date(error),
        }
    }
}

impl Crl {
    /// Reads one list.
    pub(super) fn from_der(encoded: &[u8]) -> Result<Self, CrlError> {
        let mut reader = SliceReader::new(encoded)?;
        let dates = reader.sequence(|list| {
            let dates = list.sequence(tbs_cert_list)?;
            element(list, Tag::Sequence)?; // signatureAlgorithm
            element(list, Tag::BitString)?; // signatureValue
            Ok::<_, CrlError>(dates)
        })?;
        reader.finish()?;
        let (this_update, next_update, critical) = dates;
        let list = X509Crl::from_der(encoded).map_err(|_| CrlError::Unreadable)?;
        Ok(Self { list, this_update, next_update, critical, signed_by: Mutex::default() })
    }

    /// Whether the list is of certificates issued under this name.
    pub(super) fn is_of(&self, issuer: &X509NameRef) -> bool {
        self.list.issuer_name().try_cmp(issuer).is_ok_and(std::cmp::Ordering::is_eq)
    }

    /// Whether this key signed the list.
    pub(super) fn is_signed_by(&self, key: &PKey<Public>) -> bool {
        let Ok(encoded) = key.public_key_to_der() else { return false };
        let mut signed_by = self.signed_by.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, signed)) = signed_by.iter().find(|(known, _)| *known == encoded) {
            return *signed;
        }
        let signed = self.list.verify(key).unwrap_or(false);
        signed_by.push((encoded, signed));
        signed
    }

    /// When the list says that the certificate was revoked; `None` if it does not list it.
    pub(super) fn revocation(&self, certificate: &X509) -> Option<Timestamp> {
        match self.list.get_by_cert(certificate) {
            // That a certificate is off the list again stands in lists that amend others only, which say
            // so with a critical extension. The other list may have it still.
            CrlStatus::RemoveFromCrl(_) if self.critical.is_some() => None,
            CrlStatus::NotRevoked => None,
            CrlStatus::Revoked(entry) | CrlStatus::RemoveFromCrl(entry) => {
                Some(timestamp(entry.revocation_date()).unwrap_or(self.this_update))
            }
        }
    }
}

fn timestamp(time: &Asn1TimeRef) -> Option<Timestamp> {
    let difference = Asn1Time::from_unix(0).ok()?.diff(time).ok()?;
    Timestamp::from_unix_seconds(i64::from(difference.days) * 86_400 + i64::from(difference.secs))
}

type Read = (Timestamp, Option<Timestamp>, Option<ObjectIdentifier>);

/// `TBSCertList` (RFC 5280 §5.1), whose fields follow each other in this order.
fn tbs_cert_list(tbs: &mut SliceReader<'_>) -> Result<Read, CrlError> {
    if is_next(tbs, Tag::Integer) {
        element(tbs, Tag::Integer)?; // version
    }
    element(tbs, Tag::Sequence)?; // signature
    element(tbs, Tag::Sequence)?; // issuer
    let this_update = time(tbs)?;
    let is_time = is_next(tbs, Tag::UtcTime) || is_next(tbs, Tag::GeneralizedTime);
    let next_update = if is_time { Some(time(tbs)?) } else { None };
    let mut critical = None;
    if is_next(tbs, Tag::Sequence) {
        tbs.sequence(|revoked| {
            while !revoked.is_finished() {
                revoked.sequence(|entry| {
                    element(entry, Tag::Integer)?; // userCertificate
                    time(entry)?; // revocationDate
                    if !entry.is_finished() {
                        critical = critical.or(entry.sequence(first_critical)?);
                    }
                    Ok::<_, CrlError>(())
                })?;
            }
            Ok::<_, CrlError>(())
        })?;
    }
    if !tbs.is_finished() {
        let header = der::Header::decode(tbs)?;
        critical = critical.or(tbs.read_nested(header.length(), |field| field.sequence(first_critical))?);
    }
    Ok((this_update, next_update, critical))
}

fn is_next(reader: &SliceReader<'_>, tag: Tag) -> bool {
    Tag::peek(reader).is_ok_and(|next| next == tag)
}

fn first_critical(extensions: &mut SliceReader<'_>) -> Result<Option<ObjectIdentifier>, der::Error> {
    let extensions = extension::all(extensions)?;
    Ok(extensions.into_iter().find(|extension| extension.critical).map(|extension| extension.id))
}

//! Extensions of certificates and CRLs (RFC 5280 §4.2) by their numbers.

use std::collections::HashSet;

use der::{Decode as _, Header, Reader as _, SliceReader, Tag, TagNumber, asn1::ObjectIdentifier};
use x509_cert::ext::pkix::{ExtendedKeyUsage, KeyUsage};

use crate::certificate::element;

pub(super) const BASIC_CONSTRAINTS: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.19");
pub(super) const KEY_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.15");
pub(crate) const EXTENDED_KEY_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.37");
pub(crate) const SUBJECT_ALT_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.17");
pub(super) const ISSUER_ALT_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.18");
/// id-kp-timeStamping (RFC 3161 §2.3)
pub(crate) const TIME_STAMPING: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.8");

/// The extensions of a certificate, each as it is encoded.
pub(crate) struct Extensions(Vec<Extension>);

pub(crate) struct Extension {
    pub(crate) id: ObjectIdentifier,
    pub(crate) critical: bool,
    /// The content of extnValue.
    pub(crate) value: Vec<u8>,
}

impl Extensions {
    /// Of an encoded certificate.
    pub(crate) fn of(certificate: &[u8]) -> Result<Self, der::Error> {
        let mut reader = SliceReader::new(certificate)?;
        let extensions = reader.sequence(|certificate| {
            let extensions = certificate.sequence(|tbs| {
                let mut found = Vec::new();
                while !tbs.is_finished() {
                    let header = Header::decode(tbs)?;
                    match header.tag() {
                        Tag::ContextSpecific { constructed: true, number: TagNumber(3) } => {
                            found = tbs.read_nested(header.length(), |field| field.sequence(all))?;
                        }
                        _ => drop(tbs.read_slice(header.length())?),
                    }
                }
                Ok::<_, der::Error>(found)
            })?;
            element(certificate, Tag::Sequence)?; // signatureAlgorithm
            element(certificate, Tag::BitString)?; // signatureValue
            Ok::<_, der::Error>(extensions)
        })?;
        Ok(Self(extensions))
    }

    pub(crate) fn get(&self, id: ObjectIdentifier) -> Option<&Extension> {
        self.0.iter().find(|extension| extension.id == id)
    }

    /// The critical ones, in numbers.
    pub(super) fn critical(&self) -> impl Iterator<Item = ObjectIdentifier> {
        self.0.iter().filter(|extension| extension.critical).map(|extension| extension.id)
    }

    /// Whether basicConstraints says that the subject is an authority (RFC 5280 §4.2.1.9). Old ones say
    /// so with any octet but zero.
    pub(super) fn is_authority(&self) -> bool {
        let says = |value: &[u8]| {
            SliceReader::new(value)?.sequence(|constraints| {
                let ca = constraints.peek_byte() == Some(0x01);
                let ca = ca && element(constraints, Tag::Boolean)? != [0];
                constraints.read_slice(constraints.remaining_len())?; // pathLenConstraint
                Ok::<_, der::Error>(ca)
            })
        };
        self.get(BASIC_CONSTRAINTS).is_some_and(|extension| says(&extension.value).unwrap_or(false))
    }

    /// Whether keyUsage, if there is one, has this usage. One that cannot be read has none.
    pub(super) fn allows(&self, usage: impl Fn(&KeyUsage) -> bool) -> bool {
        let extension = self.get(KEY_USAGE);
        extension.is_none_or(|extension| KeyUsage::from_der(&extension.value).is_ok_and(|it| usage(&it)))
    }

    /// Whether the extended key usage is critical and time stamping alone (RFC 3161 §2.3).
    pub(super) fn is_for_time_stamps_alone(&self) -> bool {
        self.get(EXTENDED_KEY_USAGE).is_some_and(|extension| {
            extension.critical
                && ExtendedKeyUsage::from_der(&extension.value).is_ok_and(|usage| usage.0 == [TIME_STAMPING])
        })
    }
}

pub(super) fn all(extensions: &mut SliceReader<'_>) -> Result<Vec<Extension>, der::Error> {
    let (mut found, mut seen) = (Vec::new(), HashSet::new());
    while !extensions.is_finished() {
        let next = extensions.sequence(|extension| {
            let id = ObjectIdentifier::decode(extension)?;
            let critical = match extension.peek_byte() {
                Some(0x01) => element(extension, Tag::Boolean)? != [0],
                _ => false,
            };
            let value = element(extension, Tag::OctetString)?.to_vec();
            Ok::<_, der::Error>(Extension { id, critical, value })
        })?;
        // RFC 5280 §4.2: no more than one of a kind, or two readers may each take another one.
        if !seen.insert(next.id) {
            return Err(Tag::Sequence.value_error().into());
        }
        found.push(next);
    }
    Ok(found)
}

//! Which certificate is the signer's, and whether it may sign time stamps (RFC 3161 §2.3).

use der::{Decode as _, Header, Reader as _, SliceReader, Tag, asn1::ObjectIdentifier};

use super::{
    algorithm::digest_method,
    asn1::{algorithm, context, optional, whole},
    cms::SignerInfo,
    error::StampError,
};
use crate::{
    Certificate, CertificateError, DistinguishedName,
    certificate::{element, serial_number},
    checksum::hex,
    dsig::DigestMethod,
    trust::extension::{EXTENDED_KEY_USAGE, Extensions, SUBJECT_ALT_NAME, TIME_STAMPING},
};

/// subjectKeyIdentifier (RFC 5280 §4.2.1.2)
const SUBJECT_KEY_IDENTIFIER: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.14");

/// `SignerIdentifier` (RFC 5652 §5.3): a hint, which anyone can change.
pub(super) enum SignerIdentifier<'a> {
    IssuerAndSerialNumber { issuer: DistinguishedName, serial: String },
    SubjectKeyIdentifier(&'a [u8]),
}

impl<'a> SignerIdentifier<'a> {
    /// The identifier, and the version that goes with it.
    pub(super) fn read(reader: &mut SliceReader<'a>) -> Result<(Self, &'static str), StampError> {
        if let Some(identifier) = optional(reader, context(0, false))? {
            return Ok((Self::SubjectKeyIdentifier(identifier), "3"));
        }
        let (issuer, serial) = reader.sequence(|fields| {
            let issuer = name(fields.tlv_bytes()?)?;
            Ok::<_, StampError>((issuer, serial_number(element(fields, Tag::Integer)?)))
        })?;
        Ok((Self::IssuerAndSerialNumber { issuer, serial }, "1"))
    }
}

/// `ESSCertID` or `ESSCertIDv2` (RFC 2634 §5.4.1, RFC 5035 §4): the certificate the signer says is its own.
///
/// That of version 1 names it by SHA-1, by definition, and is accepted whatever the policy. What a
/// collision could put in the certificate's place is another certificate with the same key, made by
/// its authority's own hand, and it would need a trusted path of its own.
pub(super) struct EssCertId<'a> {
    method: DigestMethod,
    digest: &'a [u8],
    /// `issuerSerial`
    issuer: Option<(DistinguishedName, String)>,
}

impl<'a> EssCertId<'a> {
    /// The first certificate in `SigningCertificate`, which is the signer's.
    pub(super) fn read_v1(value: &'a [u8]) -> Result<Self, StampError> {
        first(value, |fields| Self::fields(fields, DigestMethod::Sha1))
    }

    /// The first certificate in `SigningCertificateV2`.
    pub(super) fn read_v2(value: &'a [u8]) -> Result<Self, StampError> {
        first(value, |fields| {
            // DEFAULT SHA-256
            let method = match Tag::peek(fields)? {
                Tag::Sequence => digest_method(algorithm(fields, "the digest")?)?,
                _ => DigestMethod::Sha256,
            };
            Self::fields(fields, method)
        })
    }

    fn fields(reader: &mut SliceReader<'a>, method: DigestMethod) -> Result<Self, StampError> {
        let digest = element(reader, Tag::OctetString)?;
        let issuer = if reader.is_finished() { None } else { Some(reader.sequence(issuer_serial)?) };
        Ok(Self { method, digest, issuer })
    }

    fn is_of(&self, certificate: &[u8]) -> bool {
        self.method.digest(certificate) == self.digest
    }
}

/// The first `ESSCertID` of a `SigningCertificate`; the others limit the path, and policies after
/// them, in ways nobody uses.
fn first<'a, T>(
    value: &'a [u8],
    read: impl FnOnce(&mut SliceReader<'a>) -> Result<T, StampError>,
) -> Result<T, StampError> {
    whole(value, |reader| {
        reader.sequence(|signing| {
            let certificate = whole(element(signing, Tag::Sequence)?, |certificates| {
                let first = certificates.sequence(read)?;
                while !certificates.is_finished() {
                    certificates.tlv_bytes()?;
                }
                Ok(first)
            })?;
            optional(signing, Tag::Sequence)?;
            Ok(certificate)
        })
    })
}

/// `IssuerSerial`: the issuer as `GeneralNames` of one directoryName.
fn issuer_serial(reader: &mut SliceReader<'_>) -> Result<(DistinguishedName, String), StampError> {
    let issuer = reader.sequence(|names| {
        let header = Header::decode(names)?;
        header.tag().assert_eq(context(4, true))?;
        names.read_nested(header.length(), |inner| name(inner.tlv_bytes()?))
    })?;
    Ok((issuer, serial_number(element(reader, Tag::Integer)?)))
}

fn name(der: &[u8]) -> Result<DistinguishedName, StampError> {
    Ok(DistinguishedName::from_der(der).map_err(CertificateError::Name)?)
}

/// The signer's certificate among those of the token, and the others.
pub(super) fn find(
    signer: &SignerInfo<'_>,
    certificates: &[&[u8]],
) -> Result<(Certificate, Vec<Certificate>), StampError> {
    let Some(wanted) = signer.ess_cert_ids.first() else {
        return Err(StampError::Attribute { attribute: "signingCertificate", count: 0 });
    };
    let Some(position) = certificates.iter().position(|certificate| wanted.is_of(certificate)) else {
        let (method, wanted) = (wanted.method.name(), hex(wanted.digest));
        return Err(StampError::SignerMissing { method, wanted });
    };
    let mut own = None;
    let mut chain = Vec::new();
    for (index, der) in certificates.iter().enumerate() {
        match Certificate::from_der(der) {
            Ok(certificate) if index == position => own = Some(certificate),
            Err(error) if index == position => return Err(error.into()),
            // What cannot be read leads to nobody.
            certificate => chain.extend(certificate),
        }
    }
    let Some(certificate) = own else {
        return Err(StampError::SignerMissing { method: wanted.method.name(), wanted: hex(wanted.digest) });
    };
    check_named(signer, &certificate)?;
    Ok((certificate, chain))
}

/// Everything that names the signer's certificate must name this one.
fn check_named(signer: &SignerInfo<'_>, certificate: &Certificate) -> Result<(), StampError> {
    let mismatch = |part, named: String, certificate: String| {
        Err(StampError::SignerMismatch { part, named, certificate })
    };
    let check = |part, issuer: &DistinguishedName, number: &str| {
        if issuer == certificate.issuer() && number == certificate.serial() {
            return Ok(());
        }
        let shown = |issuer, serial| format!("number {serial} of {issuer}");
        mismatch(part, shown(issuer, number), shown(certificate.issuer(), &certificate.serial()))
    };
    for id in &signer.ess_cert_ids {
        if !id.is_of(certificate.der()) {
            let own = hex(&id.method.digest(certificate.der()));
            return mismatch("signingCertificate", hex(id.digest), own);
        }
        if let Some((issuer, number)) = &id.issuer {
            check("issuerSerial", issuer, number)?;
        }
    }
    match &signer.sid {
        SignerIdentifier::IssuerAndSerialNumber { issuer, serial } => check("sid", issuer, serial),
        SignerIdentifier::SubjectKeyIdentifier(identifier) => {
            let extensions = extensions(certificate)?;
            let own = match extensions.get(SUBJECT_KEY_IDENTIFIER) {
                Some(own) => whole(&own.value, |reader| Ok(element(reader, Tag::OctetString)?))?,
                None => &[],
            };
            if own == *identifier { Ok(()) } else { mismatch("sid", hex(identifier), hex(own)) }
        }
    }
}

/// RFC 3161 §2.3: extendedKeyUsage must be there, critical, and timeStamping alone.
pub(super) fn check_usage(certificate: &Certificate) -> Result<(), StampError> {
    let found = match extensions(certificate)?.get(EXTENDED_KEY_USAGE) {
        None => "it has no extended key usage".to_owned(),
        Some(extension) => {
            let usages = whole(&extension.value, |reader| {
                reader.sequence(|list| {
                    let mut usages = Vec::new();
                    while !list.is_finished() {
                        usages.push(ObjectIdentifier::decode(list)?);
                    }
                    Ok::<_, StampError>(usages)
                })
            })?;
            match (usages.as_slice(), extension.critical) {
                ([TIME_STAMPING], true) => return Ok(()),
                ([TIME_STAMPING], false) => "its extended key usage is not critical".to_owned(),
                (usages, _) => {
                    let usages: Vec<_> = usages.iter().map(ToString::to_string).collect();
                    format!("its extended key usage is {}", usages.join(", "))
                }
            }
        }
    };
    Err(StampError::Usage { tsa: certificate.subject().clone(), found })
}

/// RFC 3161 §2.4.2: the `tsa` in `TSTInfo`, a `GeneralName`, must be one of the certificate's names.
pub(super) fn check_name(certificate: &Certificate, general_name: &[u8]) -> Result<(), StampError> {
    let directory_name = whole(general_name, |reader| {
        let header = Header::decode(reader)?;
        let content = reader.read_slice(header.length())?;
        Ok((header.tag() == context(4, true)).then_some(content))
    })?;
    let named = match directory_name {
        Some(der) => {
            let named = name(der)?;
            if named == *certificate.subject() {
                return Ok(());
            }
            named.to_string()
        }
        None => hex(general_name),
    };
    if let Some(alt_name) = extensions(certificate)?.get(SUBJECT_ALT_NAME) {
        let is_one = whole(&alt_name.value, |reader| {
            reader.sequence(|names| {
                let mut is_one = false;
                while !names.is_finished() {
                    is_one |= names.tlv_bytes()? == general_name;
                }
                Ok::<_, StampError>(is_one)
            })
        })?;
        if is_one {
            return Ok(());
        }
    }
    Err(StampError::SignerMismatch { part: "tsa", named, certificate: certificate.subject().to_string() })
}

fn extensions(certificate: &Certificate) -> Result<Extensions, StampError> {
    Ok(Extensions::of(certificate.der()).map_err(CertificateError::from)?)
}

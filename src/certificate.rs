//! X.509 certificates, as far as entries need them (RFC 5280 §4).

#[cfg(test)]
pub(crate) mod fresh;
pub(crate) mod public_key;
mod recent;

use std::{collections::HashSet, fmt, sync::Arc};

use der::{
    Decode as _, Header, Reader as _, SliceReader, Tag, TagNumber,
    asn1::{BitStringRef, ObjectIdentifier},
};
use openssl::{
    error::ErrorStack,
    pkey::{PKey, Public},
    x509::X509,
};
use sha2::{Digest as _, Sha256};

use crate::{DistinguishedName, Timestamp, checksum::hex, name::NameError};

/// The longest certificate that is read, in bytes.
pub const MAX_CERTIFICATE_BYTES: usize = 64 * 1024;

/// The field with the version (RFC 5280 §4.1).
const VERSION: Tag = Tag::ContextSpecific { constructed: true, number: TagNumber(0) };
/// The field with the extensions (RFC 5280 §4.1).
const EXTENSIONS: Tag = Tag::ContextSpecific { constructed: true, number: TagNumber(3) };
/// subjectAltName (RFC 5280 §4.2.1.6)
const SUBJECT_ALT_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.17");

/// A certificate: the bytes it was read from, and what they say. It is not judged: neither its
/// signature nor its validity period is looked at.
#[derive(Clone)]
pub struct Certificate {
    der: Arc<[u8]>,
    subject: DistinguishedName,
    issuer: DistinguishedName,
    email: Option<String>,
    serial: String,
    not_before: Timestamp,
    not_after: Timestamp,
    public_key: Arc<[u8]>,
}

/// Why bytes are no certificate that can be used.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CertificateError {
    /// Not the DER encoding of exactly one certificate.
    #[error("malformed certificate: {0}")]
    Malformed(der::Error),
    /// A PEM block that is cut off, or whose text is no Base64 (RFC 7468 §2).
    #[error("malformed certificate: not a whole block of Base64 text")]
    Base64,
    /// Longer than [`MAX_CERTIFICATE_BYTES`].
    #[error("a certificate of {length} bytes, more than the {MAX_CERTIFICATE_BYTES} that are read")]
    TooLong {
        /// The length of the certificate, in bytes.
        length: usize,
    },
    /// A subject or issuer that is no name.
    #[error("malformed certificate: {0}")]
    Name(NameError),
    /// A bound of the validity period that is no instant.
    #[error("the certificate's validity period has the bound '{value}', which is no date")]
    Date {
        /// The text in the certificate.
        value: String,
    },
    /// A version that there is not (RFC 5280 §4.1.2.1).
    #[error("the certificate is of version {version}, and there are 1 to 3")]
    Version {
        /// The version, counted from 1.
        version: u16,
    },
    /// A version 1 certificate with fields of the later ones (RFC 5280 §4.1.2.8, §4.1.2.9).
    #[error("the certificate is of version 1 and has fields of later versions")]
    LaterFields,
    /// The algorithm that is signed is not the one the certificate is signed with (RFC 5280
    /// §4.1.1.2).
    #[error("the certificate names two algorithms for its signature")]
    SignatureAlgorithms,
    /// More than one field for extensions (RFC 5280 §4.1 has one).
    #[error("the certificate has its extensions in more than one place")]
    SeveralExtensions,
    /// More than one subjectAltName extension (forbidden by RFC 5280 §4.2).
    #[error("the certificate has more than one subjectAltName")]
    SeveralAltNames,
    /// More than one extension of another type (forbidden by RFC 5280 §4.2).
    #[error("the certificate has more than one extension {id}")]
    SeveralOfExtension {
        /// Its type, in numbers.
        id: ObjectIdentifier,
    },
    /// The first rfc822Name holds something else than printable ASCII without blanks.
    #[error("the certificate's e-mail address holds blanks or characters that are not printable ASCII")]
    Email,
    /// The key is of a kind or form that OpenSSL does not read.
    #[error("the certificate's public key is unusable: {0}")]
    PublicKey(ErrorStack),
}

impl From<der::Error> for CertificateError {
    fn from(error: der::Error) -> Self {
        Self::Malformed(error)
    }
}

impl Certificate {
    /// Reads one certificate of any version.
    ///
    /// # Errors
    /// [`CertificateError`] if `der` is not one certificate and nothing else, or is longer than
    /// [`MAX_CERTIFICATE_BYTES`].
    pub fn from_der(der: &[u8]) -> Result<Self, CertificateError> {
        if der.len() > MAX_CERTIFICATE_BYTES {
            return Err(CertificateError::TooLong { length: der.len() });
        }
        let mut reader = SliceReader::new(der)?;
        let certificate = reader.sequence(|certificate| {
            let (read, signed_algorithm) = certificate.sequence(|tbs| tbs_certificate(tbs, der))?;
            if algorithm(certificate)? != signed_algorithm {
                return Err(CertificateError::SignatureAlgorithms);
            }
            BitStringRef::decode(certificate)?; // signatureValue
            Ok(read)
        })?;
        reader.finish()?;
        Ok(certificate)
    }

    /// [`Certificate::from_der`] and [`Certificate::public_key`], for a certificate that may come
    /// again.
    pub(crate) fn with_key(der: &[u8]) -> Result<(Self, PKey<Public>), CertificateError> {
        recent::read(der)
    }

    /// The bytes given to [`Certificate::from_der`].
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The name of the key's holder.
    pub fn subject(&self) -> &DistinguishedName {
        &self.subject
    }

    /// The name of the authority that issued the certificate.
    pub fn issuer(&self) -> &DistinguishedName {
        &self.issuer
    }

    /// The first rfc822Name of the subjectAltName. An e-mail address in the subject is not one.
    pub fn email(&self) -> Option<&str> {
        self.email.as_deref()
    }

    /// The serial number's octets in lower-case hexadecimal.
    pub fn serial(&self) -> String {
        self.serial.clone()
    }

    /// The first instant of the validity period.
    pub fn not_before(&self) -> Timestamp {
        self.not_before
    }

    /// The last instant of the validity period.
    pub fn not_after(&self) -> Timestamp {
        self.not_after
    }

    /// SHA-256 of the certificate: 64 lower-case hexadecimal digits.
    pub fn sha256_fingerprint(&self) -> String {
        hex(&Sha256::digest(&self.der))
    }

    /// The key whose private half the subject holds.
    ///
    /// # Errors
    /// [`CertificateError::PublicKey`] if OpenSSL cannot read it.
    pub fn public_key(&self) -> Result<PKey<Public>, CertificateError> {
        public_key::read(&self.public_key).map_err(CertificateError::PublicKey)
    }

    /// What is the same for all certificates of one key, be it for RSASSA-PSS alone in one of them (RFC 4055
    /// §1.2).
    pub(crate) fn key_identity(&self) -> String {
        let Ok(key) = self.public_key() else { return hex(&self.public_key) };
        match (key.rsa(), key.public_key_to_der()) {
            (Ok(rsa), _) => format!("{} {}", hex(&rsa.n().to_vec()), hex(&rsa.e().to_vec())),
            (Err(_), Ok(der)) => hex(&der),
            (Err(_), Err(_)) => hex(&self.public_key),
        }
    }

    /// Whether it was signed with this issuer's key, whatever their names.
    pub(crate) fn is_signed_by(&self, issuer: &Self) -> bool {
        let verified = || X509::from_der(&self.der).ok()?.verify(&*issuer.public_key().ok()?).ok();
        verified() == Some(true)
    }
}

impl PartialEq for Certificate {
    fn eq(&self, other: &Self) -> bool {
        self.der == other.der
    }
}

impl Eq for Certificate {}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate")
            .field("subject", &self.subject)
            .field("issuer", &self.issuer)
            .field("serial", &self.serial)
            .finish_non_exhaustive()
    }
}

/// `TBSCertificate` (RFC 5280 §4.1), whose fields follow each other in this order; and the
/// `AlgorithmIdentifier` in it.
fn tbs_certificate<'a>(
    tbs: &mut SliceReader<'a>,
    der: &[u8],
) -> Result<(Certificate, &'a [u8]), CertificateError> {
    let version = version(tbs)?;
    let serial = serial(tbs)?;
    let signature = algorithm(tbs)?;
    let issuer = name(tbs)?;
    let (not_before, not_after) =
        tbs.sequence(|validity| Ok::<_, CertificateError>((time(validity)?, time(validity)?)))?;
    let subject = name(tbs)?;
    let public_key = tbs.tlv_bytes()?.into();
    if version == 1 && !tbs.is_finished() {
        return Err(CertificateError::LaterFields);
    }
    // issuerUniqueID and subjectUniqueID
    for (number, byte) in [(1, 0x81), (2, 0x82)] {
        if tbs.peek_byte() == Some(byte) {
            element(tbs, Tag::ContextSpecific { constructed: false, number: TagNumber(number) })?;
        }
    }
    let mut email = None;
    if !tbs.is_finished() {
        let mut extensions = SliceReader::new(element(tbs, EXTENSIONS)?)?;
        email = extensions.sequence(rfc822_name)?;
        extensions.finish()?;
        if tbs.peek_byte() == Some(0xa3) {
            return Err(CertificateError::SeveralExtensions);
        }
    }
    let certificate =
        Certificate { der: der.into(), subject, issuer, email, serial, not_before, not_after, public_key };
    Ok((certificate, signature))
}

/// `Version` (RFC 5280 §4.1.2.1), which is 1 if left out.
fn version(tbs: &mut SliceReader<'_>) -> Result<u16, CertificateError> {
    if tbs.peek_byte() != Some(0xa0) {
        return Ok(1);
    }
    let mut field = SliceReader::new(element(tbs, VERSION)?)?;
    let version = u16::from(u8::decode(&mut field)?) + 1;
    field.finish()?;
    if version <= 3 { Ok(version) } else { Err(CertificateError::Version { version }) }
}

/// `CertificateSerialNumber`, an INTEGER in its shortest form (X.690 §8.3.2), in hexadecimal.
fn serial(tbs: &mut SliceReader<'_>) -> Result<String, CertificateError> {
    let serial = element(tbs, Tag::Integer)?;
    if matches!(serial, [] | [0, 0..=0x7f, ..] | [0xff, 0x80..=0xff, ..]) {
        return Err(der::Error::from(Tag::Integer.non_canonical_error()).into());
    }
    Ok(serial_number(serial))
}

/// `AlgorithmIdentifier` (RFC 5280 §4.1.1.2), as it is encoded.
fn algorithm<'a>(reader: &mut SliceReader<'a>) -> Result<&'a [u8], der::Error> {
    let encoded = reader.tlv_bytes()?;
    let mut identifier = SliceReader::new(encoded)?;
    identifier.sequence(|fields| {
        let _: ObjectIdentifier = ObjectIdentifier::decode(fields)?;
        if !fields.is_finished() {
            fields.tlv_bytes()?;
        }
        Ok::<_, der::Error>(())
    })?;
    identifier.finish()?;
    Ok(encoded)
}

/// The content of the next element, which has to be of this type.
pub(crate) fn element<'a>(reader: &mut SliceReader<'a>, tag: Tag) -> Result<&'a [u8], der::Error> {
    let header = Header::decode(reader)?;
    header.tag().assert_eq(tag)?;
    reader.read_slice(header.length())
}

/// A serial number in hexadecimal. The octet that keeps a large one positive (X.690 §8.3.3) is no part of
/// it.
pub(crate) fn serial_number(content: &[u8]) -> String {
    hex(content.strip_prefix(&[0]).filter(|rest| !rest.is_empty()).unwrap_or(content))
}

fn name(reader: &mut SliceReader<'_>) -> Result<DistinguishedName, CertificateError> {
    let encoded = reader.tlv_bytes()?;
    DistinguishedName::from_der(encoded).map_err(CertificateError::Name)
}

/// `Time` (RFC 5280 §4.1.2.5): two digits of the year are 1950 to 2049.
pub(crate) fn time(reader: &mut SliceReader<'_>) -> Result<Timestamp, CertificateError> {
    let header = Header::decode(reader)?;
    let content = reader.read_slice(header.length())?;
    let value = String::from_utf8_lossy(content).into_owned();
    let century = match (header.tag(), content.first()) {
        (Tag::GeneralizedTime, _) => "",
        (Tag::UtcTime, Some(b'5'..=b'9')) => "19",
        (Tag::UtcTime, _) => "20",
        (tag, _) => return Err(der::Error::from(tag.unexpected_error(None)).into()),
    };
    let digits = format!("{century}{value}");
    instant(&digits).ok_or(CertificateError::Date { value })
}

/// An instant of the form `YYYYMMDDhhmm[ss]Z`; before RFC 2459 seconds could be left out.
pub(crate) fn instant(digits: &str) -> Option<Timestamp> {
    // RFC 5280 §4.1.2.5: no expiration. A Timestamp ends a day earlier.
    let digits = if digits == "99991231235959Z" { "99991230220000Z" } else { digits };
    let digits = digits.strip_suffix('Z').filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))?;
    let (date, seconds) = match digits.len() {
        12 => (digits, "00"),
        14 => digits.split_at(12),
        _ => return None,
    };
    let (year, month, day) = (date.get(..4)?, date.get(4..6)?, date.get(6..8)?);
    let (hour, minute) = (date.get(8..10)?, date.get(10..)?);
    format!("{year}-{month}-{day}T{hour}:{minute}:{seconds}Z").parse().ok()
}

/// The first rfc822Name of the subjectAltName among `Extensions`, in the order of the encoding.
fn rfc822_name(extensions: &mut SliceReader<'_>) -> Result<Option<String>, CertificateError> {
    let (mut alt_name, mut seen) = (None, HashSet::new());
    while !extensions.is_finished() {
        let (id, value) = extensions.sequence(|extension| {
            let id = ObjectIdentifier::decode(extension)?;
            if extension.peek_byte() == Some(0x01) {
                bool::decode(extension)?; // critical
            }
            Ok::<_, der::Error>((id, element(extension, Tag::OctetString)?))
        })?;
        match (id == SUBJECT_ALT_NAME, seen.insert(id)) {
            (true, true) => alt_name = Some(value),
            (true, false) => return Err(CertificateError::SeveralAltNames),
            (false, true) => {}
            (false, false) => return Err(CertificateError::SeveralOfExtension { id }),
        }
    }
    let Some(alt_name) = alt_name else { return Ok(None) };
    let mut reader = SliceReader::new(alt_name)?;
    let email = reader.sequence(|names| {
        let mut email = None;
        while !names.is_finished() {
            let header = Header::decode(names)?;
            let content = names.read_slice(header.length())?;
            let rfc822 = Tag::ContextSpecific { constructed: false, number: TagNumber(1) };
            if header.tag() == rfc822 && email.is_none() {
                email = Some(content);
            }
        }
        Ok::<_, der::Error>(email)
    })?;
    reader.finish()?;
    // IA5String holds control characters too, which no address does.
    match email {
        Some(bytes) if !bytes.iter().all(u8::is_ascii_graphic) => Err(CertificateError::Email),
        other => Ok(other.map(|bytes| bytes.iter().copied().map(char::from).collect())),
    }
}

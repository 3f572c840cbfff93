//! `SignedData` (RFC 5652 §5) as RFC 3161 §2.4.2 has it: one signer, signed attributes, content inside.
//!
//! Read here and not by a library: the `cms` crate for this version of `der` is a pre-release, and
//! OpenSSL's own tells neither whose signature it verified nor over what. The signature itself is
//! OpenSSL's to verify.

use der::{Decode as _, Header, Reader as _, SliceReader, Tag, asn1::ObjectIdentifier};

use super::{
    algorithm::{self, Scheme},
    asn1::{self, algorithm, context, optional, whole},
    error::StampError,
    signer::{EssCertId, SignerIdentifier},
};
use crate::{
    certificate::element,
    checksum::hex,
    dsig::{AlgorithmPolicy, DigestMethod},
};

const fn oid(numbers: &str) -> ObjectIdentifier {
    ObjectIdentifier::new_unwrap(numbers)
}

/// id-signedData (RFC 5652 §5.1)
const SIGNED_DATA: ObjectIdentifier = oid("1.2.840.113549.1.7.2");
/// id-ct-TSTInfo (RFC 3161 §2.4.2)
const TST_INFO: ObjectIdentifier = oid("1.2.840.113549.1.9.16.1.4");
/// id-contentType (RFC 5652 §11.1)
const CONTENT_TYPE: ObjectIdentifier = oid("1.2.840.113549.1.9.3");
/// id-messageDigest (RFC 5652 §11.2)
const MESSAGE_DIGEST: ObjectIdentifier = oid("1.2.840.113549.1.9.4");
/// id-aa-signingCertificate (RFC 2634 §5.4): certificates by their SHA-1
const SIGNING_CERTIFICATE: ObjectIdentifier = oid("1.2.840.113549.1.9.16.2.12");
/// id-aa-signingCertificateV2 (RFC 5035 §3): by a digest that is named
const SIGNING_CERTIFICATE_V2: ObjectIdentifier = oid("1.2.840.113549.1.9.16.2.47");

/// Most certificates looked at in a token.
const CERTIFICATE_LIMIT: usize = 32;

/// A token that is put together as it should be; whose signature it has is not known yet.
pub(super) struct SignedData<'a> {
    /// The `TSTInfo`.
    pub(super) content: &'a [u8],
    /// The certificates, as they stand.
    pub(super) certificates: Vec<&'a [u8]>,
    pub(super) signer: SignerInfo<'a>,
}

/// `SignerInfo` (RFC 5652 §5.3).
pub(super) struct SignerInfo<'a> {
    pub(super) sid: SignerIdentifier<'a>,
    pub(super) digest: DigestMethod,
    pub(super) scheme: Scheme,
    /// What is signed: the attributes as a SET OF (§5.4).
    pub(super) octets: Vec<u8>,
    pub(super) signature: &'a [u8],
    /// What the attributes say of the signer's certificate, version 2 first.
    pub(super) ess_cert_ids: Vec<EssCertId<'a>>,
}

impl<'a> SignedData<'a> {
    /// Reads a `TimeStampToken` and sees that its attributes are of its content.
    pub(super) fn read(token: &'a [u8], policy: AlgorithmPolicy) -> Result<Self, StampError> {
        whole(token, |reader| {
            reader.sequence(|info| {
                expect_type(info, "the token", SIGNED_DATA, "id-signedData")?;
                explicit(info, |content| content.sequence(|fields| Self::fields(fields, policy)))
            })
        })
    }

    fn fields(reader: &mut SliceReader<'a>, policy: AlgorithmPolicy) -> Result<Self, StampError> {
        // RFC 5652 §5.1: 3 for any content but plain data, more with certificates of other kinds.
        let version = u8::decode(reader)?;
        if !(3..=5).contains(&version) {
            return Err(StampError::Version { what: "SignedData", found: version, expected: "3 to 5" });
        }
        // Those of the signer count, which stand beside its signature.
        element(reader, Tag::Set)?;
        let content = reader.sequence(|info| {
            expect_type(info, "the token's content", TST_INFO, "id-ct-TSTInfo")?;
            explicit(info, |content| Ok(element(content, Tag::OctetString)?))
        })?;
        let certificates = match optional(reader, context(0, true))? {
            Some(set) => whole(set, certificates)?,
            None => Vec::new(),
        };
        // CRLs are the verifier's own affair.
        optional(reader, context(1, true))?;
        let signers = whole(element(reader, Tag::Set)?, |set| {
            let mut signers = Vec::new();
            while !set.is_finished() {
                signers.push(set.tlv_bytes()?);
            }
            Ok(signers)
        })?;
        let [signer] = signers.as_slice() else {
            return Err(StampError::Signers { count: signers.len() });
        };
        let signer =
            whole(signer, |reader| reader.sequence(|fields| SignerInfo::fields(fields, content, policy)))?;
        Ok(Self { content, certificates, signer })
    }
}

/// The content of `[0] EXPLICIT`.
fn explicit<'a, T>(
    reader: &mut SliceReader<'a>,
    read: impl FnOnce(&mut SliceReader<'a>) -> Result<T, StampError>,
) -> Result<T, StampError> {
    let header = Header::decode(reader)?;
    header.tag().assert_eq(context(0, true))?;
    reader.read_nested(header.length(), read)
}

fn expect_type(
    reader: &mut SliceReader<'_>,
    what: &'static str,
    wanted: ObjectIdentifier,
    expected: &'static str,
) -> Result<(), StampError> {
    let found = ObjectIdentifier::decode(reader)?;
    if found == wanted {
        return Ok(());
    }
    Err(StampError::ContentType { what, found: found.to_string(), expected })
}

/// `CertificateSet`: those of other kinds, which are tagged, are passed over.
fn certificates<'a>(set: &mut SliceReader<'a>) -> Result<Vec<&'a [u8]>, StampError> {
    let mut certificates = Vec::new();
    while !set.is_finished() {
        let is_certificate = Tag::peek(set)? == Tag::Sequence;
        let choice = set.tlv_bytes()?;
        if is_certificate && certificates.len() < CERTIFICATE_LIMIT {
            certificates.push(choice);
        }
    }
    Ok(certificates)
}

impl<'a> SignerInfo<'a> {
    fn fields(
        reader: &mut SliceReader<'a>,
        content: &[u8],
        policy: AlgorithmPolicy,
    ) -> Result<Self, StampError> {
        let version = u8::decode(reader)?;
        let (sid, expected) = SignerIdentifier::read(reader)?;
        if (version, expected) != (1, "1") && (version, expected) != (3, "3") {
            return Err(StampError::Version { what: "SignerInfo", found: version, expected });
        }
        let digest = algorithm::allowed_digest(algorithm(reader, "the digest")?, policy)?;
        // RFC 5652 §5.3: there must be some around any content but plain data.
        let attributes = element(reader, context(0, true))?;
        let signature_algorithm = algorithm(reader, "the signature algorithm")?;
        let scheme = algorithm::scheme(signature_algorithm, digest)?;
        let signature = element(reader, Tag::OctetString)?;
        // Anyone can add to those.
        optional(reader, context(1, true))?;
        let attributes_read = Attributes::read(attributes)?;
        attributes_read.check(content, digest)?;
        let ess_cert_ids = attributes_read.ess_cert_ids()?;
        Ok(Self { sid, digest, scheme, octets: asn1::set(attributes)?, signature, ess_cert_ids })
    }
}

/// The signed attributes that are looked at, with all their values.
#[derive(Default)]
struct Attributes<'a> {
    content_type: Vec<&'a [u8]>,
    message_digest: Vec<&'a [u8]>,
    signing_certificate: Vec<&'a [u8]>,
    signing_certificate_v2: Vec<&'a [u8]>,
}

impl<'a> Attributes<'a> {
    fn read(set: &'a [u8]) -> Result<Self, StampError> {
        let mut found = Self::default();
        whole(set, |reader| {
            while !reader.is_finished() {
                let (kind, values) = reader.sequence(|attribute| {
                    let kind = ObjectIdentifier::decode(attribute)?;
                    Ok::<_, der::Error>((kind, element(attribute, Tag::Set)?))
                })?;
                let kept = match kind {
                    CONTENT_TYPE => &mut found.content_type,
                    MESSAGE_DIGEST => &mut found.message_digest,
                    SIGNING_CERTIFICATE => &mut found.signing_certificate,
                    SIGNING_CERTIFICATE_V2 => &mut found.signing_certificate_v2,
                    _ => continue,
                };
                whole(values, |values| {
                    while !values.is_finished() {
                        kept.push(values.tlv_bytes()?);
                    }
                    Ok(())
                })?;
            }
            Ok(())
        })?;
        Ok(found)
    }

    /// RFC 5652 §5.6: the attributes must be of this content.
    fn check(&self, content: &[u8], method: DigestMethod) -> Result<(), StampError> {
        let content_type = only(&self.content_type, "contentType")?;
        whole(content_type, |reader| expect_type(reader, "the signed content", TST_INFO, "id-ct-TSTInfo"))?;
        let signed = only(&self.message_digest, "messageDigest")?;
        let signed = whole(signed, |reader| Ok(element(reader, Tag::OctetString)?))?;
        let computed = method.digest(content);
        if computed == signed {
            return Ok(());
        }
        let (computed, signed) = (hex(&computed), hex(signed));
        Err(StampError::ContentDigest { method: method.name(), computed, signed })
    }

    /// RFC 5816 §2.2.1: one of the two, or both.
    fn ess_cert_ids(&self) -> Result<Vec<EssCertId<'a>>, StampError> {
        let (v1, v2) = (&self.signing_certificate, &self.signing_certificate_v2);
        let mut found = Vec::new();
        if !v2.is_empty() {
            found.push(EssCertId::read_v2(only(v2, "signingCertificateV2")?)?);
        }
        if v2.is_empty() || !v1.is_empty() {
            found.push(EssCertId::read_v1(only(v1, "signingCertificate")?)?);
        }
        Ok(found)
    }
}

/// The one value of an attribute.
fn only<'a>(values: &[&'a [u8]], attribute: &'static str) -> Result<&'a [u8], StampError> {
    match values {
        [value] => Ok(value),
        values => Err(StampError::Attribute { attribute, count: values.len() }),
    }
}

//! Tokens put together by hand, for what `openssl ts` never makes.

use der::{Encode as _, asn1::ObjectIdentifier};
use openssl::{
    hash::{MessageDigest, hash},
    sign::Signer,
};

use crate::pki::{Identity, tlv};

pub(crate) const SHA1: &str = "1.3.14.3.2.26";
pub(crate) const SHA256: &str = "2.16.840.1.101.3.4.2.1";
pub(crate) const MD5: &str = "1.2.840.113549.2.5";
pub(crate) const RSA: &str = "1.2.840.113549.1.1.1";
pub(crate) const SHA512_WITH_RSA: &str = "1.2.840.113549.1.1.13";
pub(crate) const ECDSA_SHA256: &str = "1.2.840.10045.4.3.2";
pub(crate) const TST_INFO: &str = "1.2.840.113549.1.9.16.1.4";
pub(crate) const DATA: &str = "1.2.840.113549.1.7.1";
const SIGNED_DATA: &str = "1.2.840.113549.1.7.2";
pub(crate) const CONTENT_TYPE: &str = "1.2.840.113549.1.9.3";
pub(crate) const MESSAGE_DIGEST: &str = "1.2.840.113549.1.9.4";
pub(crate) const SIGNING_CERTIFICATE: &str = "1.2.840.113549.1.9.16.2.12";
pub(crate) const SIGNING_CERTIFICATE_V2: &str = "1.2.840.113549.1.9.16.2.47";

pub(crate) fn oid(numbers: &str) -> Vec<u8> {
    ObjectIdentifier::new_unwrap(numbers).to_der().unwrap()
}

pub(crate) fn sequence(parts: &[Vec<u8>]) -> Vec<u8> {
    tlv(0x30, &parts.concat())
}

pub(crate) fn algorithm(numbers: &str) -> Vec<u8> {
    sequence(&[oid(numbers)])
}

pub(crate) fn octets(content: &[u8]) -> Vec<u8> {
    tlv(0x04, content)
}

pub(crate) fn integer(value: u8) -> Vec<u8> {
    tlv(0x02, &[value])
}

fn digest(algorithm: &str, content: &[u8]) -> Vec<u8> {
    hash(message_digest(algorithm), content).unwrap().to_vec()
}

fn message_digest(algorithm: &str) -> MessageDigest {
    match algorithm {
        SHA1 => MessageDigest::sha1(),
        MD5 => MessageDigest::md5(),
        _ => MessageDigest::sha256(),
    }
}

/// Attributes: type and values.
pub(crate) type Attributes = Vec<(&'static str, Vec<Vec<u8>>)>;

/// A token to be made; every field can be changed before it is.
pub(crate) struct Forge {
    pub(crate) tsa: Identity,
    /// The fields of `TSTInfo`.
    pub(crate) info: Info,
    /// The type of the content, inside and in the attributes.
    pub(crate) content_types: [&'static str; 2],
    pub(crate) versions: [u8; 2],
    pub(crate) digest: &'static str,
    pub(crate) signature_algorithm: Vec<u8>,
    /// In place of the issuer and serial number.
    pub(crate) sid: Option<Vec<u8>>,
    pub(crate) certificates: Vec<Vec<u8>>,
    pub(crate) signers: usize,
    /// In place of the `SigningCertificateV2` of the certificate.
    pub(crate) ess: Option<Vec<u8>>,
    /// What is done to the attributes before they are signed.
    pub(crate) attributes: fn(&mut Attributes),
    pub(crate) has_attributes: bool,
    /// What is done to the signature.
    pub(crate) signature: fn(&mut Vec<u8>),
    /// What is behind the signature.
    pub(crate) unsigned: Vec<u8>,
}

#[derive(Clone)]
pub(crate) struct Info {
    pub(crate) version: u8,
    pub(crate) imprint: &'static str,
    pub(crate) stamped: Vec<u8>,
    /// In place of the digest of what is stamped.
    pub(crate) digest: Option<Vec<u8>>,
    pub(crate) time: String,
    /// What follows the time: accuracy, ordering, nonce, tsa, extensions.
    pub(crate) rest: Vec<u8>,
}

impl Forge {
    pub(crate) fn new(tsa: &Identity, stamped: &[u8], time: &str) -> Self {
        let ec = tsa.key.ec_key().is_ok();
        Self {
            tsa: tsa.clone(),
            info: Info {
                version: 1,
                imprint: SHA256,
                stamped: stamped.to_owned(),
                digest: None,
                time: time.to_owned(),
                rest: Vec::new(),
            },
            content_types: [TST_INFO; 2],
            versions: [3, 1],
            digest: SHA256,
            signature_algorithm: algorithm(if ec { ECDSA_SHA256 } else { RSA }),
            sid: None,
            certificates: vec![tsa.certificate_der()],
            signers: 1,
            ess: None,
            attributes: |_| {},
            has_attributes: true,
            signature: |_| {},
            unsigned: Vec::new(),
        }
    }

    fn info(&self) -> Vec<u8> {
        let Info { version, imprint, stamped, time, rest, .. } = &self.info;
        let stamped = self.info.digest.clone().unwrap_or_else(|| digest(imprint, stamped));
        sequence(&[
            integer(*version),
            oid("1.2.3.4.1"),
            sequence(&[algorithm(imprint), octets(&stamped)]),
            integer(7),
            tlv(0x18, time.as_bytes()),
            rest.clone(),
        ])
    }

    /// The `TimeStampToken`.
    pub(crate) fn token(&self) -> Vec<u8> {
        let info = self.info();
        let certificate = self.tsa.certificate_der();
        let mut attributes = vec![
            (CONTENT_TYPE, vec![oid(self.content_types[1])]),
            (MESSAGE_DIGEST, vec![octets(&digest(self.digest, &info))]),
            (SIGNING_CERTIFICATE_V2, vec![self.ess.clone().unwrap_or_else(|| ess_v2(&certificate))]),
        ];
        (self.attributes)(&mut attributes);
        let attributes: Vec<u8> = attributes
            .into_iter()
            .flat_map(|(kind, values)| sequence(&[oid(kind), tlv(0x31, &values.concat())]))
            .collect();
        let mut signer = Signer::new(message_digest(self.digest), &self.tsa.key).unwrap();
        let mut signature = signer.sign_oneshot_to_vec(&tlv(0x31, &attributes)).unwrap();
        (self.signature)(&mut signature);
        let parts = [
            integer(self.versions[1]),
            self.sid.clone().unwrap_or_else(|| issuer_and_serial(&self.tsa)),
            algorithm(self.digest),
            if self.has_attributes { tlv(0xa0, &attributes) } else { Vec::new() },
            self.signature_algorithm.clone(),
            octets(&signature),
            self.unsigned.clone(),
        ];
        let signers = sequence(&parts).repeat(self.signers);
        let signed_data = sequence(&[
            integer(self.versions[0]),
            tlv(0x31, &algorithm(self.digest)),
            sequence(&[oid(self.content_types[0]), tlv(0xa0, &octets(&info))]),
            tlv(0xa0, &self.certificates.concat()),
            tlv(0x31, &signers),
        ]);
        sequence(&[oid(SIGNED_DATA), tlv(0xa0, &signed_data)])
    }
}

/// `SigningCertificateV2` of one certificate, by SHA-256.
fn ess_v2(certificate: &[u8]) -> Vec<u8> {
    sequence(&[sequence(&[sequence(&[octets(&digest(SHA256, certificate))])])])
}

/// `SigningCertificate` of one certificate.
pub(crate) fn ess_v1(certificate: &[u8]) -> Vec<u8> {
    sequence(&[sequence(&[sequence(&[octets(&digest(SHA1, certificate))])])])
}

pub(crate) fn issuer_and_serial(tsa: &Identity) -> Vec<u8> {
    let issuer = tsa.certificate.issuer_name().to_der().unwrap();
    let mut serial = tsa.certificate.serial_number().to_bn().unwrap().to_vec();
    if serial.first().is_some_and(|byte| *byte >= 0x80) {
        serial.insert(0, 0);
    }
    sequence(&[issuer, tlv(0x02, &serial)])
}

/// A granted `TimeStampResp` with this token.
pub(crate) fn granted(token: Vec<u8>) -> Vec<u8> {
    sequence(&[sequence(&[integer(0)]), token])
}

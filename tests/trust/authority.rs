//! Certificates and CRLs with whatever is asked of them.

use openssl::{
    asn1::{Asn1Object, Asn1OctetString, Asn1Time, Asn1Type},
    bn::BigNum,
    hash::MessageDigest,
    pkey::{PKey, Private},
    sign::Signer,
    x509::{X509, X509Extension, X509Name},
};
use stratuslab::{Certificate, Timestamp};

use crate::pki::{CN, Identity, Kind, name, new_key, tlv};

pub(crate) const BASIC_CONSTRAINTS: &str = "2.5.29.19";
pub(crate) const KEY_USAGE: &str = "2.5.29.15";
pub(crate) const EXTENDED_KEY_USAGE: &str = "2.5.29.37";
pub(crate) const NAME_CONSTRAINTS: &str = "2.5.29.30";
pub(crate) const SUBJECT_ALT_NAME: &str = "2.5.29.17";
pub(crate) const SUBJECT_KEY_IDENTIFIER: &str = "2.5.29.14";
pub(crate) const AUTHORITY_KEY_IDENTIFIER: &str = "2.5.29.35";
pub(crate) const PROXY_CERT_INFO: &str = "1.3.6.1.5.5.7.1.14";
pub(crate) const INHERIT_ALL: &str = "1.3.6.1.5.5.7.21.1";

/// Bits of keyUsage (RFC 5280 §4.2.1.3).
pub(crate) const DIGITAL_SIGNATURE: u8 = 0x80;
pub(crate) const KEY_ENCIPHERMENT: u8 = 0x20;
pub(crate) const KEY_CERT_SIGN: u8 = 0x04;
pub(crate) const CRL_SIGN: u8 = 0x02;

pub(crate) fn date(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// Everything here is valid from 2010 to 2020 and used in 2011, if nothing else is said.
pub(crate) fn used() -> Timestamp {
    date(crate::entry::ENDORSED)
}

/// A certificate to be made.
#[derive(Clone)]
pub(crate) struct Draft {
    pub(crate) subject: Vec<(&'static str, String)>,
    from: Timestamp,
    to: Timestamp,
    /// Type, whether critical, value.
    extensions: Vec<(String, bool, Vec<u8>)>,
    digest: MessageDigest,
    key: PKey<Private>,
}

/// `CN=common_name,O=StratusLab,C=FR`, an end entity's.
pub(crate) fn draft(common_name: &str) -> Draft {
    let subject = [("2.5.4.6", "FR"), ("2.5.4.10", "StratusLab"), (CN, common_name)];
    Draft {
        subject: subject.map(|(kind, value)| (kind, value.to_owned())).to_vec(),
        from: date("2010-01-01T00:00:00Z"),
        to: date("2020-01-01T00:00:00Z"),
        extensions: Vec::new(),
        digest: MessageDigest::sha256(),
        key: new_key(Kind::P256),
    }
}

/// The same of an authority that allows so many below itself.
pub(crate) fn authority(common_name: &str, limit: Option<u8>) -> Draft {
    let limit = limit.map(|limit| tlv(0x02, &[limit])).unwrap_or_default();
    let constraints = tlv(0x30, &[tlv(0x01, &[0xff]), limit].concat());
    draft(common_name).extended(BASIC_CONSTRAINTS, true, &constraints)
}

impl Draft {
    pub(crate) fn extended(mut self, id: &str, critical: bool, value: &[u8]) -> Self {
        self.extensions.push((id.to_owned(), critical, value.to_owned()));
        self
    }

    pub(crate) fn usage(self, bits: u8) -> Self {
        let value = tlv(0x03, &[u8::try_from(bits.trailing_zeros()).unwrap(), bits]);
        self.extended(KEY_USAGE, true, &value)
    }

    pub(crate) fn email(self, email: &str) -> Self {
        let value = tlv(0x30, &tlv(0x81, email.as_bytes()));
        self.extended(SUBJECT_ALT_NAME, false, &value)
    }

    pub(crate) fn valid(mut self, from: &str, to: &str) -> Self {
        (self.from, self.to) = (date(from), date(to));
        self
    }

    pub(crate) fn digest(mut self, digest: MessageDigest) -> Self {
        self.digest = digest;
        self
    }

    pub(crate) fn key(mut self, key: &PKey<Private>) -> Self {
        self.key = key.clone();
        self
    }

    pub(crate) fn named(mut self, subject: &[(&'static str, &str)]) -> Self {
        self.subject = subject.iter().map(|&(kind, value)| (kind, value.to_owned())).collect();
        self
    }

    pub(crate) fn self_signed(&self) -> Identity {
        self.certified(&self.name(), &self.key)
    }

    pub(crate) fn issued_by(&self, issuer: &Identity) -> Identity {
        self.certified(issuer.certificate.subject_name().to_owned().unwrap().as_ref(), &issuer.key)
    }

    pub(crate) fn name(&self) -> X509Name {
        let attributes: Vec<_> =
            self.subject.iter().map(|(kind, value)| (*kind, Asn1Type::UTF8STRING, value.as_str())).collect();
        name(&attributes)
    }

    fn certified(&self, issuer: &openssl::x509::X509NameRef, signer: &PKey<Private>) -> Identity {
        let mut builder = X509::builder().unwrap();
        builder.set_version(2).unwrap();
        let mut serial = BigNum::new().unwrap();
        serial.rand(120, openssl::bn::MsbOption::ONE, false).unwrap();
        builder.set_serial_number(&serial.to_asn1_integer().unwrap()).unwrap();
        builder.set_subject_name(&self.name()).unwrap();
        builder.set_issuer_name(issuer).unwrap();
        let time = |at: Timestamp| Asn1Time::from_unix(at.unix_seconds()).unwrap();
        builder.set_not_before(&time(self.from)).unwrap();
        builder.set_not_after(&time(self.to)).unwrap();
        builder.set_pubkey(&self.key).unwrap();
        for (id, critical, value) in &self.extensions {
            let value = Asn1OctetString::new_from_bytes(value).unwrap();
            let id = Asn1Object::from_str(id).unwrap();
            let extension = X509Extension::new_from_der(&id, *critical, &value).unwrap();
            builder.append_extension2(&extension).unwrap();
        }
        builder.sign(signer, self.digest).unwrap();
        Identity { key: self.key.clone(), certificate: builder.build() }
    }
}

/// A proxy of `issuer` (RFC 3820) with this policy language, and perhaps a limit on those below it.
pub(crate) fn proxy(issuer: &Draft, number: &str, language: &str, limit: Option<u8>) -> Draft {
    named_after(issuer, number).extended(PROXY_CERT_INFO, true, &proxy_cert_info(language, limit, None))
}

/// An end entity with the name of `issuer` and one more commonName.
pub(crate) fn named_after(issuer: &Draft, common_name: &str) -> Draft {
    let mut below = draft("");
    below.subject.clone_from(&issuer.subject);
    below.subject.push((CN, common_name.to_owned()));
    below
}

pub(crate) fn proxy_cert_info(language: &str, limit: Option<u8>, policy: Option<&[u8]>) -> Vec<u8> {
    let limit = limit.map(|limit| tlv(0x02, &[limit])).unwrap_or_default();
    let policy = policy.map(|policy| tlv(0x04, policy)).unwrap_or_default();
    tlv(0x30, &[limit, tlv(0x30, &[object(language), policy].concat())].concat())
}

/// An encoded object identifier.
pub(crate) fn object(id: &str) -> Vec<u8> {
    tlv(0x06, Asn1Object::from_str(id).unwrap().as_slice())
}

/// A CRL to be made; what is public may be changed.
pub(crate) struct List<'a> {
    pub(crate) issuer: &'a Identity,
    pub(crate) signer: &'a PKey<Private>,
    pub(crate) this_update: &'a str,
    pub(crate) next_update: Option<&'a str>,
    /// Certificates and when they were revoked.
    pub(crate) revoked: Vec<(&'a Identity, &'a str)>,
    /// The encoded extensions.
    pub(crate) extensions: Vec<Vec<u8>>,
    /// The reasonCode of every entry (RFC 5280 §5.3.1).
    pub(crate) reason: Option<u8>,
    /// Version 1 has no number, and no extensions.
    pub(crate) version1: bool,
}

impl<'a> List<'a> {
    /// Of January to December 2021; everything is checked in February.
    pub(crate) fn of(issuer: &'a Identity) -> Self {
        Self {
            issuer,
            signer: &issuer.key,
            this_update: "2021-01-01T00:00:00Z",
            next_update: Some("2021-12-31T00:00:00Z"),
            revoked: Vec::new(),
            extensions: Vec::new(),
            reason: None,
            version1: false,
        }
    }

    pub(crate) fn revoking(mut self, certificate: &'a Identity, at: &'a str) -> Self {
        self.revoked.push((certificate, at));
        self
    }

    pub(crate) fn der(&self) -> Vec<u8> {
        // ecdsa-with-SHA256 (RFC 5758 §3.2)
        let algorithm = tlv(0x30, &object("1.2.840.10045.4.3.2"));
        let entries: Vec<u8> =
            self.revoked.iter().flat_map(|(certificate, at)| self.entry(certificate, at)).collect();
        let optional = |tag: u8, content: Vec<u8>| {
            if content.is_empty() { content } else { tlv(tag, &content) }
        };
        let extensions = optional(0x30, self.extensions.concat());
        let tbs = [
            if self.version1 { Vec::new() } else { tlv(0x02, &[1]) },
            algorithm.clone(),
            self.issuer.certificate.subject_name().to_der().unwrap(),
            time(self.this_update),
            self.next_update.map(time).unwrap_or_default(),
            optional(0x30, entries),
            optional(0xa0, extensions),
        ];
        let tbs = tlv(0x30, &tbs.concat());
        let mut signer = Signer::new(MessageDigest::sha256(), self.signer).unwrap();
        let signature = signer.sign_oneshot_to_vec(&tbs).unwrap();
        tlv(0x30, &[tbs, algorithm, tlv(0x03, &[&[0], signature.as_slice()].concat())].concat())
    }

    fn entry(&self, certificate: &Identity, at: &str) -> Vec<u8> {
        let serial = certificate.certificate.serial_number().to_bn().unwrap().to_vec();
        let serial = if serial[0] & 0x80 == 0 { serial } else { [vec![0], serial].concat() };
        let reason = self.reason.map(|reason| extension("2.5.29.21", false, &[0x0a, 1, reason]));
        let reason = reason.map(|reason| tlv(0x30, &reason)).unwrap_or_default();
        tlv(0x30, &[tlv(0x02, &serial), time(at), reason].concat())
    }

    pub(crate) fn pem(&self) -> Vec<u8> {
        openssl::x509::X509Crl::from_der(&self.der()).unwrap().to_pem().unwrap()
    }
}

/// An encoded extension of a CRL.
pub(crate) fn extension(id: &str, critical: bool, value: &[u8]) -> Vec<u8> {
    let critical = if critical { tlv(0x01, &[0xff]) } else { Vec::new() };
    tlv(0x30, &[object(id), critical, tlv(0x04, value)].concat())
}

/// `UTCTime`
fn time(at: &str) -> Vec<u8> {
    let digits: String = at.chars().filter(char::is_ascii_digit).skip(2).collect();
    tlv(0x17, format!("{digits}Z").as_bytes())
}

/// The library's certificate.
pub(crate) fn certificate(identity: &Identity) -> Certificate {
    Certificate::from_der(&identity.certificate_der()).unwrap()
}

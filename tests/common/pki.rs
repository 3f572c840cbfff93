//! Keys, certificates and PKCS#12 files, made in the test that needs them.

#![allow(clippy::unwrap_used, reason = "a test that cannot make its material has failed")]

use std::sync::OnceLock;

use openssl::{
    asn1::{Asn1Object, Asn1OctetString, Asn1Time, Asn1Type},
    bn::BigNum,
    dsa::Dsa,
    ec::{EcGroup, EcKey},
    hash::MessageDigest,
    nid::Nid,
    pkcs12::Pkcs12,
    pkey::{Id, PKey, Private},
    rsa::Rsa,
    stack::Stack,
    symm::Cipher,
    x509::{X509, X509Builder, X509Extension, X509Name, X509NameBuilder},
};

/// A kind of key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Rsa2048,
    P256,
    P384,
    P521,
    Ed25519,
    /// DSA of 1024 and 160 bits.
    Dsa1024,
    /// RSA that is for PSS only (RFC 4055 §1.2), with any hash function.
    RsaPss2048,
}

impl Kind {
    const COUNT: usize = Self::RsaPss2048 as usize + 1;
}

/// One attribute of a name: its type in numbers, the type of its value, its text.
pub(crate) type Attribute<'a> = (&'a str, Asn1Type, &'a str);

pub(crate) const C: &str = "2.5.4.6";
pub(crate) const O: &str = "2.5.4.10";
pub(crate) const OU: &str = "2.5.4.11";
pub(crate) const CN: &str = "2.5.4.3";
pub(crate) const EMAIL_ADDRESS: &str = "1.2.840.113549.1.9.1";

/// A certificate with its key.
#[derive(Clone)]
pub(crate) struct Identity {
    pub(crate) key: PKey<Private>,
    pub(crate) certificate: X509,
}

/// What a certificate shall say; `Request::new` is a usual one.
pub(crate) struct Request<'a> {
    /// The attributes of the subject, in the order of the encoding.
    pub(crate) subject: Vec<Attribute<'a>>,
    /// The rfc822Names of the subjectAltName, in the order of the encoding; none leaves it out.
    pub(crate) emails: Vec<&'a str>,
    /// The validity period, in days from now.
    pub(crate) days: (i64, i64),
    pub(crate) is_ca: bool,
    /// A version 1 certificate has no extensions.
    pub(crate) version1: bool,
}

impl<'a> Request<'a> {
    /// `CN=common_name,O=StratusLab,C=FR`, valid from yesterday for a year.
    pub(crate) fn new(common_name: &'a str) -> Self {
        let printable = Asn1Type::PRINTABLESTRING;
        let subject = vec![
            (C, printable, "FR"),
            (O, Asn1Type::UTF8STRING, "StratusLab"),
            (CN, Asn1Type::UTF8STRING, common_name),
        ];
        Self { subject, emails: Vec::new(), days: (-1, 365), is_ca: false, version1: false }
    }

    pub(crate) fn email(mut self, email: &'a str) -> Self {
        self.emails.push(email);
        self
    }

    pub(crate) fn days(mut self, from: i64, to: i64) -> Self {
        self.days = (from, to);
        self
    }

    pub(crate) fn subject(mut self, subject: &[Attribute<'a>]) -> Self {
        self.subject = subject.to_vec();
        self
    }

    pub(crate) fn ca(mut self) -> Self {
        self.is_ca = true;
        self
    }

    pub(crate) fn version1(mut self) -> Self {
        self.version1 = true;
        self
    }

    /// Signed with its own key.
    pub(crate) fn self_signed(&self, key: &PKey<Private>) -> Identity {
        self.certified(key, None)
    }

    /// Signed by `issuer`.
    pub(crate) fn issued_by(&self, issuer: &Identity, key: &PKey<Private>) -> Identity {
        self.certified(key, Some(issuer))
    }

    fn certified(&self, key: &PKey<Private>, issuer: Option<&Identity>) -> Identity {
        let subject = name(&self.subject);
        let mut builder = X509::builder().unwrap();
        builder.set_version(if self.version1 { 0 } else { 2 }).unwrap();
        let mut serial = BigNum::new().unwrap();
        serial.rand(120, openssl::bn::MsbOption::ONE, false).unwrap();
        builder.set_serial_number(&serial.to_asn1_integer().unwrap()).unwrap();
        builder.set_subject_name(&subject).unwrap();
        builder.set_issuer_name(issuer.map_or(&subject, |i| i.certificate.subject_name())).unwrap();
        builder.set_not_before(&days_from_now(self.days.0)).unwrap();
        builder.set_not_after(&days_from_now(self.days.1)).unwrap();
        builder.set_pubkey(key).unwrap();
        if !self.version1 {
            self.extend(&mut builder);
        }
        let signer = issuer.map_or(key, |i| &i.key);
        // Ed25519 takes no hash function from outside (RFC 8410 §6).
        let digest = if signer.id() == Id::ED25519 { MessageDigest::null() } else { MessageDigest::sha256() };
        builder.sign(signer, digest).unwrap();
        Identity { key: key.clone(), certificate: builder.build() }
    }

    fn extend(&self, builder: &mut X509Builder) {
        let mut constraints = openssl::x509::extension::BasicConstraints::new();
        if self.is_ca {
            constraints.ca();
        }
        builder.append_extension(constraints.critical().build().unwrap()).unwrap();
        if !self.emails.is_empty() {
            builder.append_extension(subject_alt_name(&self.emails)).unwrap();
        }
    }
}

/// A key of this kind: always the same in one process, since making one takes long.
pub(crate) fn key(kind: Kind) -> PKey<Private> {
    static KEYS: [OnceLock<PKey<Private>>; Kind::COUNT] = [const { OnceLock::new() }; Kind::COUNT];
    KEYS[kind as usize].get_or_init(|| new_key(kind)).clone()
}

/// Another key of this kind.
pub(crate) fn new_key(kind: Kind) -> PKey<Private> {
    let curve = match kind {
        Kind::Rsa2048 => return PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap(),
        Kind::P256 => Nid::X9_62_PRIME256V1,
        Kind::P384 => Nid::SECP384R1,
        Kind::P521 => Nid::SECP521R1,
        Kind::Ed25519 => return PKey::generate_ed25519().unwrap(),
        Kind::Dsa1024 => return PKey::from_dsa(Dsa::generate(1024).unwrap()).unwrap(),
        Kind::RsaPss2048 => return rsa_pss(&[]),
    };
    let group = EcGroup::from_curve_name(curve).unwrap();
    PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap()
}

/// A key of 2048 bits for RSASSA-PSS with these parameters (`RSASSA-PSS-params`, RFC 4055 §3.1).
pub(crate) fn rsa_pss(parameters: &[u8]) -> PKey<Private> {
    let id = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0a];
    let algorithm = tlv(0x30, &[&tlv(0x06, &id)[..], parameters].concat());
    let key = tlv(0x04, &Rsa::generate(2048).unwrap().private_key_to_der().unwrap());
    let info = tlv(0x30, &[&tlv(0x02, &[0])[..], &algorithm, &key].concat());
    PKey::private_key_from_pkcs8(&info).unwrap()
}

/// The usual endorser: `CN=Jane Tester,O=StratusLab,C=FR`, `jane.tester@example.org`, RSA,
/// self-signed.
pub(crate) fn jane() -> Identity {
    static JANE: OnceLock<Identity> = OnceLock::new();
    let request = || Request::new("Jane Tester").email("jane.tester@example.org");
    JANE.get_or_init(|| request().self_signed(&key(Kind::Rsa2048))).clone()
}

/// A certificate authority, `CN=Test CA,O=StratusLab,C=FR`, with an EC key.
pub(crate) fn authority() -> Identity {
    static CA: OnceLock<Identity> = OnceLock::new();
    CA.get_or_init(|| Request::new("Test CA").ca().self_signed(&new_key(Kind::P256))).clone()
}

impl Identity {
    pub(crate) fn certificate_der(&self) -> Vec<u8> {
        self.certificate.to_der().unwrap()
    }

    pub(crate) fn certificate_pem(&self) -> Vec<u8> {
        self.certificate.to_pem().unwrap()
    }

    /// PKCS#8, not encrypted.
    pub(crate) fn key_pem(&self) -> Vec<u8> {
        self.key.private_key_to_pem_pkcs8().unwrap()
    }

    /// PKCS#8 with PBES2 (RFC 8018 §6.2).
    pub(crate) fn encrypted_key_pem(&self, password: &str) -> Vec<u8> {
        self.key.private_key_to_pem_pkcs8_passphrase(Cipher::aes_256_cbc(), password.as_bytes()).unwrap()
    }

    /// PKCS#12 as OpenSSL writes it today: PBES2 with AES-256, SHA-256 MAC.
    pub(crate) fn pkcs12(&self, password: &str) -> Vec<u8> {
        self.pkcs12_with_chain(password, &[])
    }

    /// The same, with these certificates beside it.
    pub(crate) fn pkcs12_with_chain(&self, password: &str, chain: &[&Identity]) -> Vec<u8> {
        let mut builder = Pkcs12::builder();
        builder.name("jane's certificate").pkey(&self.key).cert(&self.certificate);
        if !chain.is_empty() {
            let mut stack = Stack::new().unwrap();
            for identity in chain {
                stack.push(identity.certificate.clone()).unwrap();
            }
            builder.ca(stack);
        }
        builder.build2(password).unwrap().to_der().unwrap()
    }

    /// PKCS#12 as browsers and Java wrote it for twenty years: RC2-40 for the certificate, 3DES
    /// for the key, SHA-1 MAC. OpenSSL 3 refuses it by itself.
    pub(crate) fn old_pkcs12(&self, password: &str) -> Vec<u8> {
        let key = self.key.private_key_to_pkcs8().unwrap();
        p12::PFX::new(&self.certificate_der(), &key, None, password, "jane").unwrap().to_der()
    }
}

/// A name with these attributes, each in an RDN of its own.
pub(crate) fn name(attributes: &[Attribute<'_>]) -> X509Name {
    let mut builder = X509NameBuilder::new().unwrap();
    for &(oid, value_type, value) in attributes {
        builder.append_entry_by_text_with_type(oid, value, value_type).unwrap();
    }
    builder.build()
}

fn days_from_now(days: i64) -> Asn1Time {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    Asn1Time::from_unix(i64::try_from(now.as_secs()).unwrap() + days * 86_400).unwrap()
}

fn subject_alt_name(emails: &[&str]) -> X509Extension {
    let names: Vec<Vec<u8>> = emails.iter().map(|email| tlv(0x81, email.as_bytes())).collect();
    let value = Asn1OctetString::new_from_bytes(&tlv(0x30, &names.concat())).unwrap();
    let oid = Asn1Object::from_str("2.5.29.17").unwrap();
    X509Extension::new_from_der(&oid, false, &value).unwrap()
}

/// One DER element.
pub(crate) fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len()).unwrap().to_be_bytes();
    let mut out = match length {
        [0, short] if short < 0x80 => vec![tag, short],
        [0, one] => vec![tag, 0x81, one],
        [high, low] => vec![tag, 0x82, high, low],
    };
    out.extend(content);
    out
}

/// Uses all of the factory, in every test that has it.
#[test]
fn identities_are_as_requested() {
    let ca = authority();
    for (kind, bits) in [
        (Kind::Rsa2048, 2048),
        (Kind::P256, 256),
        (Kind::P384, 384),
        (Kind::P521, 521),
        (Kind::Ed25519, 256),
        (Kind::Dsa1024, 1024),
        (Kind::RsaPss2048, 2048),
    ] {
        let own = Request::new("Joe").self_signed(&key(kind));
        assert!(own.certificate.verify(&own.key).unwrap());
        let identity = Request::new("Joe").email("joe@example.org").issued_by(&ca, &key(kind));
        assert_eq!(identity.key.bits(), bits);
        assert!(identity.certificate.verify(&ca.key).unwrap());
        assert!(identity.certificate.public_key().unwrap().public_eq(&identity.key));
        assert_eq!(X509::from_pem(&identity.certificate_pem()).unwrap(), identity.certificate);
        assert!(PKey::private_key_from_pem(&identity.key_pem()).unwrap().public_eq(&identity.key));
        let encrypted = identity.encrypted_key_pem("pw");
        assert!(PKey::private_key_from_pem_passphrase(&encrypted, b"pw").is_ok());
    }
    let pkcs12 = Pkcs12::from_der(&jane().pkcs12("pw")).unwrap().parse2("pw").unwrap();
    assert_eq!(pkcs12.cert.unwrap().to_der().unwrap(), jane().certificate_der());
    let old = p12::PFX::parse(&jane().old_pkcs12("pw")).unwrap();
    assert!(old.verify_mac("pw"));
    let (ia5, utf8) = (Asn1Type::IA5STRING, Asn1Type::UTF8STRING);
    let odd = [(OU, utf8, "Österreich"), (EMAIL_ADDRESS, ia5, "joe@example.org")];
    let odd = Request::new("Joe").subject(&odd).days(-2, -1).version1().self_signed(&new_key(Kind::P256));
    assert_eq!(odd.certificate.version(), 0);
    assert_eq!(odd.certificate.subject_name().entries().count(), 2);
}

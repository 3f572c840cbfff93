//! Who an entry says endorsed it: the certificate's holder, or nobody.

#![allow(clippy::unwrap_used, reason = "a test that cannot make its material has failed")]

#[path = "common/pki.rs"]
mod pki;

use openssl::{
    asn1::Asn1Type,
    ec::{EcGroup, EcKey},
    nid::Nid,
    pkey::PKey,
    rsa::Rsa,
};
use pki::{CN, Identity, Kind, Request, key};
use stratuslab::{
    Checksum, ChecksumAlgorithm, Credentials, Email, ImageDigests, Metadata, Timestamp,
    dsig::{AlgorithmPolicy, SignError, SignRequest, SignatureMethod, Verified, deprecate, sign, verify},
    metadata::{CompressedFile, rules::Leniency},
    validate::{Options, validate},
};

fn signed(
    identity: &Identity,
    email: Option<&str>,
    method: Option<SignatureMethod>,
) -> Result<Verified<Metadata>, SignError> {
    let digests = ImageDigests::read(&b"image"[..], &ChecksumAlgorithm::ALL).unwrap();
    let document = Metadata::builder(&digests).image_type("base").build().to_rdf().unwrap();
    let credentials = Credentials::from_pem(&identity.certificate_pem(), &identity.key_pem(), None).unwrap();
    let email: Option<Email> = email.map(|email| email.parse().unwrap());
    let request = SignRequest {
        credentials: &credentials,
        method,
        email: email.as_ref(),
        created: Timestamp::from_unix_seconds(1_300_000_000).unwrap(),
        leniency: Leniency::Strict,
        include_chain: false,
    };
    sign(document.as_bytes(), &request)
}

fn endorsed_by(entry: &Verified<Metadata>) -> [&str; 3] {
    let endorser = &entry.endorsement.as_ref().unwrap().endorser;
    [endorser.email.as_str(), endorser.subject.as_str(), endorser.issuer.as_str()]
}

#[test]
fn the_endorser_is_the_certificate_s_holder() {
    let request = Request::new("Joe").email("joe@example.org").email("other@example.org");
    let joe = request.issued_by(&pki::authority(), &key(Kind::P256));
    let entry = signed(&joe, Some("given@example.org"), None).unwrap();
    let (subject, issuer) = ("CN=Joe,O=StratusLab,C=FR", "CN=Test CA,O=StratusLab,C=FR");
    assert_eq!(endorsed_by(&entry), ["joe@example.org", subject, issuer]);
    assert_eq!(entry.endorsement.as_ref().unwrap().created.to_string(), "2011-03-13T07:06:40Z");
}

/// M11: a certificate without an address leaves the endorser's to be given.
#[test]
fn m11_a_certificate_without_an_address_needs_one() {
    let joe = Request::new("Joe").self_signed(&key(Kind::P256));
    assert!(matches!(signed(&joe, None, None), Err(SignError::NoEmail)));
    assert_eq!(endorsed_by(&signed(&joe, Some("given@example.org"), None).unwrap())[0], "given@example.org");
}

#[test]
fn what_an_entry_cannot_carry_is_not_signed() {
    let joe = Request::new("Joe").email("joe!smith@example.org").self_signed(&key(Kind::P256));
    let error = signed(&joe, Some("given@example.org"), None).unwrap_err();
    assert!(
        matches!(&error, SignError::CertificateEmail { email } if email == "joe!smith@example.org"),
        "{error}"
    );

    let bell = Request::new("").subject(&[(CN, Asn1Type::UTF8STRING, "Joe\u{7}")]).email("joe@example.org");
    let error = signed(&bell.self_signed(&key(Kind::P256)), None, None).unwrap_err();
    assert!(matches!(error, SignError::CertificateName { part: "subject", character: '\u{7}' }), "{error}");
}

/// A key nobody would accept is the credentials' fault, not the document's.
#[test]
fn weak_and_foreign_keys_sign_nothing() {
    let weak = PKey::from_rsa(Rsa::generate(1024).unwrap()).unwrap();
    let joe = Request::new("Joe").email("joe@example.org").self_signed(&weak);
    let error = signed(&joe, None, None).unwrap_err();
    assert!(matches!(error, SignError::WeakKey { bits: 1024, minimum: 2048 }), "{error}");
    assert!(signed(&joe, None, Some(SignatureMethod::RsaSha1)).is_ok());

    let group = EcGroup::from_curve_name(Nid::SECP256K1).unwrap();
    let foreign = PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap();
    let joe = Request::new("Joe").email("joe@example.org").self_signed(&foreign);
    assert!(matches!(signed(&joe, None, None), Err(SignError::UnsupportedKey)));
}

/// An entry that is signed but breaks a rule is invalid, and yet everything it says can be told.
#[test]
fn what_a_refused_entry_says_is_told() {
    let joe = Request::new("Joe").email("joe@example.org").self_signed(&key(Kind::P256));
    let digests = ImageDigests::read(&b"image"[..], &ChecksumAlgorithm::ALL).unwrap();
    let document = Metadata::builder(&digests).image_type("base").build().to_rdf().unwrap();
    let endorsement = "        <slreq:endorsement rdf:parseType=\"Resource\"/>\n";
    let old =
        document.replace(endorsement, "").replace("    </rdf:Desc", &format!("{endorsement}    </rdf:Desc"));
    let request = SignRequest {
        credentials: &Credentials::from_pem(&joe.certificate_pem(), &joe.key_pem(), None).unwrap(),
        method: None,
        email: None,
        created: Timestamp::now(),
        leniency: Leniency::OldEntries,
        include_chain: false,
    };
    let entry = sign(old.as_bytes(), &request).unwrap();
    let report = validate(entry.document(), &Options::new(Timestamp::now()));
    assert_eq!(report.deciding().unwrap().name, "order");
    assert_eq!(report.metadata().unwrap().identifier, digests.identifier());
    assert_eq!(report.evidence().unwrap().certificate.email(), Some("joe@example.org"));
    let report = report.into_verified().unwrap_err();
    assert!(report.checks().iter().any(|check| check.name == "certificate-current"));
}

/// What the originals do not know is signed, kept when the image is deprecated, and read.
#[test]
fn an_entry_keeps_what_it_says_of_the_compressed_file() {
    let joe = Request::new("Joe").email("joe@example.org").self_signed(&key(Kind::P256));
    let digests = ImageDigests::read(&b"image"[..], &ChecksumAlgorithm::ALL).unwrap();
    let sha512 = Checksum::from_hex(ChecksumAlgorithm::Sha512, &"a5".repeat(64)).unwrap();
    let file = CompressedFile { bytes: 26, sha512 };
    let document =
        Metadata::builder(&digests).compression("gz").compressed_file(file.clone()).build().to_rdf().unwrap();
    let request = SignRequest {
        credentials: &Credentials::from_pem(&joe.certificate_pem(), &joe.key_pem(), None).unwrap(),
        method: None,
        email: None,
        created: Timestamp::now(),
        leniency: Leniency::Strict,
        include_chain: false,
    };
    let signed = sign(document.as_bytes(), &request).unwrap();
    let deprecated = deprecate(&signed, "a reason", &request).unwrap();
    assert_eq!(deprecated.deprecated.as_deref(), Some("a reason"));
    for entry in [&signed, &deprecated] {
        let entry = verify(entry.document(), &AlgorithmPolicy::default()).unwrap();
        assert_eq!(entry.compressed.as_ref(), Some(&file));
        let report = validate(entry.document(), &Options::new(Timestamp::now()));
        assert!(report.deciding().is_none(), "{:?}", report.deciding());
        let changed = String::from_utf8(entry.document().to_vec()).unwrap();
        for (from, to) in [("<slc:bytes>26<", "<slc:bytes>27<"), ("a5</slc:sha512>", "a6</slc:sha512>")] {
            assert!(verify(changed.replace(from, to).as_bytes(), &AlgorithmPolicy::default()).is_err());
        }
    }
    // Only whole and once.
    let alone = document.replace("        <slc:bytes>26</slc:bytes>\n", "");
    let error = sign(alone.as_bytes(), &request).unwrap_err();
    assert!(error.to_string().ends_with("there is slc:sha512 without slc:bytes"), "{error}");
}

/// M5: the key decides which algorithms there are.
#[test]
fn m5_the_algorithm_fits_the_key() {
    for (kind, default, other) in [
        (Kind::Rsa2048, SignatureMethod::RsaSha256, SignatureMethod::EcdsaSha256),
        (Kind::P256, SignatureMethod::EcdsaSha256, SignatureMethod::RsaSha1),
        (Kind::P384, SignatureMethod::EcdsaSha256, SignatureMethod::RsaSha512),
    ] {
        let joe = Request::new("Joe").email("joe@example.org").self_signed(&key(kind));
        assert_eq!(signed(&joe, None, None).unwrap().evidence().signature_method, default);
        let error = signed(&joe, None, Some(other)).unwrap_err();
        assert!(matches!(error, SignError::MethodKey { method, .. } if method == other), "{error}");
    }
}

//! What we sign.

use std::{fs, sync::OnceLock};

use stratuslab::{
    Timestamp,
    dsig::{AlgorithmPolicy, KeyType, SignatureMethod, VerifyError, verify},
    validate::{Options, validate},
};

use crate::{
    all_endorsers, endorsers,
    entry::{ENDORSED, Shape, credentials, plain, shapes, sign},
    judges::{Outcome, Signed, agree},
    peers,
};

/// Every shape, signed with every method each key fits.
pub(crate) fn outcome() -> &'static Outcome {
    static OUTCOME: OnceLock<Outcome> = OnceLock::new();
    OUTCOME.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let mut signed = Vec::new();
        for identity in all_endorsers() {
            let credentials = credentials(identity);
            let key = KeyType::of(credentials.key().unwrap());
            for method in SignatureMethod::ALL.into_iter().filter(|method| method.fits(key)) {
                for Shape { name: shape, document } in shapes() {
                    let entry = sign(&document, &credentials, Some(method))
                        .unwrap_or_else(|error| panic!("{error}: {shape}, {method}, {key}"));
                    let file = folder.path().join(format!("{}.xml", signed.len()));
                    fs::write(&file, entry.document()).unwrap();
                    let way = method.digest_method().name().to_owned();
                    signed.push(Signed { file, shape, method, way, key: key.to_string() });
                }
            }
        }
        agree(folder.path(), "us", &signed)
    })
}

#[test]
fn what_we_sign_all_verify_and_what_is_altered_all_refuse() {
    if !peers::skipped("what we sign") {
        let expected = shapes().len() * SignatureMethod::ALL.len();
        assert!(outcome().signed.values().sum::<usize>() >= expected);
    }
}

/// Behaviour 3.5, for verifiers that know nothing else.
#[test]
fn rsa_sha1_signatures_are_what_the_originals_write() {
    let [jane, ..] = endorsers();
    let entry = sign(plain().as_bytes(), &credentials(jane), Some(SignatureMethod::RsaSha1)).unwrap();
    let text = std::str::from_utf8(entry.document()).unwrap();
    let (before, signature) = text.split_at(text.find("<Signature").unwrap());
    assert!(before.ends_with("</rdf:Description>\n"));

    let mut parts = Vec::new();
    let mut rest = signature;
    for name in ["DigestValue", "SignatureValue", "X509Certificate"] {
        let (fixed, after) = rest.split_once(&format!("<{name}>")).unwrap();
        let (value, after) = after.split_once(&format!("</{name}>")).unwrap();
        let mut lines = value.split('\n').rev();
        assert!(lines.next().is_some_and(|last| (1..=76).contains(&last.len())), "{name}");
        assert!(lines.all(|line| line.len() == 76), "{name}");
        parts.push(fixed);
        rest = after;
    }
    parts.push(rest);
    assert_eq!(
        parts.join("|"),
        "<Signature xmlns=\"http://www.w3.org/2000/09/xmldsig#\"><SignedInfo>\
         <CanonicalizationMethod Algorithm=\"http://www.w3.org/TR/2001/REC-xml-c14n-20010315#WithComments\"/>\
         <SignatureMethod Algorithm=\"http://www.w3.org/2000/09/xmldsig#rsa-sha1\"/>\
         <Reference URI=\"\"><Transforms>\
         <Transform Algorithm=\"http://www.w3.org/2000/09/xmldsig#enveloped-signature\"/></Transforms>\
         <DigestMethod Algorithm=\"http://www.w3.org/2000/09/xmldsig#sha1\"/>\
         |</Reference></SignedInfo>|<KeyInfo><X509Data>|</X509Data></KeyInfo></Signature></rdf:RDF>\n"
    );
    assert!(matches!(
        verify(entry.document(), &AlgorithmPolicy::default()),
        Err(VerifyError::ForbiddenAlgorithm { algorithm: "rsa-sha1" })
    ));
}

#[test]
fn what_we_sign_is_valid_in_every_respect() {
    let now: Timestamp = ENDORSED.parse().unwrap();
    for identity in endorsers() {
        for shape in shapes() {
            let entry = sign(&shape.document, &credentials(identity), None).unwrap();
            let report = validate(entry.document(), &Options::new(now));
            assert!(report.deciding().is_none(), "{}: {:?}", shape.name, report.deciding());
            assert_eq!(entry.os.as_deref(), Some("ttylinux"), "{}", shape.name);
            let endorser = &entry.endorsement.as_ref().unwrap().endorser;
            assert_eq!(&endorser.subject, entry.certificate().subject(), "{}", shape.name);
        }
    }
}

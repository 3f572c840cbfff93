//! What we sign.

use std::{fs, path::PathBuf};

use stratuslab::{
    Timestamp,
    dsig::{AlgorithmPolicy, KeyType, SignatureMethod, VerifyError, verify},
    validate::{Options, validate},
};

use crate::{
    endorsers,
    entry::{ENDORSED, credentials, plain, shapes, sign},
    peers,
};

/// The methods that fit an RSA key and two EC keys, in all.
const WAYS: usize = 8;

const ALTERED: [(&str, &str); 6] = [
    ("ttylinux<", "ttylinuy<"),
    (">machine</", "> machine</"),
    (">9.7<", ">9&#46;8<"),
    ("<DigestValue>", "<DigestValue>+"),
    ("kind>", "kinds>"),
    ("http://example.org/tty", "http://example.org/Tty"),
];

/// Every shape, signed with every method each key fits; then changed in one place.
#[test]
fn what_we_sign_all_verify_and_what_is_altered_all_refuse() {
    if peers::skipped("what we sign") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (mut signed, mut altered): (Vec<PathBuf>, Vec<PathBuf>) = (Vec::new(), Vec::new());
    let (mut for_xmlsec, mut ways_done) = (Vec::new(), 0);
    for identity in endorsers() {
        let credentials = credentials(identity);
        let fits = |method: &SignatureMethod| method.fits(KeyType::of(credentials.key()));
        for method in SignatureMethod::ALL.into_iter().filter(fits) {
            for (index, shape) in shapes().into_iter().enumerate() {
                let entry = sign(&shape.document, &credentials, Some(method))
                    .unwrap_or_else(|error| panic!("{} {method}: {error}", shape.name));
                let file = |state| {
                    let bits = identity.key.bits();
                    folder.path().join(format!("{method}-{bits}-{}-{state}.xml", shape.name))
                };
                fs::write(file("signed"), entry.document()).unwrap();

                let text = std::str::from_utf8(entry.document()).unwrap();
                // Each document in another way, as far as its shape has the place.
                let start = signed.len() % ALTERED.len();
                let ways = ALTERED.iter().cycle().skip(start).take(ALTERED.len());
                let other =
                    ways.map(|(from, to)| text.replace(from, to)).find(|other| other != text).unwrap();
                fs::write(file("altered"), &other).unwrap();
                let error = verify(other.as_bytes(), &AlgorithmPolicy::new(true));
                assert!(error.is_err(), "{}", file("altered").display());
                signed.push(file("signed"));
                altered.push(file("altered"));
                // xmlsec1 ends at a file it refuses, so that each takes a run: every shape has one.
                if index % WAYS == ways_done % WAYS {
                    for_xmlsec.push(file("altered"));
                }
            }
            ways_done += 1;
        }
    }
    peers::xmlsec_verifies(&signed);
    peers::xmlsec_refuses(&for_xmlsec);
    let jobs: Vec<String> =
        signed.iter().chain(&altered).map(|file| format!("verify\t{}", file.display())).collect();
    let verdicts = peers::jdk(folder.path(), &jobs);
    for (job, verdict) in jobs.iter().zip(&verdicts).take(signed.len()) {
        assert_eq!(verdict, "valid", "{job}");
    }
    for (job, verdict) in jobs.iter().zip(&verdicts).skip(signed.len()) {
        assert_ne!(verdict, "valid", "{job}");
    }
    let (signed, for_xmlsec) = (signed.len(), for_xmlsec.len());
    println!("{signed} signed documents, {signed} altered ones (xmlsec1: {for_xmlsec})");
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

//! What others sign.

use std::fs;

use stratuslab::dsig::{AlgorithmPolicy, DigestMethod, KeyType, NAMESPACE, SignatureMethod, verify};

use crate::{
    endorsers,
    entry::{credentials, plain, shapes, sign},
    judges::{Signed, agree},
    old_endorser,
    peers::{self, Peer, knows},
    pki::Identity,
};

const ENVELOPED: &str = "http://www.w3.org/2000/09/xmldsig#enveloped-signature";
const DIGESTS: [DigestMethod; 4] =
    [DigestMethod::Sha1, DigestMethod::Sha256, DigestMethod::Sha384, DigestMethod::Sha512];
/// A blank and what follows are the `InclusiveNamespaces`.
const CANONICALIZATIONS: [&str; 8] = [
    "http://www.w3.org/TR/2001/REC-xml-c14n-20010315",
    "http://www.w3.org/TR/2001/REC-xml-c14n-20010315#WithComments",
    "http://www.w3.org/2006/12/xml-c14n11",
    "http://www.w3.org/2006/12/xml-c14n11#WithComments",
    "http://www.w3.org/2001/10/xml-exc-c14n#",
    "http://www.w3.org/2001/10/xml-exc-c14n#WithComments",
    "http://www.w3.org/2001/10/xml-exc-c14n# rdf unknown",
    "http://www.w3.org/2001/10/xml-exc-c14n#WithComments slreq #default z",
];

/// How a document is to be signed.
struct Way {
    method: SignatureMethod,
    digest: DigestMethod,
    canonicalization: &'static str,
    transform: Option<&'static str>,
}

/// Every method with every digest, and every canonicalization in both places.
fn ways(peer: Peer, key: KeyType) -> Vec<Way> {
    let usable = |method: &SignatureMethod| method.fits(key) && knows(peer, *method);
    let methods: Vec<_> = SignatureMethod::ALL.into_iter().filter(usable).collect();
    let algorithms = methods.iter().flat_map(|method| DIGESTS.iter().map(move |digest| (*method, *digest)));
    let mut ways: Vec<Way> = algorithms
        .zip(CANONICALIZATIONS.iter().cycle())
        .map(|((method, digest), canonicalization)| Way { method, digest, canonicalization, transform: None })
        .collect();
    for (index, transform) in CANONICALIZATIONS.into_iter().enumerate() {
        for offset in [0, 3] {
            let canonicalization = CANONICALIZATIONS[(index + offset) % CANONICALIZATIONS.len()];
            let (method, digest) = (methods[0], DigestMethod::Sha256);
            ways.push(Way { method, digest, canonicalization, transform: Some(transform) });
        }
    }
    ways
}

/// Unsigned entries that name this endorser, of every shape.
fn endorsed(identity: &Identity) -> Vec<Document> {
    let credentials = credentials(identity);
    let key = KeyType::of(&identity.key);
    let method = SignatureMethod::ALL.into_iter().find(|method| method.fits(key));
    let unsigned = |document: &[u8]| {
        let entry = sign(document, &credentials, method).unwrap();
        let text = std::str::from_utf8(entry.document()).unwrap();
        let (before, rest) = text.split_once("<Signature").unwrap();
        format!("{before}{}", rest.split_once("</Signature>").unwrap().1)
    };
    shapes().iter().map(|shape| (shape.name, unsigned(&shape.document))).collect()
}

type Document = (&'static str, String);

/// What to sign and how: every way and every document at least once, and documents with comments
/// in every way that says what becomes of them.
fn pairs<'a>(ways: &'a [Way], documents: &'a [Document]) -> Vec<(&'a Way, &'a Document)> {
    let commented = documents.iter().find(|(shape, _)| *shape == "comments-and-instructions").unwrap();
    let all = ways.iter().cycle().zip(documents.iter().cycle());
    let transformed = ways.iter().filter(|way| way.transform.is_some()).map(|way| (way, commented));
    all.take(ways.len().max(documents.len())).chain(transformed).collect()
}

#[test]
fn what_the_jdk_signs_all_verify_and_what_is_altered_all_refuse() {
    if peers::skipped("what the JDK signs") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (mut jobs, mut signed) = (Vec::new(), Vec::new());
    for identity in endorsers().iter().chain([old_endorser()]) {
        let bits = identity.key.bits();
        let store = folder.path().join(format!("{bits}.p12"));
        fs::write(&store, identity.pkcs12("pw")).unwrap();
        let documents = endorsed(identity);
        let ways = ways(Peer::Jdk, KeyType::of(&identity.key));
        for (way, (shape, text)) in pairs(&ways, &documents) {
            let file = folder.path().join(format!("{}.xml", jobs.len()));
            let unsigned = file.with_extension("unsigned");
            fs::write(&unsigned, text).unwrap();
            jobs.push(format!(
                "sign\t{}\t{}\t{}\tpw\t{}\t{}\t{}\t{}",
                unsigned.display(),
                file.display(),
                store.display(),
                way.method.uri(),
                way.digest.uri(),
                way.canonicalization,
                way.transform.unwrap_or("none"),
            ));
            signed.push(Signed { file, shape, method: way.method, bits });
        }
    }
    for (job, verdict) in jobs.iter().zip(peers::jdk(folder.path(), &jobs)) {
        assert_eq!(verdict, "signed", "{job}");
    }
    agree(folder.path(), "the JDK", &signed);
}

#[test]
fn what_xmlsec1_signs_all_verify_and_what_is_altered_all_refuse() {
    if peers::skipped("what xmlsec1 signs") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut signed = Vec::new();
    for (index, identity) in endorsers().iter().chain([old_endorser()]).enumerate() {
        let file = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        fs::write(file("key"), identity.key_pem()).unwrap();
        fs::write(file("certificate"), identity.certificate_pem()).unwrap();
        fs::write(file("pkcs12"), identity.pkcs12("pw")).unwrap();
        let pem = format!("{},{}", file("key"), file("certificate"));
        let pkcs12 = file("pkcs12");
        let keys: [&[&str]; 2] = [&["--privkey-pem:jane", &pem], &["--pwd", "pw", "--pkcs12:jane", &pkcs12]];
        let bits = identity.key.bits();
        let mut documents = endorsed(identity);
        let ways = ways(Peer::Xmlsec, KeyType::of(&identity.key));
        // A run for each document: RSA has them all, the curves have every way, each with others.
        let wanted = if index == 0 { usize::MAX } else { ways.len() };
        let start = index * 10 % documents.len();
        documents.rotate_left(start);
        for (way, (shape, text)) in pairs(&ways, &documents).into_iter().take(wanted) {
            let file = folder.path().join(format!("{}.xml", signed.len()));
            let unsigned = file.with_extension("unsigned");
            let signed_comments = way.canonicalization.contains("WithComments");
            let comment = if signed_comments { "" } else { "<!-- commented -->" };
            fs::write(&unsigned, template(text, way, comment)).unwrap();
            peers::xmlsec_signs(&unsigned, &file, keys[signed.len() % 2]);
            signed.push(Signed { file, shape, method: way.method, bits });
        }
    }
    agree(folder.path(), "xmlsec1", &signed);
}

/// Where the JDK has no say: it forgets comments in SignedInfo even where they are signed.
#[test]
fn comments_in_signed_info_count_where_its_canonicalization_says_so() {
    if peers::skipped("comments in SignedInfo") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let identity = &endorsers()[1];
    let key = folder.path().join("key");
    fs::write(&key, identity.key_pem()).unwrap();
    let key = format!("{},{}", key.display(), key.with_extension("certificate").display());
    fs::write(folder.path().join("key.certificate"), identity.certificate_pem()).unwrap();
    let (_, document) = &endorsed(identity)[0];
    for (number, canonicalization) in CANONICALIZATIONS.into_iter().enumerate() {
        let (method, digest) = (SignatureMethod::EcdsaSha256, DigestMethod::Sha256);
        let way = Way { method, digest, canonicalization, transform: None };
        let file = folder.path().join(format!("{number}.xml"));
        let unsigned = file.with_extension("unsigned");
        fs::write(&unsigned, template(document, &way, "<!-- commented -->")).unwrap();
        peers::xmlsec_signs(&unsigned, &file, &["--privkey-pem", &key]);
        let signed = fs::read_to_string(&file).unwrap();
        let verified = |document: &str| verify(document.as_bytes(), &AlgorithmPolicy::default()).is_ok();
        assert!(verified(&signed), "{canonicalization}");
        let without = signed.replace("<!-- commented -->", "");
        assert_ne!(verified(&without), canonicalization.contains("WithComments"), "{canonicalization}");
    }
}

/// The document with a signature whose values are still to be made, and a comment in SignedInfo.
fn template(document: &str, way: &Way, comment: &str) -> String {
    let method = |element: &str, algorithm: &str| match algorithm.split_once(' ') {
        None => format!("<{element} Algorithm=\"{algorithm}\"/>"),
        Some((uri, prefixes)) => format!(
            "<{element} Algorithm=\"{uri}\"><i:InclusiveNamespaces \
             xmlns:i=\"http://www.w3.org/2001/10/xml-exc-c14n#\" PrefixList=\"{prefixes}\"/></{element}>"
        ),
    };
    let signature = [
        format!("<Signature xmlns=\"{NAMESPACE}\">\n<SignedInfo>\n"),
        method("CanonicalizationMethod", way.canonicalization),
        method("SignatureMethod", way.method.uri()),
        format!("{comment}<Reference URI=\"\"><Transforms>"),
        method("Transform", ENVELOPED),
        way.transform.map(|transform| method("Transform", transform)).unwrap_or_default(),
        "</Transforms>".to_owned(),
        method("DigestMethod", way.digest.uri()),
        "<DigestValue/></Reference></SignedInfo><SignatureValue/>".to_owned(),
        "<KeyInfo><KeyName/><X509Data/></KeyInfo></Signature>".to_owned(),
    ]
    .concat();
    let (before, after) = document.rsplit_once("</rdf:RDF>").unwrap();
    format!("{before}{signature}</rdf:RDF>{after}")
}

/// The documents others sign have the endorsement that fits, and nothing else of ours.
#[test]
fn the_documents_given_to_others_are_unsigned() {
    for (shape, text) in endorsed(&endorsers()[0]) {
        assert!(!text.contains("Signature"), "{shape}");
        assert!(text.contains("jane.tester@example.org"), "{shape}");
    }
    assert_ne!(endorsed(&endorsers()[0])[0].1, plain());
}

//! What others sign.

use std::fs;

use stratuslab::dsig::{AlgorithmPolicy, DigestMethod, KeyType, NAMESPACE, SignatureMethod, verify};

use crate::{
    endorsers,
    entry::{credentials, plain, shapes, sign},
    peers,
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
fn ways(key: KeyType) -> Vec<Way> {
    let methods: Vec<_> = SignatureMethod::ALL.into_iter().filter(|method| method.fits(key)).collect();
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
fn endorsed(identity: &crate::pki::Identity) -> Vec<(&'static str, String)> {
    let credentials = credentials(identity);
    let unsigned = |document: &[u8]| {
        let entry = sign(document, &credentials, None).unwrap();
        let text = std::str::from_utf8(entry.document()).unwrap();
        let (before, rest) = text.split_once("<Signature").unwrap();
        format!("{before}{}", rest.split_once("</Signature>").unwrap().1)
    };
    shapes().iter().map(|shape| (shape.name, unsigned(&shape.document))).collect()
}

/// What to sign and how: every way and every document at least once, and documents with comments
/// in every way that says what becomes of them.
fn pairs<'a>(ways: &'a [Way], documents: &'a [(&str, String)]) -> Vec<(&'a Way, &'a str)> {
    let text = |(_, text): &'a (&str, String)| text.as_str();
    let commented = documents.iter().find(|(shape, _)| *shape == "comments-and-instructions");
    let commented = text(commented.unwrap());
    let all = ways.iter().cycle().zip(documents.iter().map(text).cycle());
    let transformed = ways.iter().filter(|way| way.transform.is_some()).map(|way| (way, commented));
    all.take(ways.len().max(documents.len())).chain(transformed).collect()
}

#[test]
fn what_the_jdk_signs_we_verify() {
    if peers::skipped("what the JDK signs") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (mut jobs, mut outputs) = (Vec::new(), Vec::new());
    for identity in endorsers() {
        let bits = identity.key.bits();
        let store = folder.path().join(format!("{bits}.p12"));
        fs::write(&store, identity.pkcs12("pw")).unwrap();
        let documents = endorsed(identity);
        let ways = ways(KeyType::of(&identity.key));
        for (number, (way, text)) in pairs(&ways, &documents).into_iter().enumerate() {
            let input = folder.path().join(format!("{bits}-{number}.xml"));
            fs::write(&input, text).unwrap();
            let output = input.with_extension("signed");
            jobs.push(format!(
                "sign\t{}\t{}\t{}\tpw\t{}\t{}\t{}\t{}",
                input.display(),
                output.display(),
                store.display(),
                way.method.uri(),
                way.digest.uri(),
                way.canonicalization,
                way.transform.unwrap_or("none"),
            ));
            outputs.push(output);
        }
    }
    let verdicts = peers::jdk(folder.path(), &jobs);
    for ((job, verdict), output) in jobs.iter().zip(&verdicts).zip(&outputs) {
        assert_eq!(verdict, "signed", "{job}");
        let document = fs::read(output).unwrap();
        if let Err(error) = verify(&document, &AlgorithmPolicy::new(true)) {
            panic!("{error}: {job}\n{}", String::from_utf8_lossy(&document));
        }
    }
    println!("{} documents signed by the JDK", jobs.len());
}

#[test]
fn what_xmlsec1_signs_we_verify() {
    if peers::skipped("what xmlsec1 signs") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut count = 0;
    for identity in endorsers() {
        let file = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        fs::write(file("key"), identity.key_pem()).unwrap();
        fs::write(file("certificate"), identity.certificate_pem()).unwrap();
        fs::write(file("pkcs12"), identity.pkcs12("pw")).unwrap();
        let pem = format!("{},{}", file("key"), file("certificate"));
        let pkcs12 = file("pkcs12");
        let keys: [&[&str]; 2] = [&["--privkey-pem", &pem], &["--pwd", "pw", "--pkcs12", &pkcs12]];
        let documents = endorsed(identity);
        let ways = ways(KeyType::of(&identity.key));
        // A run for each document: one identity has them all, the others what is special to them.
        let wanted = if count == 0 { usize::MAX } else { 8 };
        for (way, text) in pairs(&ways, &documents).into_iter().take(wanted) {
            let input = folder.path().join(format!("{count}.xml"));
            fs::write(&input, template(text, way)).unwrap();
            let document = peers::xmlsec_signs(&input, keys[count % 2]);
            if let Err(error) = verify(&document, &AlgorithmPolicy::new(true)) {
                panic!("{error}: {}\n{}", input.display(), String::from_utf8_lossy(&document));
            }
            count += 1;
        }
    }
    println!("{count} documents signed by xmlsec1");
}

/// The document with a signature whose values are still to be made.
fn template(document: &str, way: &Way) -> String {
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
        "<!-- commented --><Reference URI=\"\"><Transforms>".to_owned(),
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

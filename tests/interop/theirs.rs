//! What others sign.

use std::{fmt, fs, path::Path, sync::OnceLock};

use stratuslab::dsig::{AlgorithmPolicy, DigestMethod, KeyType, NAMESPACE, SignatureMethod, verify};

use crate::{
    all_endorsers,
    canonicalizations::CANONICALIZATIONS,
    departures, endorsers,
    entry::{credentials, plain, shapes, sign},
    judges::{Outcome, Signed, agree},
    peers::{self, Peer, knows},
    pki::Identity,
};

const ENVELOPED: &str = "http://www.w3.org/2000/09/xmldsig#enveloped-signature";
const DIGESTS: [DigestMethod; 4] =
    [DigestMethod::Sha1, DigestMethod::Sha256, DigestMethod::Sha384, DigestMethod::Sha512];
/// The canonicalization of `SignedInfo`, and that of the reference, if it has one.
type Places = (&'static str, Option<&'static str>);

/// signxml has the same in both places, or none in the second. (The `InclusiveNamespaces` it would
/// write in the first one only.)
const SIGNXML_PLACES: [Places; 8] = {
    let [c14n, c14n_comments, c14n11, c14n11_comments, exclusive, exclusive_comments, ..] = CANONICALIZATIONS;
    [
        (c14n, None),
        (c14n, Some(c14n)),
        (c14n_comments, Some(c14n_comments)),
        (c14n11, None),
        (c14n11, Some(c14n11)),
        (c14n11_comments, Some(c14n11_comments)),
        (exclusive, Some(exclusive)),
        (exclusive_comments, Some(exclusive_comments)),
    ]
};

/// How a document is to be signed.
pub(crate) struct Way {
    method: SignatureMethod,
    digest: DigestMethod,
    canonicalization: &'static str,
    transform: Option<&'static str>,
}

impl Way {
    /// The usual way of a method.
    pub(crate) fn with(method: SignatureMethod) -> Self {
        let digest = method.digest_method();
        Self { method, digest, canonicalization: CANONICALIZATIONS[0], transform: None }
    }

    /// The same with comments, in both places.
    pub(crate) fn commented(self) -> Self {
        Self { canonicalization: CANONICALIZATIONS[1], transform: Some(CANONICALIZATIONS[1]), ..self }
    }
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {}, {}", self.digest.name(), self.canonicalization, self.transform.unwrap_or("none"))
    }
}

/// Whether a peer makes signatures with this method that are what the standard says: it knows it, and
/// is not signxml with DSA (see `departures`).
pub(crate) fn signs(peer: Peer, method: SignatureMethod) -> bool {
    knows(peer, method) && (peer, method) != (Peer::Signxml, SignatureMethod::DsaSha1)
}

/// Every method with every digest, and every canonicalization in both places, as far as the peer
/// knows them.
fn ways(peer: Peer, key: KeyType) -> Vec<Way> {
    let usable = |method: &SignatureMethod| method.fits(key) && signs(peer, *method);
    let methods: Vec<_> = SignatureMethod::ALL.into_iter().filter(usable).collect();
    let algorithms = methods.iter().flat_map(|method| DIGESTS.iter().map(move |digest| (*method, *digest)));
    let way =
        |(method, digest), (canonicalization, transform)| Way { method, digest, canonicalization, transform };
    // The places that all methods take turns at, and those of the first one.
    let (shared, own) = if peer == Peer::Signxml {
        (SIGNXML_PLACES.to_vec(), SIGNXML_PLACES.to_vec())
    } else {
        let count = CANONICALIZATIONS.len();
        let other = |index, offset| CANONICALIZATIONS[(index + offset) % count];
        let both = |index| [0, 3].map(|offset| (other(index, offset), Some(CANONICALIZATIONS[index])));
        (CANONICALIZATIONS.map(|alone| (alone, None)).to_vec(), (0..count).flat_map(both).collect())
    };
    let mut ways: Vec<Way> = algorithms
        .zip(shared.into_iter().cycle())
        .map(|(algorithms, places)| way(algorithms, places))
        .collect();
    if let Some(&first) = methods.first() {
        ways.extend(own.into_iter().map(|places| way((first, DigestMethod::Sha256), places)));
    }
    ways
}

/// Unsigned entries that name this endorser, of every shape.
pub(crate) fn endorsed(identity: &Identity) -> Vec<Document> {
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
    if !peers::skipped("what the JDK signs") {
        assert!(outcome(Peer::Jdk).signed.len() > 5);
    }
}

#[test]
fn what_signxml_signs_all_verify_and_what_is_altered_all_refuse() {
    if !peers::skipped("what signxml signs") {
        assert!(outcome(Peer::Signxml).signed.len() > 5);
    }
}

#[test]
fn what_xmlsec1_signs_all_verify_and_what_is_altered_all_refuse() {
    if !peers::skipped("what xmlsec1 signs") {
        assert!(outcome(Peer::Xmlsec1).signed.len() > 5);
    }
}

/// What a peer signs, and what becomes of it.
pub(crate) fn outcome(peer: Peer) -> &'static Outcome {
    static OUTCOMES: [OnceLock<Outcome>; Peer::ALL.len()] = [const { OnceLock::new() }; Peer::ALL.len()];
    OUTCOMES[peer as usize].get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let signed = match peer {
            Peer::Xmlsec1 => signed_by_xmlsec(folder.path()),
            Peer::Jdk | Peer::Signxml => signed_by(peer, folder.path()),
        };
        agree(folder.path(), peer.name(), &signed)
    })
}

/// The job of signing this way (see `Dsig.java`).
pub(crate) fn job(unsigned: &Path, signed: &Path, store: &Path, way: &Way) -> String {
    format!(
        "sign\t{}\t{}\t{}\tpw\t{}\t{}\t{}\t{}",
        unsigned.display(),
        signed.display(),
        store.display(),
        way.method.uri(),
        way.digest.uri(),
        way.canonicalization,
        way.transform.unwrap_or("none"),
    )
}

fn signed_by(peer: Peer, folder: &Path) -> Vec<Signed> {
    let (mut jobs, mut signed) = (Vec::new(), Vec::new());
    for (index, identity) in all_endorsers().enumerate() {
        let key = KeyType::of(&identity.key);
        let store = folder.join(format!("{index}.p12"));
        fs::write(&store, identity.pkcs12("pw")).unwrap();
        let documents = endorsed(identity);
        let ways = ways(peer, key);
        for (way, (shape, text)) in pairs(&ways, &documents) {
            if peer == Peer::Signxml && departures::signs_comments(way.transform, text) {
                continue;
            }
            let file = folder.join(format!("{}.xml", jobs.len()));
            let unsigned = file.with_extension("unsigned");
            fs::write(&unsigned, text).unwrap();
            jobs.push(job(&unsigned, &file, &store, way));
            signed.push(Signed {
                file,
                shape,
                method: way.method,
                way: way.to_string(),
                key: key.to_string(),
            });
        }
    }
    for (job, verdict) in jobs.iter().zip(peers::in_one_run(peer, folder, &jobs)) {
        assert_eq!(verdict, "signed", "{}: {job}", peer.name());
    }
    signed
}

fn signed_by_xmlsec(folder: &Path) -> Vec<Signed> {
    let mut signed = Vec::new();
    for (index, identity) in all_endorsers().enumerate() {
        let file = |name: &str| folder.join(name).to_str().unwrap().to_owned();
        fs::write(file("key"), identity.key_pem()).unwrap();
        fs::write(file("certificate"), identity.certificate_pem()).unwrap();
        fs::write(file("pkcs12"), identity.pkcs12("pw")).unwrap();
        let pem = format!("{},{}", file("key"), file("certificate"));
        let pkcs12 = file("pkcs12");
        let keys: [&[&str]; 2] = [&["--privkey-pem:jane", &pem], &["--pwd", "pw", "--pkcs12:jane", &pkcs12]];
        let key = KeyType::of(&identity.key);
        let mut documents = endorsed(identity);
        let ways = ways(Peer::Xmlsec1, key);
        // A run for each document: RSA has them all, the others have every way, each with others.
        let wanted = if index == 0 { usize::MAX } else { ways.len() };
        let start = index * 10 % documents.len();
        documents.rotate_left(start);
        for (way, (shape, text)) in pairs(&ways, &documents).into_iter().take(wanted) {
            let file = folder.join(format!("{}.xml", signed.len()));
            let unsigned = file.with_extension("unsigned");
            let signed_comments = way.canonicalization.contains("WithComments");
            let comment = if signed_comments { "" } else { "<!-- commented -->" };
            fs::write(&unsigned, template(text, way, comment)).unwrap();
            peers::xmlsec_signs(&unsigned, &file, keys[signed.len() % 2]);
            signed.push(Signed {
                file,
                shape,
                method: way.method,
                way: way.to_string(),
                key: key.to_string(),
            });
        }
    }
    signed
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
pub(crate) fn template(document: &str, way: &Way, comment: &str) -> String {
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

//! Signed documents to begin with: of every shape, by every kind of key, signed by us and by the
//! JDK, with every canonicalization.

use std::{fs, path::Path, sync::OnceLock};

use openssl::pkey::{PKey, Private};
use stratuslab::{
    Certificate, Metadata,
    dsig::{AlgorithmPolicy, DigestMethod, KeyType, SignatureMethod, verify},
};

use crate::{
    canonicalizations::CANONICALIZATIONS,
    entry::{Shape, credentials, shapes, sign},
    judges,
    pki::{Identity, Kind, Request, jane, key},
};

/// A signed document and what it says.
pub(crate) struct Start {
    pub(crate) name: String,
    pub(crate) text: String,
    pub(crate) metadata: Metadata,
    pub(crate) certificate: Certificate,
    /// Of the signer, if it can be used to seal other documents.
    pub(crate) key: Option<PKey<Private>>,
}

/// What the JDK signs: where there are comments, namespaces and `xml:` attributes to be lost.
const TELLING: [&str; 6] = [
    "comments-and-instructions",
    "redeclared-and-undeclared",
    "unused-namespaces",
    "xml-attributes",
    "declared-where-used",
    "attributes",
];

fn identities() -> &'static [Identity; 3] {
    static IDENTITIES: OnceLock<[Identity; 3]> = OnceLock::new();
    IDENTITIES.get_or_init(|| {
        let on_curve = |name, kind| Request::new(name).email("ec@example.org").self_signed(&key(kind));
        [jane(), on_curve("Jérôme", Kind::P256), on_curve("+,;=\\", Kind::P384)]
    })
}

/// All of them.
pub(crate) fn starts(folder: &Path) -> Vec<Start> {
    use SignatureMethod::{EcdsaSha256, RsaSha256};
    let mut documents = ours();
    documents.extend(jdks(folder));
    documents
        .into_iter()
        .map(|(name, text)| {
            let entry = verify(text.as_bytes(), &AlgorithmPolicy::new(true));
            let entry = entry.unwrap_or_else(|error| panic!("{name}: {error}\n{text}"));
            let evidence = entry.evidence();
            let sealing = matches!(evidence.signature_method, RsaSha256 | EcdsaSha256)
                && evidence.digest_method == DigestMethod::Sha256;
            let holds = |identity: &&Identity| evidence.certificate.der() == identity.certificate_der();
            let signer = identities().iter().find(holds).filter(|_| sealing);
            let key = signer.map(|identity| identity.key.clone());
            Start { name, metadata: (*entry).clone(), certificate: evidence.certificate.clone(), key, text }
        })
        .collect()
}

/// Every shape, the methods in turn.
pub(crate) fn ours() -> Vec<(String, String)> {
    let ways: Vec<(&Identity, SignatureMethod)> = identities()
        .iter()
        .flat_map(|identity| {
            let key = KeyType::of(&identity.key);
            SignatureMethod::ALL
                .into_iter()
                .filter(move |method| method.fits(key))
                .map(move |m| (identity, m))
        })
        .collect();
    let signed = |(Shape { name, document }, (identity, method)): (&Shape, &(&Identity, SignatureMethod))| {
        let entry = sign(document, &credentials(identity), Some(*method)).unwrap();
        let text = String::from_utf8(entry.document().to_vec()).unwrap();
        (format!("{name}, {method}, signed here"), text)
    };
    shapes().iter().zip(ways.iter().cycle()).map(signed).collect()
}

/// Every canonicalization as that of SignedInfo and as a transform.
fn jdks(folder: &Path) -> Vec<(String, String)> {
    let shapes = shapes();
    let telling: Vec<&Shape> = shapes.iter().filter(|shape| TELLING.contains(&shape.name)).collect();
    assert_eq!(telling.len(), TELLING.len());
    let (mut jobs, mut made) = (Vec::new(), Vec::new());
    for (number, canonicalization) in CANONICALIZATIONS.into_iter().enumerate() {
        for (offset, transform) in [None, Some(3), Some(0)].into_iter().enumerate() {
            let transform = transform.map_or("none", |step| CANONICALIZATIONS[(number + step) % 8]);
            let shape = telling[(3 * number + offset) % telling.len()];
            let identity = &identities()[(number + offset) % 2];
            let file = |kind: &str| folder.join(format!("{number}-{offset}.{kind}"));
            fs::write(file("p12"), identity.pkcs12("pw")).unwrap();
            fs::write(file("unsigned"), unsigned(shape, identity)).unwrap();
            let method = SignatureMethod::default_for(KeyType::of(&identity.key)).unwrap();
            let [unsigned, out, store] =
                ["unsigned", "xml", "p12"].map(|kind| file(kind).display().to_string());
            let (method, digest) = (method.uri(), DigestMethod::Sha256.uri());
            jobs.push(format!(
                "sign\t{unsigned}\t{out}\t{store}\tpw\t{method}\t{digest}\t{canonicalization}\t{transform}"
            ));
            made.push((
                format!("{}, {canonicalization}, {transform}, signed by the JDK", shape.name),
                file("xml"),
            ));
        }
    }
    for (job, verdict) in jobs.iter().zip(judges::jdk_signs(folder, &jobs)) {
        assert_eq!(verdict, "signed", "{job}");
    }
    made.into_iter().map(|(name, file)| (name, fs::read_to_string(file).unwrap())).collect()
}

/// The shape with the endorsement that fits, and without our signature.
fn unsigned(shape: &Shape, identity: &Identity) -> String {
    let entry = sign(&shape.document, &credentials(identity), None).unwrap();
    let text = std::str::from_utf8(entry.document()).unwrap();
    let (before, rest) = text.split_once("<Signature").unwrap();
    format!("{before}{}", rest.split_once("</Signature>").unwrap().1)
}

//! `verify`: nothing is accepted but what was signed. The keys that signed the seeds were thrown
//! away, so that whatever verifies says what one of the seeds says, to the octet.

use std::{collections::HashMap, sync::OnceLock};

use stratuslab::{
    Metadata,
    dsig::{
        AlgorithmPolicy, NAMESPACE,
        c14n::{self, Canonicalization, Mode},
        verify,
    },
    validate::{Options, validate},
    xml::Source,
};

/// The signed documents; each is one of the seeds.
pub(crate) const SIGNED: [&[u8]; 12] = [
    include_bytes!("../corpus/verify/seed-rsa-sha256.xml"),
    include_bytes!("../corpus/verify/seed-rsa-sha384.xml"),
    include_bytes!("../corpus/verify/seed-rsa-sha512.xml"),
    include_bytes!("../corpus/verify/seed-sha256-rsa-MGF1.xml"),
    include_bytes!("../corpus/verify/seed-sha384-rsa-MGF1.xml"),
    include_bytes!("../corpus/verify/seed-sha512-rsa-MGF1.xml"),
    include_bytes!("../corpus/verify/seed-ecdsa-sha256.xml"),
    include_bytes!("../corpus/verify/seed-ecdsa-sha384.xml"),
    include_bytes!("../corpus/verify/seed-ecdsa-sha512.xml"),
    include_bytes!("../corpus/verify/seed-eddsa-ed25519.xml"),
    include_bytes!("../corpus/verify/seed-rsa-sha1.xml"),
    include_bytes!("../corpus/verify/seed-dsa-sha1.xml"),
];

/// When all is judged.
const NOW: &str = "2011-05-06T07:08:09Z";

pub(crate) fn check(data: &[u8]) {
    let strict = verify(data, &AlgorithmPolicy::default());
    let lax = verify(data, &AlgorithmPolicy::new(true));
    if let Ok(verified) = &lax {
        assert_eq!(verified.document(), data);
        let said = signed().get(&content(data)).expect("accepted, and nobody signed it");
        assert_eq!(**verified, *said, "read otherwise than it was signed");
        let endorser = &verified.endorsement.as_ref().expect("it is endorsed").endorser;
        assert_eq!(&endorser.subject, verified.certificate().subject());
    }
    assert!(lax.is_ok() || strict.is_err(), "the strict policy accepts more");

    let mut options = Options::new(NOW.parse().expect("an instant"));
    options.policy = AlgorithmPolicy::new(true);
    let report = validate(data, &options);
    // What is valid is verified; what is verified is not therefore valid.
    assert!(report.deciding().is_some() || lax.is_ok(), "valid, but not verified");
    if let Ok(verified) = report.into_verified() {
        assert_eq!(Some(&*verified), lax.as_deref().ok());
    }
}

/// What was signed: without its signature and comments, in canonical form; and what it says.
fn signed() -> &'static HashMap<Vec<u8>, Metadata> {
    static DIGESTED: OnceLock<HashMap<Vec<u8>, Metadata>> = OnceLock::new();
    DIGESTED.get_or_init(|| {
        let verified = SIGNED.map(|document| {
            let verified = verify(document, &AlgorithmPolicy::new(true)).expect("the seeds are signed");
            (content(document), (*verified).clone())
        });
        verified.into_iter().collect()
    })
}

/// Whatever the canonicalization that was signed, this one tells apart all that it does.
fn content(document: &[u8]) -> Vec<u8> {
    let source = Source::read(document).expect("it was verified");
    let tree = source.parse().expect("it was verified");
    let mut signatures =
        tree.root_element().children().filter(|node| node.has_tag_name((NAMESPACE, "Signature")));
    let signature = signatures.next().expect("it was verified").id();
    c14n::document(tree.root(), &Canonicalization::new(Mode::Inclusive), Some(signature))
        .expect("it was verified")
}

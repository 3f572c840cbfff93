//! Where signxml 5.2.0 departs from the standards, alone among the four. What it is fed and what is
//! made of its verdicts allows for exactly this.

use std::fs;

use roxmltree::Node;
use stratuslab::{
    dsig::{AlgorithmPolicy, SignatureMethod, VerifyError, verify},
    xml::Source,
};

use crate::{
    all_endorsers, endorsers,
    entry::{credentials, plain, sign},
    peers::{self, Peer},
    theirs::{Way, endorsed, job},
};

/// Whether signxml digests this document otherwise than the standards say:
///
/// - it forgets processing instructions outside the root (C14N 1.0 §2.1);
/// - it keeps comments where the transform is one with comments, though `URI=""` has left them out
///   (XML-DSig §4.4.3.3);
/// - it does not find `#default` in a `PrefixList`, so that a default namespace is declared where it
///   is used (Exclusive C14N §3).
pub(crate) fn expected(document: &[u8]) -> bool {
    let source = Source::read(document).unwrap();
    let tree = source.parse().unwrap();
    let root = tree.root_element();
    let in_signature = |node: &Node| node.ancestors().any(|node| node.tag_name().name() == "Signature");
    let mut signed = root.descendants().filter(|node| !in_signature(node));
    let transforms = root.descendants().filter(|node| node.tag_name().name() == "Transform");
    let (mut comments, mut default) = (false, false);
    for transform in transforms {
        comments |= transform.attribute("Algorithm").is_some_and(|uri| uri.ends_with("#WithComments"));
        let prefixes = transform.first_element_child().and_then(|list| list.attribute("PrefixList"));
        default |= prefixes.is_some_and(|prefixes| prefixes.split(' ').any(|prefix| prefix == "#default"));
    }
    let default_unused = |node: &Node| {
        let tag = &source.text()[node.range()];
        let name = &tag[..tag.find([' ', '\t', '\n', '/', '>']).unwrap_or_default()];
        let outside = node.parent_element().and_then(|parent| parent.default_namespace());
        node.is_element() && name.contains(':') && node.default_namespace() != outside
    };
    tree.root().children().any(|node| node.is_pi())
        || signed.any(|node| (comments && node.is_comment()) || (default && default_unused(&node)))
}

/// Whether signxml would sign what nobody else verifies.
pub(crate) fn signs_comments(transform: Option<&str>, text: &str) -> bool {
    transform.is_some_and(|transform| transform.contains("WithComments")) && text.contains("<!--")
}

/// Asserts that the verdict is what such a document gets: the signature holds, the digest differs.
pub(crate) fn assert_departs(verdict: &str, what: &str) {
    assert!(verdict.starts_with("error InvalidDigest"), "signxml says '{verdict}' on {what}");
}

/// A new signxml, or lxml, may mend it; then the allowance goes.
#[test]
fn signxml_departs_from_the_standards_as_allowed_for() {
    if peers::skipped("where signxml departs") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name);
    let identity = &endorsers()[1];
    let signed = sign(plain().as_bytes(), &credentials(identity), None).unwrap();
    fs::write(file("ours"), signed.document()).unwrap();
    let commented = endorsed(identity).into_iter().find(|(_, text)| text.contains("<!-- in -->")).unwrap().1;
    fs::write(file("unsigned"), commented).unwrap();
    fs::write(file("p12"), identity.pkcs12("pw")).unwrap();
    let way = Way::with(SignatureMethod::EcdsaSha256).commented();
    let ours = file("ours");
    let verdicts = peers::in_one_run(
        Peer::Signxml,
        folder.path(),
        &[
            format!("verify\t{}", ours.display()),
            format!("verify-bare\t{}", ours.display()),
            job(&file("unsigned"), &file("theirs"), &file("p12"), &way),
            format!("verify\t{}", file("theirs").display()),
        ],
    );
    assert_eq!([&verdicts[0], &verdicts[2], &verdicts[3]], ["valid", "signed", "valid"]);
    // SignedInfo inherits xml:base (C14N 1.0 §2.4), if only somebody tells signxml.
    assert!(verdicts[1].starts_with("error InvalidSignature"), "{}", verdicts[1]);

    let theirs = fs::read(file("theirs")).unwrap();
    let verdict = verify(&theirs, &AlgorithmPolicy::default());
    assert!(matches!(verdict, Err(VerifyError::DigestMismatch { .. })), "{verdict:?}");
    assert!(!peers::xmlsec_accepts(&file("theirs")));
}

/// XML-DSig §6.4.1: r and s have 20 bytes each. signxml writes them as long as p; it and the JDK read
/// any length.
#[test]
fn signatures_with_dsa_by_signxml_are_too_long() {
    if peers::skipped("signxml and DSA") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name);
    let identity = all_endorsers().last().unwrap();
    fs::write(file("unsigned"), &endorsed(identity)[0].1).unwrap();
    fs::write(file("p12"), identity.pkcs12("pw")).unwrap();
    let jobs = [
        job(&file("unsigned"), &file("signed"), &file("p12"), &Way::with(SignatureMethod::DsaSha1)),
        format!("verify\t{}", file("signed").display()),
    ];
    assert_eq!(peers::in_one_run(Peer::Signxml, folder.path(), &jobs), ["signed", "valid"]);
    assert!(!peers::xmlsec_accepts(&file("signed")));
    let verdict = verify(&fs::read(file("signed")).unwrap(), &AlgorithmPolicy::new(true));
    assert!(
        matches!(verdict, Err(VerifyError::SignatureLength { expected: 40, found: 256, .. })),
        "{verdict:?}"
    );
}

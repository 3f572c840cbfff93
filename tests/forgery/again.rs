//! Signing what is signed, and deprecating it: only what has to changes, byte for byte.

use stratuslab::{
    Credentials, Metadata, Timestamp,
    dsig::{
        self, AlgorithmPolicy, SignError, SignRequest, Verified, VerifyError, verify,
        verify::verify_leniently,
    },
    metadata::rules::{Leniency, RuleError, StructureError},
};

use crate::{
    entry::{Shape, credentials, plain, shapes, sign, with},
    forge::Forgery,
    pki::{Kind, Request, jane, key},
};

fn joe() -> Credentials {
    credentials(&Request::new("Joe").email("joe@example.org").self_signed(&key(Kind::P256)))
}

fn request(credentials: &Credentials, leniency: Leniency) -> SignRequest<'_> {
    let created: Timestamp = "2012-01-01T00:00:00Z".parse().unwrap();
    SignRequest { credentials, method: None, email: None, created, leniency, include_chain: false }
}

fn deprecate(entry: &Verified<Metadata>, reason: &str, by: &Credentials) -> Verified<Metadata> {
    dsig::deprecate(entry, reason, &request(by, Leniency::OldEntries)).unwrap()
}

/// Where this stands first.
fn find(document: &[u8], what: &str) -> usize {
    document.windows(what.len()).position(|window| window == what.as_bytes()).unwrap()
}

/// The parts of an entry that signing leaves alone: before the endorsement, between it and the
/// signature, after it.
fn kept(document: &[u8]) -> [&[u8]; 3] {
    let prefix = ["slreq:", "ns1:", ""]
        .into_iter()
        .find(|prefix| {
            let tag = format!("</{prefix}endorsement");
            document.windows(tag.len()).any(|window| window == tag.as_bytes())
        })
        .unwrap();
    let start = find(document, &format!("<{prefix}endorsement"));
    let close = format!("</{prefix}endorsement>");
    let end = find(document, &close) + close.len();
    let signature = find(document, "<Signature");
    let after = find(document, "</Signature>") + "</Signature>".len();
    [&document[..start], &document[end..signature], &document[after..]]
}

#[test]
fn signing_again_changes_endorsement_and_signature_only() {
    let (jane, joe) = (credentials(&jane()), joe());
    for Shape { name, document } in shapes() {
        let first = sign(&document, &jane, None).unwrap();
        let [before, _, after] = kept(first.document());
        assert!(document.starts_with(before), "{name}");
        assert!(document.ends_with(after), "{name}");
        for by in [&jane, &joe] {
            let again = dsig::sign(first.document(), &request(by, Leniency::Strict)).unwrap();
            assert_eq!(kept(again.document()), kept(first.document()), "{name}");
            assert_eq!(again.certificate(), by.certificate(), "{name}");
            let endorsement = again.endorsement.as_ref().unwrap();
            assert_eq!(endorsement.created.to_string(), "2012-01-01T00:00:00Z", "{name}");
            assert_eq!(endorsement.endorser.subject, *by.certificate().subject(), "{name}");
        }
    }
}

#[test]
fn signing_the_same_twice_is_the_same() {
    let jane = credentials(&jane());
    let once = sign(plain().as_bytes(), &jane, None).unwrap();
    assert_eq!(sign(once.document(), &jane, None).unwrap().document(), once.document());
}

#[test]
fn what_breaks_a_rule_is_not_signed() {
    let jane = credentials(&jane());
    let twice = plain().replace("</slterms:os>", "</slterms:os><slterms:os>x</slterms:os>");
    let error = sign(twice.as_bytes(), &jane, None).unwrap_err();
    assert!(matches!(error, SignError::Rule(RuleError::AtMostOne { element: "slterms:os" })), "{error}");
    let good = Forgery::new().document();
    let (before, signature) = good.split_once("<Signature").unwrap();
    let error =
        sign(format!("{before}<Signature/><Signature{signature}").as_bytes(), &jane, None).unwrap_err();
    assert!(matches!(error, SignError::Rule(RuleError::Structure(_)) | SignError::Xml(_)), "{error}");
    for method in [dsig::SignatureMethod::EcdsaSha256, dsig::SignatureMethod::EcdsaSha384] {
        let error = sign(plain().as_bytes(), &jane, Some(method)).unwrap_err();
        assert!(matches!(error, SignError::MethodKey { .. }), "{error}");
    }
}

#[test]
fn c23_c25_deprecating_keeps_order_prefixes_and_bytes() {
    let jane = credentials(&jane());
    for Shape { name, document } in shapes() {
        let entry = sign(&document, &jane, None).unwrap();
        let deprecated = deprecate(&entry, "<too> old & broken", &jane);
        assert_eq!(deprecated.deprecated.as_deref(), Some("<too> old & broken"), "{name}");
        // What is added has its place between the endorsement and the signature.
        let ([before, between, after], [kept_before, longer, kept_after]) =
            (kept(entry.document()), kept(deprecated.document()));
        assert_eq!((before, after), (kept_before, kept_after), "{name}");
        let common = between.iter().zip(longer).take_while(|(a, b)| a == b).count();
        let tail = between.len() - common;
        assert_eq!(between[common..], longer[longer.len() - tail..], "{name}: nothing is lost");
    }
}

#[test]
fn c26_deprecating_again_replaces_the_reason() {
    let (jane, joe) = (credentials(&jane()), joe());
    let entry = sign(plain().as_bytes(), &jane, None).unwrap();
    let first = deprecate(&entry, "first", &jane);
    let second = deprecate(&first, "second", &jane);
    assert_eq!(second.deprecated.as_deref(), Some("second"));
    let text = std::str::from_utf8(second.document()).unwrap();
    assert_eq!(text.matches("slterms:deprecated>").count(), 2);
    assert!(!text.contains("first"));
    let back = deprecate(&second, "first", &jane);
    let (again, first) = (kept(back.document()), kept(first.document()));
    assert_eq!(again, first, "the reason is replaced where it stands");
    // An empty reason counts too, and so do odd characters.
    for reason in ["", "]]>\r\n\t\"'é😀"] {
        assert_eq!(deprecate(&entry, reason, &jane).deprecated.as_deref(), Some(reason));
    }
    let error = dsig::deprecate(&entry, "\u{1}", &request(&jane, Leniency::Strict)).unwrap_err();
    assert!(matches!(error, SignError::Xml(_)), "{error}");
    // Whoever else has a certificate has entries of his own.
    let error = dsig::deprecate(&entry, "joe", &request(&joe, Leniency::Strict)).unwrap_err();
    assert!(matches!(error, SignError::NotEndorser { part: "subject", .. }), "{error}");
}

/// What the original deprecate command left in Marketplaces: the endorsement last, `parseType`
/// in no namespace, generated prefixes.
#[test]
fn c24_old_entries_are_deprecated_in_their_own_shape() {
    let mut forgery = Forgery::new();
    let start = forgery.content.find("<slreq:endorsement").unwrap();
    let end = forgery.content.find("</slreq:endorsement>").unwrap() + "</slreq:endorsement>".len();
    let endorsement: String = forgery.content.drain(start..end).collect();
    let endorsement = endorsement.replacen("rdf:parseType", "parseType", 1);
    forgery.content = forgery
        .content
        .replace("</rdf:Description>", &format!("{endorsement}</rdf:Description>"))
        .replace("slreq:", "ns1:")
        .replace("xmlns:slreq", "xmlns:ns1");
    let document = forgery.document();

    let strict = verify(document.as_bytes(), &AlgorithmPolicy::default()).unwrap_err();
    assert!(
        matches!(strict, VerifyError::Rule(RuleError::Structure(StructureError::Order { .. }))),
        "{strict}"
    );
    let policy = AlgorithmPolicy::default();
    let entry = verify_leniently(document.as_bytes(), &policy, Leniency::OldEntries).unwrap();
    let jane = credentials(&jane());
    let error = dsig::deprecate(&entry, "old", &request(&jane, Leniency::Strict)).unwrap_err();
    assert!(matches!(error, SignError::Rule(RuleError::Structure(_))), "{error}");
    let deprecated = deprecate(&entry, "old", &jane);
    assert_eq!(deprecated.deprecated.as_deref(), Some("old"));
    let text = std::str::from_utf8(deprecated.document()).unwrap();
    assert!(text.contains("<ns1:endorsement rdf:parseType=\"Resource\">"), "C23: {text}");
    assert!(!text.contains("slreq:"), "C25: {text}");
    assert_eq!(kept(text.as_bytes())[0], kept(document.as_bytes())[0], "the endorsement stays where it was");
}

#[test]
fn a_reason_takes_the_prefix_of_the_entry() {
    let jane = credentials(&jane());
    let undeclared =
        with("").replace("xmlns:slterms=\"http://mp.stratuslab.eu/slterms#\"", "xmlns:slterms=\"urn:x\"");
    let entry = sign(undeclared.as_bytes(), &jane, None).unwrap();
    assert_eq!(entry.os, None);
    let deprecated = deprecate(&entry, "old", &jane);
    assert_eq!(deprecated.deprecated.as_deref(), Some("old"));
}

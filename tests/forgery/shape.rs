//! Decision 2: one shape of signature, in one place, over all of the document.

use stratuslab::dsig::{AlgorithmPolicy, NAMESPACE, VerifyError, verify};

use crate::{
    entry::plain,
    forge::{ENVELOPED, Forgery, INCLUSIVE, RSA_SHA256, SHA256, algorithm, error, reference},
};

fn with_reference(reference: String) -> VerifyError {
    Forgery { reference, ..Forgery::new() }.error()
}

fn with_transforms(transforms: &str) -> VerifyError {
    with_reference(reference("URI=\"\"", transforms, SHA256))
}

#[test]
fn m3_the_reference_is_to_the_whole_document() {
    let enveloped = algorithm("Transform", ENVELOPED);
    for (attributes, found) in [
        ("URI=\"#object\"", Some("#object")),
        ("URI=\"#xpointer(/)\"", Some("#xpointer(/)")),
        ("URI=\" \"", Some(" ")),
        ("URI=\"http://mp.stratuslab.eu/\"", Some("http://mp.stratuslab.eu/")),
        ("", None),
    ] {
        let error = with_reference(reference(attributes, &enveloped, SHA256));
        assert!(
            matches!(&error, VerifyError::ReferenceUri { uri } if uri.as_deref() == found),
            "{attributes}: {error}"
        );
    }
    let one = reference("URI=\"\"", &enveloped, SHA256);
    let error = with_reference(one.repeat(3));
    assert!(matches!(error, VerifyError::References { count: 3 }), "{error}");
    let error = with_reference(String::new());
    assert!(matches!(error, VerifyError::Missing { element: "Reference", .. }), "{error}");
}

#[test]
fn m3_an_internal_object_is_refused() {
    let tail = "<Object Id=\"object\"><rdf:Description/></Object>".to_owned();
    let internal = reference("URI=\"#object\"", &algorithm("Transform", ENVELOPED), SHA256);
    for reference in [internal, Forgery::new().reference] {
        let error = Forgery { tail: tail.clone(), reference, ..Forgery::new() }.error();
        assert!(
            matches!(&error, VerifyError::Unexpected { what, .. } if what == "element Object"),
            "{error}"
        );
    }
}

#[test]
fn m3_m14_transforms_are_enveloped_then_one_canonicalization() {
    let (enveloped, inclusive) = (algorithm("Transform", ENVELOPED), algorithm("Transform", INCLUSIVE));
    for (transforms, reason) in [
        (inclusive.clone(), "the first one is"),
        (inclusive.clone() + &enveloped, "the first one is"),
        (enveloped.clone() + &inclusive + &inclusive, "there are 3"),
    ] {
        let error = with_transforms(&transforms);
        assert!(matches!(&error, VerifyError::Transforms { what } if what.starts_with(reason)), "{error}");
    }
    let error = with_transforms("");
    assert!(matches!(error, VerifyError::Missing { element: "Transform", .. }), "{error}");
    let bare = Forgery::new().reference.replace("<Transforms>", "").replace("</Transforms>", "");
    assert!(matches!(with_reference(bare), VerifyError::Unexpected { .. } | VerifyError::Missing { .. }));

    for unknown in [
        "http://www.w3.org/TR/1999/REC-xpath-19991116",
        "http://www.w3.org/2002/06/xmldsig-filter2",
        "http://www.w3.org/TR/1999/REC-xslt-19991116",
        "http://www.w3.org/2000/09/xmldsig#base64",
        ENVELOPED,
        "",
    ] {
        let error = with_transforms(&(enveloped.clone() + &algorithm("Transform", unknown)));
        assert!(matches!(&error, VerifyError::UnknownAlgorithm { uri, .. } if uri == unknown), "{error}");
    }
    let parametrised = format!("<Transform Algorithm=\"{ENVELOPED}\"><XPath>1=0</XPath></Transform>");
    assert!(matches!(with_transforms(&parametrised), VerifyError::Unexpected { .. }));
}

#[test]
fn m4_m14_algorithms_are_those_known() {
    for unknown in [
        "http://www.w3.org/2000/09/xmldsig#hmac-sha1",
        "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256",
        "http://www.w3.org/2001/04/xmldsig-more#rsa-md5",
        "http://www.w3.org/2000/09/xmldsig#dsa-sha1",
        "http://www.w3.org/2007/05/xmldsig-more#sha256-rsa-MGF1",
        "HTTP://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
        "",
    ] {
        let error = Forgery { method: algorithm("SignatureMethod", unknown), ..Forgery::new() }.error();
        let named = |role: &str, uri: &str| role == "SignatureMethod" && uri == unknown;
        assert!(matches!(&error, VerifyError::UnknownAlgorithm { role, uri } if named(role, uri)), "{error}");
    }
    for unknown in ["http://www.w3.org/2001/04/xmldsig-more#md5", "urn:none"] {
        let error = with_reference(reference("URI=\"\"", &algorithm("Transform", ENVELOPED), unknown));
        assert!(matches!(error, VerifyError::UnknownAlgorithm { role: "DigestMethod", .. }), "{error}");
    }
    let canonicalization = algorithm("CanonicalizationMethod", "http://www.w3.org/2010/xml-c14n2");
    let error = Forgery { canonicalization, ..Forgery::new() }.error();
    assert!(matches!(error, VerifyError::UnknownAlgorithm { role: "canonicalization", .. }), "{error}");
    let truncated = format!(
        "<SignatureMethod Algorithm=\"{RSA_SHA256}\"><HMACOutputLength>0</HMACOutputLength></SignatureMethod>"
    );
    assert!(matches!(
        Forgery { method: truncated, ..Forgery::new() }.error(),
        VerifyError::Unexpected { .. }
    ));
    let error = Forgery { method: "<SignatureMethod/>".into(), ..Forgery::new() }.error();
    assert!(matches!(error, VerifyError::Missing { element: "Algorithm", .. }), "{error}");
}

#[test]
fn decision_5_sha1_is_accepted_only_if_allowed() {
    let sha1 = "http://www.w3.org/2000/09/xmldsig#sha1";
    let strict = |document: &str| verify(document.as_bytes(), &AlgorithmPolicy::default()).unwrap_err();
    let method = algorithm("SignatureMethod", "http://www.w3.org/2000/09/xmldsig#rsa-sha1");
    let error = strict(&Forgery { method, ..Forgery::new() }.document());
    assert!(matches!(error, VerifyError::ForbiddenAlgorithm { algorithm: "rsa-sha1" }), "{error}");
    let reference = reference("URI=\"\"", &algorithm("Transform", ENVELOPED), sha1);
    let error = strict(&Forgery { reference, ..Forgery::new() }.document());
    assert!(matches!(error, VerifyError::ForbiddenAlgorithm { algorithm: "sha1" }), "{error}");
}

#[test]
fn one_signature_last_in_the_root() {
    let good = Forgery::new().document();
    let (before, rest) = good.split_once("<Signature").unwrap();
    let (signature, after) = rest.split_once("</Signature>").unwrap();
    let signature = format!("<Signature{signature}</Signature>");
    let error_of = |document: String| error(&document);

    let error = error_of(format!("{before}{signature}{signature}{after}"));
    assert!(matches!(error, VerifyError::Signatures { count: 2 }), "{error}");
    assert!(matches!(error_of(format!("{before}{after}")), VerifyError::NoSignature));
    assert!(matches!(error_of(plain()), VerifyError::NoSignature));

    for place in ["    </rdf:Description>", "<slreq:email>", "</slreq:endorsement>"] {
        let error = Forgery { place, ..Forgery::new() }.error();
        assert!(
            matches!(&error, VerifyError::Misplaced { element } if element == "Signature"),
            "{place}: {error}"
        );
    }
    for (follows, what) in [
        ("<!-- c -->", "a comment"),
        ("<?p?>", "a processing instruction"),
        (" text", "text"),
        ("<![CDATA[x]]>", "text"),
        ("\n<rdf:Description rdf:about='#x'/>", "an element"),
    ] {
        let error = error_of(format!("{before}{signature}{follows}{after}"));
        assert!(
            matches!(error, VerifyError::Trailing { what: found } if found == what),
            "{follows}: {error}"
        );
    }
    let error = Forgery { place: "<rdf:Description ", ..Forgery::new() }.error();
    assert!(matches!(error, VerifyError::Trailing { what: "an element" }), "{error}");
    let spaced = Forgery { place: "\n</rdf:RDF>", ..Forgery::new() }.document();
    assert!(verify(spaced.as_bytes(), &AlgorithmPolicy::default()).is_ok());
}

#[test]
fn nothing_else_is_in_the_signature_namespace() {
    let element = format!("<x:y xmlns:x=\"{NAMESPACE}\">1</x:y></rdf:Description>");
    let attribute = format!("<a:b xmlns:a=\"urn:a\" xmlns:x=\"{NAMESPACE}\" x:Id=\"1\"/></rdf:Description>");
    let nested = format!(
        "<a:b xmlns:a=\"urn:a\" rdf:parseType=\"Literal\"><Signature xmlns=\"{NAMESPACE}\"/></a:b></rdf:Description>"
    );
    for (extra, found) in [(&element, "y"), (&attribute, "Id"), (&nested, "Signature")] {
        let mut forgery = Forgery::new();
        forgery.content = forgery.content.replace("</rdf:Description>", extra);
        let error = forgery.error();
        assert!(matches!(&error, VerifyError::Misplaced { element } if element == found), "{error}");
    }
    let mut forgery = Forgery::new();
    forgery.content =
        forgery.content.replacen("<rdf:RDF ", &format!("<rdf:RDF xmlns:x=\"{NAMESPACE}\" x:Id=\"\" "), 1);
    assert!(matches!(forgery.error(), VerifyError::Misplaced { .. }));
    let sibling = format!("<x:Object xmlns:x=\"{NAMESPACE}\"/></rdf:RDF>");
    let mut forgery = Forgery::new();
    forgery.content = forgery.content.replace("</rdf:RDF>", &sibling);
    assert!(matches!(forgery.error(), VerifyError::Misplaced { .. }));
}

#[test]
fn the_signature_has_what_the_schema_says_and_no_more() {
    let good = Forgery::new().document();
    for (from, to) in [
        ("<SignedInfo>", "text<SignedInfo>"),
        ("<SignedInfo>", "<SignedInfo>&#160;"),
        ("<SignedInfo>", "<SignedInfo x=\"1\">"),
        ("<SignedInfo>", "<SignedInfo xml:base=\"urn:x\">"),
        ("<Signature ", "<Signature xml:lang=\"en\" "),
        ("<Signature ", "<Signature ID=\"1\" "),
        ("<KeyInfo>", "<KeyInfo xmlns:x=\"urn:x\" x:Id=\"1\">"),
        ("<KeyInfo>", "<KeyInfo>x"),
        ("<KeyInfo>", "<KeyInfo><RetrievalMethod URI=\"http://x/\"/>"),
        ("<KeyInfo>", "<KeyInfo><x xmlns=\"urn:x\"/>"),
        ("<KeyInfo>", "<KeyInfo><KeyName xmlns=\"\">x</KeyName>"),
        ("<X509Data>", "<X509Data>x"),
        ("<X509Data>", "<X509Data><KeyName/>"),
        ("<X509Data>", "<X509Data><X509Certificate xmlns=\"urn:x\"/>"),
        ("<Transforms>", "<Transforms><x xmlns=\"\"/>"),
        ("</Reference>", "</Reference><Manifest/>"),
        ("</Reference>", "<x/></Reference>"),
        ("</KeyInfo>", "</KeyInfo><KeyInfo/>"),
        ("</KeyInfo>", "</KeyInfo><x xmlns=\"urn:x\"/>"),
        ("</KeyInfo>", "</KeyInfo>."),
    ] {
        let document = good.replacen(from, to, 1);
        assert_ne!(document, good);
        let error = error(&document);
        let unexpected = matches!(error, VerifyError::Unexpected { .. });
        assert!(unexpected || matches!(error, VerifyError::Missing { .. }), "{to}: {error}");
    }
    for (from, to, lacks) in [
        ("SignedInfo>", "SignInfo>", "SignedInfo"),
        ("SignatureValue>", "Value>", "SignatureValue"),
        ("DigestValue>", "Digest>", "DigestValue"),
    ] {
        let error = error(&good.replace(from, to));
        assert!(matches!(error, VerifyError::Missing { element, .. } if element == lacks), "{error}");
    }
    let (before, rest) = good.split_once("<KeyInfo>").unwrap();
    let without = format!("{before}{}", rest.split_once("</KeyInfo>").unwrap().1);
    assert!(matches!(error(&without), VerifyError::NoCertificate));
}

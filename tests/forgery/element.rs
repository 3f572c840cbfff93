//! Decision 2: the signature has what the schema says, and nothing else.

use stratuslab::dsig::{AlgorithmPolicy, NAMESPACE, ShapeError, VerifyError, verify};

use crate::forge::{ENVELOPED, Forgery, SHA256, algorithm, error, reference, shape};

/// Why a good document is refused with the first `from` replaced by `to`.
#[track_caller]
fn changed(from: &str, to: &str) -> ShapeError {
    let good = Forgery::new().document();
    let document = good.replacen(from, to, 1);
    assert_ne!(document, good, "{from}");
    shape(error(&document))
}

/// Every element with a value, and what precedes the value.
const VALUES: [&str; 3] = ["DigestValue", "SignatureValue", "X509Certificate"];

#[test]
fn m3_an_object() {
    let tail = "<Object Id=\"object\"><rdf:Description/></Object>".to_owned();
    let internal = reference("URI=\"#object\"", &algorithm("Transform", ENVELOPED), SHA256);
    for reference in [internal, Forgery::new().reference] {
        let error = Forgery { tail: tail.clone(), reference, ..Forgery::new() }.error();
        assert_eq!(shape(error), ShapeError::Object { parent: "Signature".into() });
    }
    for (place, parent) in [("<SignedInfo>", "SignedInfo"), ("<KeyInfo>", "KeyInfo")] {
        assert_eq!(
            changed(place, &format!("{place}<Object/>")),
            ShapeError::Object { parent: parent.into() }
        );
    }
    let hidden = changed("<KeyInfo>", "<KeyInfo><KeyValue><Object/></KeyValue>");
    assert_eq!(hidden, ShapeError::Object { parent: "KeyValue".into() });
}

#[test]
fn a_manifest() {
    for (place, parent) in
        [("</Reference>", "Reference"), ("<SignedInfo>", "SignedInfo"), ("<KeyInfo>", "KeyInfo")]
    {
        let to = if place.starts_with("</") {
            format!("<Manifest/>{place}")
        } else {
            format!("{place}<Manifest/>")
        };
        assert_eq!(changed(place, &to), ShapeError::Manifest { parent: parent.into() });
    }
    let error = Forgery { tail: "<Manifest Id=\"m\"/>".into(), ..Forgery::new() }.error();
    assert_eq!(shape(error), ShapeError::Manifest { parent: "Signature".into() });
}

#[test]
fn unknown_children() {
    for (from, to, element, parent) in [
        ("<KeyInfo>", "<KeyInfo><RetrievalMethod URI=\"http://x/\"/>", "RetrievalMethod", "KeyInfo"),
        ("<KeyInfo>", "<KeyInfo><PGPData/>", "PGPData", "KeyInfo"),
        ("<KeyInfo>", "<KeyInfo><x xmlns=\"urn:x\"/>", "x", "KeyInfo"),
        ("<KeyInfo>", "<KeyInfo><KeyName xmlns=\"\">x</KeyName>", "KeyName", "KeyInfo"),
        ("<X509Data>", "<X509Data><KeyName/>", "KeyName", "X509Data"),
        ("<X509Data>", "<X509Data><X509Certificate xmlns=\"urn:x\"/>", "X509Certificate", "X509Data"),
        ("<Transforms>", "<Transforms><x xmlns=\"\"/>", "x", "Transforms"),
        ("</Transform", "<Transform xmlns=\"\"/></Transform", "Transform", "Transforms"),
        ("</Reference>", "<x/></Reference>", "x", "Reference"),
        ("</KeyInfo>", "</KeyInfo><KeyInfo/>", "KeyInfo", "Signature"),
        ("</KeyInfo>", "</KeyInfo><x xmlns=\"urn:x\"/>", "x", "Signature"),
        ("</SignedInfo>", "<SignatureProperties/></SignedInfo>", "SignatureProperties", "SignedInfo"),
        ("</SignatureValue>", "</SignatureValue><SignatureValue/>", "SignatureValue", "Signature"),
    ] {
        let expected = ShapeError::UnknownElement { element: element.into(), parent: parent.into() };
        assert_eq!(changed(from, to), expected, "{to}");
    }
}

#[test]
fn unknown_attributes() {
    for (from, to, attribute, parent) in [
        ("<SignedInfo>", "<SignedInfo x=\"1\">", "x", "SignedInfo"),
        ("<SignedInfo>", "<SignedInfo xml:base=\"urn:x\">", "base", "SignedInfo"),
        ("<Signature ", "<Signature xml:lang=\"en\" ", "lang", "Signature"),
        ("<Signature ", "<Signature ID=\"1\" ", "ID", "Signature"),
        ("<KeyInfo>", "<KeyInfo xmlns:x=\"urn:x\" x:Id=\"1\">", "Id", "KeyInfo"),
        ("<DigestValue>", "<DigestValue Encoding=\"hex\">", "Encoding", "DigestValue"),
        ("<Reference ", "<Reference xml:space=\"preserve\" ", "space", "Reference"),
    ] {
        let expected = ShapeError::UnknownAttribute { attribute: attribute.into(), parent: parent.into() };
        assert_eq!(changed(from, to), expected, "{to}");
    }
}

#[test]
fn missing_children() {
    let good = Forgery::new().document();
    for (from, to, element, parent) in [
        ("SignedInfo>", "SignInfo>", "SignedInfo", "Signature"),
        ("SignatureValue>", "Value>", "SignatureValue", "Signature"),
        ("DigestValue>", "Digest>", "DigestValue", "Reference"),
        ("<DigestMethod", "<DigestWay", "DigestMethod", "Reference"),
    ] {
        let error = shape(error(&good.replace(from, to)));
        assert_eq!(error, ShapeError::Missing { element, parent: parent.into() });
    }
    let (before, rest) = good.split_once("<KeyInfo>").unwrap();
    let without = format!("{before}{}", rest.split_once("</KeyInfo>").unwrap().1);
    assert!(matches!(error(&without), VerifyError::NoCertificate));
}

#[test]
fn text_between_elements_of_the_signature() {
    for (from, to, parent) in [
        ("<SignedInfo>", "text<SignedInfo>", "Signature"),
        ("<SignedInfo>", "<SignedInfo>&#160;", "SignedInfo"),
        ("<SignedInfo>", "<SignedInfo><![CDATA[x]]>", "SignedInfo"),
        ("<Transforms>", "<Transforms>.", "Transforms"),
        ("<DigestMethod", "0<DigestMethod", "Reference"),
        ("<KeyInfo>", "<KeyInfo>x", "KeyInfo"),
        ("<X509Data>", "<X509Data>x", "X509Data"),
        ("</KeyInfo>", "</KeyInfo>.", "Signature"),
    ] {
        assert_eq!(changed(from, to), ShapeError::TextBetween { parent: parent.into() }, "{to}");
    }
    // White space may be there, and so may comments and instructions.
    let spaced = Forgery { tail: "\r\n\t <!-- c --><?p?>".into(), ..Forgery::new() }.document();
    let spaced = spaced.replace("<KeyInfo>", " \n<!-- c --><KeyInfo><?p?>");
    assert!(verify(spaced.as_bytes(), &AlgorithmPolicy::default()).is_ok());
}

#[test]
fn comments_inside_values() {
    for element in VALUES {
        let expected = || ShapeError::CommentInValue { element: element.into() };
        let (start, end) = (format!("<{element}>"), format!("</{element}>"));
        for comment in ["<!---->", "<!-- c -->", "<!--\n-->"] {
            assert_eq!(changed(&start, &format!("{start}{comment}")), expected());
            assert_eq!(changed(&end, &format!("{comment}{end}")), expected());
            assert_eq!(changed(&start, &format!("{start}AAAA{comment}")), expected());
        }
        let alone = format!("{start}<!-- c -->{end}<{element}>");
        assert_eq!(changed(&start, &alone), expected());
    }
    for content in ["<KeyName>Ja<!-- c -->ne</KeyName>", "<KeyValue>x<!-- c --></KeyValue>"] {
        let mut forgery = Forgery::new();
        forgery.key_info.insert_str(0, content);
        let error = shape(forgery.error());
        assert!(matches!(error, ShapeError::CommentInValue { .. }), "{content}: {error}");
    }
}

#[test]
fn processing_instructions_inside_values() {
    for element in VALUES {
        let expected = ShapeError::InstructionInValue { element: element.into() };
        let start = format!("<{element}>");
        assert_eq!(changed(&start, &format!("{start}<?p?>")), expected);
        assert_eq!(changed(&start, &format!("{start}AA<?p q?>AA")), expected);
    }
}

#[test]
fn elements_inside_values() {
    for element in VALUES {
        let expected = ShapeError::ElementInValue { element: element.into(), child: "x".into() };
        let start = format!("<{element}>");
        for nested in ["<x/>", "<x xmlns=\"urn:x\">AAAA</x>", "AAAA<x/>"] {
            assert_eq!(changed(&start, &format!("{start}{nested}")), expected);
        }
    }
    let mut forgery = Forgery::new();
    forgery.key_info.insert_str(0, "<KeyName>Jane<x/></KeyName>");
    let expected = ShapeError::ElementInValue { element: "KeyName".into(), child: "x".into() };
    assert_eq!(shape(forgery.error()), expected);
}

#[test]
fn more_than_one_signed_info() {
    let good = Forgery::new().document();
    let start = good.find("<SignedInfo>").unwrap();
    let end = good.find("</SignedInfo>").unwrap() + "</SignedInfo>".len();
    let info = &good[start..end];
    for (place, count) in
        [("<SignedInfo>", 2), ("<SignatureValue>", 2), ("<KeyInfo>", 2), ("</Signature>", 3)]
    {
        let document = good.replacen(place, &format!("{}{place}", info.repeat(count - 1)), 1);
        assert_eq!(shape(error(&document)), ShapeError::SeveralSignedInfo { count }, "{place}");
    }
    let hidden = format!("<KeyInfo><KeyValue>{info}</KeyValue>");
    let document = good.replacen("<KeyInfo>", &hidden, 1);
    assert_eq!(shape(error(&document)), ShapeError::SeveralSignedInfo { count: 2 });
    // In no namespace it is another element.
    let other = info.replacen("<SignedInfo>", "<SignedInfo xmlns=\"\">", 1);
    let document = good.replacen("<SignedInfo>", &format!("{other}<SignedInfo>"), 1);
    let expected = ShapeError::Missing { element: "SignedInfo", parent: "Signature".into() };
    assert_eq!(shape(error(&document)), expected);
    assert!(good.contains(NAMESPACE));
}

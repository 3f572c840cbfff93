//! Decision 2: one reference, to the whole document but the signature.

use stratuslab::dsig::{
    AlgorithmPolicy, ShapeError, VerifyError,
    c14n::{Canonicalization, Mode},
    verify,
};

use crate::forge::{ENVELOPED, EXCLUSIVE, Forgery, INCLUSIVE, SHA256, algorithm, reference, shape};

#[track_caller]
fn with_reference(reference: String) -> ShapeError {
    shape(Forgery { reference, ..Forgery::new() }.error())
}

#[track_caller]
fn with_uri(attributes: &str) -> ShapeError {
    with_reference(reference(attributes, &algorithm("Transform", ENVELOPED), SHA256))
}

#[track_caller]
fn with_transforms(transforms: &str) -> ShapeError {
    with_reference(reference("URI=\"\"", transforms, SHA256))
}

#[test]
fn more_than_one_reference() {
    let one = reference("URI=\"\"", &algorithm("Transform", ENVELOPED), SHA256);
    for count in [2, 3] {
        assert_eq!(with_reference(one.repeat(count)), ShapeError::SeveralReferences { count });
    }
    let other = one.replace("URI=\"\"", "URI=\"#other\"");
    assert_eq!(with_reference(one + &other), ShapeError::SeveralReferences { count: 2 });
    let parent = "SignedInfo".into();
    assert_eq!(with_reference(String::new()), ShapeError::Missing { element: "Reference", parent });
}

#[test]
fn m3_a_reference_to_an_id() {
    for uri in ["#object", "#", "#xpointer(/)", "#xpointer(id('object'))", "#CJZY2Oz3kCwb5gfuF2CMS6MDtUR"] {
        assert_eq!(with_uri(&format!("URI=\"{uri}\"")), ShapeError::PartialUri { uri: uri.into() });
    }
    // To something there is.
    let mut forgery = Forgery { attributes: " Id=\"s\"".into(), ..Forgery::new() };
    forgery.reference = forgery.reference.replace("URI=\"\"", "URI=\"#s\"");
    assert_eq!(shape(forgery.error()), ShapeError::PartialUri { uri: "#s".into() });
}

#[test]
fn m3_a_reference_without_uri() {
    assert_eq!(with_uri(""), ShapeError::NoUri);
    assert_eq!(with_uri("Id=\"r\""), ShapeError::NoUri);
    // In another case, or in a namespace, it is another attribute.
    assert_eq!(with_uri("uri=\"\""), ShapeError::NoUri);
    for attributes in ["x:URI=\"\"", "x:URI=\"\" URI=\"#x\"", "URI=\"\" x:URI=\"#x\""] {
        let error = with_uri(&format!("xmlns:x=\"urn:x\" {attributes}"));
        assert!(
            matches!(&error, ShapeError::UnknownAttribute { attribute, .. } if attribute == "URI")
                || matches!(error, ShapeError::PartialUri { .. }),
            "{attributes}: {error}"
        );
    }
}

#[test]
fn m3_a_reference_to_something_external() {
    for uri in [" ", ".", "?", "http://mp.stratuslab.eu/", "file:///etc/passwd", "ftp://a/", "&#x20;", "x#"] {
        let error = with_uri(&format!("URI=\"{uri}\""));
        assert!(matches!(error, ShapeError::ExternalUri { .. }), "{uri}: {error}");
    }
}

#[test]
fn m3_m14_a_transform_that_is_neither_enveloped_nor_c14n() {
    let enveloped = algorithm("Transform", ENVELOPED);
    for uri in [
        "http://www.w3.org/TR/1999/REC-xpath-19991116",
        "http://www.w3.org/2002/06/xmldsig-filter2",
        "http://www.w3.org/TR/1999/REC-xslt-19991116",
        "http://www.w3.org/2000/09/xmldsig#base64",
        "http://www.w3.org/2000/09/xmldsig#enveloping-signature",
        "http://www.w3.org/2001/04/decrypt#",
        "",
    ] {
        let transform = format!(
            "<Transform Algorithm=\"{uri}\"><XPath>not(ancestor-or-self::slreq:endorsement)</XPath></Transform>"
        );
        let expected = ShapeError::ForbiddenTransform { uri: uri.into() };
        for transforms in [enveloped.clone() + &transform, transform.clone() + &enveloped, transform.clone()]
        {
            assert_eq!(with_transforms(&transforms), expected);
        }
    }
    // What the transform accepted would have to be told.
    let parametrised = format!("<Transform Algorithm=\"{ENVELOPED}\"><XPath>1=0</XPath></Transform>");
    let expected = ShapeError::UnknownElement { element: "XPath".into(), parent: "Transform".into() };
    assert_eq!(with_transforms(&parametrised), expected);
}

#[test]
fn m14_enveloped_missing() {
    assert_eq!(with_transforms(""), ShapeError::EnvelopedMissing);
    assert_eq!(with_transforms(&algorithm("Transform", INCLUSIVE)), ShapeError::EnvelopedMissing);
    let bare = Forgery::new().reference;
    let (before, rest) = bare.split_once("<Transforms>").unwrap();
    let without = before.to_owned() + rest.split_once("</Transforms>").unwrap().1;
    assert_eq!(with_reference(without), ShapeError::EnvelopedMissing);
}

#[test]
fn m14_enveloped_twice() {
    let (enveloped, inclusive) = (algorithm("Transform", ENVELOPED), algorithm("Transform", INCLUSIVE));
    assert_eq!(with_transforms(&enveloped.repeat(2)), ShapeError::EnvelopedTwice { count: 2 });
    let around = [&enveloped[..], &inclusive, &enveloped].concat();
    assert_eq!(with_transforms(&around), ShapeError::EnvelopedTwice { count: 2 });
}

#[test]
fn m14_enveloped_not_first() {
    let (enveloped, exclusive) = (algorithm("Transform", ENVELOPED), algorithm("Transform", EXCLUSIVE));
    let expected = ShapeError::EnvelopedNotFirst { first: EXCLUSIVE.into() };
    assert_eq!(with_transforms(&(exclusive + &enveloped)), expected);
}

#[test]
fn m14_more_than_one_canonicalization() {
    let (enveloped, inclusive) = (algorithm("Transform", ENVELOPED), algorithm("Transform", INCLUSIVE));
    for count in [2, 3] {
        let transforms = enveloped.clone() + &inclusive.repeat(count);
        assert_eq!(with_transforms(&transforms), ShapeError::SeveralCanonicalizations { count });
    }
}

/// XML-DSig §4.4.3.3: the reference to `''` has no comments, whatever canonicalization follows.
#[test]
fn m17_no_canonicalization_brings_comments_back() {
    for mode in [Mode::Inclusive, Mode::Inclusive11, Mode::Exclusive] {
        for comments in [false, true] {
            let mut canonicalization = Canonicalization::new(mode);
            let mut forgery = Forgery::new();
            forgery.content = forgery.content.replace("<slterms:os>", "<!-- not signed --><slterms:os>");
            forgery.digested = canonicalization.clone();
            canonicalization.comments = comments;
            let transforms = [ENVELOPED, canonicalization.uri()].map(|uri| algorithm("Transform", uri));
            forgery.reference = reference("URI=\"\"", &transforms.concat(), SHA256);
            let document = forgery.document();
            assert!(verify(document.as_bytes(), &AlgorithmPolicy::default()).is_ok(), "{mode:?}");
            let other = document.replace("not signed", "changed");
            assert!(verify(other.as_bytes(), &AlgorithmPolicy::default()).is_ok(), "{mode:?}");
        }
    }
}

/// The transform may keep a prefix for others to see; it cannot hide what is signed.
#[test]
fn a_prefix_list_longer_than_any_scope() {
    let list = format!(
        "<Transform Algorithm=\"{EXCLUSIVE}\"><i:InclusiveNamespaces xmlns:i=\"{EXCLUSIVE}\" \
         PrefixList=\"{}\"/></Transform>",
        "a ".repeat(65)
    );
    let error = with_transforms(&(algorithm("Transform", ENVELOPED) + &list));
    assert_eq!(error, ShapeError::PrefixList { limit: 64 });
    let method = list.replace("Transform", "CanonicalizationMethod");
    let error = Forgery { canonicalization: method, ..Forgery::new() }.error();
    assert!(matches!(error, VerifyError::Shape(ShapeError::PrefixList { limit: 64 })), "{error}");
}

//! What was signed is one entry in one piece: nothing splits its values, nothing is beside or around
//! its description, nothing declares entities or defaults.

use stratuslab::{
    dsig::{AlgorithmPolicy, SignError, VerifyError, verify, verify::verify_leniently},
    metadata::rules::{Leniency, RuleError},
    validate::{Options, validate},
    xml::XmlError,
};

use crate::{
    entry::{ENDORSED, credentials, plain, sign, with},
    forge::{Forgery, error},
    pki::jane,
};

const EMAIL: &str = "jane.tester@example.org";

/// What splits a value, and what it is called.
const SPLITTERS: [(&str, &str); 4] = [
    ("<!-- -->", "a comment"),
    ("<!---->", "a comment"),
    ("<?p?>", "a processing instruction"),
    ("<?p q?>", "a processing instruction"),
];

#[track_caller]
fn assert_split(error: &RuleError, element: &str, what: &'static str) {
    assert_eq!(*error, RuleError::SplitValue { element: element.into(), what });
    let said = error.to_string();
    assert!(said.starts_with(&format!("the value of {element} has {what} in it")), "{said}");
}

/// Comments are in no digest: whoever has the document can put them there.
#[test]
fn m17_comments_that_split_a_value_of_a_signed_entry() {
    let good = Forgery::new().document();
    for (value, element) in [
        (EMAIL, "slreq:email"),
        ("CN=Jane Tester,O=StratusLab,C=FR</slreq:subject>", "slreq:subject"),
        ("ttylinux</slterms:os>", "slterms:os"),
        ("SHA-1<", "slreq:algorithm"),
        ("http://example.org/ttylinux", "slterms:location"),
        ("CJZY2Oz3kCwb5gfuF2CMS6MDtUR</", "dcterms:identifier"),
    ] {
        let (first, rest) = value.split_at(3);
        for split in [format!("{first}<!-- -->{rest}"), format!("<!-- x -->{value}")] {
            let document = good.replacen(value, &split, 1);
            assert_ne!(document, good, "{value}");
            let VerifyError::Rule(error) = error(&document) else { panic!("{value}") };
            assert_split(&error, element, "a comment");
            let old =
                verify_leniently(document.as_bytes(), &AlgorithmPolicy::default(), Leniency::OldEntries);
            assert!(matches!(old, Err(VerifyError::Rule(RuleError::SplitValue { .. }))));
        }
    }
    // Behind the value, too, and between its characters and a CDATA section.
    for split in [format!("{EMAIL}<!-- -->"), "jane.tester@<!-- --><![CDATA[example.org]]>".into()] {
        let VerifyError::Rule(error) = error(&good.replacen(EMAIL, &split, 1)) else { panic!("{split}") };
        assert_split(&error, "slreq:email", "a comment");
    }
}

/// Instructions are in the digest: only the signer can put them there.
#[test]
fn m17_instructions_that_split_a_value() {
    let good = Forgery::new().document();
    let split = good.replace(EMAIL, "jane.tester@<?p?>example.org");
    assert!(matches!(error(&split), VerifyError::DigestMismatch { .. }));
    let mut forgery = Forgery::new();
    forgery.content = forgery.content.replace(EMAIL, "jane.tester@<?p?>example.org");
    let VerifyError::Rule(error) = forgery.error() else { panic!("accepted") };
    assert_split(&error, "slreq:email", "a processing instruction");
}

/// What readers that stop at a comment take for the certificate's address is none.
#[test]
fn m17_an_address_that_begins_with_the_certificate_s() {
    for (splitter, _) in SPLITTERS.into_iter().chain([("<![CDATA[]]><!-- -->", "")]) {
        let mut forgery = Forgery::new();
        forgery.content = forgery.content.replace(EMAIL, &format!("{EMAIL}{splitter}.evil.org"));
        let error = forgery.error();
        assert!(
            matches!(&error, VerifyError::EndorserMismatch { part: "email", document, .. }
                if *document == format!("{EMAIL}.evil.org")),
            "{error}"
        );
    }
}

#[test]
fn split_values_are_neither_signed_nor_valid_unsigned() {
    let jane = credentials(&jane());
    for (splitter, what) in SPLITTERS {
        for (document, element) in [
            (plain().replace("ttylinux<", &format!("tty{splitter}linux<")), "slterms:os"),
            (plain().replace(">SHA-1<", &format!(">{splitter}SHA-1<")), "slreq:algorithm"),
            (with(&format!("<x:a xmlns:x='urn:x'>1{splitter}2</x:a>")), "a"),
            (
                with(&format!(
                    "<x:a xmlns:x='urn:x' rdf:parseType='Literal'><x:b><x:c>deep{splitter}</x:c></x:b></x:a>"
                )),
                "c",
            ),
            (with(&format!("<x:a xmlns:x='urn:x' rdf:parseType='Literal'>1<x:b/>{splitter}</x:a>")), "a"),
        ] {
            let SignError::Rule(error) = sign(document.as_bytes(), &jane, None).unwrap_err() else {
                panic!("{document}")
            };
            assert_split(&error, element, what);
            let mut options = Options::new(ENDORSED.parse().unwrap());
            options.signed = false;
            let report = validate(document.as_bytes(), &options);
            let deciding = report.deciding().unwrap();
            assert_eq!(deciding.name, "whole-values");
            assert_eq!(deciding.message.as_deref(), Some(error.to_string().as_str()));
        }
    }
}

#[test]
fn validate_names_the_value_that_is_split_in_a_signed_entry() {
    let split = Forgery::new().document().replace(EMAIL, "jane.tester@example<!-- -->.org");
    let report = validate(split.as_bytes(), &Options::new(ENDORSED.parse().unwrap()));
    let deciding = report.deciding().unwrap();
    assert_eq!(deciding.name, "whole-values");
    assert!(deciding.message.as_ref().unwrap().starts_with("the value of slreq:email has a comment in it"));
    assert!(report.signature_error().is_none());
    assert!(report.into_verified().is_err());
}

/// Comments and instructions between elements split nothing, and hide nothing.
#[test]
fn m17_comments_between_elements_are_fine() {
    let mut forgery = Forgery::new();
    let hidden = "<!-- <slterms:deprecated>x</slterms:deprecated> --><?p?><slterms:os>";
    forgery.content = forgery.content.replace("<slterms:os>", hidden);
    let entry = verify(forgery.document().as_bytes(), &AlgorithmPolicy::default()).unwrap();
    assert_eq!(entry.deprecated, None);
    // An element without a value has nothing to split.
    let empty = with("<x:a xmlns:x='urn:x'> <!-- c --> </x:a>");
    assert!(sign(empty.as_bytes(), &credentials(&jane()), None).is_ok());
}

#[test]
fn content_moved_into_a_second_description() {
    let good = Forgery::new();
    let (before, rest) = good.content.split_once("<slterms:os>").unwrap();
    let (os, after) = rest.split_once("</slterms:os>").unwrap();
    let moved = format!("<rdf:Description rdf:about='#x'><slterms:os>{os}</slterms:os></rdf:Description>");
    for content in [
        format!("{before}{after}").replace("</rdf:RDF>", &format!("{moved}</rdf:RDF>")),
        good.content.replace("<rdf:Description ", "<rdf:Description rdf:about=''/><rdf:Description "),
        good.content.replace("</rdf:Description>", "</rdf:Description><rdf:Description rdf:about=''/>"),
    ] {
        let error = Forgery { content, ..Forgery::new() }.error();
        assert!(matches!(error, VerifyError::SeveralDescriptions { count: 2 }), "{error}");
    }
    // Deeper, it would speak of something else.
    let deep = format!("<x:a xmlns:x='urn:x'>{moved}</x:a></rdf:Description>");
    let content = format!("{before}{after}").replace("</rdf:Description>", &deep);
    let error = Forgery { content, ..Forgery::new() }.error();
    assert!(matches!(error, VerifyError::Rule(RuleError::Structure(_))), "{error}");
}

#[test]
fn content_moved_into_a_foreign_wrapper() {
    let good = Forgery::new().content;
    let wrap = |name: &str| {
        good.replace("<rdf:Description ", &format!("<{name} xmlns:x='urn:x'><rdf:Description "))
            .replace("</rdf:Description>", &format!("</rdf:Description></{name}>"))
    };
    for (content, found) in [
        (wrap("x:wrapper"), "wrapper"),
        (wrap("rdf:Seq"), "Seq"),
        (wrap("rdf:RDF"), "RDF"),
        (good.replace("</rdf:RDF>", "<x xmlns='urn:x'/></rdf:RDF>"), "x"),
        (
            good.replace("rdf:Description", "x:Description")
                .replace("<x:Description ", "<x:Description xmlns:x='urn:x' "),
            "Description",
        ),
    ] {
        let error = Forgery { content, ..Forgery::new() }.error();
        assert!(matches!(&error, VerifyError::Wrapper { element } if element == found), "{found}: {error}");
    }
    let document = Forgery::new().document();
    let (declaration, rest) = document.split_once("?>\n").unwrap();
    let around = format!("{declaration}?>\n<wrapper>{rest}</wrapper>");
    assert!(matches!(error(&around), VerifyError::Root { root } if root == "wrapper"));
}

#[test]
fn m14_a_doctype_in_every_form() {
    let good = Forgery::new().document();
    for doctype in [
        "<!DOCTYPE a>",
        "<!DOCTYPE rdf:RDF>",
        "<!DOCTYPE a []>",
        "<!DOCTYPE a [<!ENTITY e 'x'>]>",
        "<!DOCTYPE a [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;&a;&a;&a;&a;'>]>",
        "<!DOCTYPE a [<!ENTITY e SYSTEM 'file:///etc/passwd'>]>",
        "<!DOCTYPE a [<!ENTITY e PUBLIC 'x' 'http://example.org/x'>]>",
        "<!DOCTYPE a [<!ENTITY % p SYSTEM 'http://example.org/x'> %p;]>",
        "<!DOCTYPE a [<!ENTITY % p '<!ENTITY e \"x\">'> %p;]>",
        "<!DOCTYPE a [<!ATTLIST rdf:RDF x CDATA 'default'>]>",
        "<!DOCTYPE a [<!ATTLIST Signature Id ID #IMPLIED>]>",
        "<!DOCTYPE a [<!ATTLIST rdf:RDF xmlns:x CDATA #FIXED 'urn:x'>]>",
        "<!DOCTYPE a [<!ELEMENT a ANY><!NOTATION n SYSTEM 'x'>]>",
        "<!DOCTYPE a SYSTEM 'file:///etc/passwd'>",
        "<!DOCTYPE a PUBLIC '-//x' 'http://example.org/x.dtd'>",
        "<!-- c --><?p?><!DOCTYPE a>",
        "<!DOCTYPE a",
    ] {
        let document = good.replacen("\n<rdf:RDF", &format!("{doctype}\n<rdf:RDF"), 1);
        assert_ne!(document, good);
        assert!(matches!(error(&document), VerifyError::Xml(XmlError::Doctype)), "{doctype}");
        let unsigned = plain().replacen("\n<rdf:RDF", &format!("{doctype}\n<rdf:RDF"), 1);
        let refused = sign(unsigned.as_bytes(), &credentials(&jane()), None).unwrap_err();
        assert!(matches!(refused, SignError::Xml(XmlError::Doctype)), "{doctype}: {refused}");
    }
    for elsewhere in [good.replace("<slterms:os>", "<!DOCTYPE a><slterms:os>"), format!("{good}<!DOCTYPE a>")]
    {
        assert!(matches!(error(&elsewhere), VerifyError::Xml(XmlError::Doctype)));
    }
    // Without one, there is nothing to refer to.
    for reference in ["&e;", "&nbsp;", "%p;&p;", "<!doctype a>", "<!ENTITY e 'x'>"] {
        let error = error(&good.replace("ttylinux<", &format!("{reference}<")));
        assert!(matches!(error, VerifyError::Xml(XmlError::Malformed { .. })), "{reference}: {error}");
    }
}

//! Small documents made to cost much: each is refused at its price, not at its author's.
//!
//! Without the bound that refuses it, each of these takes minutes or gigabytes.

#![allow(clippy::unwrap_used, reason = "a test that cannot make its material has failed")]

use std::{
    fmt::Write as _,
    io::{self, Read},
};

use stratuslab::{
    Timestamp,
    dsig::{AlgorithmPolicy, NAMESPACE, VerifyError, verify},
    validate::{Options, Report, validate},
    xml::{EntriesError, MAX_DOCUMENT_BYTES, XmlError, entries},
};

const RDF: &str = "http://www.w3.org/1999/02/22-rdf-syntax-ns#";

fn judged(document: &str, signed: bool) -> Report {
    let mut options = Options::new(Timestamp::now());
    options.signed = signed;
    validate(document.as_bytes(), &options)
}

fn reason(document: &str, signed: bool) -> String {
    judged(document, signed).deciding().unwrap().message.clone().unwrap()
}

/// `content`, then a signature whose reference has the exclusive transform, with this prefix list.
fn signed(declarations: &str, content: &str, prefix_list: &str) -> String {
    let exclusive = "http://www.w3.org/2001/10/xml-exc-c14n#";
    let inclusive = format!("<i:InclusiveNamespaces xmlns:i='{exclusive}' PrefixList='{prefix_list}'/>");
    format!(
        "<rdf:RDF xmlns:rdf='{RDF}'{declarations}>{content}<Signature xmlns='{NAMESPACE}'><SignedInfo>\
         <CanonicalizationMethod Algorithm='{exclusive}'/>\
         <SignatureMethod Algorithm='http://www.w3.org/2001/04/xmldsig-more#rsa-sha256'/>\
         <Reference URI=''><Transforms>\
         <Transform Algorithm='http://www.w3.org/2000/09/xmldsig#enveloped-signature'/>\
         <Transform Algorithm='{exclusive}'>{inclusive}</Transform></Transforms>\
         <DigestMethod Algorithm='http://www.w3.org/2001/04/xmlenc#sha256'/>\
         <DigestValue>AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=</DigestValue></Reference></SignedInfo><SignatureValue>AA==</SignatureValue>\
         <KeyInfo><X509Data><X509Certificate>AA==</X509Certificate></X509Data></KeyInfo></Signature></rdf:RDF>"
    )
}

/// Exclusive canonicalization writes a namespace again at every sibling that uses it.
#[test]
fn a_namespace_repeated_at_every_sibling() {
    let declarations = format!(" xmlns:p='urn:x-{}'", "n".repeat(500_000));
    let reason = reason(&signed(&declarations, &"<p:a/>".repeat(20_000), ""), true);
    assert_eq!(reason, "the canonical form of the document is larger than 62914560 bytes");
}

#[test]
fn a_prefix_list_without_end() {
    let reason = reason(&signed("", &"<a/>".repeat(50_000), &"b ".repeat(200_000)), true);
    let expected =
        "invalid signature element: more than 64 prefixes in the PrefixList of InclusiveNamespaces";
    assert_eq!(reason, expected);
}

#[test]
fn names_longer_than_any_vocabulary_s() {
    let name = "A".repeat(1_000_000);
    let document = format!("<{name}>{}</{name}>", "<b/>".repeat(20_000));
    assert!(reason(&document, false).starts_with("more than 1024 bytes in a name at line 1"));
    let reason = reason(&format!("<r {}='x'/>", "é".repeat(40_000)), false);
    assert!(reason.starts_with("more than 1024 bytes in a name"), "{reason}");
}

/// A rule names some of its violations, not ninety thousand.
#[test]
fn wrong_children_without_end() {
    let document = format!("<{0}>{1}</{0}>", "A".repeat(1000), "<b/>".repeat(90_000));
    let report = judged(&document, false);
    let length: usize =
        report.checks().iter().filter_map(|check| check.message.as_ref()).map(String::len).sum();
    assert!(length < 100_000, "{length}");
}

/// The RDF parser keeps and resolves every `rdf:ID`, which the rules forbid anyway.
#[test]
fn identifiers_without_end_below_a_long_base() {
    let mut document = format!(
        "<rdf:RDF xmlns:rdf='{RDF}' xml:base='http://example.org/{}'><rdf:Description rdf:about=''>",
        "b".repeat(100_000)
    );
    for number in 0..30_000 {
        write!(document, "<e:x xmlns:e='u:e' rdf:ID='i{number}'/>").unwrap();
    }
    document.push_str("</rdf:Description></rdf:RDF>");
    let report = judged(&document, false);
    let rdf = report.checks().iter().find(|check| check.name == "rdf").unwrap();
    assert_eq!(rdf.outcome.name(), "skipped");
    assert!(report.deciding().is_some());
}

/// As many of these as a document can have, behind the others.
fn filled(start: &str, part: impl Fn(usize) -> String) -> String {
    let mut document = start.to_owned();
    let mut number = 0;
    loop {
        let next = part(number);
        if document.len() + next.len() > MAX_DOCUMENT_BYTES {
            return document;
        }
        document.push_str(&next);
        number += 1;
    }
}

/// Why a document is refused: every way of asking has the same answer.
fn limit(document: &str) -> (&'static str, usize) {
    let error = verify(document.as_bytes(), &AlgorithmPolicy::new(true)).unwrap_err();
    let VerifyError::Xml(XmlError::Limit { what, limit, .. }) = error else { unreachable!("{error}") };
    for signed in [true, false] {
        let expected = format!("more than {limit} {what} at line ");
        assert!(reason(document, signed).starts_with(&expected), "{}", reason(document, signed));
    }
    (what, limit)
}

#[test]
fn a_million_attributes() {
    assert_eq!(limit(&filled("<r", |number| format!(" a{number}=''"))), ("attributes", 64));
    // The same name again and again, and none that ends.
    assert_eq!(limit(&filled("<r", |_| " a=''".into())), ("attributes", 64));
    let spread = filled("<r>", |_| {
        let attributes = (10..74).map(|number| format!(" a{number}=''")).collect::<Vec<_>>().concat();
        format!("<a{attributes}/>")
    });
    // Not too many on any element: answered all the same.
    let error = verify(format!("{spread}</r>").as_bytes(), &AlgorithmPolicy::new(true)).unwrap_err();
    assert!(matches!(error, VerifyError::Root { .. } | VerifyError::Xml(_)), "{error}");
}

#[test]
fn a_million_namespaces() {
    assert_eq!(limit(&filled("<r", |number| format!(" xmlns:a{number}='u:'"))), ("attributes", 64));
    let deeper = |number| {
        let declarations = (0..60).map(|at| format!(" xmlns:a{}='u:'", 60 * number + at));
        format!("<r{}>", declarations.collect::<Vec<_>>().concat())
    };
    assert_eq!(limit(&filled("", deeper)), ("namespaces in scope", 64));
    // Redeclared at every level, there are never many in scope.
    let redeclared = filled("", |number| format!("<r xmlns:a='u:{number}'>"));
    assert_eq!(limit(&redeclared), ("levels of elements", 100));
    assert_eq!(limit(&filled("<r>", |number| format!("<a xmlns:b='u:{number}'/>"))), ("nodes", 100_000));
}

#[test]
fn a_million_levels() {
    assert_eq!(limit(&filled("", |_| "<a>".into())), ("levels of elements", 100));
    let empty = format!("<rdf:RDF xmlns:rdf='{RDF}'>");
    assert_eq!(limit(&filled(&empty, |_| "<rdf:Description>".into())), ("levels of elements", 100));
}

#[test]
fn a_million_nodes() {
    for part in ["<a/>", "<!---->", "<?a?>", "x<a/>", "<![CDATA[]]>"] {
        assert_eq!(limit(&filled("<r>", |_| part.into())), ("nodes", 100_000), "{part}");
    }
    let start = signed("", "", "").replace("</Signature></rdf:RDF>", "");
    assert_eq!(limit(&filled(&start, |_| "<Signature/>".into())), ("nodes", 100_000));
}

#[test]
fn documents_beyond_the_limit() {
    let document = filled("<r>", |_| "x".repeat(1000)) + &"x".repeat(1001);
    assert!(document.len() > MAX_DOCUMENT_BYTES);
    let error = verify(document.as_bytes(), &AlgorithmPolicy::new(true)).unwrap_err();
    assert!(matches!(error, VerifyError::Xml(XmlError::TooLarge { limit: MAX_DOCUMENT_BYTES })), "{error}");
}

/// A stream that begins so, repeats a part without end, and counts what was taken of it.
struct Endless {
    start: io::Cursor<Vec<u8>>,
    part: Vec<u8>,
    taken: usize,
}

impl Read for Endless {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = match self.start.read(buffer)? {
            0 => {
                let at = self.taken % self.part.len();
                let length = buffer.len().min(self.part.len() - at);
                buffer[..length].copy_from_slice(&self.part[at..at + length]);
                length
            }
            length => length,
        };
        self.taken += length;
        Ok(length)
    }
}

/// Attributes, declarations, levels, text, comments and instructions without end: no more is read
/// than an entry may have, in a list and alone.
#[test]
fn streams_without_end() {
    let starts = [format!("<metadata><rdf:RDF xmlns:rdf='{RDF}'"), format!("<rdf:RDF xmlns:rdf='{RDF}'")];
    for start in starts {
        for part in [" a=''", " xmlns:a='u:'", "><a", "><a/", ">xxxxx<a/", "><!-- --", "><?p?", "x", "='"] {
            let start = io::Cursor::new(start.clone().into_bytes());
            let mut stream = Endless { start, part: part.repeat(10_000).into_bytes(), taken: 0 };
            match entries(&mut stream).next() {
                Some(Err(EntriesError::TooLarge { number: 1, limit })) => {
                    assert_eq!(limit, MAX_DOCUMENT_BYTES);
                }
                Some(Err(error)) => assert!(matches!(error, EntriesError::List { .. }), "{part}: {error}"),
                Some(Ok(entry)) => {
                    let error = verify(&entry, &AlgorithmPolicy::new(true)).unwrap_err();
                    assert!(matches!(error, VerifyError::Xml(_)), "{part}: {error}");
                }
                None => unreachable!("{part}"),
            }
            assert!(stream.taken < 2 * MAX_DOCUMENT_BYTES, "{part}: {}", stream.taken);
        }
    }
}

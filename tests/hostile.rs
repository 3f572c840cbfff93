//! Small documents made to cost much: each is refused at its price, not at its author's.
//!
//! Without the bound that refuses it, each of these takes minutes or gigabytes.

#![allow(clippy::unwrap_used, reason = "a test that cannot make its material has failed")]

use std::fmt::Write as _;

use stratuslab::{
    Timestamp,
    dsig::NAMESPACE,
    validate::{Options, Report, validate},
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

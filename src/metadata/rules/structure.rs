//! Structure: what the originals' XML Schema says, without an XML Schema processor.

use roxmltree::Node;

use super::{
    DCTERMS, Entry, Errors, RDF, RuleError, SLC, SLREQ, SLTERMS, Stage, StructureError, children, is,
    is_white_space, shown, stray_signature_part, text_of, usual_name,
};
use crate::{Checksum, ChecksumAlgorithm, Email, metadata::namespace::XML};

/// The root is `rdf:RDF` and has an `xml:base` and no other attribute.
pub(super) fn root(entry: &Entry, errors: &mut Errors) {
    let root = entry.root;
    if !is(&root, RDF, "RDF") {
        errors.push(StructureError::Root { root: usual_name(root) }.into());
    }
    if !root.has_attribute((XML, "base")) {
        errors.push(missing_attribute(root, "xml:base"));
    }
    only_attributes(root, &[(XML, "base")], errors);
}

/// The root holds exactly one `rdf:Description`, which has an `rdf:about` and no other attribute.
pub(super) fn description(entry: &Entry, errors: &mut Errors) {
    no_text(entry.root, errors);
    let count = children(entry.root, RDF, "Description").count();
    if count != 1 {
        errors.push(wrong_count("rdf:RDF", "exactly 1", "rdf:Description", count));
    }
    for child in entry.root.children().filter(|child| child.is_element() && !is(child, RDF, "Description")) {
        errors.push(unexpected(child));
    }
    let Some(description) = entry.description else { return };
    no_text(description, errors);
    match description.attribute((RDF, "about")) {
        None => errors.push(missing_attribute(description, "rdf:about")),
        Some(about) => {
            let digits = about.strip_prefix('#').unwrap_or_default();
            let digit = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
            if digits.len() != crate::identifier::IDENTIFIER_LENGTH || !digits.bytes().all(digit) {
                errors.push(
                    StructureError::Value {
                        element: "rdf:about".into(),
                        value: shown(about),
                        wanted: "'#' and an identifier of 27 characters",
                    }
                    .into(),
                );
            }
        }
    }
    only_attributes(description, &[(RDF, "about")], errors);
}

/// Identifier, bytes and endorsement are there once, checksums at least once; size and SHA-512 of
/// the compressed file both or not at all.
pub(super) fn elements(entry: &Entry, errors: &mut Errors) {
    for (namespace, name, element, wanted, fits) in [
        (RDF, "type", "rdf:type", "at most 1", (|n| n <= 1) as fn(usize) -> bool),
        (DCTERMS, "identifier", "dcterms:identifier", "exactly 1", |n| n == 1),
        (SLREQ, "bytes", "slreq:bytes", "exactly 1", |n| n == 1),
        (SLREQ, "checksum", "slreq:checksum", "at least 1", |n| n >= 1),
        (SLREQ, "endorsement", "slreq:endorsement", "exactly 1", |n| n == 1),
        (SLC, "bytes", "slc:bytes", "at most 1", |n| n <= 1),
        (SLC, "sha512", "slc:sha512", "at most 1", |n| n <= 1),
    ] {
        let count = entry.all(namespace, name).count();
        if !fits(count) {
            errors.push(wrong_count("rdf:Description", wanted, element, count));
        }
    }
    let there = |name| entry.all(SLC, name).next().is_some();
    let (present, missing) = match (there("bytes"), there("sha512")) {
        (true, false) => ("slc:bytes", "slc:sha512"),
        (false, true) => ("slc:sha512", "slc:bytes"),
        _ => return,
    };
    errors.push(StructureError::Alone { present, missing }.into());
}

/// Type, identifier, bytes, checksums, endorsement stand first, in this order.
pub(super) fn order(entry: &Entry, errors: &mut Errors) {
    let Some(description) = entry.description else { return };
    let rank = |element: &Node| match (element.tag_name().namespace(), element.tag_name().name()) {
        (Some(RDF), "type") => 0,
        (Some(DCTERMS), "identifier") => 1,
        (Some(SLREQ), "bytes") => 2,
        (Some(SLREQ), "checksum") => 3,
        (Some(SLREQ), "endorsement") => 4,
        _ => 5,
    };
    let mut highest = 0;
    for child in description.children().filter(Node::is_element) {
        if rank(&child) < highest {
            errors.push(StructureError::Order { element: usual_name(child) }.into());
            return;
        }
        highest = rank(&child);
    }
}

/// Every element of a known vocabulary, at any depth, has the content its vocabulary gives it.
pub(super) fn values(entry: &Entry, errors: &mut Errors) {
    let Some(description) = entry.description else { return };
    for element in description.descendants().skip(1).filter(Node::is_element) {
        match (element.tag_name().namespace(), element.tag_name().name()) {
            (Some(DCTERMS), _) => {
                only_attributes(element, &[(XML, "lang")], errors);
                text_only(element, errors);
            }
            (Some(SLREQ), "bytes") => {
                integer(element, u64::MAX, "a number of bytes", errors);
                only_attributes(element, &[], errors);
            }
            (Some(SLREQ), "checksum") => checksum(element, errors),
            (Some(SLREQ), "endorsement") => endorsement(element, entry.stage, errors),
            (Some(SLC), "bytes") => integer(element, u64::MAX, "a number of bytes", errors),
            (Some(SLC), "sha512") => {
                text_only(element, errors);
                if Checksum::from_hex(ChecksumAlgorithm::Sha512, &text_of(element)).is_err() {
                    errors.push(wrong_value(element, "a hexadecimal number of 128 digits"));
                }
            }
            (Some(SLTERMS), "serial-number") => integer(element, u64::MAX, "a non-negative integer", errors),
            (Some(SLTERMS), "inbound-port" | "outbound-port") => {
                integer(element, 65535, "a port number from 0 to 65535", errors);
            }
            (Some(SLTERMS), "icmp") => integer(element, 255, "an ICMP type from 0 to 255", errors),
            (
                Some(SLTERMS),
                "location" | "version" | "hypervisor" | "deprecated" | "os" | "os-arch" | "os-version",
            ) => text_only(element, errors),
            _ => {}
        }
    }
}

/// Nothing below the description may say what it speaks of: the triples would not be the entry's.
pub(super) fn subjects(entry: &Entry, errors: &mut Errors) {
    let Some(description) = entry.description else { return };
    for element in description.descendants().skip(1).filter(Node::is_element) {
        for attribute in element.attributes() {
            let name = match (attribute.namespace(), attribute.name()) {
                (Some(RDF), name @ ("about" | "ID" | "nodeID")) => format!("rdf:{name}"),
                (Some(XML), "base") => "xml:base".to_owned(),
                _ => continue,
            };
            errors.push(StructureError::Attribute { element: usual_name(element), attribute: name }.into());
        }
    }
}

/// Nothing outside the signature may look like one.
pub(super) fn signature_namespace(entry: &Entry, errors: &mut Errors) {
    if let Some(name) = stray_signature_part(entry.root) {
        errors.push(
            StructureError::Unexpected { child: format!("ds:{name}"), parent: "the content".into() }.into(),
        );
    }
}

fn checksum(element: Node, errors: &mut Errors) {
    resource(element, errors);
    sequence(
        element,
        "slreq:checksum",
        &[("algorithm", "slreq:algorithm"), ("value", "slreq:value")],
        errors,
    );
    for part in element.children().filter(|part| is(part, SLREQ, "algorithm") || is(part, SLREQ, "value")) {
        text_only(part, errors);
        let text = text_of(part);
        let hexadecimal = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        if part.tag_name().name() == "value" && !hexadecimal {
            errors.push(wrong_value(part, "a hexadecimal number"));
        }
    }
}

fn endorsement(element: Node, stage: Stage, errors: &mut Errors) {
    resource(element, errors);
    if stage == Stage::Unsigned && element.first_element_child().is_none() {
        return no_text(element, errors);
    }
    no_text(element, errors);
    for (namespace, name, usual) in
        [(DCTERMS, "created", "dcterms:created"), (SLREQ, "endorser", "slreq:endorser")]
    {
        let count = children(element, namespace, name).count();
        if count != 1 {
            errors.push(wrong_count("slreq:endorsement", "exactly 1", usual, count));
        }
    }
    let expected = |node: &Node| is(node, DCTERMS, "created") || is(node, SLREQ, "endorser");
    for child in element.children().filter(|child| child.is_element() && !expected(child)) {
        errors.push(unexpected(child));
    }
    if element.first_element_child().is_some_and(|first| is(&first, SLREQ, "endorser")) {
        errors.push(StructureError::Order { element: "dcterms:created in slreq:endorsement".into() }.into());
    }
    for endorser in children(element, SLREQ, "endorser") {
        resource(endorser, errors);
        let parts = [("email", "slreq:email"), ("subject", "slreq:subject"), ("issuer", "slreq:issuer")];
        sequence(endorser, "slreq:endorser", &parts, errors);
        for part in endorser.children().filter(Node::is_element) {
            text_only(part, errors);
        }
        for email in children(endorser, SLREQ, "email") {
            if text_of(email).parse::<Email>().is_err() {
                errors.push(wrong_value(email, "an e-mail address"));
            }
        }
    }
}

/// Exactly these `slreq` children, each once, in this order.
fn sequence(parent: Node, usual: &'static str, wanted: &[(&'static str, &'static str)], errors: &mut Errors) {
    no_text(parent, errors);
    for &(name, element) in wanted {
        let count = children(parent, SLREQ, name).count();
        if count != 1 {
            errors.push(wrong_count(usual, "exactly 1", element, count));
        }
    }
    let rank = |child: &Node| wanted.iter().position(|(name, _)| is(child, SLREQ, name));
    let mut highest = 0;
    for child in parent.children().filter(Node::is_element) {
        match rank(&child) {
            None => errors.push(unexpected(child)),
            Some(rank) if rank < highest => {
                errors.push(StructureError::Order { element: usual_name(child) }.into());
            }
            Some(rank) => highest = rank,
        }
    }
}

/// The attributes of an element that is a resource of its own: `rdf:parseType="Resource"` or none.
fn resource(element: Node, errors: &mut Errors) {
    for attribute in element.attributes() {
        match (attribute.namespace(), attribute.name(), attribute.value()) {
            // On the attribute in no namespace the RDF rule has the say.
            (Some(RDF) | None, "parseType", "Resource") => {}
            (_, name, _) => {
                let (element, attribute) = (usual_name(element), shown(name));
                errors.push(StructureError::Attribute { element, attribute }.into());
            }
        }
    }
}

fn integer(element: Node, highest: u64, wanted: &'static str, errors: &mut Errors) {
    text_only(element, errors);
    // xs:nonNegativeInteger: white space collapses, a plus sign is allowed, so is minus zero.
    let text = text_of(element);
    let text = text.trim_matches([' ', '\t', '\n', '\r']);
    let negative = text.strip_prefix('-');
    let digits = negative.or_else(|| text.strip_prefix('+')).unwrap_or(text);
    let value =
        digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse::<u64>().ok()).flatten();
    if !value.is_some_and(|value| value <= highest && (negative.is_none() || value == 0)) {
        errors.push(wrong_value(element, wanted));
    }
}

fn text_only(element: Node, errors: &mut Errors) {
    if let Some(child) = element.first_element_child() {
        errors.push(unexpected(child));
    }
    if element.tag_name().namespace() != Some(DCTERMS) {
        only_attributes(element, &[], errors);
    }
}

fn no_text(element: Node, errors: &mut Errors) {
    if !is_white_space(&text_of(element)) {
        let (child, parent) = ("text".to_owned(), usual_name(element));
        errors.push(StructureError::Unexpected { child, parent }.into());
    }
}

fn only_attributes(element: Node, allowed: &[(&str, &str)], errors: &mut Errors) {
    for attribute in element.attributes() {
        let name = (attribute.namespace().unwrap_or_default(), attribute.name());
        // `subjects` has the last word on these.
        if !allowed.contains(&name) && !matches!(name, (RDF, "about" | "ID" | "nodeID")) {
            let (element, attribute) = (usual_name(element), shown(name.1));
            errors.push(StructureError::Attribute { element, attribute }.into());
        }
    }
}

fn missing_attribute(element: Node, attribute: &'static str) -> RuleError {
    StructureError::MissingAttribute { element: usual_name(element), attribute }.into()
}

fn unexpected(child: Node) -> RuleError {
    let parent = child.parent_element().map(usual_name).unwrap_or_default();
    StructureError::Unexpected { child: usual_name(child), parent }.into()
}

fn wrong_count(parent: &'static str, wanted: &'static str, element: &'static str, count: usize) -> RuleError {
    StructureError::Count { parent, wanted, element, count }.into()
}

fn wrong_value(element: Node, wanted: &'static str) -> RuleError {
    StructureError::Value { element: usual_name(element), value: shown(&text_of(element)), wanted }.into()
}

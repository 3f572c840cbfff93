//! What an entry must look like: structure, then constraints, then RDF, one function a rule.
//!
//! The rules look at exact paths only, and every violation is found, not just the first.

use std::borrow::Cow;

use oxrdfxml::RdfXmlParser;
use roxmltree::{Document, Namespace, Node};

use crate::{
    ChecksumAlgorithm, Identifier,
    dsig::{self, stray_signature_part},
    identifier::IdentifierError,
    metadata::namespace::{DCTERMS, RDF, SLC, SLREQ, SLTERMS},
    xml::{Splitter, XmlError, children, is, is_white_space, splitter, text_of},
};

mod constraints;
mod structure;

/// How much of the structure old tools got wrong is accepted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Leniency {
    /// None of it.
    #[default]
    Strict,
    /// What the original `stratus-deprecate-metadata` wrote and Marketplaces hold: elements out
    /// of order, and a `parseType` without namespace. [`RuleError::tolerable`] tells which.
    OldEntries,
}

/// What stage of its life the entry is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// The endorsement may still be empty.
    Unsigned,
    /// The endorsement must be complete.
    Endorsed,
}

/// A rule that an entry breaks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RuleError {
    /// The text cannot be parsed.
    #[error(transparent)]
    Xml(#[from] XmlError),
    /// The structure is not that of an entry.
    #[error("XML schema validation exception: {0}")]
    Structure(#[from] StructureError),
    /// `xml:base` of the root.
    #[error("root element must have xml:base attribute with value http://mp.stratuslab.eu/")]
    Base,
    /// An element that must be there once.
    #[error("description must have exactly 1 {element} element")]
    ExactlyOne {
        /// Its qualified name.
        element: &'static str,
    },
    /// `dcterms:type` with child elements.
    #[error("dcterms:type cannot have child elements")]
    TypeChildren,
    /// No or several SHA-1 checksums.
    #[error("description must have exactly 1 slreq:checksum element using SHA-1 algorithm")]
    OneSha1,
    /// An element that may be there once.
    #[error("description must have at most 1 {element} element")]
    AtMostOne {
        /// Its qualified name.
        element: &'static str,
    },
    /// `rdf:about` and `dcterms:identifier` differ.
    #[error("rdf:about attribute ({about}) and dcterms:identifier ({identifier}) are not consistent")]
    About {
        /// The attribute, with its `#`.
        about: String,
        /// The element.
        identifier: String,
    },
    /// `dcterms:identifier` is none.
    #[error(transparent)]
    Identifier(#[from] IdentifierError),
    /// A checksum value that its algorithm does not produce.
    #[error("{value} is not a valid {algorithm} checksum")]
    Checksum {
        /// The algorithm.
        algorithm: ChecksumAlgorithm,
        /// The value.
        value: String,
    },
    /// The identifier is that of another image.
    #[error("checksum from identifier ({identifier}) and SHA-1 checksum ({checksum}) are not consistent")]
    Inconsistent {
        /// The identifier as a decimal number.
        identifier: String,
        /// The SHA-1 as a decimal number.
        checksum: String,
    },
    /// A date of the wrong form.
    #[error("{element} value ({value}) is not a valid date")]
    NotADate {
        /// Its qualified name.
        element: &'static str,
        /// The value.
        value: String,
    },
    /// A date that is not in the calendar.
    #[error("Unparseable date: \"{value}\"")]
    NoSuchDate {
        /// The value.
        value: String,
    },
    /// A value with a comment or a processing instruction in it.
    #[error("the value of {element} has {what} in it, so that readers differ in what it is")]
    SplitValue {
        /// Its usual name.
        element: String,
        /// `a comment` or `a processing instruction`.
        what: &'static str,
    },
    /// Not RDF/XML.
    #[error("invalid RDF/XML: {what}")]
    Rdf {
        /// The parser's words.
        what: String,
    },
}

/// How a structure differs from that of an entry (the original's XML Schema).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StructureError {
    /// The root is no `rdf:RDF`.
    #[error("the root element is {root}, not rdf:RDF")]
    Root {
        /// Its local name.
        root: String,
    },
    /// An attribute is missing.
    #[error("{element} lacks the attribute {attribute}")]
    MissingAttribute {
        /// The element.
        element: String,
        /// The attribute.
        attribute: &'static str,
    },
    /// An attribute that may not be there.
    #[error("{element} may not have the attribute {attribute}")]
    Attribute {
        /// The element.
        element: String,
        /// The attribute.
        attribute: String,
    },
    /// `parseType` without namespace, as the original deprecate command wrote it.
    #[error("the parseType attribute of {element} is in no namespace")]
    UnqualifiedParseType {
        /// The element.
        element: String,
    },
    /// A child that may not be there.
    #[error("unexpected {child} in {parent}")]
    Unexpected {
        /// The child.
        child: String,
        /// The parent.
        parent: String,
    },
    /// A child is missing, or there too often.
    #[error("{parent} must have {wanted} {element}, it has {count}")]
    Count {
        /// The parent.
        parent: &'static str,
        /// How many there must be.
        wanted: &'static str,
        /// The child.
        element: &'static str,
        /// How many there are.
        count: usize,
    },
    /// Of two elements that belong together, one is there alone.
    #[error("there is {present} without {missing}")]
    Alone {
        /// The one.
        present: &'static str,
        /// The other.
        missing: &'static str,
    },
    /// The right children in the wrong order.
    #[error("{element} is out of order: identifier, bytes, checksums, endorsement, then all else")]
    Order {
        /// The first that is too late.
        element: String,
    },
    /// A value not of the element's type.
    #[error("the value '{value}' of {element} is not {wanted}")]
    Value {
        /// The element.
        element: String,
        /// Its value.
        value: String,
        /// What it must be.
        wanted: &'static str,
    },
}

impl RuleError {
    /// Whether [`Leniency::OldEntries`] lets an entry pass that breaks this rule.
    pub fn tolerable(&self) -> bool {
        matches!(
            self,
            Self::Structure(StructureError::Order { .. } | StructureError::UnqualifiedParseType { .. })
        )
    }

    /// Whether an entry that breaks this rule is refused under `leniency`.
    pub fn refuses(&self, leniency: Leniency) -> bool {
        leniency == Leniency::Strict || !self.tolerable()
    }
}

/// What a rule found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The rule's name.
    pub rule: &'static str,
    /// The violations; empty if the rule is kept.
    pub errors: Vec<RuleError>,
    /// Whether the rule was applied: RDF is not looked for where other rules are broken.
    pub applied: bool,
}

/// The most violations kept of one rule: more say nothing more.
const MAX_ERRORS: usize = 100;
/// The longest name or value shown in an error, in characters.
const MAX_SHOWN: usize = 100;

/// The violations of one rule, up to [`MAX_ERRORS`].
#[derive(Default)]
struct Errors(Vec<RuleError>);

impl Errors {
    fn push(&mut self, error: RuleError) {
        if self.0.len() < MAX_ERRORS {
            self.0.push(error);
        }
    }
}

impl Finding {
    /// Whether the entry is refused for it under `leniency`.
    pub fn refuses(&self, leniency: Leniency) -> bool {
        self.errors.iter().any(|error| error.refuses(leniency))
    }
}

type Rule = fn(&Entry, &mut Errors);

/// The rules, in the order in which they decide.
const RULES: [(&str, Rule); 17] = [
    ("root", structure::root),
    ("description", structure::description),
    ("elements", structure::elements),
    ("order", structure::order),
    ("values", structure::values),
    ("subjects", structure::subjects),
    ("signature-namespace", structure::signature_namespace),
    ("base", constraints::base),
    ("type", constraints::image_type),
    ("one-sha1", constraints::one_sha1),
    ("single-elements", constraints::single_elements),
    ("about", constraints::about),
    ("identifier", constraints::identifier),
    ("checksums", constraints::checksums),
    ("identifier-sha1", constraints::identifier_is_sha1),
    ("valid-date", constraints::valid_date),
    ("endorsement-date", constraints::endorsement_date),
];

/// An entry as the rules see it.
struct Entry<'a, 'i> {
    root: Node<'a, 'i>,
    /// The first `rdf:Description`, if the root has any.
    description: Option<Node<'a, 'i>>,
    stage: Stage,
}

impl<'a, 'i> Entry<'a, 'i> {
    /// The children of the description with this name.
    fn all(
        &self,
        namespace: &'static str,
        name: &'static str,
    ) -> impl Iterator<Item = Node<'a, 'i>> + use<'a, 'i> {
        self.description.into_iter().flat_map(move |description| children(description, namespace, name))
    }

    /// The text of the first of them.
    fn text(&self, namespace: &'static str, name: &'static str) -> Option<String> {
        self.all(namespace, name).next().map(|element| text_of(element).into_owned())
    }

    fn identifier(&self) -> Option<Result<Identifier, IdentifierError>> {
        self.text(DCTERMS, "identifier").map(|text| text.parse())
    }

    /// The value of the first SHA-1 checksum.
    fn sha1(&self) -> Option<String> {
        self.all(SLREQ, "checksum")
            .find(|checksum| is_algorithm(*checksum, ChecksumAlgorithm::Sha1))
            .and_then(|checksum| children(checksum, SLREQ, "value").next())
            .map(|value| text_of(value).into_owned())
    }
}

/// Applies every rule to the entry in `tree`, which has no signature any more.
pub(crate) fn check(tree: &Document, stage: Stage) -> Vec<Finding> {
    let root = tree.root_element();
    let entry = Entry { root, description: children(root, RDF, "Description").next(), stage };
    let apply = |(rule, apply): (&'static str, Rule)| {
        let mut errors = Errors::default();
        apply(&entry, &mut errors);
        Finding { rule, errors: errors.0, applied: true }
    };
    let mut findings: Vec<Finding> = RULES.into_iter().map(apply).collect();
    // The RDF parser is fast and frugal with documents that keep the other rules only.
    let broken = findings.iter().flat_map(|finding| &finding.errors).any(|error| !error.tolerable());
    findings.push(if broken {
        Finding { rule: "rdf", errors: Vec::new(), applied: false }
    } else {
        apply(("rdf", rdf))
    });
    findings
}

/// Values are in one piece. `root` is that of the document as it was written: in what is digested
/// there are no comments any more. The signature's own values are the business of `dsig`.
pub(crate) fn whole_values(root: Node) -> Finding {
    let mut errors = Errors::default();
    let entry = root.children().filter(|child| !is(child, dsig::NAMESPACE, "Signature"));
    for element in entry.flat_map(|child| child.descendants()) {
        let what = match splitter(element) {
            None => continue,
            Some(Splitter::Comment) => "a comment",
            Some(Splitter::Instruction) => "a processing instruction",
        };
        errors.push(RuleError::SplitValue { element: usual_name(element), what });
    }
    Finding { rule: "whole-values", errors: errors.0, applied: true }
}

/// RDF 1.1 XML Syntax: the whole entry must be readable as triples. `parseType` in no namespace is
/// an error of its own, and then read as in RDF's, as processors of the 2004 syntax do (§6.1.4).
fn rdf(entry: &Entry, errors: &mut Errors) {
    let text = entry.root.document().input_text();
    let named = |namespace: &&Namespace| namespace.uri() == RDF && namespace.name().is_some();
    let prefix = entry.root.namespaces().find(named).and_then(Namespace::name).unwrap_or("rdf");
    let (mut qualified, mut done) = (String::new(), 0);
    for element in entry.root.descendants() {
        for attribute in element.attributes().filter(|a| a.namespace().is_none() && a.name() == "parseType") {
            errors.push(StructureError::UnqualifiedParseType { element: usual_name(element) }.into());
            qualified.extend([&text[done..attribute.range().start], prefix, ":"]);
            done = attribute.range().start;
        }
    }
    let text = if done == 0 { Cow::Borrowed(text) } else { Cow::Owned(qualified + &text[done..]) };
    if let Some(Err(error)) = RdfXmlParser::new().for_slice(text.as_bytes()).find(Result::is_err) {
        errors.push(RuleError::Rdf { what: error.to_string() });
    }
}

fn is_algorithm(checksum: Node, algorithm: ChecksumAlgorithm) -> bool {
    children(checksum, SLREQ, "algorithm").any(|element| text_of(element) == algorithm.name())
}

/// The name people know an element by: the usual prefix and the local name.
fn usual_name(element: Node) -> String {
    let name = element.tag_name();
    let prefix = match name.namespace() {
        Some(RDF) => "rdf:",
        Some(DCTERMS) => "dcterms:",
        Some(SLREQ) => "slreq:",
        Some(SLTERMS) => "slterms:",
        Some(SLC) => "slc:",
        Some(dsig::NAMESPACE) => "ds:",
        _ => "",
    };
    format!("{prefix}{}", shown(name.name()))
}

/// The start of a text that may be as long as the document.
fn shown(text: &str) -> String {
    match text.char_indices().nth(MAX_SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

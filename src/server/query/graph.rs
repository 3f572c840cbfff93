//! The RDF of one entry: what its document says of the image, and nothing else it may contain.
//!
//! The document is read by its parsed form, whatever prefixes and attributes it is written with (S8), and
//! only what hangs on the entry's own subject by the paths of behaviour 3.1 counts (S30): no other
//! subject, no `slterms:tag`, which is the server's, and no endorser, checksum or endorsement in a place
//! where an entry has none.

use std::collections::{HashMap, HashSet, VecDeque};

use oxrdf::{BlankNode, NamedNode, NamedOrBlankNode, Term, Triple};
use oxrdfxml::{RdfXmlParseError, RdfXmlParser};

use crate::{
    Identifier,
    dsig::{
        self,
        c14n::{self, Canonicalization, Mode},
    },
    metadata::{
        BASE,
        namespace::{SLREQ, SLTERMS},
    },
    server::key::EntryKey,
    xml::{Source, XmlError, children},
};

/// Statements about one entry that are kept, the first ones in document order; an entry has about 40.
pub const MAX_TRIPLES: usize = 2_000;

/// Why a document has no graph; none that was judged is such.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GraphError {
    /// It cannot be parsed.
    #[error(transparent)]
    Xml(#[from] XmlError),
    /// It is no RDF/XML.
    #[error(transparent)]
    Rdf(#[from] RdfXmlParseError),
}

/// The subject of an entry as its document has it.
pub fn document_subject(identifier: Identifier) -> NamedNode {
    NamedNode::new_unchecked(format!("{BASE}#{identifier}"))
}

/// The subject of an entry among others: its image may have been endorsed more than once (behaviour 1.14).
pub fn index_subject(key: &EntryKey) -> NamedNode {
    NamedNode::new_unchecked(format!("{BASE}#{key}"))
}

/// What a document says of the image `identifier`, as statements about `subject`: at most [`MAX_TRIPLES`],
/// each once, breadth first in document order. Blank nodes are `b1`, `b2`, … in that order, so that the same
/// document always has the same graph.
///
/// # Errors
/// [`GraphError`]: the document is no RDF/XML.
pub fn entry_graph(
    document: &[u8],
    identifier: Identifier,
    subject: &NamedNode,
) -> Result<Vec<Triple>, GraphError> {
    let mut described: HashMap<NamedOrBlankNode, Vec<(NamedNode, Term)>> = HashMap::new();
    for triple in RdfXmlParser::new().for_slice(&without_signature(document)?) {
        let Triple { subject, predicate, object } = triple.map_err(RdfXmlParseError::from)?;
        described.entry(subject).or_default().push((predicate, object));
    }
    let mut graph = Graph { triples: Vec::new(), seen: HashSet::new(), labels: HashMap::new() };
    // The blank nodes met so far whose statements are still to come, with what they stand for.
    // The nodes met so far whose statements are still to come, and what they are called here.
    let mut next: VecDeque<(NamedOrBlankNode, NamedOrBlankNode, Part)> = VecDeque::new();
    next.push_back((document_subject(identifier).into(), subject.clone().into(), Part::Entry));
    while let Some((node, name, part)) = next.pop_front() {
        // Removed, so that a node that is met again, or refers to itself, is described once.
        for (predicate, object) in described.remove(&node).unwrap_or_default() {
            let Some(object_part) = part.follow(predicate.as_str()) else { continue };
            if graph.triples.len() == MAX_TRIPLES {
                return Ok(graph.triples);
            }
            let object = match object {
                Term::BlankNode(blank) => {
                    let label = graph.label(&blank);
                    next.push_back((blank.into(), label.clone().into(), object_part));
                    label.into()
                }
                other => other,
            };
            graph.push(Triple { subject: name.clone(), predicate, object });
        }
    }
    Ok(graph.triples)
}

struct Graph {
    triples: Vec<Triple>,
    seen: HashSet<Triple>,
    labels: HashMap<BlankNode, BlankNode>,
}

impl Graph {
    fn push(&mut self, triple: Triple) {
        if self.seen.insert(triple.clone()) {
            self.triples.push(triple);
        }
    }

    /// The parser draws names for blank nodes at random.
    fn label(&mut self, blank: &BlankNode) -> BlankNode {
        let number = self.labels.len() + 1;
        let label = || BlankNode::new_unchecked(format!("b{number}"));
        self.labels.entry(blank.clone()).or_insert_with(label).clone()
    }
}

/// What of an entry a node stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Entry,
    Checksum,
    Endorsement,
    Endorser,
    /// What a structured value of another vocabulary describes.
    Other,
}

impl Part {
    /// What the value of a property of this part stands for, if it is a blank node; `None` if the property
    /// does not count here.
    fn follow(self, predicate: &str) -> Option<Self> {
        if let Some(name) = predicate.strip_prefix(SLREQ) {
            return match (self, name) {
                (Self::Entry, "checksum") => Some(Self::Checksum),
                (Self::Entry, "endorsement") => Some(Self::Endorsement),
                (Self::Endorsement, "endorser") => Some(Self::Endorser),
                (Self::Entry, "bytes")
                | (Self::Checksum, "algorithm" | "value")
                | (Self::Endorser, "email" | "subject" | "issuer") => Some(Self::Other),
                _ => None,
            };
        }
        if let Some(name) = predicate.strip_prefix(SLTERMS) {
            return (self == Self::Entry && name != "tag").then_some(Self::Other);
        }
        Some(Self::Other)
    }
}

/// The document without its signature, which is no RDF.
fn without_signature(document: &[u8]) -> Result<Vec<u8>, XmlError> {
    let source = Source::read(document)?;
    let tree = source.parse()?;
    let signature = children(tree.root_element(), dsig::NAMESPACE, "Signature").last();
    c14n::document(
        tree.root(),
        &Canonicalization::new(Mode::Inclusive),
        signature.map(|signature| signature.id()),
    )
}

#[cfg(test)]
mod tests;

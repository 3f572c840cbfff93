//! Changing an entry without re-serialising it: text is spliced, every other byte stays.

use std::ops::Range;

use quick_xml::escape::escape;
use roxmltree::Node;

use super::{
    Endorsement,
    namespace::{DCTERMS, RDF, SLREQ, SLTERMS},
};
use crate::{
    dsig,
    xml::{Source, XmlError, children, is_white_space},
};

/// Replaces the endorsement: all signatures go, all endorsements but the last go, and that one
/// is written anew where it stands. A document without any is returned without signatures.
pub(crate) fn endorse(document: &[u8], endorsement: &Endorsement) -> Result<Vec<u8>, XmlError> {
    let source = Source::read(document)?;
    let tree = source.parse()?;
    let mut splice = Splice::new(document, &source);
    let signatures = tree.descendants().filter(|node| node.has_tag_name((dsig::NAMESPACE, "Signature")));
    for signature in signatures {
        splice.replace(signature.range(), String::new());
    }
    for description in children(tree.root_element(), RDF, "Description") {
        let mut endorsements: Vec<_> = children(description, SLREQ, "endorsement").collect();
        if let Some(last) = endorsements.pop() {
            splice.replace(last.range(), endorsement_element(last, endorsement));
        }
        for earlier in endorsements {
            splice.remove_line(earlier);
        }
    }
    Ok(splice.apply())
}

/// Sets `slterms:deprecated`: in the place of the first there is, else as the last element of
/// the description.
pub(crate) fn deprecate(document: &[u8], reason: &str) -> Result<Vec<u8>, XmlError> {
    let source = Source::read(document)?;
    let tree = source.parse()?;
    let mut splice = Splice::new(document, &source);
    for description in children(tree.root_element(), RDF, "Description") {
        let mut names = Names::in_scope_of(description);
        let prefix = names.prefix(SLTERMS, "slterms");
        let declarations = names.declarations();
        let element = format!("<{prefix}deprecated{declarations}>{}</{prefix}deprecated>", escape(reason));
        let mut present = children(description, SLTERMS, "deprecated");
        if let Some(first) = present.next() {
            splice.replace(first.range(), element);
            for other in present {
                splice.remove_line(other);
            }
        } else if let Some(last) = description.last_element_child() {
            let end = last.range().end;
            splice.replace(end..end, format!("{}{element}", indentation(last)));
        }
    }
    Ok(splice.apply())
}

/// Puts `element` behind everything else in the root.
pub(crate) fn insert_last(document: &[u8], element: String) -> Result<Vec<u8>, XmlError> {
    let source = Source::read(document)?;
    let tree = source.parse()?;
    let root = tree.root_element().range();
    let end_tag = source.text()[root.clone()].rfind("</").map_or(root.end, |position| root.start + position);
    let mut splice = Splice::new(document, &source);
    splice.replace(end_tag..end_tag, element);
    Ok(splice.apply())
}

/// Replacements of parts of a document.
struct Splice<'d> {
    document: &'d [u8],
    source: &'d Source<'d>,
    replacements: Vec<(Range<usize>, String)>,
}

impl<'d> Splice<'d> {
    fn new(document: &'d [u8], source: &'d Source<'d>) -> Self {
        Self { document, source, replacements: Vec::new() }
    }

    fn replace(&mut self, range: Range<usize>, by: String) {
        self.replacements.push((range, by));
    }

    /// Removes an element and the white space before it.
    fn remove_line(&mut self, element: Node) {
        let range = element.range();
        self.replace(range.start - indentation(element).len()..range.end, String::new());
    }

    fn apply(mut self) -> Vec<u8> {
        self.replacements.sort_by_key(|(range, _)| (range.start, range.end));
        let (mut result, mut done) = (Vec::with_capacity(self.document.len()), 0);
        for (range, by) in self.replacements {
            let [start, end] = [range.start, range.end].map(|offset| self.source.original_offset(offset));
            if start >= done {
                result.extend_from_slice(&self.document[done..start]);
                result.extend_from_slice(by.as_bytes());
                done = end;
            }
        }
        result.extend_from_slice(&self.document[done..]);
        result
    }
}

/// The white space before an element, from its last line feed on; none if it has no line of its own.
fn indentation<'i>(element: Node<'_, 'i>) -> &'i str {
    let before = &element.document().input_text()[..element.range().start];
    let start = before.rfind('\n').unwrap_or(before.len());
    if is_white_space(&before[start..]) { &before[start..] } else { "" }
}

fn endorsement_element(old: Node, endorsement: &Endorsement) -> String {
    let parent = old.parent_element().unwrap_or(old);
    let mut names = Names::in_scope_of(parent);
    let (rdf, slreq, dcterms) =
        (names.attribute_prefix(RDF, "rdf"), names.prefix(SLREQ, "slreq"), names.prefix(DCTERMS, "dcterms"));
    let declarations = names.declarations();
    let outer = indentation(old);
    let step = match outer {
        "" => "",
        tabs if tabs.ends_with('\t') => "\t",
        _ => "    ",
    };
    let (inner, innermost) = (format!("{outer}{step}"), format!("{outer}{step}{step}"));
    let Endorsement { created, endorser } = endorsement;
    let part =
        |name: &str, value: &str| format!("{innermost}<{slreq}{name}>{}</{slreq}{name}>", escape(value));
    [
        format!("<{slreq}endorsement{declarations} {rdf}parseType=\"Resource\">"),
        format!("{inner}<{dcterms}created>{created}</{dcterms}created>"),
        format!("{inner}<{slreq}endorser {rdf}parseType=\"Resource\">"),
        part("email", endorser.email.as_str()),
        part("subject", endorser.subject.as_str()),
        part("issuer", endorser.issuer.as_str()),
        format!("{inner}</{slreq}endorser>"),
        format!("{outer}</{slreq}endorsement>"),
    ]
    .concat()
}

/// Prefixes for what is written, and the declarations it needs besides those in scope.
struct Names {
    /// Prefix (empty for the default namespace) and URI.
    known: Vec<(String, String)>,
    fresh: Vec<(String, &'static str)>,
}

impl Names {
    fn in_scope_of(parent: Node) -> Self {
        let known = parent
            .namespaces()
            .map(|namespace| (namespace.name().unwrap_or_default().to_owned(), namespace.uri().to_owned()));
        Self { known: known.collect(), fresh: Vec::new() }
    }

    /// What to write before the local name of an element: `prefix:`, or nothing.
    fn prefix(&mut self, uri: &'static str, usual: &str) -> String {
        match self.known.iter().find(|(_, known)| known == uri) {
            Some((prefix, _)) if prefix.is_empty() => String::new(),
            Some((prefix, _)) => format!("{prefix}:"),
            None => self.declare(uri, usual),
        }
    }

    /// The same for an attribute, which the default namespace does not reach.
    fn attribute_prefix(&mut self, uri: &'static str, usual: &str) -> String {
        match self.known.iter().find(|(prefix, known)| known == uri && !prefix.is_empty()) {
            Some((prefix, _)) => format!("{prefix}:"),
            None => self.declare(uri, usual),
        }
    }

    fn declare(&mut self, uri: &'static str, usual: &str) -> String {
        let mut prefix = usual.to_owned();
        while self.known.iter().any(|(taken, _)| *taken == prefix) {
            prefix.push('_');
        }
        self.known.push((prefix.clone(), uri.to_owned()));
        self.fresh.push((prefix.clone(), uri));
        format!("{prefix}:")
    }

    fn declarations(&self) -> String {
        let declarations: Vec<String> =
            self.fresh.iter().map(|(prefix, uri)| format!(" xmlns:{prefix}=\"{uri}\"")).collect();
        declarations.concat()
    }
}

#[cfg(test)]
mod tests;

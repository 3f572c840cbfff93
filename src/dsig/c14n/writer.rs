//! One pass over the tree in document order, in time that grows with the document alone.

use std::{cmp::Ordering, ptr};

use memchr::memchr;
use roxmltree::{Node, NodeId, NodeType};

use super::{Canonicalization, Mode, escape, inherited::Inherited};
use crate::{
    metadata::namespace::XML,
    xml::{MAX_CANONICAL_BYTES, MAX_DOCUMENT_BYTES, XmlError},
};

/// How many times as long as a large document its canonical form may be.
const MAX_EXPANSION: usize = MAX_CANONICAL_BYTES / MAX_DOCUMENT_BYTES;

/// How many bytes are written before they may be taken away.
pub(super) const PIECE: usize = 64 * 1024;

pub(super) struct Writer<'a, 'i> {
    algorithm: &'a Canonicalization,
    source: &'i str,
    inherited: &'a Inherited<'a>,
    /// The most bytes that are written.
    limit: usize,
    pub(super) out: Vec<u8>,
    /// How many bytes of it have been taken away.
    taken: usize,
    /// Namespace declarations in force in the output: prefix, the default one's as `""`, and name.
    in_force: Vec<(&'a str, &'a str)>,
    /// Changes to `in_force` to take back, the last first: where, and what was there if anything was.
    undo: Vec<(usize, Option<&'a str>)>,
    open: Vec<Open<'i>>,
    /// The declarations and attributes of one start tag, kept for their capacity.
    declarations: Vec<(&'a str, &'a str)>,
    attributes: Vec<Attribute<'a>>,
}

/// An element whose end tag is still to be written.
struct Open<'i> {
    name: &'i str,
    /// Index of the first node behind the element.
    end: usize,
    /// The length of `undo` before it.
    undo: usize,
}

struct Attribute<'a> {
    namespace: &'a str,
    local: &'a str,
    /// As written.
    name: &'a str,
    value: &'a str,
}

impl<'a, 'i: 'a> Writer<'a, 'i> {
    pub(super) fn new(
        start: Node<'a, 'i>,
        algorithm: &'a Canonicalization,
        inherited: &'a Inherited<'a>,
        capacity: usize,
    ) -> Self {
        let source = start.document().input_text();
        Self {
            algorithm,
            source,
            inherited,
            limit: MAX_CANONICAL_BYTES.max(source.len().saturating_mul(MAX_EXPANSION)),
            out: Vec::with_capacity(start.range().len().min(capacity)),
            taken: 0,
            in_force: Vec::new(),
            undo: Vec::new(),
            open: Vec::new(),
            declarations: Vec::new(),
            attributes: Vec::new(),
        }
    }

    /// Writes `top` and what is in it, the element `without` and what is in that left out.
    /// `take` may take away what has been written, now and then.
    pub(super) fn subtree<E: From<XmlError>>(
        &mut self,
        top: Node<'a, 'i>,
        without: Option<NodeId>,
        take: &mut impl FnMut(&mut Vec<u8>) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut nodes = top.descendants();
        while let Some(node) = nodes.next() {
            let index = node.id().get_usize();
            while self.open.last().is_some_and(|element| element.end == index) {
                self.end_tag();
            }
            // A node adds no more than the document is long, and its escapes.
            if self.out.len() > self.limit - self.taken {
                return Err(XmlError::CanonicalForm { limit: self.limit }.into());
            }
            if self.out.len() >= PIECE {
                let written = self.out.len();
                take(&mut self.out)?;
                self.taken += written - self.out.len();
            }
            match node.node_type() {
                NodeType::Element => {
                    let length = node.descendants().len();
                    if without == Some(node.id()) {
                        if length > 1 {
                            nodes.nth(length - 2);
                        }
                        continue;
                    }
                    let undo = self.undo.len();
                    let name = self.start_tag(node, node == top);
                    self.open.push(Open { name, end: index + length, undo });
                }
                NodeType::Text => escape::text(node.text().unwrap_or_default(), &mut self.out),
                NodeType::Comment if self.algorithm.comments => {
                    self.write(["<!--", node.text().unwrap_or_default(), "-->"]);
                }
                NodeType::PI => match node.pi().map(|pi| (pi.target, pi.value)) {
                    Some((target, Some(value))) => self.write(["<?", target, " ", value, "?>"]),
                    Some((target, None)) => self.write(["<?", target, "?>"]),
                    None => {}
                },
                NodeType::Comment | NodeType::Root => {}
            }
        }
        while !self.open.is_empty() {
            self.end_tag();
        }
        Ok(())
    }

    fn end_tag(&mut self) {
        let Some(Open { name, undo, .. }) = self.open.pop() else { return };
        self.write(["</", name, ">"]);
        for (index, before) in self.undo.drain(undo..).rev() {
            match before {
                Some(before) => self.in_force[index].1 = before,
                None => self.in_force.truncate(index),
            }
        }
    }

    /// The element's name as written.
    fn start_tag(&mut self, element: Node<'a, 'i>, top: bool) -> &'i str {
        let start = element.range().start + 1;
        let name = qualified_name(&self.source[start..], element.tag_name().name());
        self.write(["<", name]);
        let prefix = prefix_of(name, element.tag_name().name());
        let declared = self.attributes(element, start + name.len());
        self.declare(element, prefix, declared, top);
        for index in 0..self.declarations.len() {
            let (prefix, uri) = self.declarations[index];
            self.write(if prefix.is_empty() { [" xmlns", ""] } else { [" xmlns:", prefix] });
            self.value(uri);
        }
        if top {
            self.inherit();
        }
        // In the order of the canonical form: namespace, local name (C14N 1.0 §2.3).
        if self.attributes.len() > 1 {
            self.attributes.sort_unstable_by(|a, b| {
                compare(a.namespace, b.namespace).then_with(|| a.local.cmp(b.local))
            });
        }
        for index in 0..self.attributes.len() {
            let Attribute { name, value, .. } = self.attributes[index];
            self.write([" ", name]);
            self.value(value);
        }
        self.out.push(b'>');
        name
    }

    /// Collects the attributes, and counts the namespaces declared between them. The name ends at `end`.
    fn attributes(&mut self, element: Node<'a, 'i>, end: usize) -> usize {
        let source = self.source.as_bytes();
        let (mut at, mut declared) = (end, 0);
        self.attributes.clear();
        for attribute in element.attributes() {
            let range = attribute.range();
            declared += declarations_in(&source[at..range.start]);
            at = range.end;
            self.attributes.push(Attribute {
                namespace: attribute.namespace().unwrap_or_default(),
                local: attribute.name(),
                name: &self.source[attribute.range_qname()],
                value: attribute.value(),
            });
        }
        declared + declarations_in(&source[at..])
    }

    /// Finds the namespace declarations to write. A start tag that declares nothing changes nothing
    /// in the inclusive modes (C14N 1.0 §2.3), and where no more than what a name uses is written
    /// (Exclusive C14N §3), every name knows its namespace: nobody looks through those in scope.
    fn declare(&mut self, element: Node<'a, 'i>, prefix: &'a str, declared: usize, top: bool) {
        self.declarations.clear();
        // The element's own come first, then those it inherits.
        let fresh = if top { usize::MAX } else { declared };
        if self.algorithm.mode == Mode::Exclusive {
            self.declare_listed(element, fresh);
            if prefix != "xml" {
                self.put_in_force(prefix, element.tag_name().namespace().unwrap_or_default());
            }
            for index in 0..self.attributes.len() {
                let Attribute { namespace, local, name, .. } = self.attributes[index];
                let prefix = prefix_of(name, local);
                // An attribute without prefix is in no namespace and uses none.
                if !prefix.is_empty() && prefix != "xml" {
                    self.put_in_force(prefix, namespace);
                }
            }
        } else {
            for namespace in element.namespaces().take(fresh) {
                self.put_in_force(namespace.name().unwrap_or_default(), namespace.uri());
            }
        }
        self.declarations.sort_unstable_by_key(|(prefix, _)| *prefix);
    }

    /// `InclusiveNamespaces`: the prefixes that are treated as in the inclusive modes.
    fn declare_listed(&mut self, element: Node<'a, 'i>, fresh: usize) {
        let listed = &self.algorithm.inclusive_prefixes;
        if listed.is_empty() {
            return;
        }
        for namespace in element.namespaces().take(fresh) {
            let prefix = namespace.name().unwrap_or_default();
            if listed.iter().any(|listed| listed == prefix) {
                self.put_in_force(prefix, namespace.uri());
            }
        }
    }

    /// No declaration and `xmlns=""` are the same, and neither is written at the top.
    fn put_in_force(&mut self, prefix: &'a str, uri: &'a str) {
        let index = self.in_force.iter().rposition(|(known, _)| *known == prefix);
        let before = index.map(|index| self.in_force[index].1);
        let same = match before {
            Some(before) => ptr::eq(before, uri) || before == uri,
            None => prefix.is_empty() && uri.is_empty(),
        };
        if same {
            return;
        }
        if let Some(index) = index {
            self.in_force[index].1 = uri;
            self.undo.push((index, before));
        } else {
            self.undo.push((self.in_force.len(), None));
            self.in_force.push((prefix, uri));
        }
        self.declarations.push((prefix, uri));
    }

    /// Adds the attributes the topmost element takes over.
    fn inherit(&mut self) {
        if self.inherited.replaces_base {
            self.attributes.retain(|attribute| (attribute.namespace, attribute.local) != (XML, "base"));
        }
        let taken_over = self.inherited.attributes.iter();
        self.attributes.extend(taken_over.map(|(local, name, value)| Attribute {
            namespace: XML,
            local,
            name,
            value,
        }));
    }

    /// `="value"`, escaped.
    fn value(&mut self, value: &str) {
        self.out.extend_from_slice(b"=\"");
        escape::attribute(value, &mut self.out);
        self.out.push(b'"');
    }

    fn write<const N: usize>(&mut self, parts: [&str; N]) {
        for part in parts {
            self.out.extend_from_slice(part.as_bytes());
        }
    }
}

/// The name at the front of `tag` as it is written, prefix included, of which `local` is the end.
fn qualified_name<'i>(tag: &'i str, local: &str) -> &'i str {
    let ends = |byte: Option<&u8>| {
        byte.is_none_or(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | b'/' | b'>'))
    };
    if ends(tag.as_bytes().get(local.len())) {
        return &tag[..local.len()];
    }
    let prefix = tag.bytes().position(|byte| byte == b':').map_or(0, |colon| colon + 1);
    &tag[..prefix + local.len()]
}

fn prefix_of<'a>(qualified: &'a str, local: &str) -> &'a str {
    qualified.get(..(qualified.len() - local.len()).saturating_sub(1)).unwrap_or_default()
}

/// How many namespaces are declared in this part of a start tag, which has no other attributes. The
/// `xml` prefix is not counted: its declaration says nothing (C14N 1.0 §2.3).
fn declarations_in(mut part: &[u8]) -> usize {
    let mut count = 0;
    loop {
        part = part.trim_ascii_start();
        if matches!(part.first(), None | Some(b'>' | b'/')) {
            return count;
        }
        let Some(equals) = memchr(b'=', part) else { return count };
        let (name, value) = (part[..equals].trim_ascii_end(), part[equals + 1..].trim_ascii_start());
        count += usize::from(name != b"xmlns:xml");
        let Some((quote, value)) = value.split_first() else { return count };
        let Some(end) = memchr(*quote, value) else { return count };
        part = &value[end + 1..];
    }
}

/// Orders namespace names, of which most are the very same.
fn compare(a: &str, b: &str) -> Ordering {
    if ptr::eq(a, b) { Ordering::Equal } else { a.cmp(b) }
}

#[cfg(test)]
mod tests {
    use crate::dsig::c14n::{self, Canonicalization, Mode};

    /// The parser itself takes any line ends, and leaves them in tags as they are.
    #[test]
    fn tags_may_have_any_white_space_in_them() {
        let tags = "<a:e xmlns:a='urn:a' a:b='1'><c xmlns='urn:c' d='2'><f/></c></a:e>";
        let form = |text: &str| {
            let tree = roxmltree::Document::parse(text).unwrap();
            c14n::document(tree.root(), &Canonicalization::new(Mode::Exclusive), None).unwrap()
        };
        for space in ["\r\n", "\r", "\t", " \n\r"] {
            let spaced = tags.replace(' ', space).replace('>', &format!("{space}>"));
            let spaced = spaced.replace(&format!("/{space}>"), &format!("{space}/>"));
            assert_eq!(form(&spaced), form(tags), "{spaced:?}");
        }
    }
}

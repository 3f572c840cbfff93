//! Canonical XML: inclusive 1.0 and 1.1, exclusive 1.0, with or without comments.
//!
//! The node set is a whole document, with one element left out if wanted (which is what the
//! enveloped-signature transform leaves), or the subtree of one element.

use std::collections::BTreeMap;

use roxmltree::{Node, NodeId, NodeType};

use crate::{
    metadata::namespace::XML,
    xml::{MAX_CANONICAL_BYTES, XmlError},
};

/// Which namespace declarations and inherited attributes are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mode {
    /// Canonical XML 1.0.
    Inclusive,
    /// Canonical XML 1.1: `xml:id` is not inherited.
    Inclusive11,
    /// Exclusive XML Canonicalization 1.0.
    Exclusive,
}

/// A canonicalization algorithm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Canonicalization {
    /// The standard followed.
    pub mode: Mode,
    /// Whether comments are part of the result.
    pub comments: bool,
    /// For [`Mode::Exclusive`]: `InclusiveNamespaces/@PrefixList`, the default namespace as `""`.
    pub inclusive_prefixes: Vec<String>,
}

/// The URIs (XML-DSig §6.5, RFC 6931 §2.5, Exclusive C14N §4).
const ALGORITHMS: [(&str, Mode, bool); 6] = [
    ("http://www.w3.org/TR/2001/REC-xml-c14n-20010315", Mode::Inclusive, false),
    ("http://www.w3.org/TR/2001/REC-xml-c14n-20010315#WithComments", Mode::Inclusive, true),
    ("http://www.w3.org/2006/12/xml-c14n11", Mode::Inclusive11, false),
    ("http://www.w3.org/2006/12/xml-c14n11#WithComments", Mode::Inclusive11, true),
    ("http://www.w3.org/2001/10/xml-exc-c14n#", Mode::Exclusive, false),
    ("http://www.w3.org/2001/10/xml-exc-c14n#WithComments", Mode::Exclusive, true),
];

impl Canonicalization {
    /// The algorithm without comments and without a prefix list.
    pub const fn new(mode: Mode) -> Self {
        Self { mode, comments: false, inclusive_prefixes: Vec::new() }
    }

    /// The same algorithm, with comments.
    #[must_use]
    pub fn with_comments(mut self) -> Self {
        self.comments = true;
        self
    }

    /// The algorithm's URI.
    pub fn uri(&self) -> &'static str {
        let found =
            ALGORITHMS.iter().find(|(_, mode, comments)| (*mode, *comments) == (self.mode, self.comments));
        found.map_or("", |(uri, ..)| uri)
    }

    /// The algorithm with this URI.
    pub fn from_uri(uri: &str) -> Option<Self> {
        let (_, mode, comments) = *ALGORITHMS.iter().find(|(known, ..)| *known == uri)?;
        Some(Self { mode, comments, inclusive_prefixes: Vec::new() })
    }
}

/// The canonical form of a whole document, the element `without` and what is in it left out.
///
/// # Errors
/// [`XmlError::CanonicalForm`] if it is longer than [`MAX_CANONICAL_BYTES`].
pub fn document(
    root: Node,
    algorithm: &Canonicalization,
    without: Option<NodeId>,
) -> Result<Vec<u8>, XmlError> {
    let mut writer = Writer::new(root, algorithm, without);
    let mut seen_element = false;
    for node in root.children() {
        let counts = node.is_element() || node.is_pi() || (node.is_comment() && algorithm.comments);
        if !counts {
            continue;
        }
        // C14N 1.0 §2.3: a line feed between the document element and what stands outside it.
        if seen_element {
            writer.out.push(b'\n');
        }
        writer.subtree(node)?;
        if node.is_element() {
            seen_element = true;
        } else if !seen_element {
            writer.out.push(b'\n');
        }
    }
    Ok(writer.out)
}

/// The canonical form of the subtree of `element`, which inherits namespaces and, in the
/// inclusive modes, `xml:` attributes from the ancestors outside it (C14N 1.0 §2.4).
///
/// At most one of those ancestors may have an `xml:base`: several would have to be joined in
/// C14N 1.1 (§2.4). A signature's ancestors never have more, see `element.rs`.
///
/// # Errors
/// [`XmlError::CanonicalForm`] if it is longer than [`MAX_CANONICAL_BYTES`].
pub fn subtree(element: Node, algorithm: &Canonicalization) -> Result<Vec<u8>, XmlError> {
    let mut writer = Writer::new(element, algorithm, None);
    writer.subtree(element)?;
    Ok(writer.out)
}

struct Writer<'a, 'i> {
    algorithm: &'a Canonicalization,
    source: &'i str,
    /// The topmost element written, if it may inherit `xml:` attributes.
    apex: Option<NodeId>,
    without: Option<NodeId>,
    /// Namespace declarations in force in the output: prefix to URI.
    rendered: BTreeMap<&'a str, &'a str>,
    out: Vec<u8>,
}

/// What has to be put back into `rendered` behind an end tag.
type Undo<'a> = Vec<(&'a str, Option<&'a str>)>;

/// A step of the walk, which keeps its own stack: depth is the document's to choose.
enum Step<'a, 'i> {
    Enter(Node<'a, 'i>),
    Leave(&'i str, Undo<'a>),
}

impl<'a, 'i> Writer<'a, 'i> {
    fn new(start: Node<'a, 'i>, algorithm: &'a Canonicalization, without: Option<NodeId>) -> Self {
        let apex = (start.is_element() && algorithm.mode != Mode::Exclusive).then(|| start.id());
        let source = start.document().input_text();
        Self { algorithm, source, apex, without, rendered: BTreeMap::new(), out: Vec::new() }
    }

    fn subtree(&mut self, top: Node<'a, 'i>) -> Result<(), XmlError> {
        let mut steps = vec![Step::Enter(top)];
        while let Some(step) = steps.pop() {
            // A step adds no more than the document is long, and its escapes.
            if self.out.len() > MAX_CANONICAL_BYTES {
                return Err(XmlError::CanonicalForm { limit: MAX_CANONICAL_BYTES });
            }
            match step {
                Step::Enter(node) => match node.node_type() {
                    NodeType::Element if Some(node.id()) != self.without => {
                        let name = self.qualified_name(node);
                        let undo = self.start_tag(node, name);
                        steps.push(Step::Leave(name, undo));
                        steps.extend(node.children().rev().map(Step::Enter));
                    }
                    NodeType::Text => escape_text(node.text().unwrap_or_default(), &mut self.out),
                    NodeType::Comment if self.algorithm.comments => {
                        self.write(["<!--", node.text().unwrap_or_default(), "-->"]);
                    }
                    NodeType::PI => {
                        if let Some(pi) = node.pi() {
                            match pi.value {
                                Some(value) => self.write(["<?", pi.target, " ", value, "?>"]),
                                None => self.write(["<?", pi.target, "?>"]),
                            }
                        }
                    }
                    _ => {}
                },
                Step::Leave(name, undo) => {
                    self.write(["</", name, ">"]);
                    for (prefix, uri) in undo {
                        match uri {
                            Some(uri) => self.rendered.insert(prefix, uri),
                            None => self.rendered.remove(prefix),
                        };
                    }
                }
            }
        }
        Ok(())
    }

    fn start_tag(&mut self, element: Node<'a, 'i>, name: &'i str) -> Undo<'a> {
        self.write(["<", name]);
        let mut declarations = self.declarations(element, name);
        declarations.sort_unstable();
        let mut undo = Undo::with_capacity(declarations.len());
        for (prefix, uri) in declarations {
            self.write(if prefix.is_empty() { [" xmlns", ""] } else { [" xmlns:", prefix] });
            self.attribute_value(uri);
            undo.push((prefix, self.rendered.insert(prefix, uri)));
        }
        // In the order of the canonical form: namespace, local name.
        let mut attributes: Vec<(&str, &str, &str, &str)> = element
            .attributes()
            .map(|a| (a.namespace().unwrap_or_default(), a.name(), &self.source[a.range_qname()], a.value()))
            .collect();
        let inherited = match self.apex {
            Some(apex) if apex == element.id() => inherited(element, self.algorithm.mode),
            _ => Vec::new(),
        };
        attributes.extend(
            inherited.iter().map(|(name, qualified, value)| (XML, *name, qualified.as_str(), *value)),
        );
        attributes.sort_unstable();
        for (_, _, qualified, value) in attributes {
            self.write([" ", qualified]);
            self.attribute_value(value);
        }
        self.out.push(b'>');
        undo
    }

    /// The namespace declarations to write at `element`: those in scope (inclusive, C14N 1.0
    /// §2.3) or visibly used (exclusive, §3) that are not in force in the output yet.
    fn declarations(&self, element: Node<'a, 'i>, name: &str) -> Vec<(&'a str, &'a str)> {
        let used: Option<Vec<&str>> = (self.algorithm.mode == Mode::Exclusive).then(|| {
            let attributes = element.attributes().map(|a| prefix_of(&self.source[a.range_qname()]));
            // An unprefixed attribute is in no namespace and uses none.
            attributes.filter(|prefix| !prefix.is_empty()).chain([prefix_of(name)]).collect()
        });
        let wanted = |prefix: &str| match &used {
            None => true,
            Some(used) => {
                used.contains(&prefix)
                    || self.algorithm.inclusive_prefixes.iter().any(|listed| listed == prefix)
            }
        };
        let mut default = "";
        let mut declarations = Vec::new();
        for namespace in element.namespaces() {
            match (namespace.name(), namespace.uri()) {
                (None, uri) => default = uri,
                (Some(prefix), uri) => {
                    if wanted(prefix) && self.rendered.get(prefix) != Some(&uri) {
                        declarations.push((prefix, uri));
                    }
                }
            }
        }
        // No declaration and `xmlns=""` are the same, and neither is written at the top.
        if wanted("") && self.rendered.get("").copied().unwrap_or_default() != default {
            declarations.push(("", default));
        }
        declarations
    }

    /// The name as written, prefix included: the bytes behind `<`.
    fn qualified_name(&self, element: Node<'a, 'i>) -> &'i str {
        let tag = &self.source[element.range().start + 1..];
        let ends = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | b'/' | b'>');
        &tag[..tag.as_bytes().iter().position(ends).unwrap_or(tag.len())]
    }

    /// `="value"`, escaped.
    fn attribute_value(&mut self, value: &str) {
        self.out.extend_from_slice(b"=\"");
        escape_attribute(value, &mut self.out);
        self.out.push(b'"');
    }

    fn write<const N: usize>(&mut self, parts: [&str; N]) {
        for part in parts {
            self.out.extend_from_slice(part.as_bytes());
        }
    }
}

/// `xml:` attributes the apex of a subtree takes over from its ancestors, from the nearest that
/// has each: local name, qualified name, value.
fn inherited<'a>(apex: Node<'a, '_>, mode: Mode) -> Vec<(&'a str, String, &'a str)> {
    let mut found: Vec<(&str, String, &str)> = Vec::new();
    for ancestor in apex.ancestors().skip(1) {
        for attribute in ancestor.attributes().filter(|a| a.namespace() == Some(XML)) {
            let name = attribute.name();
            // C14N 1.1 §2.4: xml:id is not inherited.
            let inheritable = mode == Mode::Inclusive || matches!(name, "lang" | "space" | "base");
            let own = apex.has_attribute((XML, name));
            if inheritable && !own && !found.iter().any(|(known, ..)| *known == name) {
                found.push((name, format!("xml:{name}"), attribute.value()));
            }
        }
    }
    found
}

fn prefix_of(qualified: &str) -> &str {
    qualified.split_once(':').map_or("", |(prefix, _)| prefix)
}

/// C14N 1.0 §2.3, text nodes.
fn escape_text(text: &str, out: &mut Vec<u8>) {
    for byte in text.bytes() {
        match byte {
            b'&' => out.extend_from_slice(b"&amp;"),
            b'<' => out.extend_from_slice(b"&lt;"),
            b'>' => out.extend_from_slice(b"&gt;"),
            b'\r' => out.extend_from_slice(b"&#xD;"),
            other => out.push(other),
        }
    }
}

/// C14N 1.0 §2.3, attribute and namespace nodes.
fn escape_attribute(value: &str, out: &mut Vec<u8>) {
    for byte in value.bytes() {
        match byte {
            b'&' => out.extend_from_slice(b"&amp;"),
            b'<' => out.extend_from_slice(b"&lt;"),
            b'"' => out.extend_from_slice(b"&quot;"),
            b'\t' => out.extend_from_slice(b"&#x9;"),
            b'\n' => out.extend_from_slice(b"&#xA;"),
            b'\r' => out.extend_from_slice(b"&#xD;"),
            other => out.push(other),
        }
    }
}

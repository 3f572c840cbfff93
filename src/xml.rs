//! Hardened XML parsing: one parser for everything, behind limits that make hostile input harmless.
//!
//! [`Source::read`] takes bytes, [`Source::parse`] gives the tree. In between stands a gate
//! (`xml/gate.rs`) that refuses what the parser would accept although XML 1.0 does not, and
//! what would make it slow.

use std::{borrow::Cow, fmt};

use roxmltree::{Document, Node, ParsingOptions};

mod entries;
mod gate;

pub use self::entries::{Entries, EntriesError, entries};

/// The largest document accepted, in bytes (10 MiB).
pub const MAX_DOCUMENT_BYTES: usize = 10 * 1024 * 1024;
/// The deepest nesting of elements accepted; the root is at depth 1.
pub const MAX_DEPTH: usize = 100;
/// The most attributes, namespace declarations among them, an element may have.
pub const MAX_ATTRIBUTES: usize = 64;
/// The most namespace prefixes, the default namespace among them, in scope at any element.
pub const MAX_NAMESPACES: usize = 64;
/// The most elements, texts, comments and processing instructions in a document.
pub const MAX_NODES: usize = 100_000;

/// The longest name of an element or attribute accepted, in bytes: the parser keeps track of no more
/// than 65,535 of an attribute's.
pub const MAX_NAME_BYTES: usize = 1024;
/// The longest canonical form made, in bytes (60 MiB): escaping alone makes a document up to six
/// times as long, and exclusive canonicalization may repeat namespaces without end.
pub const MAX_CANONICAL_BYTES: usize = 6 * MAX_DOCUMENT_BYTES;

/// A place in a document, both counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The column, in characters.
    pub column: usize,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

/// Why a document was not read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum XmlError {
    /// No bytes at all.
    #[error("the document is empty")]
    Empty,
    /// More than [`MAX_DOCUMENT_BYTES`].
    #[error("the document is larger than {limit} bytes")]
    TooLarge {
        /// The limit in bytes.
        limit: usize,
    },
    /// UTF-16 or UTF-32, by its first bytes.
    #[error("the document is in UTF-16 or UTF-32; only UTF-8 is accepted")]
    WideEncoding,
    /// Bytes that are not UTF-8.
    #[error("the document is not UTF-8 at byte {offset}")]
    NotUtf8 {
        /// Offset of the first bad byte.
        offset: usize,
    },
    /// An XML declaration other than version 1.0 in UTF-8.
    #[error("unsupported XML declaration: {what}")]
    Declaration {
        /// What is not supported.
        what: String,
    },
    /// A document type declaration: never accepted, because of what entities can do.
    #[error("the document has a DOCTYPE, which is not accepted")]
    Doctype,
    /// One of the limits of this module is exceeded.
    #[error("more than {limit} {what} at {position}")]
    Limit {
        /// What there is too much of.
        what: &'static str,
        /// The limit.
        limit: usize,
        /// Where it was exceeded.
        position: Position,
    },
    /// More than [`MAX_CANONICAL_BYTES`].
    #[error("the canonical form of the document is larger than {limit} bytes")]
    CanonicalForm {
        /// The limit in bytes.
        limit: usize,
    },
    /// A namespace name that canonical XML does not take (C14N 1.0 §1.3).
    #[error("the namespace name '{name}' at {position} is no absolute URI, so no signature can cover it")]
    NamespaceName {
        /// The name, or how it begins.
        name: String,
        /// Where it is declared.
        position: Position,
    },
    /// Not well-formed, or not namespace-well-formed.
    #[error("not well-formed XML: {what}{}", position.map(|p| format!(" at {p}")).unwrap_or_default())]
    Malformed {
        /// What is wrong.
        what: String,
        /// Where, if known.
        position: Option<Position>,
    },
}

/// A document's text, checked by the gate and ready to be parsed.
#[derive(Clone, Debug)]
pub struct Source {
    /// Without byte order mark, line ends normalised to line feeds (XML 1.0 §2.11).
    text: String,
    /// Bytes of byte order mark left out at the start.
    skipped: usize,
    /// Offsets in `text` of the line feeds that were a CR LF pair.
    folded: Vec<usize>,
}

impl Source {
    /// Decodes `bytes` and checks them against the limits of this module.
    ///
    /// # Errors
    /// [`XmlError`]; what only the parser can see is left to [`Source::parse`].
    pub fn read(bytes: &[u8]) -> Result<Self, XmlError> {
        if bytes.len() > MAX_DOCUMENT_BYTES {
            return Err(XmlError::TooLarge { limit: MAX_DOCUMENT_BYTES });
        }
        // XML 1.0 appendix F: a byte order mark, or zero bytes around the first '<'.
        if matches!(bytes, [0xFE, 0xFF, ..] | [0xFF, 0xFE, ..] | [0, ..] | [_, 0, ..]) {
            return Err(XmlError::WideEncoding);
        }
        let body = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
        let skipped = bytes.len() - body.len();
        let decoded = std::str::from_utf8(body)
            .map_err(|error| XmlError::NotUtf8 { offset: skipped + error.valid_up_to() })?;
        if decoded.trim_matches([' ', '\t', '\r', '\n']).is_empty() {
            return Err(XmlError::Empty);
        }
        let (mut text, folded) = normalize_line_ends(decoded);
        // The parser knows a declaration only by the blank, and takes others for an instruction.
        if text.starts_with("<?xml\t") || text.starts_with("<?xml\n") {
            text.replace_range(5..6, " ");
        }
        gate::check(&text)?;
        Ok(Self { text, skipped, folded })
    }

    /// The text: UTF-8, no byte order mark, line feeds only.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The tree of this document.
    ///
    /// # Errors
    /// [`XmlError::Malformed`] and [`XmlError::Doctype`].
    pub fn parse(&self) -> Result<Document<'_>, XmlError> {
        parse(&self.text)
    }

    /// Where in the bytes given to [`Source::read`] the byte at `offset` of the text came from.
    pub(crate) fn original_offset(&self, offset: usize) -> usize {
        self.skipped + offset + self.folded.partition_point(|&line_feed| line_feed < offset)
    }
}

/// Parses text that went through the gate, or that this crate wrote itself.
pub(crate) fn parse(text: &str) -> Result<Document<'_>, XmlError> {
    let options = ParsingOptions {
        allow_dtd: false,
        nodes_limit: u32::try_from(2 * MAX_NODES).unwrap_or(u32::MAX),
        entity_resolver: None,
    };
    Document::parse_with_options(text, options).map_err(|error| match error {
        roxmltree::Error::DtdDetected => XmlError::Doctype,
        // The parser's messages end with the position, which is the only reason it is not split off.
        other => XmlError::Malformed { what: other.to_string(), position: None },
    })
}

/// The text of an element: all its text children, comments and processing instructions
/// between them left out.
pub(crate) fn text_of<'a>(element: Node<'a, '_>) -> Cow<'a, str> {
    let mut texts = element.children().filter(Node::is_text).filter_map(|node| node.text());
    let first = texts.next().unwrap_or_default();
    match texts.next() {
        None => Cow::Borrowed(first),
        Some(second) => Cow::Owned([first, second].into_iter().chain(texts).collect()),
    }
}

/// What can split the text of an element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Splitter {
    Comment,
    Instruction,
}

impl Splitter {
    pub(crate) fn of(node: Node) -> Option<Self> {
        match node.node_type() {
            roxmltree::NodeType::Comment => Some(Self::Comment),
            roxmltree::NodeType::PI => Some(Self::Instruction),
            _ => None,
        }
    }
}

/// The first comment or processing instruction beside the text of an element that is more than
/// white space. Readers differ in what they take for the value then: all of the text, or one side.
pub(crate) fn splitter(element: Node) -> Option<Splitter> {
    let splitter = element.children().find_map(Splitter::of)?;
    let text = |node: Node| node.is_text() && !is_white_space(node.text().unwrap_or_default());
    element.children().any(text).then_some(splitter)
}

/// Whether `node` is an element with this namespace and local name.
pub(crate) fn is(node: &Node, namespace: &str, name: &str) -> bool {
    node.is_element() && node.has_tag_name((namespace, name))
}

/// The child elements with this namespace and local name.
pub(crate) fn children<'a, 'i>(
    parent: Node<'a, 'i>,
    namespace: &'static str,
    name: &'static str,
) -> impl Iterator<Item = Node<'a, 'i>> {
    parent.children().filter(move |node| is(node, namespace, name))
}

/// White space as XML defines it (production S).
pub(crate) fn is_white_space(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n'))
}

fn normalize_line_ends(text: &str) -> (String, Vec<usize>) {
    if !text.contains('\r') {
        return (text.to_owned(), Vec::new());
    }
    let (mut normalized, mut folded) = (String::with_capacity(text.len()), Vec::new());
    let mut rest = text;
    while let Some(position) = rest.find('\r') {
        normalized.push_str(&rest[..position]);
        rest = &rest[position + 1..];
        if let Some(after) = rest.strip_prefix('\n') {
            folded.push(normalized.len());
            rest = after;
        }
        normalized.push('\n');
    }
    normalized.push_str(rest);
    (normalized, folded)
}

#[cfg(test)]
mod tests;

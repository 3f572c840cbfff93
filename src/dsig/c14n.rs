//! Canonical XML: inclusive 1.0 and 1.1, exclusive 1.0, with or without comments.
//!
//! The node set is a whole document, with one element left out if wanted (which is what the
//! enveloped-signature transform leaves), or the subtree of one element. Any well-formed document
//! without DOCTYPE has a canonical form, if the names of its namespaces are absolute URIs
//! (C14N 1.0 §1.3) and it keeps to the [`Limits`](crate::xml::Limits) it is read with. The time taken
//! grows with the document's size and nothing else.
//!
//! ```
//! use stratuslab::{
//!     dsig::c14n::{self, Canonicalization, Mode},
//!     xml::{Limits, Source},
//! };
//!
//! let source = Source::read_within(b"<a z='1' b='2'><c xmlns='urn:x'/></a>", &Limits::LARGE)?;
//! let tree = source.parse()?;
//! let whole = c14n::document(tree.root(), &Canonicalization::new(Mode::Inclusive), None)?;
//! assert_eq!(whole, br#"<a b="2" z="1"><c xmlns="urn:x"></c></a>"#);
//! let part = tree.root_element().first_element_child().unwrap();
//! let part = c14n::subtree(part, &Canonicalization::new(Mode::Exclusive))?;
//! assert_eq!(part, br#"<c xmlns="urn:x"></c>"#);
//! # Ok::<(), stratuslab::xml::XmlError>(())
//! ```

use std::io;

use roxmltree::{Node, NodeId};

use self::{
    inherited::Inherited,
    writer::{PIECE, Writer},
};
use crate::xml::XmlError;

mod base;
mod escape;
mod inherited;
mod writer;

/// Which namespace declarations and inherited attributes are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mode {
    /// Canonical XML 1.0.
    Inclusive,
    /// Canonical XML 1.1: of a subtree, `xml:id` is not inherited and `xml:base` is joined.
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

/// Why a canonical form was not written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// There is none.
    #[error(transparent)]
    Xml(#[from] XmlError),
    /// It could not be written.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// The canonical form of a whole document, the element `without` and what is in it left out.
///
/// # Errors
/// [`XmlError::CanonicalForm`] if it is longer than [`MAX_CANONICAL_BYTES`](crate::xml::MAX_CANONICAL_BYTES)
/// and six times the document.
pub fn document(
    root: Node,
    algorithm: &Canonicalization,
    without: Option<NodeId>,
) -> Result<Vec<u8>, XmlError> {
    whole(root, algorithm, without, usize::MAX, &mut |_| Ok(()))
}

/// [`document`], written as it is made: it takes no memory of its own.
///
/// # Errors
/// [`WriteError`]; part of the form may have been written.
pub fn write_document(
    root: Node,
    algorithm: &Canonicalization,
    without: Option<NodeId>,
    out: &mut impl io::Write,
) -> Result<(), WriteError> {
    let mut take = |written: &mut Vec<u8>| {
        out.write_all(written)?;
        written.clear();
        Ok::<(), WriteError>(())
    };
    let mut rest = whole(root, algorithm, without, 2 * PIECE, &mut take)?;
    take(&mut rest)
}

fn whole<E: From<XmlError>>(
    root: Node,
    algorithm: &Canonicalization,
    without: Option<NodeId>,
    capacity: usize,
    take: &mut impl FnMut(&mut Vec<u8>) -> Result<(), E>,
) -> Result<Vec<u8>, E> {
    let nothing = Inherited::default();
    let mut writer = Writer::new(root, algorithm, &nothing, capacity);
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
        writer.subtree(node, without, take)?;
        if node.is_element() {
            seen_element = true;
        } else if !seen_element {
            writer.out.push(b'\n');
        }
    }
    Ok(writer.out)
}

/// The canonical form of the subtree of `element`, which inherits namespaces and, in the
/// inclusive modes, `xml:` attributes from the ancestors outside it (C14N 1.0 §2.4). In C14N 1.1
/// the `xml:base` of those ancestors and its own are joined (§2.4).
///
/// # Errors
/// [`XmlError::CanonicalForm`] if it is longer than [`MAX_CANONICAL_BYTES`](crate::xml::MAX_CANONICAL_BYTES)
/// and six times the document.
pub fn subtree(element: Node, algorithm: &Canonicalization) -> Result<Vec<u8>, XmlError> {
    let inherited = Inherited::by(element, algorithm.mode);
    let mut writer = Writer::new(element, algorithm, &inherited, usize::MAX);
    writer.subtree(element, None, &mut |_| Ok::<(), XmlError>(()))?;
    Ok(writer.out)
}

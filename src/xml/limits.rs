//! How much of everything a document may have.

use super::{MAX_ATTRIBUTES, MAX_DEPTH, MAX_DOCUMENT_BYTES, MAX_NAMESPACES, MAX_NODES};

/// What a document may have at most, so that reading it takes time and memory in proportion to its
/// size, whatever is in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes.
    pub bytes: usize,
    /// Levels of elements; the root is at level 1.
    pub depth: usize,
    /// Attributes, namespace declarations among them, of an element.
    pub attributes: usize,
    /// Attributes, namespace declarations among them, of all elements: the parser needs some hundred
    /// bytes for each, which is written in five.
    pub all_attributes: usize,
    /// Namespace prefixes, the default namespace among them, in scope at an element.
    pub namespaces: usize,
    /// Elements, texts, comments and processing instructions.
    pub nodes: usize,
    /// Comparisons of up to 32 bytes of names, some nanoseconds each. The parser compares each
    /// attribute with every other of its element, each prefix with those in scope, and each
    /// namespace in scope with every other where one is declared.
    pub comparisons: u64,
}

impl Limits {
    /// Those of a metadata entry.
    pub const ENTRY: Self = Self {
        bytes: MAX_DOCUMENT_BYTES,
        depth: MAX_DEPTH,
        attributes: MAX_ATTRIBUTES,
        all_attributes: 500_000,
        namespaces: MAX_NAMESPACES,
        nodes: MAX_NODES,
        comparisons: 1 << 31,
    };

    /// Those of any other document, far beyond what anyone writes: 256 MiB, 10,000 levels, 4,096
    /// attributes an element, 16 million in all, 1,024 namespaces in scope, 8 million nodes.
    pub const LARGE: Self = Self {
        bytes: 256 * 1024 * 1024,
        depth: 10_000,
        attributes: 4_096,
        all_attributes: 16_000_000,
        namespaces: 1_024,
        nodes: 8_000_000,
        comparisons: 1 << 32,
    };
}

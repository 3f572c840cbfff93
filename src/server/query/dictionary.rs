//! Every term of the index once, under a number.
//!
//! A hundred thousand entries have more than a million different terms: as values of their own they would
//! take several times the room. Here they stand in one stretch of bytes, one after the other, and what
//! finds them is a table of numbers.

use std::hash::{BuildHasher, RandomState};

use hashbrown::HashTable;
use oxrdf::{BlankNode, LiteralRef, NamedNode, NamedNodeRef, Term, TermRef, vocab::xsd};

/// The number of a term.
pub(super) type Id = u32;

/// From here on, numbers are of blank nodes: they are not written down at all.
const BLANK: Id = 1 << 31;

/// How the names of blank nodes begin. Those that queries make are hexadecimal numbers.
const LABEL: &str = "n";

/// There are 2³¹ terms, or 2³¹ blank nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the index is full")]
pub struct Full;

/// Terms and their numbers.
#[derive(Debug, Default)]
pub(super) struct Dictionary {
    /// The terms as [`encode`] writes them.
    bytes: Vec<u8>,
    /// Where each begins.
    starts: Vec<usize>,
    numbers: HashTable<Id>,
    blank_nodes: Id,
    /// Keyed at random: documents choose the terms.
    hasher: RandomState,
    /// The term looked for, kept for its room.
    scratch: Vec<u8>,
}

impl Dictionary {
    /// The number of a term that is no blank node; a new one if it has none.
    pub(super) fn intern(&mut self, term: TermRef<'_>) -> Result<Id, Full> {
        let mut scratch = std::mem::take(&mut self.scratch);
        encode(term, &mut scratch);
        let id = self.intern_bytes(&scratch);
        self.scratch = scratch;
        id
    }

    fn intern_bytes(&mut self, term: &[u8]) -> Result<Id, Full> {
        if let Some(id) = self.find_bytes(term) {
            return Ok(id);
        }
        let id = Id::try_from(self.starts.len()).ok().filter(|id| *id < BLANK).ok_or(Full)?;
        self.starts.push(self.bytes.len());
        self.bytes.extend_from_slice(term);
        let Self { bytes, starts, numbers, hasher, .. } = self;
        numbers.insert_unique(hasher.hash_one(term), id, |id| hasher.hash_one(slice(bytes, starts, *id)));
        Ok(id)
    }

    /// The number of a new blank node.
    pub(super) fn blank_node(&mut self) -> Result<Id, Full> {
        let id = BLANK.checked_add(self.blank_nodes).ok_or(Full)?;
        self.blank_nodes += 1;
        Ok(id)
    }

    /// The number of a term, if it has one.
    pub(super) fn find(&self, term: TermRef<'_>) -> Option<Id> {
        if let TermRef::BlankNode(node) = term {
            let digits = node.as_str().strip_prefix(LABEL)?;
            let number: Id = digits.parse().ok()?;
            return (number < self.blank_nodes && number.to_string() == digits).then(|| BLANK + number);
        }
        let mut bytes = Vec::with_capacity(64);
        encode(term, &mut bytes);
        self.find_bytes(&bytes)
    }

    fn find_bytes(&self, term: &[u8]) -> Option<Id> {
        let same = |id: &Id| slice(&self.bytes, &self.starts, *id) == term;
        self.numbers.find(self.hasher.hash_one(term), same).copied()
    }

    /// The term with a number that was given out here.
    pub(super) fn term(&self, id: Id) -> Term {
        match id.checked_sub(BLANK) {
            Some(number) => BlankNode::new_unchecked(format!("{LABEL}{number}")).into(),
            None => decode(slice(&self.bytes, &self.starts, id)),
        }
    }

    /// Gives back what growing took too much of.
    pub(super) fn shrink(&mut self) {
        self.bytes.shrink_to_fit();
        self.starts.shrink_to_fit();
    }
}

fn slice<'b>(bytes: &'b [u8], starts: &[usize], id: Id) -> &'b [u8] {
    let index = id as usize;
    let start = starts.get(index).copied().unwrap_or(bytes.len());
    let end = starts.get(index + 1).copied().unwrap_or(bytes.len());
    bytes.get(start..end).unwrap_or_default()
}

const STRING: u8 = b'"';
const NODE: u8 = b'<';
const IN_LANGUAGE: u8 = b'@';
const TYPED: u8 = b'^';

/// A letter for the kind, then the text; before it the language or the datatype, which cannot hold the zero
/// byte that ends them.
fn encode(term: TermRef<'_>, bytes: &mut Vec<u8>) {
    let mut write = |kind, first: &str, text: &str| {
        bytes.clear();
        bytes.push(kind);
        if matches!(kind, IN_LANGUAGE | TYPED) {
            bytes.extend_from_slice(first.as_bytes());
            bytes.push(0);
        }
        bytes.extend_from_slice(text.as_bytes());
    };
    match term {
        TermRef::NamedNode(node) => write(NODE, "", node.as_str()),
        // Not reached: blank nodes are told by their numbers.
        TermRef::BlankNode(node) => write(NODE, "", node.as_str()),
        TermRef::Literal(literal) => match literal.language() {
            Some(language) => write(IN_LANGUAGE, language, literal.value()),
            None if literal.datatype() == xsd::STRING => write(STRING, "", literal.value()),
            None => write(TYPED, literal.datatype().as_str(), literal.value()),
        },
    }
}

fn decode(bytes: &[u8]) -> Term {
    let (kind, rest) = bytes.split_first().unwrap_or((&STRING, &[]));
    // Only whole texts are ever written.
    let rest = String::from_utf8_lossy(rest);
    let (first, text) = rest.split_once('\0').unwrap_or(("", &rest));
    match *kind {
        NODE => NamedNode::new_unchecked(rest).into(),
        IN_LANGUAGE => LiteralRef::new_language_tagged_literal_unchecked(text, first).into_owned().into(),
        TYPED => LiteralRef::new_typed_literal(text, NamedNodeRef::new_unchecked(first)).into_owned().into(),
        _ => LiteralRef::new_simple_literal(&rest).into_owned().into(),
    }
}

#[cfg(test)]
mod tests {
    use oxrdf::Literal;

    use super::*;

    #[test]
    fn terms_come_back_as_they_went_in_and_equal_ones_have_one_number() {
        let terms: Vec<Term> = vec![
            NamedNode::new_unchecked("http://a/").into(),
            Literal::new_simple_literal("http://a/").into(),
            Literal::new_simple_literal("").into(),
            Literal::new_simple_literal("a\0b").into(),
            Literal::new_language_tagged_literal_unchecked("a\0b", "de").into(),
            Literal::new_language_tagged_literal_unchecked("a", "en").into(),
            Literal::new_typed_literal("1", xsd::INTEGER).into(),
            Literal::new_typed_literal("", NamedNode::new_unchecked("http://a/")).into(),
        ];
        let mut dictionary = Dictionary::default();
        let ids: Vec<Id> = terms.iter().map(|term| dictionary.intern(term.as_ref()).unwrap()).collect();
        let again: Vec<Id> = terms.iter().map(|term| dictionary.intern(term.as_ref()).unwrap()).collect();
        assert_eq!(ids, again);
        assert_eq!(ids, (0..8).collect::<Vec<_>>());
        for (id, term) in ids.iter().zip(&terms) {
            assert_eq!(&dictionary.term(*id), term);
            assert_eq!(dictionary.find(term.as_ref()), Some(*id));
        }
        assert_eq!(dictionary.find(LiteralRef::new_simple_literal("other").into()), None);
    }

    #[test]
    fn blank_nodes_are_found_by_the_names_they_were_given() {
        let mut dictionary = Dictionary::default();
        let ids = [dictionary.blank_node().unwrap(), dictionary.blank_node().unwrap()];
        assert_ne!(ids[0], ids[1]);
        for id in ids {
            assert_eq!(dictionary.find(dictionary.term(id).as_ref()), Some(id));
        }
        for other in ["n2", "n01", "n", "b0", "n4294967295"] {
            assert_eq!(dictionary.find(oxrdf::BlankNodeRef::new_unchecked(other).into()), None, "{other}");
        }
    }
}

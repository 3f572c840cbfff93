//! The RDF of all entries in memory, as queries see it (behaviour 1.14): the union of the entries' graphs,
//! and `slterms:tag "latest"` on the newest entry of each image and endorser.

use std::collections::{BTreeSet, HashMap, hash_map};

use oxrdf::{BlankNodeRef, NamedNodeRef, NamedOrBlankNodeRef, Term, TermRef, Triple};

use crate::{Identifier, Timestamp, metadata::namespace, server::key::EntryKey};

use super::{
    dictionary::{Dictionary, Full, Id},
    graph::{GraphError, entry_graph, index_subject},
    triples::Triples,
};

/// The longest text or name that is indexed, in bytes: statements with longer ones are left out.
pub const MAX_TERM_BYTES: usize = 64 * 1024;

/// `slterms:tag`: the server's own, so never of a document.
const TAG: &str = "tag";
const LATEST: &str = "latest";

/// Why an entry is not indexed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AddError {
    /// It has no graph.
    #[error(transparent)]
    Graph(#[from] GraphError),
    /// There is no room.
    #[error(transparent)]
    Full(#[from] Full),
}

/// The RDF of all entries.
#[derive(Debug)]
pub struct Index {
    terms: Dictionary,
    triples: Triples,
    /// While the first entries come: sorted all at once.
    loading: Option<Vec<[Id; 3]>>,
    /// The newest entry of each image and endorser: its date and its subject.
    newest: HashMap<(Identifier, Id), (Timestamp, Id)>,
    /// The subjects in `newest`.
    latest: BTreeSet<Id>,
    tag: Id,
    latest_tag: Id,
    entries: usize,
}

impl Index {
    /// Without entries; [`Index::settle`] must be called before it is queried.
    ///
    /// # Errors
    /// None in practice.
    pub fn new() -> Result<Self, Full> {
        let mut terms = Dictionary::default();
        let tag = format!("{}{TAG}", namespace::SLTERMS);
        let tag = terms.intern(NamedNodeRef::new_unchecked(&tag).into())?;
        let latest_tag = terms.intern(super::results::plain(LATEST).into())?;
        Ok(Self {
            terms,
            triples: Triples::default(),
            loading: Some(Vec::new()),
            newest: HashMap::new(),
            latest: BTreeSet::new(),
            tag,
            latest_tag,
            entries: 0,
        })
    }

    /// Adds an entry, which must not be there yet.
    ///
    /// # Errors
    /// [`AddError`]; then the entry is not in the index, or in parts if that is full.
    pub fn add(&mut self, key: &EntryKey, document: &[u8]) -> Result<(), AddError> {
        let subject = index_subject(key);
        let graph = entry_graph(document, key.identifier, &subject)?;
        let mut blanks = HashMap::new();
        for Triple { subject, predicate, object } in &graph {
            let long = |term: TermRef<'_>| text(term).len() > MAX_TERM_BYTES;
            if long(predicate.as_ref().into()) || long(object.as_ref()) {
                continue;
            }
            let subject = match subject.as_ref() {
                NamedOrBlankNodeRef::NamedNode(node) => self.terms.intern(node.into())?,
                NamedOrBlankNodeRef::BlankNode(node) => self.blank(&mut blanks, node)?,
            };
            let predicate = self.terms.intern(predicate.as_ref().into())?;
            let object = match object.as_ref() {
                TermRef::BlankNode(node) => self.blank(&mut blanks, node)?,
                other => self.terms.intern(other)?,
            };
            match &mut self.loading {
                Some(loading) => loading.push([subject, predicate, object]),
                None => self.triples.insert([subject, predicate, object]),
            }
        }
        let subject = self.terms.intern(subject.as_ref().into())?;
        self.tag_latest(key, subject)?;
        self.entries += 1;
        Ok(())
    }

    /// Blank nodes are an entry's own.
    fn blank<'g>(
        &mut self,
        blanks: &mut HashMap<BlankNodeRef<'g>, Id>,
        node: BlankNodeRef<'g>,
    ) -> Result<Id, Full> {
        if let Some(id) = blanks.get(&node) {
            return Ok(*id);
        }
        let id = self.terms.blank_node()?;
        blanks.insert(node, id);
        Ok(id)
    }

    /// Whichever order entries come in: imports bring old ones later.
    fn tag_latest(&mut self, key: &EntryKey, subject: Id) -> Result<(), Full> {
        let email = self.terms.intern(super::results::plain(key.email.as_str()).into())?;
        match self.newest.entry((key.identifier, email)) {
            hash_map::Entry::Vacant(vacant) => {
                vacant.insert((key.created, subject));
                self.latest.insert(subject);
            }
            hash_map::Entry::Occupied(mut newest) if newest.get().0 < key.created => {
                let (_, superseded) = newest.insert((key.created, subject));
                self.latest.remove(&superseded);
                self.latest.insert(subject);
            }
            hash_map::Entry::Occupied(_) => {}
        }
        Ok(())
    }

    /// Makes the first entries ready for queries, at the end of loading.
    pub fn settle(&mut self) {
        if let Some(loading) = self.loading.take() {
            self.triples = Triples::new(loading);
            self.terms.shrink();
        }
    }

    /// Puts new statements where they are found fastest, if they are many and loading is over.
    pub fn settle_loaded(&mut self) {
        self.triples.settle();
    }

    /// Entries in it.
    pub fn entries(&self) -> usize {
        self.entries
    }

    /// Statements in it.
    pub fn len(&self) -> usize {
        self.triples.len() + self.latest.len()
    }

    /// Has it no statements?
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The statements with these terms.
    pub(super) fn matching(
        &self,
        subject: Option<Id>,
        predicate: Option<Id>,
        object: Option<Id>,
    ) -> impl Iterator<Item = [Id; 3]> + use<'_> {
        let (tag, latest_tag) = (self.tag, self.latest_tag);
        let tags = predicate.is_none_or(|term| term == tag) && object.is_none_or(|term| term == latest_tag);
        let tagged = tags.then(|| match subject {
            Some(subject) => self.latest.range(subject..=subject),
            None => self.latest.range(..),
        });
        let tagged = tagged.into_iter().flatten().map(move |subject| [*subject, tag, latest_tag]);
        self.triples.matching(subject, predicate, object).chain(tagged)
    }

    /// The term with a number.
    pub(super) fn term(&self, id: Id) -> Term {
        self.terms.term(id)
    }

    /// The number of a term, if it is in the index.
    pub(super) fn find(&self, term: TermRef<'_>) -> Option<Id> {
        self.terms.find(term)
    }
}

fn text(term: TermRef<'_>) -> &str {
    match term {
        TermRef::NamedNode(node) => node.as_str(),
        TermRef::BlankNode(node) => node.as_str(),
        TermRef::Literal(literal) => literal.value(),
    }
}

#[cfg(test)]
mod tests;

//! The index as the evaluator of queries sees it.

use std::{convert::Infallible, rc::Rc};

use oxrdf::Term;
use spareval::{InternalQuad, QueryableDataset};

use super::{dictionary::Id, index::Index};

/// The index for one query. All statements are in the default graph; there are no named ones.
#[derive(Clone, Copy, Debug)]
pub(super) struct Dataset<'a>(pub(super) &'a Index);

/// A term in the course of a query.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Node {
    /// A term of the index: always by its number, so that equal terms are equal.
    Stored(Id),
    /// One that the query has, or has made.
    Other(Rc<Term>),
}

impl<'a> QueryableDataset<'a> for Dataset<'a> {
    type InternalTerm = Node;
    type Error = Infallible;

    fn internal_quads_for_pattern(
        &self,
        subject: Option<&Node>,
        predicate: Option<&Node>,
        object: Option<&Node>,
        graph_name: Option<Option<&Node>>,
    ) -> impl Iterator<Item = Result<InternalQuad<Node>, Infallible>> + use<'a> {
        let index = self.0;
        // `Some(None)` is the default graph.
        let found = (graph_name == Some(None))
            .then(|| Some([stored(subject)?, stored(predicate)?, stored(object)?]))
            .flatten()
            .map(|[subject, predicate, object]| index.matching(subject, predicate, object));
        found.into_iter().flatten().map(|[subject, predicate, object]| {
            Ok(InternalQuad {
                subject: Node::Stored(subject),
                predicate: Node::Stored(predicate),
                object: Node::Stored(object),
                graph_name: None,
            })
        })
    }

    fn internalize_term(&self, term: Term) -> Result<Node, Infallible> {
        Ok(match self.0.find(term.as_ref()) {
            Some(id) => Node::Stored(id),
            None => Node::Other(Rc::new(term)),
        })
    }

    fn externalize_term(&self, term: Node) -> Result<Term, Infallible> {
        Ok(match term {
            Node::Stored(id) => self.0.term(id),
            Node::Other(term) => Rc::unwrap_or_clone(term),
        })
    }
}

/// `None` if no statement has the term; else what to look for, anything if none is asked for.
#[allow(clippy::option_option, reason = "whether it can be found, and whether it is asked for")]
fn stored(term: Option<&Node>) -> Option<Option<Id>> {
    match term {
        None => Some(None),
        Some(Node::Stored(id)) => Some(Some(*id)),
        Some(Node::Other(_)) => None,
    }
}

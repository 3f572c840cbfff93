//! Statements by the numbers of their terms, found by any of them.

use std::{collections::BTreeSet, ops::RangeInclusive};

use super::dictionary::Id;

/// Subject, predicate, object.
pub(super) type Triple = [Id; 3];

/// New statements are put to the sorted ones when they are more than a sixteenth of them, or than this.
const MIN_MERGE: usize = 1 << 16;

/// A set of statements in three orders, so that those with any given terms are one stretch of one of them.
///
/// Most are in sorted arrays of twelve bytes for each order; new ones are in trees until they are many.
#[derive(Debug, Default)]
pub(super) struct Triples {
    sorted: [Vec<Triple>; 3],
    fresh: [BTreeSet<Triple>; 3],
}

/// How each order permutes subject, predicate and object: SPO, POS, OSP.
const ORDERS: [[usize; 3]; 3] = [[0, 1, 2], [1, 2, 0], [2, 0, 1]];

impl Triples {
    /// Those of a list, which may say things twice.
    pub(super) fn new(mut triples: Vec<Triple>) -> Self {
        triples.sort_unstable();
        triples.dedup();
        triples.shrink_to_fit();
        let sorted = ORDERS.map(|order| {
            let mut permuted: Vec<Triple> = triples.iter().map(|triple| order.map(|i| triple[i])).collect();
            permuted.sort_unstable();
            permuted
        });
        Self { sorted, fresh: Default::default() }
    }

    pub(super) fn insert(&mut self, triple: Triple) {
        if self.sorted[0].binary_search(&triple).is_ok() {
            return;
        }
        for (fresh, order) in self.fresh.iter_mut().zip(ORDERS) {
            fresh.insert(order.map(|i| triple[i]));
        }
    }

    /// Sorts new statements in, if they are many: to be called now and then.
    pub(super) fn settle(&mut self) {
        if self.fresh[0].len() > MIN_MERGE.max(self.sorted[0].len() / 16) {
            for (sorted, fresh) in self.sorted.iter_mut().zip(&mut self.fresh) {
                sorted.extend(std::mem::take(fresh));
                #[allow(clippy::stable_sort_primitive, reason = "it merges two sorted runs in one pass")]
                sorted.sort();
            }
        }
    }

    /// The statements with these terms, anything for `None`, each once.
    pub(super) fn matching(
        &self,
        subject: Option<Id>,
        predicate: Option<Id>,
        object: Option<Id>,
    ) -> impl Iterator<Item = Triple> + use<'_> {
        let terms = [subject, predicate, object];
        // The order in which the terms that are given come first.
        let which = match terms.map(|term| term.is_some()) {
            [_, true, false] if subject.is_none() => 1,
            [false, true, true] => 1,
            [_, false, true] => 2,
            _ => 0,
        };
        let order = ORDERS[which];
        let range = range(order.map(|i| terms[i]));
        let sorted = &self.sorted[which];
        let from = sorted.partition_point(|triple| triple < range.start());
        let to = from + sorted[from..].partition_point(|triple| triple <= range.end());
        let fresh = self.fresh[which].range(range);
        sorted[from..to].iter().chain(fresh).map(move |permuted| {
            let mut triple = [0; 3];
            for (value, place) in permuted.iter().zip(order) {
                triple[place] = *value;
            }
            triple
        })
    }

    pub(super) fn len(&self) -> usize {
        self.sorted[0].len() + self.fresh[0].len()
    }
}

/// Everything that begins with the given terms, which are the first ones.
fn range(terms: [Option<Id>; 3]) -> RangeInclusive<Triple> {
    terms.map(|term| term.unwrap_or(Id::MIN))..=terms.map(|term| term.unwrap_or(Id::MAX))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pattern() -> impl Strategy<Value = [Option<Id>; 3]> {
        [proptest::option::of(0..5u32), proptest::option::of(0..5u32), proptest::option::of(0..5u32)]
    }

    proptest! {
        #[test]
        fn every_pattern_finds_what_a_plain_set_holds(
            first in proptest::collection::vec([0..5u32, 0..5u32, 0..5u32], 0..60),
            later in proptest::collection::vec([0..5u32, 0..5u32, 0..5u32], 0..30),
            patterns in proptest::collection::vec(pattern(), 1..20),
        ) {
            let plain: BTreeSet<Triple> = first.iter().chain(&later).copied().collect();
            let mut triples = Triples::new(first);
            for triple in later {
                triples.insert(triple);
                triples.settle();
            }
            prop_assert_eq!(triples.len(), plain.len());
            for terms in patterns {
                let fits = |triple: &&Triple| terms.iter().zip(*triple).all(|(term, id)| term.is_none_or(|term| term == *id));
                let expected: Vec<Triple> = plain.iter().filter(fits).copied().collect();
                let mut found: Vec<Triple> = triples.matching(terms[0], terms[1], terms[2]).collect();
                found.sort_unstable();
                prop_assert_eq!(found, expected);
            }
        }
    }

    #[test]
    fn many_new_statements_are_sorted_in() {
        let mut triples = Triples::new(vec![[1, 1, 1]]);
        let count = u32::try_from(MIN_MERGE).unwrap() + 1;
        for i in 0..count {
            triples.insert([i, 7, i % 10]);
            triples.settle();
        }
        assert!(triples.fresh[0].is_empty());
        assert_eq!(triples.len(), MIN_MERGE + 2);
        assert_eq!(triples.matching(None, Some(7), Some(3)).count(), MIN_MERGE.div_ceil(10));
    }
}

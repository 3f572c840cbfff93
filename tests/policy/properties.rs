//! What holds for any lists and any entries.

use std::sync::OnceLock;

use proptest::prelude::*;
use stratuslab::{
    Identifier,
    policy::{Lists, Policy},
    trust::Pin,
};

use crate::{
    site::fingerprint,
    site::{Signed as _, anchors, approved, by, decide, member},
};

const PEOPLE: usize = 6;
const IMAGES: usize = 3;

fn email(person: usize) -> String {
    format!("person{person}@example.org")
}

fn image(number: usize) -> String {
    format!("image {number}")
}

/// An entry of each person for each image, and that it is so.
fn entries() -> &'static [(usize, usize, Vec<u8>)] {
    static ENTRIES: OnceLock<Vec<(usize, usize, Vec<u8>)>> = OnceLock::new();
    ENTRIES.get_or_init(|| {
        let pairs = (0..PEOPLE).flat_map(|person| (0..IMAGES).map(move |number| (person, number)));
        let entry = |(person, number): (usize, usize)| {
            let created = format!("2012-03-{:02}T0{number}:00:00Z", person + 1);
            let draft = by(&email(person), &image(number)).created(&created);
            (person, number, draft.by_member(&email(person)))
        };
        pairs.map(entry).collect()
    })
}

fn pin(person: usize, by_print: bool) -> Pin {
    if by_print {
        fingerprint(&member(&email(person))).parse().unwrap()
    } else {
        email(person).parse().unwrap()
    }
}

fn identifier(number: usize) -> Identifier {
    by(&email(0), &image(number)).identifier()
}

/// Numbers on a list, and how each is written.
fn people() -> impl Strategy<Value = Vec<(usize, bool)>> {
    proptest::collection::vec((0..PEOPLE, any::<bool>()), 0..4)
}

fn images() -> impl Strategy<Value = Vec<usize>> {
    proptest::collection::vec(0..IMAGES, 0..3)
}

#[derive(Clone, Debug)]
struct Listed {
    people: [Vec<(usize, bool)>; 2],
    images: [Vec<usize>; 2],
}

impl Listed {
    fn policy(&self) -> Policy {
        let pins = |list: &[(usize, bool)]| list.iter().map(|&(who, print)| pin(who, print)).collect();
        let identifiers = |list: &[usize]| list.iter().map(|&number| identifier(number)).collect();
        Policy {
            anchors: anchors(),
            endorsers: Lists { allow: pins(&self.people[0]), deny: pins(&self.people[1]) },
            images: Lists { allow: identifiers(&self.images[0]), deny: identifiers(&self.images[1]) },
            ..Policy::default()
        }
    }

    /// May this entry be?
    fn allows(&self, person: usize, number: usize) -> bool {
        let has = |list: &[(usize, bool)]| list.iter().any(|(who, _)| *who == person);
        let [allowed, denied] = &self.people;
        let [wanted, unwanted] = &self.images;
        (allowed.is_empty() || has(allowed))
            && !has(denied)
            && (wanted.is_empty() || wanted.contains(&number))
            && !unwanted.contains(&number)
    }
}

fn listed() -> impl Strategy<Value = Listed> {
    (people(), people(), images(), images()).prop_map(|(allow, deny, wanted, unwanted)| Listed {
        people: [allow, deny],
        images: [wanted, unwanted],
    })
}

fn chosen() -> impl Strategy<Value = Vec<usize>> {
    proptest::collection::vec(0..PEOPLE * IMAGES, 0..12)
}

fn documents(chosen: &[usize]) -> Vec<Vec<u8>> {
    chosen.iter().map(|&index| entries()[index].2.clone()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// An entry on no list of those allowed never passes, denial wins, and if anything may pass it does.
    #[test]
    fn what_passes_is_what_the_lists_allow(listed in listed(), chosen in chosen()) {
        let decisions = decide(&listed.policy(), &documents(&chosen));
        let allowed = chosen.iter().map(|&index| &entries()[index]).filter(|(who, what, _)| listed.allows(*who, *what));
        let newest = allowed.max_by_key(|(who, what, _)| (*who, *what));
        let expected = newest.map(|(who, what, _)| format!("{}/{}", identifier(*what), email(*who)));
        let found = approved(&decisions).map(|name| name.rsplit_once('/').unwrap().0.to_owned());
        prop_assert_eq!(found, expected);
    }

    /// Entries that are added never let one pass that did not.
    #[test]
    fn adding_entries_approves_nothing_that_was_refused(listed in listed(), first in chosen(), more in chosen()) {
        let policy = listed.policy();
        let accepted = |chosen: &[usize]| {
            let decisions = decide(&policy, &documents(chosen));
            let refused: Vec<_> =
                decisions.decisions.iter().filter(|it| !it.kept).map(|it| it.entry.clone()).collect();
            let mut all: Vec<_> = decisions.decisions.iter().map(|it| it.entry.clone()).collect();
            all.retain(|entry| !refused.contains(entry));
            (refused, all)
        };
        let (refused, _) = accepted(&first);
        let (_, accepted) = accepted(&[first, more].concat());
        for entry in refused {
            prop_assert!(!accepted.contains(&entry), "{}", entry);
        }
    }

    /// P1: any number of forbidden entries before an allowed one, and between them.
    #[test]
    fn p1_of_many_forbidden_entries_none_survives(allowed in 0..PEOPLE, before in 0..12_usize, after in 0..12_usize) {
        let of = |person| entries().iter().position(|(who, number, _)| (*who, *number) == (person, 0)).unwrap();
        let forbidden = (0..PEOPLE).filter(|person| *person != allowed).map(of);
        let forbidden: Vec<_> = forbidden.cycle().take(before + after).collect();
        let (first, last) = forbidden.split_at(before);
        let chosen = [first, &[of(allowed)], last].concat();
        for endorsers in [
            Lists { allow: vec![pin(allowed, false)], deny: Vec::new() },
            Lists {
                allow: Vec::new(),
                deny: (0..PEOPLE).filter(|person| *person != allowed).map(|person| pin(person, false)).collect(),
            },
        ] {
            let policy = Policy { anchors: anchors(), endorsers, ..Policy::default() };
            let found = approved(&decide(&policy, &documents(&chosen))).unwrap();
            prop_assert!(found.contains(&email(allowed)), "{}", found);
            let without = [first, last].concat();
            prop_assert_eq!(approved(&decide(&policy, &documents(&without))), None);
        }
    }

    /// Whatever documents hold, it is refused in words.
    #[test]
    fn documents_may_hold_anything(texts in proptest::collection::vec(any::<Vec<u8>>(), 0..5)) {
        let decisions = decide(&Policy::default(), &texts);
        prop_assert!(decisions.approved.is_none());
        prop_assert!(decisions.decisions.iter().all(|decision| !decision.kept));
    }
}

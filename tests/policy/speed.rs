//! A thousand entries are judged in well under a second.

use std::time::{Duration, Instant};

use stratuslab::policy::Policy;

use crate::site::{Signed as _, allow, anchors, approved, by, decide, whose};

const ENTRIES: usize = 1000;

/// As many endorsers, and each rule asked; nobody is allowed but the last one looked at.
#[test]
fn a_thousand_entries_are_judged_at_once() {
    let email = |number: usize| format!("person{number:03}@example.org");
    let document = |number: usize| {
        let created = format!("2012-03-04T{:02}:{:02}:00Z", number / 60, number % 60);
        by(&email(number), "image").created(&created).by_member(&email(number))
    };
    let documents: Vec<_> = (0..ENTRIES).map(document).collect();
    let judged = |policy: &Policy, passes: bool| {
        let start = Instant::now();
        let decisions = decide(policy, &documents);
        let time = start.elapsed();
        assert_eq!(approved(&decisions).is_some(), passes);
        // Of many, the only one that is allowed.
        if !policy.endorsers.allow.is_empty() {
            assert_eq!(whose(&decisions), Some(email(0)));
        }
        eprintln!("{ENTRIES} entries: {time:?}");
        // It takes a tenth of that, but other tests run beside this one.
        let limit = Duration::from_secs(if cfg!(debug_assertions) { 30 } else { 3 });
        assert!(time < limit, "{time:?}");
    };
    judged(&Policy::default(), true);
    let endorsers = allow([email(0).parse().unwrap()]);
    judged(
        &Policy { anchors: anchors(), endorsers, os: vec!["ttylinux".to_owned()], ..Policy::default() },
        true,
    );
    judged(&Policy { anchors: anchors(), minimum_endorsers: ENTRIES, ..Policy::default() }, true);
    // Each of them is tried in vain.
    judged(&Policy { anchors: anchors(), minimum_endorsers: ENTRIES + 1, ..Policy::default() }, false);
}

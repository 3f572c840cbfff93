//! What `examples/generate-entries` makes: entries that a Marketplace takes, about 40 triples each.

use std::collections::HashSet;

use stratuslab::{
    Timestamp,
    dsig::Verified,
    server::{
        selection::{Selection, Status},
        store::{Added, NewEntry, Order},
    },
    validate::{Options, validate},
};

use crate::{
    drafts::{self, Endorsers},
    entries::{first, now},
    fresh::Fresh,
};

fn generated(endorsers: &Endorsers, seed: u64) -> Vec<Verified<stratuslab::Metadata>> {
    (0..60).flat_map(|number| drafts::image(seed, number, now(), endorsers)).collect()
}

#[test]
fn generated_entries_are_sound_and_the_same_for_the_same_seed() {
    let endorsers = Endorsers::new();
    let entries = generated(&endorsers, 1);
    let mut triples = 0;
    for entry in &entries {
        let report = validate(entry.document(), &Options::new(Timestamp::now()));
        // Some have expired, which is no fault of theirs.
        assert!(report.deciding().is_none(), "{:?}", report.deciding());
        triples += oxrdfxml::RdfXmlParser::new().for_slice(entry.document()).filter_map(Result::ok).count();
    }
    // The signature is RDF as well, by accident, and counts for some.
    assert!((35..70).contains(&(triples / entries.len())), "{}", triples / entries.len());
    let again = generated(&Endorsers::new(), 1);
    assert!(entries.iter().zip(&again).all(|(a, b)| **a == **b));
    assert!(entries.iter().zip(&generated(&endorsers, 2)).any(|(a, b)| **a != **b));
}

#[tokio::test]
async fn generated_entries_have_all_states() {
    let fresh = Fresh::sqlite();
    let store = fresh.open().await;
    let mut keys = HashSet::new();
    for entry in generated(&Endorsers::new(), 1) {
        let entry = NewEntry::new(&entry).unwrap();
        assert!(keys.insert(entry.key.clone()));
        assert_eq!(store.add(&entry, Order::Newest, now()).await.unwrap(), Added::Created);
    }
    let mut listed = 0;
    for status in [Status::Valid, Status::Expired, Status::Deprecated] {
        let selection = Selection { status, ..Selection::default() };
        let page = store.list(&selection, &first(1000), now()).await.unwrap();
        assert!(!page.entries.is_empty(), "{status:?}");
        listed += page.entries.len();
    }
    assert!(listed < keys.len());
}

//! Which entries are taken, and what they supersede.

use stratuslab::server::{
    selection::{Selection, Status},
    store::{AddError, Added, Order, State},
};

use crate::{
    entries::{draft, first, identifier, now, time, titles},
    fresh::on_both,
};

on_both! {
    async fn an_entry_is_kept_and_served_byte_for_byte(fresh) {
        let store = fresh.open().await;
        let entry = draft("a").sign();
        assert_eq!(store.add(&entry, Order::Newest, now()).await.unwrap(), Added::Created);
        let document = store.document(&entry.key, now()).await.unwrap().unwrap();
        assert_eq!(document.bytes, entry.document);
        assert_eq!(document.sha256, openssl::sha::sha256(&entry.document));
        assert_eq!(document.state, State::Valid);
        let listed = store.list(&Selection::default(), &first(10), now()).await.unwrap();
        let [listed] = listed.entries.as_slice() else { unreachable!() };
        assert_eq!(listed.key, entry.key);
        let metadata = &entry.metadata;
        assert_eq!(
            (&listed.title, &listed.os, &listed.os_version, &listed.os_arch, &listed.kind, &listed.locations),
            (
                &metadata.title, &metadata.os, &metadata.os_version, &metadata.os_arch, &metadata.kind,
                &metadata.locations,
            )
        );
        assert_eq!(listed.bytes, metadata.bytes);
        assert_eq!(Some(listed.valid), metadata.valid);
        assert_eq!(Some(&listed.subject), metadata.endorsement.as_ref().map(|e| &e.endorser.subject));
        assert_eq!(store.entry(&entry.key, now()).await.unwrap().as_ref().map(|e| &e.key), Some(&entry.key));
        let mut other = entry.key.clone();
        other.created = time("2024-01-01T00:00:01Z");
        assert_eq!(store.document(&other, now()).await.unwrap(), None);
        assert_eq!(store.entry(&other, now()).await.unwrap(), None);
    }

    async fn the_same_bytes_again_change_nothing(fresh) {
        let store = fresh.open().await;
        let (old, new) = (draft("a").sign(), draft("a").at("2024-02-01T00:00:00Z").sign());
        for (entry, added) in [(&old, Added::Created), (&old, Added::Same), (&new, Added::Created),
            (&old, Added::Same), (&new, Added::Same)]
        {
            assert_eq!(store.add(entry, Order::Newest, now()).await.unwrap(), added);
        }
        assert_eq!(store.feed().await.unwrap().1, 2);
        let listed = store.list(&Selection::default(), &first(10), now()).await.unwrap();
        assert_eq!(listed.entries.len(), 1);
        assert_eq!(listed.entries[0].key, new.key);
    }

    async fn the_same_key_with_other_bytes_is_refused(fresh) {
        let store = fresh.open().await;
        let (entry, other) = (draft("a").sign(), draft("a").sign());
        assert_eq!(entry.key, other.key);
        store.add(&entry, Order::Newest, now()).await.unwrap();
        for order in [Order::Newest, Order::Any] {
            assert!(matches!(store.add(&other, order, now()).await, Err(AddError::Differs)));
        }
        // Also when it is not the newest any more.
        store.add(&draft("a").at("2024-02-01T00:00:00Z").sign(), Order::Newest, now()).await.unwrap();
        for order in [Order::Newest, Order::Any] {
            assert!(matches!(store.add(&other, order, now()).await, Err(AddError::Differs)));
        }
        assert_eq!(store.document(&entry.key, now()).await.unwrap().unwrap().bytes, entry.document);
    }

    async fn an_older_entry_is_refused_as_an_upload(fresh) {
        let store = fresh.open().await;
        store.add(&draft("a").at("2024-02-01T00:00:00Z").sign(), Order::Newest, now()).await.unwrap();
        let older = draft("a").sign();
        match store.add(&older, Order::Newest, now()).await {
            Err(AddError::Older { newest }) => assert_eq!(newest, time("2024-02-01T00:00:00Z")),
            other => unreachable!("{other:?}"),
        }
        assert_eq!(store.document(&older.key, now()).await.unwrap(), None);
        // Other images and endorsers have histories of their own.
        for free in [draft("b"), draft("a").by("joe@example.org")] {
            store.add(&free.sign(), Order::Newest, now()).await.unwrap();
        }
    }

    async fn an_import_takes_entries_in_any_order(fresh) {
        let store = fresh.open().await;
        let dates = ["2024-02-01T00:00:00Z", "2024-01-01T00:00:00Z", "2024-03-01T00:00:00Z"];
        for date in dates {
            let entry = draft("a").at(date).with(|m| m.title = Some(date.to_owned())).sign();
            assert_eq!(store.add(&entry, Order::Any, now()).await.unwrap(), Added::Created);
            assert_eq!(store.add(&entry, Order::Any, now()).await.unwrap(), Added::Same);
        }
        let listed = store.list(&Selection::default(), &first(10), now()).await.unwrap();
        assert_eq!(titles(&listed), [dates[2]]);
        let history = store.history(identifier("a"), 10, now()).await.unwrap();
        let states: Vec<_> = history.iter().map(|e| (e.key.created.to_string(), e.state)).collect();
        assert_eq!(states, [
            (dates[2].to_owned(), State::Valid),
            (dates[0].to_owned(), State::Superseded),
            (dates[1].to_owned(), State::Superseded),
        ]);
        let changes = store.changes(0, 10).await.unwrap();
        let order: Vec<_> = changes.iter().map(|c| (c.sequence, c.key.created.to_string())).collect();
        assert_eq!(order, [(1, dates[0].to_owned()), (2, dates[1].to_owned()), (3, dates[2].to_owned())]);
    }

    async fn a_deprecation_replaces_its_predecessor_and_a_newer_entry_brings_the_image_back(fresh) {
        let store = fresh.open().await;
        store.add(&draft("a").sign(), Order::Newest, now()).await.unwrap();
        store.add(&draft("a").by("joe@example.org").sign(), Order::Newest, now()).await.unwrap();
        let deprecated = draft("a").at("2024-02-01T00:00:00Z").with(|m| m.deprecated = Some(String::new()));
        store.add(&deprecated.sign(), Order::Newest, now()).await.unwrap();
        let counts = async |store: &stratuslab::server::store::Store| {
            let mut counts = Vec::new();
            for status in [Status::Valid, Status::Expired, Status::Deprecated, Status::All] {
                let selection = Selection { status, ..Selection::default() };
                let page = store.list(&selection, &first(10), now()).await.unwrap();
                assert_eq!(store.count(&selection, 100, now()).await.unwrap(), page.entries.len() as u64);
                counts.push(page.entries.len());
            }
            counts
        };
        assert_eq!(counts(&store).await, [1, 0, 1, 2]);
        store.add(&draft("a").at("2024-03-01T00:00:00Z").sign(), Order::Newest, now()).await.unwrap();
        assert_eq!(counts(&store).await, [2, 0, 0, 2]);
    }
}

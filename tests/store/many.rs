//! Many who add at once, through one process and through several.

use std::sync::Arc;

use stratuslab::server::{
    selection::{Selection, Status},
    store::{AddError, Added, NewEntry, Order, State, Store},
};
use tokio::{sync::Barrier, task::JoinSet};

use crate::{
    entries::{draft, first, identifier, now},
    fresh::{Fresh, on_both},
};

/// Adds all at once, one after the other through each of the stores.
async fn race(
    stores: &[Store],
    entries: Vec<NewEntry>,
    order: Order,
) -> Vec<(NewEntry, Result<Added, AddError>)> {
    let barrier = Arc::new(Barrier::new(entries.len()));
    let mut tasks = JoinSet::new();
    for (n, entry) in entries.into_iter().enumerate() {
        let (store, barrier) = (stores[n % stores.len()].clone(), barrier.clone());
        tasks.spawn(async move {
            barrier.wait().await;
            let added = store.add(&entry, order, now()).await;
            (entry, added)
        });
    }
    tasks.join_all().await
}

async fn two(fresh: &Fresh) -> [Store; 2] {
    [fresh.open().await, fresh.open().await]
}

/// A store's feed has no gaps, and no entry twice.
async fn check_feed(store: &Store, count: usize) {
    let changes = store.changes(0, 1000).await.unwrap();
    let sequence: Vec<i64> = changes.iter().map(|change| change.sequence).collect();
    assert_eq!(sequence, (1..=i64::try_from(count).unwrap()).collect::<Vec<_>>());
    let keys: std::collections::HashSet<_> = changes.iter().map(|change| &change.key).collect();
    assert_eq!(keys.len(), count);
    assert_eq!(store.feed().await.unwrap().1, i64::try_from(count).unwrap());
}

on_both! {
    async fn of_many_with_the_same_key_one_is_taken(fresh) {
        let stores = two(&fresh).await;
        for image in ["a", "b", "c"] {
            let entries = (0..12).map(|_| draft(image).sign()).collect();
            let results = race(&stores, entries, Order::Newest).await;
            let (taken, refused): (Vec<_>, Vec<_>) = results.into_iter().partition(|(_, added)| added.is_ok());
            assert_eq!(taken.len(), 1);
            assert!(matches!(taken[0].1, Ok(Added::Created)));
            assert!(refused.iter().all(|(_, added)| matches!(added, Err(AddError::Differs))), "{refused:?}");
            let kept = stores[0].document(&taken[0].0.key, now()).await.unwrap().unwrap();
            assert!(kept.bytes == taken[0].0.document);
        }
        check_feed(&stores[1], 3).await;
    }

    async fn of_many_with_the_same_bytes_one_is_new(fresh) {
        let stores = two(&fresh).await;
        let entry = draft("a").sign();
        let results = race(&stores, vec![entry; 12], Order::Newest).await;
        let created = results.iter().filter(|(_, added)| matches!(added, Ok(Added::Created))).count();
        let same = results.iter().filter(|(_, added)| matches!(added, Ok(Added::Same))).count();
        assert_eq!((created, same), (1, 11));
        check_feed(&stores[0], 1).await;
    }

    async fn the_order_of_a_series_holds_whoever_comes_first(fresh) {
        let stores = two(&fresh).await;
        for order in [Order::Newest, Order::Any] {
            let image = format!("{order:?}");
            let entries: Vec<_> =
                (10..30).rev().map(|day| draft(&image).at(&format!("2024-01-{day}T00:00:00Z")).sign()).collect();
            let newest = entries[0].key.clone();
            let results = race(&stores, entries, order).await;
            let created = results.iter().filter(|(_, added)| added.is_ok()).count();
            for (entry, added) in &results {
                match added {
                    Ok(_) => {}
                    Err(AddError::Older { newest }) => assert!(entry.key.created < *newest),
                    Err(other) => unreachable!("{other}"),
                }
            }
            assert!(order == Order::Newest || created == 20);
            let history = stores[0].history(identifier(&image), 100, now()).await.unwrap();
            assert_eq!(history.len(), created);
            assert_eq!(history[0].key, newest);
            assert_eq!(history[0].state, State::Valid);
            assert!(history[1..].iter().all(|entry| entry.state == State::Superseded));
            if order == Order::Newest {
                // In the order in which they came, their dates only grow.
                let changes = stores[1].changes(0, 1000).await.unwrap();
                assert!(changes.is_sorted_by_key(|change| change.key.created));
            }
        }
    }

    async fn many_series_at_once_do_not_hold_each_other_up(fresh) {
        let stores = two(&fresh).await;
        let entries = (0..120).map(|n| {
            let email = format!("endorser{}@example.org", n % 11);
            draft(&format!("image {}", n % 60)).by(&email).at(&format!("2024-01-01T00:00:{:02}Z", n / 2)).sign()
        });
        let results = race(&stores, entries.collect(), Order::Any).await;
        assert!(results.iter().all(|(_, added)| matches!(added, Ok(Added::Created))));
        check_feed(&stores[0], 120).await;
        let all = Selection { status: Status::All, ..Selection::default() };
        let page = stores[1].list(&all, &first(1000), now()).await.unwrap();
        let keys: std::collections::HashSet<_> = page.entries.iter().map(|entry| &entry.key).collect();
        assert_eq!(keys.len(), page.entries.len());
        for (entry, _) in &results {
            let kept = stores[0].document(&entry.key, now()).await.unwrap().unwrap();
            assert!(kept.bytes == entry.document);
            assert_eq!(kept.state == State::Superseded, !keys.contains(&entry.key));
        }
        assert_eq!(stores[0].endorsers().await.unwrap().len(), 11);
    }

    async fn one_that_cannot_be_stored_does_not_harm_those_beside_it(fresh) {
        let stores = [fresh.open().await];
        let mut entries: Vec<_> = (0..10).map(|n| draft(&n.to_string()).sign()).collect();
        // It would be refused before it comes here; one database takes it, the other does not.
        entries[3].metadata.title = Some("NUL \0".to_owned());
        let long = draft("long").by(&format!("{}@example.org", "x".repeat(5000))).sign();
        entries.push(long.clone());
        let results = race(&stores, entries, Order::Newest).await;
        let failed: Vec<_> = results.iter().filter(|(_, added)| added.is_err()).collect();
        assert!(failed.len() <= 2);
        assert!(failed.iter().all(|(_, added)| matches!(added, Err(AddError::Store(_)))), "{failed:?}");
        assert!(failed.iter().any(|(entry, _)| entry.key == long.key));
        check_feed(&stores[0], 11 - failed.len()).await;
        for (entry, added) in &results {
            let kept = stores[0].document(&entry.key, now()).await.unwrap();
            assert_eq!(kept.is_some(), added.is_ok());
        }
    }

    async fn an_upload_whose_client_went_away_is_done_or_not_but_never_half(fresh) {
        let store = fresh.open().await;
        let entries: Vec<_> = (0..20).map(|n| draft(&n.to_string()).sign()).collect();
        for entry in &entries {
            let (store, entry) = (store.clone(), entry.clone());
            let task = tokio::spawn(async move { store.add(&entry, Order::Newest, now()).await });
            tokio::task::yield_now().await;
            task.abort();
            drop(task.await);
        }
        // Whatever waited before this one is done when this one is.
        store.add(&draft("last").sign(), Order::Newest, now()).await.unwrap();
        let listed = store.list(&Selection::default(), &first(1000), now()).await.unwrap().entries.len();
        check_feed(&store, listed).await;
        for entry in &entries {
            if let Some(kept) = store.document(&entry.key, now()).await.unwrap() {
                assert!(kept.bytes == entry.document);
            }
        }
    }
}

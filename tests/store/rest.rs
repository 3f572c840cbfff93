//! Endorsers, tags, suggestions, what is parked and what is claimed.

use stratuslab::{
    Email,
    server::{
        key::EntryKey,
        selection::{Selection, Window},
        store::{NewEntry, Order, Parked, Store, Suggestions},
    },
};

use crate::{
    entries::{Draft, NOW, draft, first, now, time},
    fresh::on_both,
};

async fn add(store: &Store, draft: Draft) -> EntryKey {
    let entry = draft.sign();
    store.add(&entry, Order::Any, now()).await.unwrap();
    entry.key
}

fn tagged(image: &str, tag: &str, day: u32) -> Draft {
    draft(image).at(&format!("2024-01-{day:02}T00:00:00Z")).with(|m| m.tag = Some(tag.to_owned()))
}

on_both! {
    async fn endorsers_are_distinct_over_all_entries(fresh) {
        let store = fresh.open().await;
        assert!(store.endorsers().await.unwrap().is_empty());
        for email in ["joe@example.org", "jane@example.org"] {
            for day in 1..4 {
                add(&store, draft("a").by(email).at(&format!("2024-01-0{day}T00:00:00Z"))).await;
            }
        }
        let endorsers = store.endorsers().await.unwrap();
        let emails: Vec<_> = endorsers.iter().map(|endorser| endorser.email.as_str()).collect();
        assert_eq!(emails, ["jane@example.org", "joe@example.org"]);
        assert_eq!(endorsers[0].subject, "CN=Jane Tester,O=StratusLab,C=FR");
        assert_eq!(endorsers[0].issuer, endorsers[0].subject);
    }

    async fn the_history_of_an_endorser_begins_where_it_is_told_to(fresh) {
        let store = fresh.open().await;
        for day in 1..5 {
            add(&store, draft("a").at(&format!("2024-01-0{day}T00:00:00Z"))).await;
        }
        add(&store, draft("a").by("joe@example.org")).await;
        let jane: Email = "jane@example.org".parse().unwrap();
        let entries = store.endorsed(&jane, time("2024-01-02T00:00:00Z"), now()).await.unwrap();
        let days: Vec<_> = entries.iter().map(|entry| entry.key.created.to_string()[8..10].to_owned()).collect();
        assert_eq!(days, ["04", "03", "02"]);
        let nobody = "nobody@example.org".parse().unwrap();
        assert!(store.endorsed(&nobody, time("2024-01-01T00:00:00Z"), now()).await.unwrap().is_empty());
    }

    async fn tags_are_an_endorsers_own(fresh) {
        let store = fresh.open().await;
        for draft in [tagged("a", "stable", 1), tagged("b", "edge", 2), tagged("c", "", 3), tagged("d", "edge", 4)] {
            add(&store, draft).await;
        }
        add(&store, tagged("e", "other", 1).by("joe@example.org")).await;
        let jane = "jane@example.org".parse().unwrap();
        assert_eq!(store.tags(&jane).await.unwrap(), ["edge", "stable"]);
    }

    async fn a_tag_names_the_newest_entry_of_images_it_is_not_deprecated_on(fresh) {
        let store = fresh.open().await;
        let jane: Email = "jane@example.org".parse().unwrap();
        let found = async |tag: &str| store.tagged(&jane, tag).await.unwrap();
        assert_eq!(found("stable").await, None);
        let a = add(&store, tagged("a", "stable", 1)).await;
        assert_eq!(found("stable").await, Some(a.clone()));
        let b = add(&store, tagged("b", "stable", 2)).await;
        assert_eq!(found("stable").await, Some(b));
        // A newer entry without the tag does not take it away.
        let newer_a = add(&store, tagged("a", "stable", 3)).await;
        add(&store, tagged("a", "edge", 4)).await;
        assert_eq!(found("stable").await, Some(newer_a));
        // Deprecated with the tag: the image is out, with all its entries.
        add(&store, tagged("a", "stable", 5).with(|m| m.deprecated = Some("old".into()))).await;
        add(&store, tagged("a", "stable", 6)).await;
        assert_eq!(found("stable").await.unwrap().created, time("2024-01-02T00:00:00Z"));
        // Deprecated without the tag: it is not.
        add(&store, tagged("b", "edge", 7).with(|m| m.deprecated = Some("old".into()))).await;
        assert_eq!(found("stable").await.unwrap().created, time("2024-01-02T00:00:00Z"));
        assert_eq!(found("edge").await.unwrap().identifier, a.identifier);
        // Another's tag, and what is none.
        add(&store, tagged("c", "stable", 8).by("joe@example.org")).await;
        assert_eq!(found("stable").await.unwrap().created, time("2024-01-02T00:00:00Z"));
        for none in ["", "STABLE", "stab", "stable\0", "st%"] {
            assert_eq!(found(none).await, None, "{none}");
        }
    }

    async fn suggestions_are_what_valid_entries_have(fresh) {
        let store = fresh.open().await;
        assert_eq!(store.suggestions().await.unwrap(), Suggestions::default());
        for (n, os) in ["Ubuntu", "ubuntu", "CentOS", "Debian", "Fedora"].into_iter().enumerate() {
            let draft = draft(&n.to_string()).at(&format!("2024-01-0{}T00:00:00Z", n + 1));
            add(&store, draft.with(|m| {
                m.os = Some(os.to_owned());
                m.os_arch = None;
                m.deprecated = (n == 4).then(String::new);
            })).await;
        }
        let suggestions = store.suggestions().await.unwrap();
        assert_eq!(suggestions.os, ["CentOS", "Debian", "ubuntu"]);
        assert_eq!((suggestions.os_version, suggestions.kind), (vec!["22.04".into()], vec!["machine".into()]));
        assert!(suggestions.os_arch.is_empty());
    }

    async fn parked_uploads_wait_for_their_token_and_expire(fresh) {
        let store = fresh.open().await;
        let entry = draft("a").sign();
        let (now, expires) = (now(), time("2024-06-08T00:00:00Z"));
        let parked = Parked { key: entry.key.clone(), document: entry.document, expires };
        let token = |n: u8| [n; 32];
        for n in 0..2 {
            assert!(store.park(&token(n), &parked, 2, now).await.unwrap());
        }
        assert!(!store.park(&token(2), &parked, 2, now).await.unwrap());
        let bytes = 2 * parked.document.len() as u64;
        assert_eq!(store.parked_bytes(now).await.unwrap(), bytes);
        assert_eq!(store.parked_bytes(expires).await.unwrap(), 0);
        assert_eq!(store.parked(&token(2), now).await.unwrap(), None);
        assert_eq!(store.parked(&token(1), now).await.unwrap(), Some(parked.clone()));
        assert_eq!(store.parked(&token(1), expires).await.unwrap(), None);
        assert!(store.forget(&token(1)).await.unwrap());
        assert!(!store.forget(&token(1)).await.unwrap());
        assert_eq!(store.parked(&token(1), now).await.unwrap(), None);
        assert!(store.park(&token(3), &parked, 2, now).await.unwrap());
        assert_eq!(store.forget_expired(now).await.unwrap(), 0);
        assert_eq!(store.forget_expired(expires).await.unwrap(), 2);
        assert_eq!(store.parked(&token(0), now).await.unwrap(), None);
    }

    async fn no_more_is_parked_than_may_be_however_many_try_at_once(fresh) {
        let stores = [fresh.open().await, fresh.open().await];
        let entry = draft("a").sign();
        let parked = Parked { key: entry.key, document: entry.document, expires: time("2024-06-08T00:00:00Z") };
        let mut tasks = tokio::task::JoinSet::new();
        for n in 0..20 {
            let (store, parked) = (stores[usize::from(n % 2)].clone(), parked.clone());
            tasks.spawn(async move { store.park(&[n; 32], &parked, 3, now()).await.unwrap() });
        }
        assert_eq!(tasks.join_all().await.into_iter().filter(|parked| *parked).count(), 3);
    }

    async fn a_claim_is_granted_once_to_one_of_many(fresh) {
        let stores = [fresh.open().await, fresh.open().await];
        let mut tasks = tokio::task::JoinSet::new();
        for n in 0..20 {
            let store = stores[n % 2].clone();
            tasks.spawn(async move { store.claim("reminder 2024-06", now()).await.unwrap() });
        }
        assert_eq!(tasks.join_all().await.into_iter().filter(|claimed| *claimed).count(), 1);
        assert!(stores[0].claim("reminder 2024-07", now()).await.unwrap());
        assert!(!stores[1].claim("reminder 2024-07", time("2025-01-01T00:00:00Z")).await.unwrap());
        // Long after, nobody asks for it.
        assert!(stores[1].claim("reminder 2024-07", time("2026-01-01T00:00:00Z")).await.unwrap());
    }

    async fn what_expires_soon_is_found_by_endorser(fresh) {
        let store = fresh.open().await;
        for (image, email, valid) in [
            ("a", "joe@example.org", "2024-06-02T00:00:00Z"),
            ("b", "jane@example.org", "2024-06-04T00:00:00Z"),
            ("c", "jane@example.org", "2024-06-03T00:00:00Z"),
            ("d", "jane@example.org", "2024-06-01T00:00:00Z"),
            ("e", "jane@example.org", "2024-06-04T00:00:01Z"),
        ] {
            add(&store, draft(image).by(email).valid(valid).with(|m| m.title = Some(image.to_owned()))).await;
        }
        let expiring = store.expiring(now(), time("2024-06-04T00:00:00Z")).await.unwrap();
        let titles: Vec<_> = expiring.iter().map(crate::entries::title).collect();
        assert_eq!(titles, ["c", "b", "a"]);
        for (now, next) in [
            (NOW, Some("2024-06-02T00:00:00Z")),
            ("2024-06-02T00:00:00Z", Some("2024-06-03T00:00:00Z")),
            ("2024-06-04T00:00:01Z", None),
        ] {
            assert_eq!(store.next_expiry(time(now)).await.unwrap(), next.map(time), "{now}");
        }
    }
}

/// Handlers of requests move between threads.
#[test]
fn whoever_waits_for_the_database_may_move_between_threads() {
    fn moves<T: Send>(_: impl Fn(&'static Store, &'static NewEntry) -> T) {}
    let time = now();
    let email: &'static Email = Box::leak(Box::new("jane@example.org".parse().unwrap()));
    let selection: &'static Selection = Box::leak(Box::default());
    let window: &'static Window = Box::leak(Box::new(first(1)));
    moves(move |store, entry| store.add(entry, Order::Any, time));
    moves(move |store, entry| store.document(&entry.key, time));
    moves(move |store, entry| store.entry(&entry.key, time));
    moves(move |store, entry| store.history(entry.key.identifier, 1, time));
    moves(move |store, _| store.list(selection, window, time));
    moves(move |store, _| store.list_documents(selection, window, time));
    moves(move |store, _| store.count(selection, 1, time));
    moves(|store, _| store.endorsers());
    moves(move |store, _| store.endorsed(email, time, time));
    moves(|store, _| store.tags(email));
    moves(|store, _| store.tagged(email, ""));
    moves(|store, _| store.changes(0, 1));
    moves(|store, _| store.feed());
    moves(|store, _| store.suggestions());
    moves(move |store, _| store.forget_expired(time));
    moves(move |store, _| store.expiring(time, time));
    moves(move |store, _| store.claim("", time));
    moves(|store, _| store.forget(&[0; 32]));
    moves(move |store, _| store.parked(&[0; 32], time));
    let parked: &'static Parked =
        Box::leak(Box::new(Parked { key: draft("a").sign().key, document: Vec::new(), expires: time }));
    moves(move |store, _| store.park(&[0; 32], parked, 1, time));
}

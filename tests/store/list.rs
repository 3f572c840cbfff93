//! Lists: whatever is selected, in whatever order and stretch, is what going through all entries would give.

use std::collections::HashMap;

use stratuslab::{
    Timestamp,
    server::{
        selection::{Contains, From, Location, Selection, Sort, SortKey, Status, Window},
        store::{Listed, MAX_CHANGES_BYTES, MAX_DOCUMENTS_BYTES, NewEntry, Order, State, Store},
    },
};

use crate::{
    entries::{draft, first, identifier, now, time, title, titles},
    fresh::on_both,
};

const KEYS: [SortKey; 8] = [
    SortKey::Created,
    SortKey::Os,
    SortKey::OsVersion,
    SortKey::OsArch,
    SortKey::Email,
    SortKey::Kind,
    SortKey::Identifier,
    SortKey::Title,
];

/// Entries of many kinds: superseded, expired and deprecated ones, with texts in which patterns, quotation
/// marks and letters beyond ASCII would show.
fn many() -> Vec<NewEntry> {
    let systems =
        ["Ubuntu", "ubuntu", "CentOS", "Scientific Linux", "100%_free\\", "say \"hi\"", "", "ÉTÉ Σ"];
    let archs = ["x86_64", "i386", "AArch64"];
    let people = ["jane@example.org", "Joe@Example.org", "ann@example.com"];
    let places: [&[&str]; 4] =
        [&["http://example.org/a.gz", "pdisk:1"], &["pdisk:host:8445:uuid"], &[], &["file:///tmp/IMAGE"]];
    let mut entries = Vec::new();
    for n in 0..90_usize {
        let created =
            Timestamp::from_unix_seconds(1_700_000_000 + 1000 * i64::try_from(n % 80).unwrap()).unwrap();
        let mut draft = draft(&format!("image {}", n % 50)).by(people[n % 3]).at(&created.to_string());
        if n % 7 == 0 {
            draft = draft.valid("2024-02-01T00:00:00Z");
        }
        let draft = draft.with(|m| {
            m.title = Some(format!("Number {n}"));
            m.os = (n % 8 != 6).then(|| systems[n % 8].to_owned());
            m.os_version = Some(format!("{}.04", n % 4));
            m.os_arch = Some(archs[n % 3].to_owned());
            m.kind = (n % 5 != 0).then(|| "Machine".to_owned());
            m.description = Some(format!("described as ÄÖÜ ß {}", "x".repeat(n)));
            m.locations = places[n % 4].iter().map(|&place| place.to_owned()).collect();
            m.deprecated = (n % 11 == 0).then(|| "old".to_owned());
        });
        entries.push(draft.sign());
    }
    entries
}

async fn filled(store: &Store) -> Vec<NewEntry> {
    let mut kept = Vec::new();
    for entry in many() {
        if store.add(&entry, Order::Newest, now()).await.is_ok() {
            kept.push(entry);
        }
    }
    assert!(kept.len() > 80, "{}", kept.len());
    kept
}

/// The titles of what is selected, by the words of behaviour 1.6 alone.
fn expected(entries: &[NewEntry], selection: &Selection, now: Timestamp) -> Vec<String> {
    let mut newest = HashMap::new();
    for entry in entries {
        let created =
            newest.entry((entry.key.identifier, entry.key.email.clone())).or_insert(entry.key.created);
        *created = (*created).max(entry.key.created);
    }
    let lower = |text: &str| text.to_lowercase();
    let selected = |entry: &&NewEntry| {
        let m = &entry.metadata;
        let latest = newest[&(entry.key.identifier, entry.key.email.clone())] == entry.key.created;
        let texts = [&m.os, &m.os_version, &m.os_arch, &m.kind, &m.title, &m.description];
        let mut texts: Vec<String> = texts.into_iter().flatten().map(|text| lower(text)).collect();
        texts.extend(m.locations.iter().map(|location| lower(location)));
        texts.extend([
            lower(entry.key.email.as_str()),
            lower(&entry.key.created.to_string()),
            lower(&entry.key.identifier.to_string()),
        ]);
        let word = |word: &String| texts.iter().any(|text| text.contains(&lower(word)));
        let holds = |text: &Option<String>, part: &str| {
            part.is_empty() || lower(text.as_deref().unwrap_or_default()).contains(&lower(part))
        };
        let web = m.locations.iter().any(|l| l.starts_with("http://")) || m.locations.is_empty();
        selection.created.map_or(latest, |created| created == entry.key.created)
            && match selection.status {
                Status::Valid => m.deprecated.is_none() && m.valid > Some(now),
                Status::Expired => m.deprecated.is_none() && m.valid <= Some(now),
                Status::Deprecated => m.deprecated.is_some(),
                Status::All => true,
            }
            && selection.identifier.is_none_or(|identifier| identifier == entry.key.identifier)
            && selection.email.as_ref().is_none_or(|email| *email == entry.key.email)
            && match selection.location {
                Location::All => true,
                Location::Web => web,
                Location::Pdisk => m.locations.iter().any(|l| l.starts_with("pdisk")),
            }
            && selection.words.iter().all(word)
            && holds(&m.os, &selection.contains.os)
            && holds(&m.os_version, &selection.contains.os_version)
            && holds(&m.os_arch, &selection.contains.os_arch)
            && holds(&Some(entry.key.email.to_string()), &selection.contains.email)
            && holds(&m.kind, &selection.contains.kind)
    };
    let key = |entry: &NewEntry| {
        let m = &entry.metadata;
        let text = |text: &Option<String>| lower(text.as_deref().unwrap_or_default());
        match selection.sort.by {
            SortKey::Created => String::new(),
            SortKey::Os => text(&m.os),
            SortKey::OsVersion => text(&m.os_version),
            SortKey::OsArch => text(&m.os_arch),
            SortKey::Email => lower(entry.key.email.as_str()),
            SortKey::Kind => text(&m.kind),
            SortKey::Identifier => entry.key.identifier.to_string(),
            SortKey::Title => text(&m.title),
        }
    };
    let mut selected: Vec<_> = entries.iter().filter(selected).collect();
    selected.sort_by_key(|entry| {
        // Entries of the same second are in an order of their own.
        let series = format!("{}/{}", entry.key.identifier, entry.key.email);
        let [a, b, c, ..] = openssl::sha::sha256(series.as_bytes());
        let place =
            entry.key.created.unix_seconds() << 20 | i64::from(u32::from_be_bytes([0, a, b, c]) & 0xf_ffff);
        (key(entry), if selection.sort.by == SortKey::Created { place } else { -place })
    });
    if selection.sort.descending {
        selected.reverse();
    }
    selected.iter().map(|entry| entry.metadata.title.clone().unwrap()).collect()
}

/// The list page by page: forwards, and backwards from its end.
async fn paged(store: &Store, selection: &Selection, length: u32) -> Vec<String> {
    let mut window = first(length);
    let mut forwards: Vec<Listed> = Vec::new();
    loop {
        let page = store.list(selection, &window, now()).await.unwrap();
        assert_eq!(page.before, !forwards.is_empty());
        forwards.extend(page.entries);
        let Some(last) = forwards.last().filter(|_| page.after) else { break };
        window.from = From::After(last.cursor.to_string().parse().unwrap());
    }
    let Some(last) = forwards.last() else { return Vec::new() };
    let mut backwards = vec![last.clone()];
    loop {
        window.from = From::Before(backwards[0].cursor.clone());
        let page = store.list(selection, &window, now()).await.unwrap();
        assert!(page.after);
        backwards.splice(..0, page.entries);
        if !page.before {
            break;
        }
    }
    assert_eq!(backwards, forwards);
    let offset = forwards.len() / 2;
    let window = Window { from: From::Offset(offset as u64), length };
    let page = store.list(selection, &window, now()).await.unwrap();
    let end = forwards.len().min(offset + length as usize);
    assert_eq!(page.entries, forwards[offset..end]);
    assert_eq!(page.after, end < forwards.len());
    forwards.iter().map(title).collect()
}

/// Selections of one condition each, then of several.
fn selections(entries: &[NewEntry]) -> Vec<Selection> {
    let plain = Selection::default;
    let contains = Contains::default;
    let words = |words: &[&str]| Selection {
        words: words.iter().map(|&word| word.to_owned()).collect(),
        ..Selection::default()
    };
    let mut selections = vec![
        plain(),
        Selection { identifier: Some(entries[3].key.identifier), ..plain() },
        Selection { email: Some(entries[4].key.email.clone()), ..plain() },
        Selection { created: Some(entries[5].key.created), ..plain() },
        Selection { created: Some(entries[0].key.created), words: vec!["number".into()], ..plain() },
        Selection {
            created: Some(entries[2].key.created),
            email: Some(entries[2].key.email.clone()),
            ..plain()
        },
        Selection { nothing: true, ..plain() },
        Selection { location: Location::Web, ..plain() },
        Selection { location: Location::Pdisk, ..plain() },
        Selection { contains: Contains { os: "UBU".into(), ..contains() }, ..plain() },
        Selection { contains: Contains { os: "u".into(), ..contains() }, ..plain() },
        Selection { contains: Contains { os_version: "2.0".into(), ..contains() }, ..plain() },
        Selection {
            contains: Contains { os_arch: "86".into(), kind: "MACH".into(), ..contains() },
            ..plain()
        },
        Selection { contains: Contains { email: "EXAMPLE.org".into(), ..contains() }, ..plain() },
        Selection {
            contains: Contains { os: "linux".into(), ..contains() },
            email: Some(entries[0].key.email.clone()),
            location: Location::Web,
            ..plain()
        },
    ];
    for one in [
        &["scientific"][..],
        &["c l"],
        &["100%_free\\"],
        &["%"],
        &["100%%"],
        &["_"],
        &["\"hi\""],
        &["\""],
        &["été"],
        &["ÉT"],
        &["σ"],
        &["äöü ß"],
        &["ubuntu", "x86_64"],
        &["ubuntu", "x8", "xxxxxxxx"],
        &["number 1"],
        &["2023-11-14t"],
        &["pdisk:HOST"],
        &["absent"],
        &[""],
        &["os:ubuntu OR 1"],
        &["a\0b"],
        &["ubuntu\u{1}0"],
        &["' OR 1=1 --"],
        &["x", "xx", "xxx", "xxxx", "XXXXX"],
    ] {
        selections.push(words(one));
    }
    // Longer than what the index is asked for.
    for end in ["x", "y"] {
        selections.push(words(&[&format!("{}{end}", "x".repeat(60))]));
        selections.push(words(&[&format!("ß {}{end}", "x".repeat(84))]));
    }
    selections
}

/// So many entries that none of the ways to find few is taken. Those of one system have the last titles, those of
/// one endorser the first identifiers by accident only.
fn thousands() -> Vec<NewEntry> {
    let signed = draft("one").sign();
    let entry = |n: usize| {
        let mut entry = signed.clone();
        let rare = n.is_multiple_of(2);
        entry.key.identifier = identifier(&format!("image {n}"));
        entry.key.email =
            if n.is_multiple_of(3) { "joe@example.org" } else { "ann@example.org" }.parse().unwrap();
        entry.key.created = Timestamp::from_unix_seconds(1_700_000_000 + i64::try_from(n).unwrap()).unwrap();
        let m = &mut entry.metadata;
        m.identifier = entry.key.identifier;
        m.title = Some(format!("{} {}", if rare { "zeta" } else { "alpha" }, (n * 7919) % 100_003));
        m.os = Some(if rare { "Zeta Linux" } else { "Alpha Linux" }.to_owned());
        m.os_version = Some(format!("{}", n % 5));
        m.deprecated = n.is_multiple_of(50).then(|| "old".to_owned());
        entry
    };
    (0..6000).map(entry).collect()
}

on_both! {
    async fn of_thousands_those_at_the_end_are_found(fresh) {
        let store = fresh.open().await;
        let entries = thousands();
        let mut tasks = tokio::task::JoinSet::new();
        for entry in entries.clone() {
            let store = store.clone();
            tasks.spawn(async move { store.add(&entry, Order::Newest, now()).await.unwrap() });
        }
        tasks.join_all().await;
        let zeta = Contains { os: "zeta".to_owned(), ..Contains::default() };
        let of = |by, descending| Selection { sort: Sort { by, descending }, ..Selection::default() };
        let joe = Some("joe@example.org".parse().unwrap());
        for (selection, count) in [
            (Selection { contains: zeta.clone(), ..of(SortKey::Title, false) }, 2880),
            (Selection { contains: zeta.clone(), ..of(SortKey::Title, true) }, 2880),
            (Selection { contains: zeta.clone(), ..of(SortKey::Os, false) }, 2880),
            (Selection { contains: zeta.clone(), status: Status::All, ..of(SortKey::Title, false) }, 3000),
            (Selection { words: vec!["zeta".to_owned(), "3".to_owned()], ..of(SortKey::Title, false) }, 2880),
            (Selection { words: vec!["zeta".to_owned()], email: joe.clone(), ..of(SortKey::Title, false) }, 960),
            (Selection { words: vec!["linux".to_owned()], email: joe.clone(), ..of(SortKey::Os, false) }, 1960),
            (Selection { email: joe.clone(), status: Status::All, ..of(SortKey::Identifier, true) }, 2000),
            (Selection { email: "ann@example.org".parse().ok(), ..of(SortKey::Identifier, false) }, 3920),
            (Selection { email: "ann@example.org".parse().ok(), contains: zeta, ..of(SortKey::Kind, true) }, 1920),
        ] {
            let found = paged(&store, &selection, 900).await;
            assert_eq!(found, expected(&entries, &selection, now()), "{selection:?}");
            assert_eq!(found.len(), count, "{selection:?}");
            assert_eq!(store.count(&selection, u64::MAX, now()).await.unwrap(), count as u64, "{selection:?}");
        }
    }

    async fn lists_are_what_going_through_all_entries_gives(fresh) {
        let store = fresh.open().await;
        let entries = filled(&store).await;
        let mut selected = 0;
        for selection in selections(&entries) {
            for status in [Status::Valid, Status::Expired, Status::Deprecated, Status::All] {
                let selection = Selection { status, ..selection.clone() };
                let mut list = expected(&entries, &selection, now());
                if selection.nothing || selection.words.iter().any(|word| word.contains('\0')) {
                    list.clear();
                }
                selected += list.len();
                assert_eq!(titles(&store.list(&selection, &first(1000), now()).await.unwrap()), list, "{selection:?}");
                let count = store.count(&selection, 1000, now()).await.unwrap();
                assert_eq!(count, list.len() as u64, "{selection:?}");
                assert_eq!(store.count(&selection, 3, now()).await.unwrap(), count.min(3));
                if list.len() > 2 {
                    assert_eq!(paged(&store, &selection, 4).await, list, "{selection:?}");
                }
            }
        }
        assert!(selected > 1000, "{selected}");
    }

    async fn every_order_is_kept_through_all_pages(fresh) {
        let store = fresh.open().await;
        let entries = filled(&store).await;
        let selections = [
            Selection::default(),
            Selection { status: Status::All, ..Selection::default() },
            Selection { words: vec!["ubuntu".into()], status: Status::All, ..Selection::default() },
            Selection { email: Some(entries[4].key.email.clone()), ..Selection::default() },
            Selection { created: Some(entries[4].key.created), status: Status::All, ..Selection::default() },
        ];
        for selection in selections {
            for by in KEYS {
                for descending in [false, true] {
                    let selection = Selection { sort: Sort { by, descending }, ..selection.clone() };
                    let list = expected(&entries, &selection, now());
                    for length in [3, 1000] {
                        assert_eq!(paged(&store, &selection, length).await, list, "{selection:?}");
                    }
                }
            }
        }
    }

    async fn documents_come_in_the_order_of_their_entries(fresh) {
        let store = fresh.open().await;
        let entries = filled(&store).await;
        let sort = Sort { by: SortKey::Title, descending: true };
        let selection = Selection { status: Status::All, sort, ..Selection::default() };
        let (page, documents) = store.list_documents(&selection, &first(1000), now()).await.unwrap();
        assert_eq!(page.entries.len(), documents.len());
        assert!(documents.len() > 40);
        for (listed, document) in page.entries.iter().zip(&documents) {
            let entry = entries.iter().find(|entry| entry.key == listed.key).unwrap();
            assert!(entry.document == *document);
        }
    }

    async fn large_documents_end_a_page_early(fresh) {
        let store = fresh.open().await;
        let mut kept = Vec::new();
        for (n, name) in ["a", "b", "c", "d"].into_iter().enumerate() {
            let mut entry = draft(name).at(&format!("2024-01-0{}T00:00:00Z", n + 1)).sign();
            // The store keeps what it is given.
            entry.document.resize(MAX_DOCUMENTS_BYTES / 2, b'\n');
            store.add(&entry, Order::Newest, now()).await.unwrap();
            kept.push(entry);
        }
        let selection = Selection { sort: Sort { by: SortKey::Created, descending: false }, ..Selection::default() };
        let (page, documents) = store.list_documents(&selection, &first(10), now()).await.unwrap();
        assert_eq!((page.entries.len(), documents.len(), page.before, page.after), (2, 2, false, true));
        let window = Window { from: From::After(page.entries[1].cursor.clone()), length: 10 };
        let (page, documents) = store.list_documents(&selection, &window, now()).await.unwrap();
        assert_eq!((documents.len(), page.before, page.after), (2, true, false));
        assert!(documents[1] == kept[3].document);
        let window = Window { from: From::Before(page.entries[1].cursor.clone()), length: 10 };
        let (page, documents) = store.list_documents(&selection, &window, now()).await.unwrap();
        assert_eq!((documents.len(), page.before, page.after), (2, true, true));
        assert!(documents[1] == kept[2].document);
    }

    async fn large_documents_end_a_stretch_of_the_feed_early(fresh) {
        let store = fresh.open().await;
        for (n, name) in ["a", "b", "c", "d"].into_iter().enumerate() {
            let mut entry = draft(name).at(&format!("2024-01-0{}T00:00:00Z", n + 1)).sign();
            entry.document.resize(usize::try_from(MAX_CHANGES_BYTES / 2).unwrap(), b'\n');
            store.add(&entry, Order::Newest, now()).await.unwrap();
        }
        let changes = store.changes(0, 10).await.unwrap();
        assert_eq!(changes.iter().map(|change| change.sequence).collect::<Vec<_>>(), [1, 2]);
        let changes = store.changes(2, 10).await.unwrap();
        assert_eq!(changes.iter().map(|change| change.sequence).collect::<Vec<_>>(), [3, 4]);
        assert!(store.changes(4, 10).await.unwrap().is_empty());
    }

    async fn very_many_and_very_long_words_are_no_error(fresh) {
        let store = fresh.open().await;
        let long: String = (0..4000_u32).filter_map(|n| char::from_u32(0x4e00 + n)).collect();
        let entry = draft("a").with(|m| m.description = Some(format!("{long} end")));
        store.add(&entry.sign(), Order::Newest, now()).await.unwrap();
        let letters = long.chars().map(String::from).collect();
        let pairs = long.chars().zip(long.chars().skip(1)).map(|(a, b)| format!("{a}{b}")).collect();
        for (words, count) in [
            (vec![format!("{long} END")], 1),
            (vec![format!("{long} AND")], 0),
            (letters, 1),
            (pairs, 1),
            (vec!["a".to_owned(); 10_000], 1),
        ] {
            let selection = Selection { words, ..Selection::default() };
            assert_eq!(store.list(&selection, &first(10), now()).await.unwrap().entries.len(), count);
            assert_eq!(store.count(&selection, 10, now()).await.unwrap(), count as u64);
        }
    }

    async fn entries_expire_while_they_lie_there(fresh) {
        let store = fresh.open().await;
        let valid = "2024-07-01T00:00:00Z";
        store.add(&draft("a").valid(valid).sign(), Order::Newest, now()).await.unwrap();
        store.add(&draft("b").sign(), Order::Newest, now()).await.unwrap();
        let states = async |now: &str| {
            let mut counts = Vec::new();
            for status in [Status::Valid, Status::Expired] {
                for words in [vec![], vec!["ubuntu".to_owned()]] {
                    let selection = Selection { status, words, ..Selection::default() };
                    let page = store.list(&selection, &first(10), time(now)).await.unwrap();
                    assert_eq!(store.count(&selection, 10, time(now)).await.unwrap(), page.entries.len() as u64);
                    counts.push(page.entries.len());
                }
            }
            counts
        };
        assert_eq!(states("2024-06-30T23:59:59Z").await, [2, 2, 0, 0]);
        assert_eq!(states(valid).await, [1, 1, 1, 1]);
        // Another that expires at once, added when others have been moved.
        let late = draft("c").valid(valid).sign();
        store.add(&late, Order::Newest, time("2024-06-30T23:59:59Z")).await.unwrap();
        assert_eq!(store.document(&late.key, time("2024-06-30T23:59:59Z")).await.unwrap().unwrap().state, State::Valid);
        assert_eq!(store.document(&late.key, time(valid)).await.unwrap().unwrap().state, State::Expired);
        assert_eq!(states(valid).await, [1, 1, 2, 2]);
        // And one that a second process adds.
        let other = fresh.open().await;
        let later = draft("d").valid("2024-08-01T00:00:00Z").sign();
        other.add(&later, Order::Newest, time(valid)).await.unwrap();
        assert_eq!(states("2024-07-31T23:59:59Z").await, [2, 2, 2, 2]);
        assert_eq!(states("2024-08-01T00:00:00Z").await, [1, 1, 3, 3]);
        // An expired entry gives way to a newer one.
        store.add(&draft("a").at("2024-08-01T00:00:00Z").sign(), Order::Newest, time(valid)).await.unwrap();
        assert_eq!(states("2024-08-01T00:00:00Z").await, [2, 2, 2, 2]);
    }

    async fn long_texts_are_found_and_sorted(fresh) {
        let store = fresh.open().await;
        let long = |end: &str| Some(format!("{}{end}", "é".repeat(5000)));
        for (n, end) in ["one", "two"].into_iter().enumerate() {
            let entry = draft(end).at(&format!("2024-01-0{}T00:00:00Z", n + 1)).with(|m| {
                m.os = long(end);
                m.os_version = long(end);
                m.os_arch = long(end);
                m.kind = long(end);
                m.tag = long(end);
                m.title = Some(end.to_owned());
            });
            store.add(&entry.sign(), Order::Newest, now()).await.unwrap();
        }
        for by in [SortKey::Os, SortKey::OsVersion, SortKey::OsArch, SortKey::Kind] {
            let selection = Selection { sort: Sort { by, descending: false }, ..Selection::default() };
            assert_eq!(paged(&store, &selection, 1).await, ["two", "one"]);
        }
        let contains = Contains { os: "ÉÉtwo".to_owned(), ..Contains::default() };
        let page = store.list(&Selection { contains, ..Selection::default() }, &first(10), now()).await.unwrap();
        assert_eq!(titles(&page), ["two"]);
        let email = "jane@example.org".parse().unwrap();
        assert_eq!(store.tags(&email).await.unwrap(), [long("one").unwrap(), long("two").unwrap()]);
        for end in ["one", "two"] {
            let key = store.tagged(&email, &long(end).unwrap()).await.unwrap().unwrap();
            assert_eq!(key.identifier, draft(end).metadata.identifier);
        }
    }
}

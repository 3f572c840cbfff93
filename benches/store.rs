//! What a Marketplace's database takes: `cargo bench --features marketplace --bench store`.
//!
//! Arguments are numbers of entries. The same signed entries go into SQLite and into a PostgreSQL of the bench's own, 10,000
//! and 100,000 of them unless told otherwise; then each thing that pages are made of is asked for many times, one after the other. PostgreSQL must be
//! installed; it does not wait for the disk here, SQLite does.

#![allow(clippy::unwrap_used, reason = "a benchmark that cannot run has failed")]

#[path = "../examples/generate-entries/drafts.rs"]
mod drafts;
#[path = "../tests/postgres/mod.rs"]
mod postgres;

use std::time::{Duration, Instant};

use rayon::iter::{IntoParallelIterator as _, ParallelIterator as _};
use stratuslab::{
    Password, Timestamp,
    server::{
        key::EntryKey,
        selection::{Contains, From, Location, Selection, Sort, SortKey, Status, Window},
        settings::Database,
        store::{NewEntry, Order, Store},
    },
};
use tokio::task::JoinSet;

/// Entries in the database.
const SIZES: [usize; 2] = [10_000, 100_000];

/// Images whose entries are made at once.
const TOGETHER: u64 = 2000;

/// Clients that add entries at once.
const CLIENTS: usize = 64;

/// How often each thing is asked for.
const TIMES: usize = 300;

/// Longest time for one of them, after which it is asked for no more.
const PATIENCE: Duration = Duration::from_secs(10);

fn main() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(run());
}

async fn run() {
    let folder = tempfile::tempdir().unwrap();
    let server = postgres::Server::start();
    let told: Vec<usize> = std::env::args().filter_map(|argument| argument.parse().ok()).collect();
    for size in if told.is_empty() { SIZES.to_vec() } else { told } {
        let sqlite = Database::Sqlite(folder.path().join(format!("{size}.sqlite")));
        let postgres = Database::Postgres(Password::new(server.url()));
        let mut stores = Vec::new();
        for (name, database) in [("SQLite", sqlite), ("PostgreSQL", postgres)] {
            let store = Store::open(&database).await.unwrap();
            stores.push(Subject { name, store, keys: Vec::new(), adding: Duration::ZERO });
        }
        let now = Timestamp::now();
        fill(&mut stores, size, now).await;
        for subject in &stores {
            println!("{size} entries in {}", subject.name);
            let each = subject.adding.as_secs_f64() / f64::from(u32::try_from(size).unwrap());
            println!("  {:<58} {:>9.0} /s", format!("added by {CLIENTS} clients"), 1.0 / each);
            measure(subject, now).await;
            let more = more(size, now);
            report("added by one client", async |n| {
                subject.store.add(&more[n], Order::Any, now).await.unwrap();
            })
            .await;
        }
    }
}

struct Subject {
    name: &'static str,
    store: Store,
    keys: Vec<EntryKey>,
    adding: Duration,
}

async fn fill(stores: &mut [Subject], size: usize, now: Timestamp) {
    let endorsers = drafts::Endorsers::new();
    let (mut filled, mut image) = (0, 0);
    while filled < size {
        let images = image..image + TOGETHER;
        image += TOGETHER;
        let made = images.into_par_iter().flat_map_iter(|number| drafts::image(1, number, now, &endorsers));
        let mut entries: Vec<_> = made.map(|entry| NewEntry::new(&entry).unwrap()).collect();
        entries.truncate(size - filled);
        filled += entries.len();
        for subject in &mut *stores {
            subject.keys.extend(entries.iter().map(|entry| entry.key.clone()));
            let start = Instant::now();
            let mut tasks = JoinSet::new();
            for entry in entries.clone() {
                while tasks.len() >= CLIENTS {
                    tasks.join_next().await.unwrap().unwrap();
                }
                let store = subject.store.clone();
                tasks.spawn(async move { store.add(&entry, Order::Any, now).await.unwrap() });
            }
            tasks.join_all().await;
            subject.adding += start.elapsed();
        }
    }
}

/// Entries of other images.
fn more(size: usize, now: Timestamp) -> Vec<NewEntry> {
    let endorsers = drafts::Endorsers::new();
    let images = 2 * size as u64..;
    let made = images.flat_map(|number| drafts::image(1, number, now, &endorsers));
    made.map(|entry| NewEntry::new(&entry).unwrap()).take(TIMES).collect()
}

async fn measure(subject: &Subject, now: Timestamp) {
    let store = &subject.store;
    let keys = &subject.keys;
    let plain = Selection::default;
    let words = |words: &[&str]| Selection {
        words: words.iter().map(|&word| word.to_owned()).collect(),
        ..Selection::default()
    };
    let by = |by, descending| Selection { sort: Sort { by, descending }, ..Selection::default() };
    let page = |from| Window { from, length: 50 };
    let start = || page(From::Offset(0));
    report("one document", async |n| {
        assert!(store.document(&keys[n * 7919 % keys.len()], now).await.unwrap().is_some());
    })
    .await;
    let os = Contains { os: "ubuntu".to_owned(), ..Contains::default() };
    let both = Contains { os: "debian".to_owned(), os_arch: "aarch64".to_owned(), ..Contains::default() };
    let email = Some("endorser07@example.org".parse().unwrap());
    let lists = [
        ("first page", plain()),
        ("first page, any status", Selection { status: Status::All, ..plain() }),
        ("first page, deprecated", Selection { status: Status::Deprecated, ..plain() }),
        ("location pdisk", Selection { location: Location::Pdisk, ..plain() }),
        ("one endorser's", Selection { email: email.clone(), ..plain() }),
        ("one endorser's by os", Selection { email, sort: by(SortKey::Os, false).sort, ..plain() }),
        ("one image's", Selection { identifier: Some(keys[5].identifier), ..plain() }),
        ("os ubuntu", Selection { contains: os.clone(), ..plain() }),
        ("os ubuntu, by title", Selection { contains: os, sort: by(SortKey::Title, false).sort, ..plain() }),
        ("os debian on aarch64", Selection { contains: both.clone(), ..plain() }),
        (
            "os debian on aarch64, deprecated",
            Selection { contains: both, status: Status::Deprecated, ..plain() },
        ),
        ("a word in every entry", words(&["packages"])),
        ("a frequent word", words(&["hadoop"])),
        ("three words", words(&["hadoop", "debian", "build 1"])),
        ("a rare word", words(&["quokka"])),
        ("an absent word", words(&["wombat"])),
        ("an absent word of frequent parts", words(&["ubuntudebian"])),
        ("a word of two characters", words(&["r "])),
        ("an absent word of two characters", words(&["~~"])),
        ("windows by os, a word", Selection { words: vec!["windows".into()], ..by(SortKey::Os, false) }),
        ("a rare word, by title", Selection { words: vec!["quokka".into()], ..by(SortKey::Title, false) }),
        ("by os", by(SortKey::Os, false)),
        ("by os, descending, any status", Selection { status: Status::All, ..by(SortKey::Os, true) }),
        ("by title", by(SortKey::Title, false)),
    ];
    for (name, selection) in &lists {
        report(name, async |_| drop(store.list(selection, &start(), now).await.unwrap())).await;
    }
    for (name, selection) in [
        ("deep page after a cursor", plain()),
        ("deep page by os", by(SortKey::Os, false)),
        ("deep page of a word", words(&["packages"])),
    ] {
        let half = store.count(&selection, u64::MAX, now).await.unwrap() / 2;
        let window = Window { from: From::Offset(half), length: 1 };
        let cursor = store.list(&selection, &window, now).await.unwrap().entries[0].cursor.clone();
        let window = page(From::After(cursor));
        report(name, async |_| drop(store.list(&selection, &window, now).await.unwrap())).await;
    }
    let half = page(From::Offset(keys.len() as u64 / 2));
    report("page at an offset of half", async |_| drop(store.list(&plain(), &half, now).await.unwrap()))
        .await;
    report("50 documents", async |_| drop(store.list_documents(&plain(), &start(), now).await.unwrap()))
        .await;
    report("count to 1000", async |_| assert!(store.count(&plain(), 1000, now).await.unwrap() == 1000)).await;
    report("count to 1000, a frequent word", async |_| {
        assert!(store.count(&words(&["hadoop"]), 1000, now).await.unwrap() > 0);
    })
    .await;
    report("count all", async |_| assert!(store.count(&plain(), u64::MAX, now).await.unwrap() > 1000)).await;
    report("history of an image", async |n| {
        drop(store.history(keys[n * 7919 % keys.len()].identifier, 100, now).await.unwrap());
    })
    .await;
    report("suggestions", async |_| drop(store.suggestions().await.unwrap())).await;
    let email = "endorser07@example.org".parse().unwrap();
    report("an endorser's tags", async |_| drop(store.tags(&email).await.unwrap())).await;
    report("an endorser's tag", async |_| drop(store.tagged(&email, "stable").await.unwrap())).await;
    report("100 changes", async |_| drop(store.changes(5000, 100).await.unwrap())).await;
}

async fn report(name: &str, ask: impl AsyncFn(usize)) {
    let begin = Instant::now();
    let mut times = Vec::new();
    while times.len() < TIMES && begin.elapsed() < PATIENCE {
        let start = Instant::now();
        ask(times.len()).await;
        times.push(start.elapsed().as_secs_f64() * 1e3);
    }
    times.sort_by(f64::total_cmp);
    let (median, late) = (times[times.len() / 2], times[times.len() * 99 / 100]);
    println!("  {name:<58} {median:>7.2} ms {late:>7.2} ms at p99");
}

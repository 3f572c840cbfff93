//! Straight into a database, without a server.

use rayon::iter::{IntoParallelIterator as _, ParallelIterator as _};
use stratuslab::{
    Metadata, Timestamp,
    dsig::Verified,
    server::{
        settings::Database,
        store::{NewEntry, Order, Store},
    },
};
use tokio::task::JoinSet;

use super::drafts;

/// Images made at once.
const TOGETHER: u64 = 2000;

/// Entries that wait for the database at once.
const WAITING: usize = 64;

/// Makes `count` entries and gives them to `take`, many at a time.
pub(crate) fn make(count: usize, seed: u64, now: Timestamp, mut take: impl FnMut(&[Verified<Metadata>])) {
    let endorsers = drafts::Endorsers::new();
    let (mut made, mut image) = (0, 0);
    while made < count {
        let images = image..image + TOGETHER;
        image += TOGETHER;
        let entries: Vec<_> = images
            .into_par_iter()
            .flat_map_iter(|number| drafts::image(seed, number, now, &endorsers))
            .collect();
        let entries = &entries[..entries.len().min(count - made)];
        take(entries);
        made += entries.len();
    }
}

/// Makes `count` entries and puts them into a database; each goes to `see` as well.
pub(crate) fn fill(
    database: &Database,
    count: usize,
    seed: u64,
    now: Timestamp,
    mut see: impl FnMut(&Verified<Metadata>),
) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let store = runtime.block_on(Store::open(database)).unwrap();
    make(count, seed, now, |entries| {
        runtime.block_on(add(&store, entries, now));
        entries.iter().for_each(&mut see);
    });
    runtime.block_on(store.settle()).unwrap();
    runtime.block_on(store.close());
}

async fn add(store: &Store, entries: &[Verified<Metadata>], now: Timestamp) {
    let mut tasks = JoinSet::new();
    for entry in entries {
        while tasks.len() >= WAITING {
            tasks.join_next().await.unwrap().unwrap();
        }
        let (store, entry) = (store.clone(), NewEntry::new(entry).unwrap());
        tasks.spawn(async move { store.add(&entry, Order::Any, now).await.unwrap() });
    }
    tasks.join_all().await;
}

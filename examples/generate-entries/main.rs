//! Writes signed entries, a hundred thousand unless told otherwise, to try a Marketplace with:
//!
//! ```text
//! generate-entries --count 100000 FOLDER            FOLDER/ID/EMAIL/DATE.xml, for `stratus-marketplace import`
//! generate-entries --count 100000 --database FILE   straight into an SQLite file
//! generate-entries --count 100000 --database URL    straight into a PostgreSQL
//! ```

#![allow(clippy::unwrap_used, reason = "an example that cannot make its material has failed")]

mod drafts;

use std::{fs, path::PathBuf};

use clap::Parser;
use rayon::iter::{IntoParallelIterator as _, ParallelIterator as _};
use stratuslab::{
    Metadata, Password, Timestamp,
    dsig::Verified,
    server::{
        key::EntryKey,
        settings::Database,
        store::{NewEntry, Order, Store},
    },
};
use tokio::task::JoinSet;

/// Images made at once.
const TOGETHER: u64 = 2000;

/// Entries that wait for the database at once.
const WAITING: usize = 64;

/// Writes signed entries to try a Marketplace with.
#[derive(Parser)]
struct Args {
    /// So many entries
    #[arg(long, default_value_t = 100_000)]
    count: usize,
    /// The same entries for the same number
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Entries end before and after this time
    #[arg(long, value_name = "DATE", default_value_t = Timestamp::now())]
    now: Timestamp,
    /// Puts them into this database: a postgres: URL, or the name of an SQLite file
    #[arg(long, value_name = "URL|FILE", conflicts_with = "folder", required_unless_present = "folder")]
    database: Option<String>,
    /// Writes them into this folder, as ID/EMAIL/DATE.xml
    folder: Option<PathBuf>,
}

fn main() {
    let args = Args::parse();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let store =
        args.database.as_ref().map(|database| runtime.block_on(Store::open(&named(database))).unwrap());
    let endorsers = drafts::Endorsers::new();
    let (mut written, mut image) = (0, 0);
    while written < args.count {
        let images = image..image + TOGETHER;
        image += TOGETHER;
        let entries: Vec<_> = images
            .into_par_iter()
            .flat_map_iter(|number| drafts::image(args.seed, number, args.now, &endorsers))
            .collect();
        let entries = &entries[..entries.len().min(args.count - written)];
        if let Some(store) = &store {
            runtime.block_on(add(store, entries, args.now));
        } else if let Some(folder) = &args.folder {
            for entry in entries {
                write(folder, entry);
            }
        }
        written += entries.len();
    }
    if let Some(store) = store {
        runtime.block_on(store.close());
    }
    println!("{written} entries");
}

fn named(database: &str) -> Database {
    if database.starts_with("postgres:") || database.starts_with("postgresql:") {
        Database::Postgres(Password::new(database.to_owned()))
    } else {
        Database::Sqlite(database.into())
    }
}

fn write(folder: &std::path::Path, entry: &Verified<Metadata>) {
    let key = EntryKey::of(entry).unwrap();
    let folder = folder.join(key.identifier.to_string()).join(key.email.as_str());
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join(format!("{}.xml", key.created)), entry.document()).unwrap();
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

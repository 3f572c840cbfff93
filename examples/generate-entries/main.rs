//! Writes signed entries, a hundred thousand unless told otherwise, to try a Marketplace with:
//!
//! ```text
//! generate-entries --count 100000 FOLDER            FOLDER/ID/EMAIL/DATE.xml, for `stratus-marketplace import`
//! generate-entries --count 100000 --database FILE   straight into an SQLite file
//! generate-entries --count 100000 --database URL    straight into a PostgreSQL
//! ```

#![allow(clippy::unwrap_used, reason = "an example that cannot make its material has failed")]

mod drafts;
mod fill;

use std::{fs, path::PathBuf};

use clap::Parser;
use stratuslab::{
    Metadata, Password, Timestamp,
    dsig::Verified,
    server::{key::EntryKey, settings::Database},
};

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
    match (&args.database, &args.folder) {
        (Some(database), _) => fill::fill(&named(database), args.count, args.seed, args.now, |_| {}),
        (None, Some(folder)) => fill::make(args.count, args.seed, args.now, |entries| {
            for entry in entries {
                write(folder, entry);
            }
        }),
        (None, None) => {}
    }
    println!("{} entries", args.count);
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

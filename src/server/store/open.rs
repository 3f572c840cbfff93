//! Opening a database.

use std::{
    fmt::Write as _,
    fs::DirBuilder,
    os::unix::fs::DirBuilderExt as _,
    path::Path,
    str::FromStr as _,
    sync::{Arc, atomic::AtomicI64},
    time::Duration,
};

use sqlx::{
    Any, AnyConnection, AnyPool, AssertSqlSafe, ConnectOptions as _, Connection as _, Executor as _,
    Transaction, any::AnyPoolOptions,
};
use tokio::sync::mpsc;

use super::{
    Store, StoreError,
    file::DatabaseFile,
    merge, schema,
    sql::Sql,
    writer::{self, Request},
};
use crate::server::settings::Database;

/// How long one waits for a connection: a database that does not answer is reported, not waited for.
const ACQUIRE: Duration = Duration::from_secs(5);

/// Connections that read. More than there are cores serve those who wait for the disk or the network.
const READERS: u32 = 8;

/// Connections to PostgreSQL that write: those who read do not keep them waiting.
const WRITERS: u32 = 4;

/// What every connection to SQLite is set to. `synchronous` FULL: what was answered with 201 outlasts a
/// power cut (with the write-ahead log NORMAL would not). 16 MiB of pages are kept by each.
const SQLITE: &str = "PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
                      PRAGMA cache_size = -16384; PRAGMA temp_store = MEMORY; \
                      PRAGMA journal_size_limit = 67108864";

/// What every connection to PostgreSQL is set to. Plans are made for the very values: how often a word occurs
/// decides between two ways to find it.
const POSTGRES: &str = "SET statement_timeout = 30000; SET plan_cache_mode = force_custom_plan";

/// What the clones of a [`Store`] share.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) kind: Kind,
    readers: AnyPool,
    writers: AnyPool,
    /// Of SQLite.
    file: Option<Arc<DatabaseFile>>,
    /// Where entries to be added wait.
    pub(super) adding: mpsc::Sender<Request>,
    /// Up to this time, in seconds since 1970, entries that expired have been moved.
    pub(super) moved: AtomicI64,
}

impl Opened {
    /// Connections to read with.
    ///
    /// # Errors
    /// [`StoreError`] if the SQLite file is not there any more.
    pub(super) fn readers(&self) -> Result<&AnyPool, StoreError> {
        self.in_place().map(|()| &self.readers)
    }

    /// Connections to write with: of SQLite there is one, since it has one writer at a time.
    ///
    /// # Errors
    /// [`StoreError`] if the SQLite file is not there any more.
    pub(super) fn writers(&self) -> Result<&AnyPool, StoreError> {
        self.in_place().map(|()| &self.writers)
    }

    fn in_place(&self) -> Result<(), StoreError> {
        self.file.as_ref().map_or(Ok(()), |file| file.check())
    }
}

/// Whose dialect is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Sqlite,
    Postgres {
        /// Substrings have an index: the extension `pg_trgm` could be made.
        trigrams: bool,
    },
}

impl Kind {
    /// Begins a transaction that writes. In SQLite there is one at a time, which has to be said at once: one that
    /// has read cannot always go on to write.
    pub(super) async fn begin(self, pool: &AnyPool) -> Result<Transaction<'static, Any>, sqlx::Error> {
        pool.begin_with(if self == Self::Sqlite { "BEGIN IMMEDIATE" } else { "BEGIN" }).await
    }
}

impl Store {
    /// Opens the database, after bringing its schema up to date. Any number of processes may do so at once.
    /// The folder of an SQLite file is made, for its owner only.
    ///
    /// # Errors
    /// [`StoreError::Newer`] if a later version of this program made its schema,
    /// [`StoreError::Encoding`] if it cannot hold all text, [`StoreError::Database`] if it cannot be opened.
    pub async fn open(database: &Database) -> Result<Self, StoreError> {
        sqlx::any::install_default_drivers();
        let (kind, readers, writers, file) = match database {
            Database::Sqlite(path) => {
                let (url, file) = sqlite(path)?;
                let file = Arc::new(file);
                let open = |most| pool(most, &url, false, SQLITE, Some(Arc::clone(&file)));
                let writers = open(1).await?;
                schema::migrate(&writers, Kind::Sqlite).await?;
                (Kind::Sqlite, open(READERS).await?, writers, Some(file))
            }
            Database::Postgres(url) => {
                reach(url.as_str()).await?;
                let writers = pool(WRITERS, url.as_str(), true, POSTGRES, None).await?;
                schema::check_encoding(&writers).await?;
                schema::migrate(&writers, Kind::Postgres { trigrams: false }).await?;
                let trigrams = schema::trigrams(&writers).await?;
                let readers = pool(READERS, url.as_str(), true, POSTGRES, None).await?;
                (Kind::Postgres { trigrams }, readers, writers, None)
            }
        };
        let (adding, waiting) = mpsc::channel(writer::WAITING);
        tokio::spawn(writer::run(kind, writers.clone(), file.clone(), waiting));
        Ok(Self(Opened { kind, readers, writers, file, adding, moved: AtomicI64::new(i64::MIN) }.into()))
    }

    /// Is it still the database that was opened? Nobody is asked, so PostgreSQL always is.
    ///
    /// # Errors
    /// [`StoreError`] if the SQLite file is not there any more, or another one is.
    pub fn check(&self) -> Result<(), StoreError> {
        self.0.in_place()
    }

    /// Does it answer?
    ///
    /// # Errors
    /// [`StoreError`] if it does not, after five seconds at most.
    pub async fn ping(&self) -> Result<(), StoreError> {
        Sql::new("SELECT 1").one(self.0.readers()?).await?;
        Ok(())
    }

    /// After much was added: makes searching as fast as it will be, which takes a while.
    ///
    /// # Errors
    /// [`StoreError`]; what was added is there all the same.
    pub async fn settle(&self) -> Result<(), StoreError> {
        if self.0.kind == Kind::Sqlite {
            return merge::all(self.0.writers()?).await;
        }
        // Until PostgreSQL knows how often words occur, it finds frequent ones the way that is good for rare ones.
        // It would find out by itself, in a minute or so.
        Sql::new("ANALYZE latest").run(self.0.writers()?).await?;
        Ok(())
    }

    /// Closes all connections: what was written is in the SQLite file itself afterwards.
    pub async fn close(&self) {
        self.0.readers.close().await;
        self.0.writers.close().await;
    }
}

/// A file, which is made with its folder, and its URL: sqlx knows files by URLs alone here, and so by names in
/// UTF-8.
fn sqlite(file: &Path) -> Result<(String, DatabaseFile), StoreError> {
    let failed = |cause: String| StoreError::Database { cause };
    let file = std::path::absolute(file).map_err(|error| failed(error.to_string()))?;
    let (Some(folder), Some(name)) = (file.parent(), file.file_name()) else {
        return Err(failed("it is no file".to_owned()));
    };
    let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
    // A URL has no `..` behind symbolic links.
    let folder = made.and_then(|()| folder.canonicalize());
    let file = folder.map_err(|error| failed(format!("its folder cannot be made: {error}")))?.join(name);
    let Some(path) = file.to_str() else { return Err(failed("its name is not UTF-8".to_owned())) };
    let mut url = String::from("sqlite://");
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"/-._".contains(&byte) {
            url.push(char::from(byte));
        } else {
            // RFC 3986 §2.1; writing into a string does not fail.
            let _ = write!(url, "%{byte:02X}");
        }
    }
    // A connection that is made later makes no other file.
    url.push_str("?mode=rw");
    let file = DatabaseFile::open(file).map_err(|error| failed(format!("it cannot be opened: {error}")))?;
    Ok((url, file))
}

/// Connects once: a pool would try again and again, and then tell that it did, not why in vain.
async fn reach(url: &str) -> Result<(), StoreError> {
    let options = sqlx::any::AnyConnectOptions::from_str(url)?.disable_statement_logging();
    let late = || StoreError::Database { cause: "it does not answer".to_owned() };
    let connection = tokio::time::timeout(ACQUIRE, options.connect()).await.map_err(|_| late())??;
    Ok(connection.close().await?)
}

async fn pool(
    most: u32,
    url: &str,
    test: bool,
    set: &'static str,
    file: Option<Arc<DatabaseFile>>,
) -> Result<AnyPool, StoreError> {
    let options = sqlx::any::AnyConnectOptions::from_str(url)?.disable_statement_logging();
    let pool = AnyPoolOptions::new()
        .max_connections(most)
        .acquire_timeout(ACQUIRE)
        .test_before_acquire(test)
        // SQLite ends a transaction by itself when its disk is full; sqlx still counts it then, and would begin
        // no other one on this connection.
        .before_acquire(|connection, _| {
            let idle = !connection.is_in_transaction();
            Box::pin(async move { Ok(idle) })
        })
        .after_connect(move |connection: &mut AnyConnection, _| {
            let in_place = file.as_ref().map_or(Ok(()), |file| file.check());
            Box::pin(async move {
                in_place.map_err(|moved| sqlx::Error::Configuration(moved.into()))?;
                for statement in set.split("; ") {
                    connection.execute(AssertSqlSafe(statement)).await?;
                }
                Ok(())
            })
        });
    Ok(pool.connect_with(options).await?)
}

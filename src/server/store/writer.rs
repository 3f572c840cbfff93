//! Who adds entries: one task per process, which takes all that wait into one transaction.
//!
//! A commit waits for the disk, and in PostgreSQL those who add wait for each other; together they wait
//! once. A caller that goes away leaves its entry to the task: what was begun is done.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use sqlx::AnyPool;
use tokio::{
    sync::{mpsc, oneshot},
    time::timeout,
};

use crate::Timestamp;

use super::{
    AddError, Added, NewEntry, Order, StoreError, add, file::DatabaseFile, merge::Merging, open::Kind,
    series::Series,
};

/// Entries that may wait before callers wait to wait.
pub(super) const WAITING: usize = 64;

/// Entries of one transaction.
const TOGETHER: usize = 64;

/// Bytes of documents of one transaction, after which it takes no more.
const TOGETHER_BYTES: usize = 8 << 20;

/// How often a transaction is tried that others were in the way of, or whose connection broke.
const TRIES: u32 = 5;

/// An entry that waits.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) entry: NewEntry,
    pub(super) order: Order,
    pub(super) now: Timestamp,
    /// When it came.
    pub(super) since: Instant,
    pub(super) answer: oneshot::Sender<Result<Added, AddError>>,
}

impl Request {
    /// Of the entry.
    pub(super) fn series(&self) -> Series<'_> {
        (self.entry.key.identifier, &self.entry.key.email)
    }
}

/// Adds what comes, until no [`Store`](super::Store) is left, and does in between what can wait.
pub(super) async fn run(
    kind: Kind,
    pool: AnyPool,
    file: Option<Arc<DatabaseFile>>,
    mut waiting: mpsc::Receiver<Request>,
) {
    let database = Database { kind, pool, file };
    let mut gone: Option<(Instant, StoreError)> = None;
    let mut merging = Merging::Done;
    loop {
        let next = match merging.pause() {
            None => Ok(waiting.recv().await),
            Some(pause) => timeout(pause, waiting.recv()).await,
        };
        let Ok(next) = next else {
            merging = merge(&database, merging).await;
            continue;
        };
        let Some(first) = next else { break };
        // Who came while others waited for a connection in vain does not wait for another one.
        if let Some((at, error)) = &gone
            && first.since < *at
        {
            drop(first.answer.send(Err(error.clone().into())));
            continue;
        }
        let mut bytes = first.entry.document.len();
        let mut batch = vec![first];
        while batch.len() < TOGETHER && bytes < TOGETHER_BYTES {
            let Ok(next) = waiting.try_recv() else { break };
            bytes += next.entry.document.len();
            batch.push(next);
        }
        let done = commit(&database, batch).await;
        gone = done.err().map(|error| (Instant::now(), error));
        merging = merging.due(kind);
    }
}

/// A step of merging the index of words. Without it searches take longer; that it failed is no reason to fail.
async fn merge(database: &Database, merging: Merging) -> Merging {
    if database.check().is_err() {
        return Merging::Done;
    }
    merging.step(&database.pool).await.unwrap_or_else(|error| {
        tracing::debug!(%error, "the index of words is not merged");
        Merging::Done
    })
}

/// Where entries are added.
struct Database {
    kind: Kind,
    pool: AnyPool,
    /// Of SQLite.
    file: Option<Arc<DatabaseFile>>,
}

impl Database {
    /// Is what is written here there afterwards?
    fn check(&self) -> Result<(), Failure> {
        self.file.as_ref().map_or(Ok(()), |file| file.check()).map_err(Failure::Gone)
    }
}

/// Adds them, and answers.
///
/// # Errors
/// [`StoreError`] if there is no database, which would not have been there for others either.
async fn commit(database: &Database, mut batch: Vec<Request>) -> Result<(), StoreError> {
    // All processes lock the rows of `series` in one order, so that none waits for one that waits for it.
    // The sort is stable: of one series, who came first is first.
    batch.sort_by(|a, b| a.series().cmp(&b.series()));
    match attempts(database, &batch).await {
        Ok(results) => {
            for (request, result) in batch.into_iter().zip(results) {
                // Who does not wait any more need not know.
                drop(request.answer.send(result));
            }
        }
        // One of them is more than the database takes: each by itself, so that it alone fails.
        Err(Failure::Statement(_)) if batch.len() > 1 => {
            for request in batch {
                let alone = std::slice::from_ref(&request);
                let result = match attempts(database, alone).await {
                    Ok(results) => results.into_iter().next(),
                    Err(failure) => Some(Err(failure.into_error().into())),
                };
                if let Some(result) = result {
                    drop(request.answer.send(result));
                }
            }
        }
        Err(failure) => {
            let gone = matches!(failure, Failure::Gone(_));
            let error = failure.into_error();
            for request in batch {
                drop(request.answer.send(Err(error.clone().into())));
            }
            if gone {
                return Err(error);
            }
        }
    }
    Ok(())
}

/// Why a transaction was not committed.
#[derive(Debug)]
pub(super) enum Failure {
    /// Somebody else was in the way; nothing was done.
    Conflict(StoreError),
    /// The connection broke. With COMMIT under way, the database alone knows whether it was done.
    Connection(StoreError),
    /// There is no connection to be had, after some waiting, or the file is not there any more.
    Gone(StoreError),
    /// A statement failed; nothing was done.
    Statement(StoreError),
}

impl Failure {
    fn into_error(self) -> StoreError {
        match self {
            Self::Conflict(error) | Self::Connection(error) | Self::Gone(error) | Self::Statement(error) => {
                error
            }
        }
    }
}

impl From<sqlx::Error> for Failure {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            // PostgreSQL's classes 40 (serialisation failures, deadlocks), 08 and 57P (shutting down), 53
            // (too many connections); SQLITE_BUSY and its kin.
            sqlx::Error::Database(inner) => match inner.code().as_deref() {
                Some("5" | "6" | "261" | "517") => Self::Conflict(error.into()),
                // Or somebody took the number of an entry meanwhile.
                Some(code) if code.starts_with("40") || code == "23505" => Self::Conflict(error.into()),
                Some(code) if ["08", "57P", "53"].iter().any(|class| code.starts_with(class)) => {
                    Self::Connection(error.into())
                }
                _ => Self::Statement(error.into()),
            },
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::Protocol(_)
            | sqlx::Error::WorkerCrashed => Self::Connection(error.into()),
            sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed => Self::Gone(error.into()),
            _ => Self::Statement(error.into()),
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Statement(error)
    }
}

/// Tries the transaction until it succeeds, or trying again is no use. An entry cannot be added twice: after a
/// COMMIT whose answer was lost, its very bytes are found there, which is what the caller asked for. A
/// transaction that is still being committed then holds the row of its series, so that there is no
/// looking past it.
async fn attempts(database: &Database, batch: &[Request]) -> Result<Vec<Result<Added, AddError>>, Failure> {
    let Database { kind, pool, .. } = database;
    let mut unsure = Vec::new();
    let mut tries = 0;
    loop {
        tries += 1;
        database.check()?;
        match add::transaction(*kind, pool, batch, &mut unsure).await {
            // It may have gone meanwhile.
            Ok(results) => return database.check().map(|()| results),
            Err(Failure::Conflict(_) | Failure::Connection(_)) if tries < TRIES => {
                tokio::time::sleep(Duration::from_millis(20) * tries).await;
            }
            Err(failure) => return Err(failure),
        }
    }
}

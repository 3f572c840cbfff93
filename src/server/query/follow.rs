//! Keeps the index up to date with the database, whichever process an entry came through.

use std::{io, time::Duration};

use tokio::time::sleep;

use super::{
    engine::{Engine, State},
    feed::{self, Progress},
    process::{Process, Program},
};
use crate::server::store::{Store, StoreError};

/// Entries read from the database at a time.
const BATCH: u32 = 200;
/// How often the database is asked for what came through other processes.
const POLL: Duration = Duration::from_secs(1);
/// How long to wait after something failed.
const PAUSE: Duration = Duration::from_secs(2);

/// Why the index has to be built anew.
#[derive(Debug, thiserror::Error)]
enum Interrupted {
    #[error("the query process ended: {0}")]
    Process(#[from] io::Error),
    #[error("the database is another one, or was set back")]
    OtherDatabase,
}

impl Engine {
    /// Builds the index, and keeps it up to date until this is dropped. It lives in a process of its own, for
    /// which `program` is started; whenever that is gone, another one is.
    pub async fn follow(self, store: Store, program: Program) {
        loop {
            let Err(interrupted) = self.run(&store, &program).await;
            tracing::warn!(%interrupted, "the SPARQL index is built anew");
            self.set(State::Loading { entries: 0, of: 0 }, None);
            sleep(PAUSE).await;
        }
    }

    async fn run(&self, store: &Store, program: &Program) -> Result<std::convert::Infallible, Interrupted> {
        self.set(State::Loading { entries: 0, of: 0 }, None);
        let mut process = Process::start(program)?;
        let asker = process.asker();
        let (database, mut newest) = persist(|| store.feed()).await;
        let mut sequence = 0;
        let mut loading = true;
        loop {
            let changes = persist(|| store.changes(sequence, BATCH)).await;
            let mut messages = Vec::new();
            for change in &changes {
                feed::entry(&change.key, &change.document, &mut messages);
            }
            if let Some(last) = changes.last() {
                sequence = last.sequence;
            }
            // Behind the first entries at once; the statements are sorted when there are no more.
            let done = loading && changes.is_empty();
            feed::message(if done { feed::LOADED } else { feed::SYNC }, &[], &mut messages);
            if changes.is_empty() && !done {
                tokio::select! {
                    () = self.notified() => {}
                    () = sleep(POLL) => {}
                    () = process.ended() => return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
                }
                let (name, newest) = persist(|| store.feed()).await;
                if name != database || newest < sequence {
                    return Err(Interrupted::OtherDatabase);
                }
                continue;
            }
            let progress = process.send(&messages).await?;
            loading &= !done;
            if loading {
                newest = newest.max(sequence);
                let of = u64::try_from(newest).unwrap_or_default();
                self.set(State::Loading { entries: progress.entries, of }, None);
            } else {
                if done {
                    report(progress);
                }
                self.set(State::Ready { progress, sequence }, Some(&asker));
            }
        }
    }
}

fn report(progress: Progress) {
    let Progress { entries, statements, failed } = progress;
    tracing::info!(entries, statements, failed, "the SPARQL index is built");
}

/// Asks the database until it answers: meanwhile queries are answered from what is there.
async fn persist<T, F>(ask: impl Fn() -> F) -> T
where
    F: Future<Output = Result<T, StoreError>>,
{
    let mut told = false;
    loop {
        match ask().await {
            Ok(answer) => return answer,
            Err(error) if !told => tracing::warn!(%error, "the SPARQL index waits for the database"),
            Err(_) => {}
        }
        told = true;
        sleep(PAUSE).await;
    }
}

//! An upload, from wherever it comes: judged, and kept or parked.

pub mod body;

use std::sync::Arc;

use axum::http::StatusCode;
use tokio::sync::Semaphore;

use crate::{Metadata, dsig::Verified, validate::Check};

use super::{
    admission::{self, Verdict},
    confirm::{self, Asked},
    key::EntryKey,
    marketplace::Marketplace,
    metrics::Upload,
    policy::Admission,
    problem::Problem,
    store::{AddError, Added, NewEntry, Order},
};

/// What became of a document that was taken.
#[derive(Clone, Debug)]
pub struct Received {
    /// The key of the entry.
    pub key: EntryKey,
    /// What was done with it.
    pub outcome: Outcome,
    /// Every check that was made.
    pub checks: Vec<Check>,
}

/// What was done with a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is an entry now.
    Created,
    /// The same bytes were there already.
    Same,
    /// It waits for its endorser's confirmation.
    Parked,
}

/// Why a document was not taken.
#[derive(Clone, Debug)]
pub struct Refused {
    /// What the client is told.
    pub problem: Problem,
    /// Every check that was made; none if it was not judged.
    pub checks: Vec<Check>,
}

impl From<Problem> for Refused {
    fn from(problem: Problem) -> Self {
        Self { problem, checks: Vec::new() }
    }
}

/// How many documents may wait for a core, for each core. What waits longer than a client would is better
/// refused at once.
const MAX_WAITING_PER_CORE: usize = 256;

/// Turns at the cores, for what takes long to compute.
#[derive(Clone, Debug)]
pub struct Judges {
    cores: Arc<Semaphore>,
    queue: Arc<Semaphore>,
}

impl Default for Judges {
    /// One judge for each core.
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self::new(cores, cores.saturating_mul(MAX_WAITING_PER_CORE))
    }
}

impl Judges {
    fn new(cores: usize, waiting: usize) -> Self {
        Self { cores: Arc::new(Semaphore::new(cores)), queue: Arc::new(Semaphore::new(waiting)) }
    }

    /// Does `work` on a thread of its own, when a core is free.
    ///
    /// # Errors
    /// 503 if too much waits for that; 500 if `work` panics.
    pub async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Problem> {
        let waiting = Arc::clone(&self.queue).try_acquire_owned().map_err(|_| busy())?;
        let core = Arc::clone(&self.cores).acquire_owned().await.map_err(|_| busy())?;
        drop(waiting);
        // Who hangs up does not make the core free.
        let done = tokio::task::spawn_blocking(move || {
            let _core = core;
            work()
        });
        done.await.map_err(|error| {
            tracing::error!(%error, "a document could not be worked on");
            Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "the document could not be worked on")
        })
    }
}

fn busy() -> Problem {
    Problem::unavailable("too much to do; try again", 2)
}

/// [`admission::judge`] on a thread of its own, when a core is free.
///
/// # Errors
/// Those of [`Judges::run`].
pub async fn judge(marketplace: &Marketplace, document: Vec<u8>) -> Result<Verdict, Problem> {
    let judging = marketplace.clone();
    let judge = move || admission::judge(&document, judging.settings(), judging.now());
    marketplace.judges().run(judge).await
}

/// Judges a document and keeps it, or parks it until its endorser confirms it.
///
/// # Errors
/// [`Refused`]: 403 if nothing is taken here, 413 above [`super::settings::Settings::max_entry_bytes`], 400
/// if it is no entry, or there is a newer one, or another with its key, 503 if the database or the mail
/// server does not answer.
pub async fn receive(marketplace: &Marketplace, document: Vec<u8>) -> Result<Received, Refused> {
    let received = judge_and_keep(marketplace, document).await;
    marketplace.metrics().upload(match &received {
        Ok(Received { outcome: Outcome::Created, .. }) => Upload::Created,
        Ok(Received { outcome: Outcome::Same, .. }) => Upload::Same,
        Ok(Received { outcome: Outcome::Parked, .. }) => Upload::Parked,
        Err(refused) if refused.problem.status.is_server_error() => Upload::Failed,
        Err(_) => Upload::Refused,
    });
    received
}

async fn judge_and_keep(marketplace: &Marketplace, document: Vec<u8>) -> Result<Received, Refused> {
    check_read_only(marketplace)?;
    if document.is_empty() {
        return Err(Problem::bad_request("post with null entity").into());
    }
    if document.len() > marketplace.settings().max_entry_bytes {
        return Err(too_large(marketplace).into());
    }
    let Verdict { entry, admission, checks } = judge(marketplace, document).await?;
    let entry = match entry {
        Ok(entry) => entry,
        Err(message) => return Err(Refused { problem: Problem::bad_request(message), checks }),
    };
    let Some(new) = NewEntry::new(&entry) else {
        return Err(Refused { problem: Problem::bad_request("invalid metadata: no dcterms:valid"), checks });
    };
    let admission = if admission == Admission::AtOnce && is_anothers(marketplace, &entry, &new).await? {
        Admission::Confirm
    } else {
        admission
    };
    let outcome = match admission {
        Admission::AtOnce => keep(marketplace, &new).await,
        Admission::Confirm => ask(marketplace, &entry).await,
    };
    match outcome {
        Ok(outcome) => Ok(Received { key: new.key, outcome, checks }),
        Err(problem) => Err(Refused { problem, checks }),
    }
}

/// Whether it is of a certificate that is known here, has no address, and states one under which somebody else
/// endorses already: whoever is known may not supersede what another endorsed ([`super::policy`]).
async fn is_anothers(
    marketplace: &Marketplace,
    entry: &Verified<Metadata>,
    new: &NewEntry,
) -> Result<bool, Problem> {
    let certificate = entry.certificate();
    if marketplace.settings().confirmation.is_none() || certificate.email().is_some() {
        return Ok(false);
    }
    Ok(marketplace.store().is_anothers(&new.key.email, certificate.subject()).await?)
}

async fn keep(marketplace: &Marketplace, entry: &NewEntry) -> Result<Outcome, Problem> {
    match marketplace.store().add(entry, Order::Newest, marketplace.now()).await {
        Ok(Added::Created) => {
            marketplace.queries().changed();
            Ok(Outcome::Created)
        }
        Ok(Added::Same) => Ok(Outcome::Same),
        Err(AddError::Store(error)) => Err(error.into()),
        Err(refused) => Err(Problem::bad_request(format!("invalid metadata: {refused}"))),
    }
}

async fn ask(marketplace: &Marketplace, entry: &Verified<Metadata>) -> Result<Outcome, Problem> {
    match confirm::ask(marketplace, entry).await? {
        Asked::Parked => Ok(Outcome::Parked),
        Asked::Same => Ok(Outcome::Same),
    }
}

/// [`receive`] of what came over the network; its memory is free again when it is judged.
///
/// # Errors
/// Those of [`receive`].
pub async fn receive_uploaded(
    marketplace: &Marketplace,
    uploaded: body::Uploaded,
) -> Result<Received, Refused> {
    let body::Uploaded { document, memory: _memory } = uploaded;
    receive(marketplace, document).await
}

/// 403 where nothing is taken.
///
/// # Errors
/// If nothing is taken here.
pub fn check_read_only(marketplace: &Marketplace) -> Result<(), Problem> {
    if marketplace.settings().read_only {
        return Err(Problem::new(StatusCode::FORBIDDEN, "read-only repository"));
    }
    Ok(())
}

/// 413: more bytes than an entry may have (S16).
pub fn too_large(marketplace: &Marketplace) -> Problem {
    let limit = marketplace.settings().max_entry_bytes;
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, format!("the document has more than {limit} bytes"))
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn more_than_can_wait_are_told_to_come_again() {
        let judges = Judges::new(1, 1);
        let (release, wait) = mpsc::channel::<()>();
        let run = |work: Box<dyn FnOnce() + Send>| {
            let judges = judges.clone();
            tokio::spawn(async move { judges.run(work).await })
        };
        let working = run(Box::new(move || wait.recv().unwrap_or_default()));
        while judges.cores.available_permits() > 0 || judges.queue.available_permits() == 0 {
            tokio::task::yield_now().await;
        }
        let waiting = run(Box::new(|| ()));
        while judges.queue.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        let refused = judges.run(|| ()).await.unwrap_err();
        assert_eq!((refused.status, refused.retry_after), (StatusCode::SERVICE_UNAVAILABLE, Some(2)));
        drop(release);
        assert_eq!(working.await.unwrap(), Ok(()));
        assert_eq!(waiting.await.unwrap(), Ok(()));
        assert_eq!(judges.run(|| 7).await, Ok(7));
    }

    #[tokio::test]
    async fn work_that_panics_is_a_500_and_gives_its_core_back() {
        let judges = Judges::new(1, 1);
        for _ in 0..2 {
            let failed = judges.run(|| panic!("as it must")).await;
            assert_eq!(failed.unwrap_err().status, StatusCode::INTERNAL_SERVER_ERROR);
        }
        assert_eq!(judges.run(|| 7).await, Ok(7));
    }
}

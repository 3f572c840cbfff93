//! An upload, from wherever it comes: judged, and kept or parked.

pub mod body;

use std::sync::Arc;

use axum::http::StatusCode;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::validate::Check;

use super::{
    admission::{self, Verdict},
    key::EntryKey,
    marketplace::Marketplace,
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
        let queue = cores.saturating_mul(MAX_WAITING_PER_CORE);
        Self { cores: Arc::new(Semaphore::new(cores)), queue: Arc::new(Semaphore::new(queue)) }
    }
}

impl Judges {
    /// Waits for a core; it is free again when the permit is dropped.
    ///
    /// # Errors
    /// 503 if too many wait already.
    async fn turn(&self) -> Result<OwnedSemaphorePermit, Problem> {
        let _waiting = Arc::clone(&self.queue).try_acquire_owned().map_err(|_| busy())?;
        Arc::clone(&self.cores).acquire_owned().await.map_err(|_| busy())
    }
}

fn busy() -> Problem {
    Problem::unavailable("too many uploads at once; try again", 2)
}

/// [`admission::judge`] on a thread of its own, when a core is free.
///
/// # Errors
/// 503 if too many documents wait for that.
pub async fn judge(marketplace: &Marketplace, document: Vec<u8>) -> Result<Verdict, Problem> {
    let turn = marketplace.judges().turn().await?;
    let judging = marketplace.clone();
    let judged = tokio::task::spawn_blocking(move || {
        let _turn = turn;
        admission::judge(&document, judging.settings(), judging.now())
    });
    judged.await.map_err(|error| {
        tracing::error!(%error, "a document could not be judged");
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "the document could not be judged")
    })
}

/// Judges a document and keeps it, or parks it until its endorser confirms it.
///
/// # Errors
/// [`Refused`]: 403 if nothing is taken here, 413 above [`super::settings::Settings::max_entry_bytes`], 400
/// if it is no entry, or there is a newer one, or another with its key, 503 if the database or the mail
/// server does not answer.
pub async fn receive(marketplace: &Marketplace, document: Vec<u8>) -> Result<Received, Refused> {
    check_read_only(marketplace)?;
    if document.is_empty() {
        return Err(Problem::bad_request("post with null entity").into());
    }
    if document.len() > marketplace.settings().max_entry_bytes {
        return Err(too_large(marketplace).into());
    }
    let Verdict { entry, checks } = judge(marketplace, document).await?;
    let entry = match entry {
        Ok(entry) => entry,
        Err(message) => return Err(Refused { problem: Problem::bad_request(message), checks }),
    };
    let Some(entry) = NewEntry::new(&entry) else {
        return Err(Refused { problem: Problem::bad_request("invalid metadata: no endorsement"), checks });
    };
    match marketplace.store().add(&entry, Order::Newest, marketplace.now()).await {
        Ok(added) => {
            let outcome = match added {
                Added::Created => Outcome::Created,
                Added::Same => Outcome::Same,
            };
            Ok(Received { key: entry.key, outcome, checks })
        }
        Err(error) => Err(Refused { problem: not_added(error), checks }),
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

/// What a client is told of an entry that the store does not take.
fn not_added(error: AddError) -> Problem {
    match error {
        AddError::Store(error) => error.into(),
        refused => Problem::bad_request(format!("invalid metadata: {refused}")),
    }
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

//! What handlers know of the index: how far it is, and whom to ask.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::Duration,
};

use tokio::{
    sync::{Notify, OwnedSemaphorePermit, Semaphore, watch},
    time::timeout,
};

use super::{
    evaluate::{Answer, Request},
    feed::Progress,
    process::{AskError, Asker},
    wire::Limits,
};

/// Queries that wait, run, or whose results are being sent, each of which may be in memory; further ones are
/// refused.
const MAX_QUERIES: usize = 16;
/// How long a query may wait for others to end.
const MAX_WAIT: Duration = Duration::from_secs(5);

/// How far the index is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum State {
    /// Nobody has started it.
    #[default]
    Off,
    /// It is being loaded.
    Loading {
        /// Entries in it.
        entries: u64,
        /// Entries there are.
        of: u64,
    },
    /// It answers queries.
    Ready {
        /// What is in it.
        progress: Progress,
        /// The number of its newest entry.
        sequence: i64,
    },
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off => f.write_str("queries are not answered here"),
            Self::Loading { entries, of } => {
                write!(f, "the index is being built: {entries} of {of} entries; try again later")
            }
            Self::Ready { progress, .. } => write!(f, "{} entries", progress.entries),
        }
    }
}

/// The answering of queries. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Engine(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    state: watch::Sender<State>,
    asker: Mutex<Option<Asker>>,
    all: Arc<Semaphore>,
    running: Semaphore,
    changed: Notify,
}

/// Results, and a place among those that are answered, to be kept until they are sent.
#[derive(Debug)]
pub struct Answered {
    /// The results.
    pub answer: Answer,
    /// The place.
    pub place: OwnedSemaphorePermit,
}

impl Default for Engine {
    /// One that answers nothing before [`Engine::follow`] runs.
    fn default() -> Self {
        // No more than there are cores: they would only take longer, and each its memory.
        let running = thread::available_parallelism().map_or(1, usize::from).min(8);
        Self(Arc::new(Shared {
            state: watch::Sender::new(State::Off),
            asker: Mutex::new(None),
            all: Arc::new(Semaphore::new(MAX_QUERIES)),
            running: Semaphore::new(running),
            changed: Notify::new(),
        }))
    }
}

impl Engine {
    /// How far the index is.
    pub fn state(&self) -> State {
        *self.0.state.borrow()
    }

    /// Tells that the database has a new entry: it will be found sooner.
    pub fn changed(&self) {
        self.0.changed.notify_one();
    }

    /// Waits until the index has the entry with this number.
    pub async fn has(&self, sequence: i64) {
        let reached = |state: &State| matches!(state, State::Ready { sequence: s, .. } if *s >= sequence);
        // The sender lives as long as this.
        let _ = self.0.state.subscribe().wait_for(reached).await;
    }

    /// Answers a query; if this is dropped, it ends.
    ///
    /// # Errors
    /// [`AskError`].
    pub async fn ask(&self, request: &Request, limits: Limits) -> Result<Answered, AskError> {
        let asker = self.0.asker.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let (Some(asker), State::Ready { .. }) = (asker, self.state()) else {
            return Err(AskError::Unavailable);
        };
        let place = Arc::clone(&self.0.all).try_acquire_owned().map_err(|_| AskError::Unavailable)?;
        let running = timeout(MAX_WAIT, self.0.running.acquire()).await;
        let Ok(Ok(_running)) = running else { return Err(AskError::Unavailable) };
        Ok(Answered { answer: asker.ask(request, limits).await?, place })
    }

    /// The number of the query process, while it answers: for those who look after its memory.
    pub fn process(&self) -> Option<u32> {
        self.0.asker.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(Asker::process)
    }

    pub(super) fn set(&self, state: State, asker: Option<&Asker>) {
        *self.0.asker.lock().unwrap_or_else(PoisonError::into_inner) = asker.cloned();
        self.0.state.send_replace(state);
    }

    pub(super) async fn notified(&self) {
        self.0.changed.notified().await;
    }
}

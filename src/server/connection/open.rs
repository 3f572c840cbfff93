//! The connections that are open, and which of them can do without.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
};

use tokio::sync::Notify;

/// The connections that are open.
#[derive(Debug, Default)]
pub(super) struct Open(Mutex<Numbered>);

#[derive(Debug, Default)]
struct Numbered {
    next: u64,
    /// By age; those that were asked to close are not here any more.
    talks: BTreeMap<u64, Arc<Talk>>,
}

/// What the parts of a connection know of each other.
#[derive(Debug, Default)]
pub(super) struct Talk {
    number: u64,
    /// Is a request being answered?
    busy: AtomicBool,
    /// Is there something to be written that the client does not take?
    blocked: AtomicBool,
    /// Was the last request answered before all of it was read?
    unread: AtomicBool,
    /// Requests so far.
    requests: AtomicU64,
    pressed: Notify,
}

impl Open {
    /// A new connection.
    pub(super) fn enter(&self) -> Arc<Talk> {
        let mut numbered = self.lock();
        let talk = Arc::new(Talk { number: numbered.next, ..Talk::default() });
        numbered.next += 1;
        numbered.talks.insert(talk.number, Arc::clone(&talk));
        talk
    }

    /// A connection has ended.
    pub(super) fn leave(&self, talk: &Talk) {
        self.lock().talks.remove(&talk.number);
    }

    /// Asks the oldest idle connection to close.
    pub(super) fn press(&self) {
        let mut numbered = self.lock();
        let idle = numbered.talks.iter().find(|(_, talk)| talk.is_idle()).map(|(number, _)| *number);
        if let Some(talk) = idle.and_then(|number| numbered.talks.remove(&number)) {
            talk.pressed.notify_one();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Numbered> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Talk {
    /// A request has arrived, but for its body.
    pub(super) fn begin(&self) {
        self.requests.fetch_add(1, Relaxed);
        self.busy.store(true, Relaxed);
        self.unread.store(false, Relaxed);
    }

    /// How many requests have arrived.
    pub(super) fn requests(&self) -> u64 {
        self.requests.load(Relaxed)
    }

    /// The request has been answered.
    pub(super) fn end(&self) {
        self.busy.store(false, Relaxed);
    }

    pub(super) fn is_busy(&self) -> bool {
        self.busy.load(Relaxed)
    }

    /// Something could not be written, or can be again.
    pub(super) fn set_blocked(&self, blocked: bool) {
        self.blocked.store(blocked, Relaxed);
    }

    /// Would nothing be lost that was asked for?
    pub(super) fn is_idle(&self) -> bool {
        !self.is_busy() && !self.blocked.load(Relaxed)
    }

    /// Nobody will read the rest of the request.
    pub(super) fn left_unread(&self) {
        self.unread.store(true, Relaxed);
    }

    pub(super) fn is_unread(&self) -> bool {
        self.unread.load(Relaxed)
    }

    /// Waits until somebody else needs the place of this connection.
    pub(super) async fn pressed(&self) {
        self.pressed.notified().await;
    }
}

//! How many entries a list has, counted once for all who ask until that changes.
//!
//! To count takes the longer the more there is to count, and pages have the count of their list on them.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::OnceCell;

use super::{
    marketplace::Marketplace,
    selection::{Selection, Sort},
    store::StoreError,
};
use crate::Timestamp;

/// The most lists whose counts are kept.
const MAX_KEPT: usize = 1024;

/// Counts of lists, each good until an entry is added or expires.
#[derive(Debug, Default)]
pub struct Counts(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    /// What was added last when these were counted.
    newest: i64,
    /// Since when, and until when, no entry expires.
    times: Option<(Timestamp, Option<Timestamp>)>,
    counts: HashMap<(Selection, u64), Arc<OnceCell<u64>>>,
}

impl Kept {
    fn hold(&self, newest: i64, now: Timestamp) -> bool {
        let in_time = |&(since, until): &(Timestamp, Option<Timestamp>)| {
            since <= now && until.is_none_or(|until| now < until)
        };
        self.newest == newest && self.times.as_ref().is_some_and(in_time)
    }
}

impl Counts {
    /// How many entries there are of a selection, now; counted no further than `limit`.
    ///
    /// # Errors
    /// [`StoreError`] if the database does not answer.
    pub async fn of(
        &self,
        marketplace: &Marketplace,
        selection: &Selection,
        limit: u64,
    ) -> Result<u64, StoreError> {
        let store = marketplace.store();
        let (_, newest) = store.feed().await?;
        let now = marketplace.now();
        if !self.kept().hold(newest, now) {
            let until = store.next_expiry(now).await?;
            let mut kept = self.kept();
            if !kept.hold(newest, now) {
                *kept = Kept { newest, times: Some((now, until)), counts: HashMap::new() };
            }
        }
        // In whatever order.
        let selection = Selection { sort: Sort::default(), ..selection.clone() };
        let cell = self.cell((selection.clone(), limit), (newest, now));
        let counting = || store.count(&selection, limit, now);
        cell.get_or_try_init(counting).await.copied()
    }

    fn cell(&self, list: (Selection, u64), (newest, now): (i64, Timestamp)) -> Arc<OnceCell<u64>> {
        let mut kept = self.kept();
        // Something may have been added meanwhile; then this is counted for one alone.
        if !kept.hold(newest, now) {
            return Arc::default();
        }
        if kept.counts.len() >= MAX_KEPT {
            kept.counts.clear();
        }
        Arc::clone(kept.counts.entry(list).or_default())
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

//! How many entries a list has, counted once for all who ask in the same second.
//!
//! To count takes the longer the more there is to count, and pages have the count of their list on them.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
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

/// Counts of lists, each good until an entry is added or the second is over, when entries may expire.
#[derive(Debug, Default)]
pub struct Counts(Mutex<HashMap<(Selection, u64), Counted>>);

#[derive(Debug)]
struct Counted {
    at: (i64, Timestamp),
    count: Arc<OnceCell<u64>>,
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
        let (_, newest) = marketplace.store().feed().await?;
        let now = marketplace.now();
        // In whatever order.
        let selection = Selection { sort: Sort::default(), ..selection.clone() };
        let cell = self.cell((selection.clone(), limit), (newest, now));
        let counting = || marketplace.store().count(&selection, limit, now);
        cell.get_or_try_init(counting).await.copied()
    }

    fn cell(&self, list: (Selection, u64), at: (i64, Timestamp)) -> Arc<OnceCell<u64>> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(counted) = kept.get(&list).filter(|counted| counted.at == at) {
            return Arc::clone(&counted.count);
        }
        if kept.len() >= MAX_KEPT {
            kept.clear();
        }
        let count = Arc::new(OnceCell::new());
        kept.insert(list, Counted { at, count: Arc::clone(&count) });
        count
    }
}

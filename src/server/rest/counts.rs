//! How many entries a list has: exact, and counted once for all who ask in the same second.
//!
//! To count takes the longer the more there is to count, and old clients want it with each page.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::OnceCell;

use super::super::{marketplace::Marketplace, selection::Selection, store::StoreError};
use crate::Timestamp;

/// The most lists whose counts are kept.
const MAX_KEPT: usize = 1024;

/// Counts of lists, each good until an entry is added or the second is over, when entries may expire.
#[derive(Debug, Default)]
pub struct Counts(Mutex<HashMap<Selection, Counted>>);

#[derive(Debug)]
struct Counted {
    at: (i64, Timestamp),
    count: Arc<OnceCell<u64>>,
}

impl Counts {
    /// How many entries there are of a selection, now.
    ///
    /// # Errors
    /// [`StoreError`] if the database does not answer.
    pub async fn of(&self, marketplace: &Marketplace, selection: &Selection) -> Result<u64, StoreError> {
        let (_, newest) = marketplace.store().feed().await?;
        let now = marketplace.now();
        let cell = self.cell(selection, (newest, now));
        let counting = || marketplace.store().count(selection, u64::MAX, now);
        cell.get_or_try_init(counting).await.copied()
    }

    fn cell(&self, selection: &Selection, at: (i64, Timestamp)) -> Arc<OnceCell<u64>> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(counted) = kept.get(selection).filter(|counted| counted.at == at) {
            return Arc::clone(&counted.count);
        }
        if kept.len() >= MAX_KEPT {
            kept.clear();
        }
        let count = Arc::new(OnceCell::new());
        kept.insert(selection.clone(), Counted { at, count: Arc::clone(&count) });
        count
    }
}

//! A list of any length, read in stretches, so that no more than one is in memory.

use super::super::{
    marketplace::Marketplace,
    selection::{From, MAX_LENGTH, Selection, Wanted, Window},
    store::{Listed, Page, StoreError},
};
use crate::Timestamp;

/// Documents read at once; the store reads fewer if they are large.
const DOCUMENTS: u32 = 50;

/// What is still to be read of a list. All of it is as of one time.
pub(super) struct Stretches {
    marketplace: Marketplace,
    selection: Selection,
    /// `None` at the end.
    from: Option<From>,
    /// Entries still wanted; as many as there are if `None`.
    left: Option<u32>,
    now: Timestamp,
}

impl Stretches {
    pub(super) fn new(marketplace: &Marketplace, wanted: Wanted) -> Self {
        Self {
            marketplace: marketplace.clone(),
            selection: wanted.selection,
            from: Some(wanted.from.unwrap_or(From::Offset(0))),
            left: wanted.length,
            now: marketplace.now(),
        }
    }

    /// The next entries; none at the end.
    pub(super) async fn entries(&mut self) -> Result<Vec<Listed>, StoreError> {
        let Some(window) = self.window(MAX_LENGTH) else { return Ok(Vec::new()) };
        let page = self.marketplace.store().list(&self.selection, &window, self.now).await?;
        self.went(&window, &page);
        Ok(page.entries)
    }

    /// The bytes of the next entries; none at the end.
    pub(super) async fn documents(&mut self) -> Result<Vec<Vec<u8>>, StoreError> {
        let Some(window) = self.window(DOCUMENTS) else { return Ok(Vec::new()) };
        let (page, documents) =
            self.marketplace.store().list_documents(&self.selection, &window, self.now).await?;
        self.went(&window, &page);
        Ok(documents)
    }

    fn window(&self, most: u32) -> Option<Window> {
        let from = self.from.clone()?;
        // What lies before a place is one stretch, which ends there: there is nothing to go on with.
        let most = if matches!(from, From::Before(_)) { MAX_LENGTH } else { most };
        let length = self.left.map_or(most, |left| left.min(most));
        (length > 0).then_some(Window { from, length })
    }

    fn went(&mut self, window: &Window, page: &Page) {
        let further = page.after && !matches!(window.from, From::Before(_));
        let last = page.entries.last().filter(|_| further);
        self.from = last.map(|last| From::After(last.cursor.clone()));
        let read = u32::try_from(page.entries.len()).unwrap_or(u32::MAX);
        self.left = self.left.map(|left| left.saturating_sub(read));
    }
}

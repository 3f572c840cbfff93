//! Documents that were asked for lately, in memory: an entry never changes, so what was read once is good for ever.
//!
//! A hit still looks whether the database is where it was, but does not ask it: then answers come twice as fast,
//! and while PostgreSQL is away, those that many ask for still come.

use axum::body::Bytes;
use quick_cache::{Weighter, sync::Cache};

use super::{
    key::EntryKey,
    marketplace::Marketplace,
    store::{Document, StoreError},
};

/// Bytes of all documents that are kept.
const KEPT: u64 = 64 << 20;

/// Bytes of the longest document that is kept: most have some thousand.
const LONGEST: usize = 256 << 10;

/// Bytes of most documents, to begin with.
const USUAL: usize = 8 << 10;

/// What an entry takes beside its bytes.
const BESIDE: u64 = 256;

/// The bytes of an entry.
#[derive(Clone, Debug)]
pub struct Kept {
    /// As they were uploaded.
    pub bytes: Bytes,
    /// Their SHA-256.
    pub sha256: [u8; 32],
}

/// Documents that were asked for lately.
#[derive(Debug)]
pub struct Documents(Cache<EntryKey, Kept, Length>);

#[derive(Clone, Debug)]
struct Length;

impl Weighter<EntryKey, Kept> for Length {
    fn weight(&self, _: &EntryKey, kept: &Kept) -> u64 {
        kept.bytes.len() as u64 + BESIDE
    }
}

impl Default for Documents {
    fn default() -> Self {
        let items = usize::try_from(KEPT).map_or(0, |kept| kept / USUAL);
        Self(Cache::with_weighter(items, KEPT, Length))
    }
}

impl Documents {
    /// The bytes of an entry, whatever its state.
    ///
    /// # Errors
    /// [`StoreError`] if they are not in memory, and the database does not answer.
    pub async fn of(&self, marketplace: &Marketplace, key: &EntryKey) -> Result<Option<Kept>, StoreError> {
        if let Some(kept) = self.0.get(key) {
            marketplace.store().check()?;
            return Ok(Some(kept));
        }
        let found = marketplace.store().document(key, marketplace.now()).await?;
        let Some(Document { bytes, sha256, .. }) = found else { return Ok(None) };
        let kept = Kept { bytes: bytes.into(), sha256 };
        if kept.bytes.len() <= LONGEST {
            self.0.insert(key.clone(), kept.clone());
        }
        Ok(Some(kept))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_is_kept_than_there_is_room_for() {
        let documents = Documents::default();
        let bytes = Bytes::from(vec![0; LONGEST]);
        for second in 0..1000 {
            let key = EntryKey {
                identifier: "BN1EEkPiBx87_uLj2-sdybSI-Xb".parse().unwrap(),
                email: "jane@example.org".parse().unwrap(),
                created: crate::Timestamp::from_unix_seconds(second).unwrap(),
            };
            documents.0.insert(key.clone(), Kept { bytes: bytes.clone(), sha256: [0; 32] });
            assert!(documents.0.weight() <= KEPT);
        }
        assert!(documents.0.len() > 200);
    }
}

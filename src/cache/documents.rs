//! Documents that say something of images, kept for when nobody can be asked.
//!
//! They prove nothing, here no more than on a Marketplace: each is verified whenever it is used. That newer
//! ones are remembered also tells when a Marketplace shows an older state than before.

use std::fs;

use super::{
    Cache, CacheError, Lock, create, names,
    record::{name_of, write},
};
use crate::{Identifier, xml::MAX_DOCUMENT_BYTES};

/// The most documents that are kept of an image, and their bytes together.
const MAX_DOCUMENTS: usize = 256;
const MAX_BYTES: usize = 64 << 20;

impl Cache {
    /// The documents that are kept of an image.
    ///
    /// # Errors
    /// [`CacheError`] if the directory cannot be read. A single document that cannot be is passed over.
    pub fn documents(&self, identifier: Identifier) -> Result<Vec<Vec<u8>>, CacheError> {
        let folder = self.folder("entries", identifier);
        let mut documents = Vec::new();
        for name in names(&folder)?.into_iter().take(MAX_DOCUMENTS) {
            let path = folder.join(name);
            let small = fs::metadata(&path).is_ok_and(|found| found.len() <= MAX_DOCUMENT_BYTES as u64);
            documents.extend(small.then(|| fs::read(&path).ok()).flatten());
        }
        Ok(documents)
    }

    /// Keeps documents of an image beside those that are there; `first` before the others, if there are
    /// more than are kept.
    ///
    /// # Errors
    /// [`CacheError`] if they cannot be written.
    pub fn keep_documents<'a>(
        &self,
        lock: &Lock,
        first: impl IntoIterator<Item = &'a [u8]>,
        others: impl IntoIterator<Item = &'a [u8]>,
    ) -> Result<(), CacheError> {
        let folder = self.folder("entries", lock.identifier());
        create(&folder)?;
        let there = names(&folder)?;
        let (mut count, mut bytes) = (0, 0);
        let mut kept = Vec::new();
        for document in first.into_iter().chain(others) {
            let name = name_of(document);
            if kept.contains(&name) {
                continue;
            }
            (count, bytes) = (count + 1, bytes + document.len());
            if count > MAX_DOCUMENTS || bytes > MAX_BYTES {
                break;
            }
            if !there.contains(&name) {
                write(&folder.join(&name), document)?;
            }
            kept.push(name);
        }
        // What is known for longest goes when there are too many.
        let mut rest: Vec<_> = there.into_iter().filter(|name| !kept.contains(name)).collect();
        let age = |name: &String| fs::metadata(folder.join(name)).and_then(|found| found.modified()).ok();
        rest.sort_by_cached_key(age);
        for name in rest.iter().take((kept.len() + rest.len()).saturating_sub(MAX_DOCUMENTS)) {
            let path = folder.join(name);
            fs::remove_file(&path).map_err(CacheError::io("remove", &path))?;
        }
        Ok(())
    }
}

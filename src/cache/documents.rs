//! Documents that say something of images, kept for when nobody can be asked.
//!
//! They prove nothing, here no more than on a Marketplace: each is verified whenever it is used. That newer
//! ones are remembered also tells when a Marketplace shows an older state than before.

use std::{fs, path::Path, time::SystemTime};

use super::{
    Cache, CacheError, Lock, create, names,
    record::{name_of, write},
};
use crate::{Identifier, xml::MAX_DOCUMENT_BYTES};

/// The most documents that are kept of an image, and their bytes together.
const MAX_DOCUMENTS: usize = 256;
const MAX_BYTES: u64 = 64 << 20;

/// How the names of those end that withdraw an image: they are forgotten last.
const WITHDRAWAL: &str = ".withdrawal";

/// A document that is to be kept.
#[derive(Clone, Copy, Debug)]
pub struct Told<'a> {
    /// Its bytes.
    pub document: &'a [u8],
    /// Does it withdraw the image?
    pub withdrawal: bool,
}

/// A document that is kept.
struct Known {
    name: String,
    bytes: u64,
    since: SystemTime,
}

impl Cache {
    /// The documents that are kept of an image, no more than 64 MiB of them.
    ///
    /// # Errors
    /// [`CacheError`] if the directory cannot be read. A single document that cannot be is passed over.
    pub fn documents(&self, identifier: Identifier) -> Result<Vec<Vec<u8>>, CacheError> {
        let folder = self.folder("entries", identifier);
        let mut documents = Vec::new();
        let mut bytes = 0;
        for Known { name, bytes: length, .. } in known(&folder)?.into_iter().rev().take(MAX_DOCUMENTS) {
            bytes += length;
            if length <= MAX_DOCUMENT_BYTES as u64 && bytes <= MAX_BYTES {
                documents.extend(fs::read(folder.join(name)).ok());
            }
        }
        Ok(documents)
    }

    /// The images of which documents are kept.
    ///
    /// # Errors
    /// [`CacheError`] if the directory cannot be read.
    pub fn documented(&self) -> Result<Vec<Identifier>, CacheError> {
        let names = names(&self.root.join("entries"))?;
        Ok(names.iter().filter_map(|name| name.parse().ok()).collect())
    }

    /// Keeps documents of an image beside those that are there. If there are too many, those go that have
    /// been there for longest, and withdrawals last.
    ///
    /// # Errors
    /// [`CacheError`] if they cannot be written.
    pub fn keep_documents(&self, lock: &Lock, told: &[Told<'_>]) -> Result<(), CacheError> {
        if told.is_empty() {
            return Ok(());
        }
        let folder = self.folder("entries", lock.identifier());
        create(&folder)?;
        for Told { document, withdrawal } in told {
            let name = name_of(document) + if *withdrawal { WITHDRAWAL } else { "" };
            let path = folder.join(name);
            if document.len() <= MAX_DOCUMENT_BYTES && !path.exists() {
                write(&path, document)?;
            }
        }
        let known = known(&folder)?;
        let (mut count, mut bytes) = (known.len(), known.iter().map(|it| it.bytes).sum::<u64>());
        for Known { name, bytes: length, .. } in known {
            if count <= MAX_DOCUMENTS && bytes <= MAX_BYTES {
                break;
            }
            let path = folder.join(name);
            fs::remove_file(&path).map_err(CacheError::io("remove", &path))?;
            (count, bytes) = (count - 1, bytes - length);
        }
        Ok(())
    }
}

/// What is kept in a folder, what is dispensed with first coming first.
fn known(folder: &Path) -> Result<Vec<Known>, CacheError> {
    let mut known = Vec::new();
    for name in names(folder)? {
        // Another process may have removed it.
        let Ok(found) = fs::symlink_metadata(folder.join(&name)) else { continue };
        let since = found.modified().unwrap_or(SystemTime::UNIX_EPOCH);
        if found.is_file() {
            known.push(Known { name, bytes: found.len(), since });
        }
    }
    known.sort_by_key(|it| (it.name.strip_suffix(WITHDRAWAL).is_some(), it.since));
    Ok(known)
}

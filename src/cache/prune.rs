//! Making room.

use std::{
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
    time::SystemTime,
};

use super::{Cache, CacheError, CachedImage, allocated, insert::remove_abandoned, names, record_of};
use crate::Identifier;

/// What was removed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Pruned {
    /// Images, and what else was kept, by path.
    pub removed: Vec<PathBuf>,
    /// The bytes that this freed.
    pub freed: u64,
    /// The bytes that are still taken.
    pub left: u64,
}

/// Something that may be removed.
struct Candidate {
    what: What,
    /// Whose it is; nobody else's lock is needed for what was altered.
    identifier: Option<Identifier>,
    path: PathBuf,
    bytes: u64,
    used: SystemTime,
}

/// What may be removed, and when.
#[derive(Clone, Copy, PartialEq, Eq)]
enum What {
    /// An image, a transfer, or what was altered: at any time.
    Any,
    /// A file that has no record: not if it has one by then.
    Unrecorded,
    /// What was said of an image: not while that is kept.
    Documents,
}

impl Cache {
    /// Removes what was used longest ago until no more than `max_bytes` are taken on the disk. What another
    /// process is fetching or removing stays. What was said of images goes last, and not while the image is
    /// kept: it takes little, and tells of withdrawals.
    ///
    /// # Errors
    /// [`CacheError`] if the directory cannot be read or something in it not be removed.
    pub fn prune(&self, max_bytes: u64) -> Result<Pruned, CacheError> {
        let mut candidates: Vec<_> = self.images()?.iter().map(Candidate::image).collect();
        candidates.extend(self.leftovers()?);
        let documents = self.all_documents()?;
        let left = candidates.iter().chain(&documents).map(|candidate| candidate.bytes).sum();
        let mut pruned = Pruned { left, ..Pruned::default() };
        self.remove_oldest(candidates, max_bytes, &mut pruned)?;
        self.remove_oldest(documents, max_bytes, &mut pruned)?;
        Ok(pruned)
    }

    fn remove_oldest(
        &self,
        mut candidates: Vec<Candidate>,
        max_bytes: u64,
        pruned: &mut Pruned,
    ) -> Result<(), CacheError> {
        candidates.sort_by_key(|candidate| candidate.used);
        for candidate in candidates {
            if pruned.left <= max_bytes {
                break;
            }
            let _lock = match candidate.identifier {
                None => None,
                Some(identifier) => match self.try_lock(identifier)? {
                    Some(lock) => Some(lock),
                    None => continue,
                },
            };
            // Now that nobody else changes anything: is it still what it was?
            let stays = match (candidate.what, candidate.identifier) {
                (What::Unrecorded, _) => record_of(&candidate.path).exists(),
                (What::Documents, Some(identifier)) => !self.of(identifier)?.is_empty(),
                _ => false,
            };
            if stays {
                continue;
            }
            remove(&candidate.path)?;
            pruned.left = pruned.left.saturating_sub(candidate.bytes);
            pruned.freed += candidate.bytes;
            pruned.removed.push(candidate.path);
        }
        Ok(())
    }

    /// What was said, by image.
    fn all_documents(&self) -> Result<Vec<Candidate>, CacheError> {
        let folder = self.root.join("entries");
        let of_image = |name: String| {
            Some(Candidate::other(What::Documents, Some(name.parse().ok()?), folder.join(name)))
        };
        Ok(names(&folder)?.into_iter().filter_map(of_image).collect())
    }

    /// Transfers that were broken off, images without a record, and what was altered.
    fn leftovers(&self) -> Result<Vec<Candidate>, CacheError> {
        let mut found = Vec::new();
        // Those that stay are being added.
        remove_abandoned(&self.root.join("partial"))?;
        for (part, own) in [("partial", true), ("images", true), ("altered", false)] {
            let folder = self.root.join(part);
            for name in names(&folder)? {
                let path = folder.join(&name);
                let identifier = name.parse().ok().filter(|_| own);
                if own && identifier.is_none() {
                    continue;
                }
                if part == "images" {
                    for file in names(&path)? {
                        let path = path.join(&file);
                        if file.strip_suffix(".json").is_none() && !record_of(&path).exists() {
                            found.push(Candidate::other(What::Unrecorded, identifier, path));
                        }
                    }
                } else {
                    found.push(Candidate::other(What::Any, identifier, path));
                }
            }
        }
        Ok(found)
    }
}

impl Candidate {
    fn image(image: &CachedImage) -> Self {
        Self {
            what: What::Any,
            identifier: Some(image.record.digests.identifier()),
            path: image.path.clone(),
            bytes: image.allocated(),
            used: image.last_used(),
        }
    }

    fn other(what: What, identifier: Option<Identifier>, path: PathBuf) -> Self {
        let used = fs::metadata(&path).and_then(|found| found.modified()).unwrap_or(SystemTime::UNIX_EPOCH);
        let inside = names(&path).unwrap_or_default();
        let bytes = allocated(&path) + inside.iter().map(|name| allocated(&path.join(name))).sum::<u64>();
        Self { what, identifier, path, bytes, used }
    }
}

/// Removes an image with its record, or a directory with all that is in it.
fn remove(path: &Path) -> Result<(), CacheError> {
    let removed = match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => fs::remove_dir_all(path),
        _ => {
            let record = record_of(path);
            // First: without a record nobody is given the image.
            match fs::remove_file(&record) {
                Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
                _ => fs::remove_file(path),
            }
        }
    };
    match removed {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(CacheError::io("remove", path)(error)),
        _ => Ok(()),
    }
}

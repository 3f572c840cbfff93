//! Making room.

use std::{
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
    time::SystemTime,
};

use super::{Cache, CacheError, CachedImage, allocated, names};
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
    /// Whose it is; nobody else's lock is needed for what was altered.
    identifier: Option<Identifier>,
    path: PathBuf,
    bytes: u64,
    used: SystemTime,
}

impl Cache {
    /// Removes what was used longest ago until no more than `max_bytes` are taken on the disk. What another
    /// process is fetching or removing stays.
    ///
    /// # Errors
    /// [`CacheError`] if the directory cannot be read or something in it not be removed.
    pub fn prune(&self, max_bytes: u64) -> Result<Pruned, CacheError> {
        let mut candidates: Vec<_> = self.images()?.iter().map(Candidate::image).collect();
        candidates.extend(self.leftovers()?);
        candidates.sort_by_key(|candidate| candidate.used);
        let left = candidates.iter().map(|candidate| candidate.bytes).sum();
        let mut pruned = Pruned { left, ..Pruned::default() };
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
            remove(&candidate.path)?;
            pruned.left = pruned.left.saturating_sub(candidate.bytes);
            pruned.freed += candidate.bytes;
            pruned.removed.push(candidate.path);
        }
        self.forget_documents()?;
        Ok(pruned)
    }

    /// Transfers that were broken off, images without a record, and what was altered.
    fn leftovers(&self) -> Result<Vec<Candidate>, CacheError> {
        let mut found = Vec::new();
        for (part, own) in [("partial", true), ("images", true), ("altered", false)] {
            let folder = self.root.join(part);
            for name in names(&folder)? {
                let path = folder.join(&name);
                let identifier = name.parse().ok().filter(|_| own);
                if part == "images" {
                    for file in names(&path)? {
                        let record = path.join(format!("{file}.json"));
                        if file.strip_suffix(".json").is_none() && !record.exists() {
                            found.push(Candidate::other(identifier, path.join(file)));
                        }
                    }
                } else {
                    found.push(Candidate::other(identifier, path));
                }
            }
        }
        Ok(found)
    }

    /// Documents are kept as long as an image that they are about.
    fn forget_documents(&self) -> Result<(), CacheError> {
        let folder = self.root.join("entries");
        for name in names(&folder)? {
            let Ok(identifier) = name.parse::<Identifier>() else { continue };
            if self.of(identifier)?.is_empty()
                && let Some(_lock) = self.try_lock(identifier)?
            {
                remove(&folder.join(name))?;
            }
        }
        Ok(())
    }
}

impl Candidate {
    fn image(image: &CachedImage) -> Self {
        Self {
            identifier: Some(image.record.digests.identifier()),
            path: image.path.clone(),
            bytes: image.allocated(),
            used: image.last_used(),
        }
    }

    fn other(identifier: Option<Identifier>, path: PathBuf) -> Self {
        let used = fs::metadata(&path).and_then(|found| found.modified()).unwrap_or(SystemTime::UNIX_EPOCH);
        let inside = names(&path).unwrap_or_default();
        let bytes = allocated(&path) + inside.iter().map(|name| allocated(&path.join(name))).sum::<u64>();
        Self { identifier, path, bytes, used }
    }
}

/// Removes an image with its record, or a directory with all that is in it.
fn remove(path: &Path) -> Result<(), CacheError> {
    let removed = match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => fs::remove_dir_all(path),
        _ => {
            let mut record = path.as_os_str().to_owned();
            record.push(".json");
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

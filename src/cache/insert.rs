//! How an image comes into a cache.

use std::{
    fs::{self, File, Permissions},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use rustix::fs::{FlockOperation, flock};

use super::{
    Cache, CacheError, CachedImage, Lock, create, keep, names,
    record::{Record, Stamp},
};
use crate::{
    ChecksumAlgorithm, Identifier,
    checksum::{DigestOptions, Image, ImageError, ImageFile},
};

/// An image that was read from somewhere, and its content in a file.
#[derive(Debug)]
pub struct Source<'a> {
    /// Size and checksums, all of them, and format.
    pub image: &'a Image,
    /// A file on the file system of the cache that holds the content and nobody else writes to.
    pub content: &'a Path,
    /// Where it came from.
    pub from: String,
}

impl Cache {
    /// Takes the file of an image over: it is moved to where it belongs, and cannot be written to any more.
    ///
    /// # Errors
    /// [`CacheError`] if it cannot be.
    pub fn insert(&self, lock: &Lock, source: Source<'_>) -> Result<CachedImage, CacheError> {
        let Source { image, content, from } = source;
        let folder = self.folder("images", lock.identifier());
        create(&folder)?;
        let sha256 = image.digests.checksum(ChecksumAlgorithm::Sha256);
        let path = folder.join(sha256.map(crate::Checksum::value).unwrap_or_default());
        let failed = || CacheError::io("write", content);
        // One that is there, and in use perhaps, is as good.
        let there = self.of(lock.identifier())?.into_iter().find(|kept| kept.path == path);
        if let Some(kept) = there.filter(|kept| kept.record.digests == image.digests && kept.is_unaltered()) {
            fs::remove_file(content).map_err(failed())?;
            return Ok(kept);
        }
        let file = File::open(content).map_err(failed())?;
        file.set_permissions(Permissions::from_mode(0o444)).map_err(failed())?;
        fs::rename(content, &path).map_err(failed())?;
        let stamp = Stamp::of(&path).map_err(CacheError::io("read", &path))?;
        let cached = CachedImage { record: Record::new(image, from, stamp), path };
        cached.write_record()?;
        sync(&folder);
        Ok(cached)
    }

    /// Reads the image in a file or block device, compressed or not, and keeps a copy of it if it is
    /// `wanted`. `progress` is told the bytes that are read.
    ///
    /// # Errors
    /// [`AddError`] if it cannot be read, is damaged, or cannot be kept.
    pub fn add(
        &self,
        path: &Path,
        options: &DigestOptions,
        wanted: impl FnOnce(Identifier) -> bool,
        progress: impl FnMut(u64),
    ) -> Result<Option<CachedImage>, AddError> {
        let folder = self.root.join("partial");
        create(&folder)?;
        remove_abandoned(&folder)?;
        let staged = tempfile::Builder::new().prefix(ADDED).tempfile_in(&folder);
        let staged = staged.map_err(CacheError::io("write", &folder))?;
        // As long as this is held it is not taken for what an interrupt has left.
        let _ = flock(staged.as_file(), FlockOperation::NonBlockingLockExclusive);
        let options = DigestOptions {
            algorithms: ChecksumAlgorithm::ALL.to_vec(),
            compressed: Vec::new(),
            ..options.clone()
        };
        // Sees that it is no pipe, whose opening would wait.
        drop(ImageFile::open(path)?);
        let file =
            File::open(path).map_err(|cause| ImageError::Unreadable { image: path.to_owned(), cause })?;
        let image = keep(path, file, &options, progress, staged.as_file());
        let image = image.map_err(CacheError::io("write", staged.path()))??;
        if !wanted(image.digests.identifier()) {
            return Ok(None);
        }
        let lock = self.lock(image.digests.identifier(), || {})?;
        let from = path.display().to_string();
        let cached = self.insert(&lock, Source { image: &image, content: staged.path(), from })?;
        // It has another name now, or none.
        let _ = staged.keep();
        Ok(Some(cached))
    }

    /// A folder for what is being fetched of an image.
    pub(crate) fn partial(&self, lock: &Lock) -> Result<PathBuf, CacheError> {
        let folder = self.folder("partial", lock.identifier());
        create(&folder)?;
        Ok(folder)
    }
}

/// Why a file was not taken into a cache.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AddError {
    /// It is no image that can be read.
    #[error(transparent)]
    Image(#[from] ImageError),
    /// It cannot be kept.
    #[error(transparent)]
    Cache(#[from] CacheError),
}

/// How the names of files begin that are being added.
const ADDED: &str = "added-";

/// Removes what was being added when an interrupt came.
pub(super) fn remove_abandoned(folder: &Path) -> Result<(), CacheError> {
    for name in names(folder)? {
        let path = folder.join(&name);
        if name.starts_with(ADDED)
            && let Ok(file) = File::open(&path)
            && flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok()
        {
            // Another process may be faster.
            let _ = fs::remove_file(&path);
        }
    }
    Ok(())
}

/// Makes new names last through a power cut, where the file system can.
fn sync(folder: &Path) {
    let _ = File::open(folder).and_then(|folder| folder.sync_all());
}

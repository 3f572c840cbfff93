//! Images that are kept: each once, by its content, ready to be used without a network.
//!
//! ```text
//! images/IDENTIFIER/SHA256        the image, expanded, read-only
//! images/IDENTIFIER/SHA256.json   its size and checksums, and the state of the file when it had them
//! entries/IDENTIFIER/SHA256       documents that say something of it; verified each time they are used
//! partial/IDENTIFIER/             transfers that were broken off
//! locks/IDENTIFIER                held while an image is fetched or removed
//! altered/                        what was found not to be what it was
//! ```
//!
//! A file is handed out if it is as it was when its checksums were computed ([`Check::Stamp`]: inode, size
//! and both times), or if they still hold ([`Check::Content`]); and if they are those of the entry that is
//! asked for. Whoever may write into the directory may do anything to it, so that it has to belong to its
//! user, or to root, and must not be open to others.

mod copy;
mod documents;
mod error;
mod insert;
mod lock;
mod prune;
mod record;
mod sparse;

use std::{
    fs,
    io::{self, ErrorKind},
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _},
    path::{Path, PathBuf},
    time::SystemTime,
};

use crate::{
    ChecksumAlgorithm, Identifier, ImageDigests, Metadata,
    checksum::{DigestOptions, ImageError, ImageFile},
};

pub use copy::{copy, write};
pub use documents::Told;
pub use error::CacheError;
pub use insert::{AddError, Source};
pub use lock::Lock;
pub use prune::Pruned;
pub use record::Record;
use record::Stamp;
pub(crate) use record::name_of;
pub(crate) use sparse::{SparseWriter, keep};

/// What tells backup programs that nothing in a directory is lost with it
/// (<https://bford.info/cachedir/>).
const TAG: &str = "Signature: 8a477f597d28d172789f06886806bc55\n# Images kept by the stratus commands.\n";

/// A directory of images. Processes may share it, and users its images if root keeps it.
#[derive(Clone, Debug)]
pub struct Cache {
    root: PathBuf,
}

/// How a file is found to be what it was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Check {
    /// By inode, size, and times of change: if they are the same, nobody has written to it.
    #[default]
    Stamp,
    /// By reading it: its checksums.
    Content,
}

/// An image that is kept.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct CachedImage {
    /// Where it lies. It is not to be written to.
    pub path: PathBuf,
    /// What is known of it.
    pub record: Record,
}

/// What a search gave.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Lookup {
    /// An image that is what all the entries say.
    pub image: Option<CachedImage>,
    /// Files that were found altered, and are where they were moved to.
    pub altered: Vec<PathBuf>,
}

impl Cache {
    /// The cache in the directory `root`, which is made if it is not there.
    ///
    /// # Errors
    /// [`CacheError`] if it cannot be, or others could alter what is in it.
    pub fn open(root: impl Into<PathBuf>) -> Result<Self, CacheError> {
        let root = root.into();
        // Its images are handed out by their paths, which have to be good elsewhere.
        let root = std::path::absolute(&root).unwrap_or(root);
        create(&root)?;
        let found = fs::metadata(&root).map_err(CacheError::io("read", &root))?;
        let user = rustix::process::geteuid().as_raw();
        if found.uid() != user && found.uid() != 0 {
            return Err(CacheError::Foreign { root });
        }
        if found.mode() & 0o022 != 0 {
            return Err(CacheError::Open { root });
        }
        let cache = Self { root };
        let tag = cache.root.join("CACHEDIR.TAG");
        // One that can only be read is of use, too.
        if !tag.exists() {
            let _ = fs::write(&tag, TAG);
        }
        Ok(cache)
    }

    /// The directory.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The image that all of these entries describe, if it is kept and is still what it was. What is not is
    /// moved out of the way. `progress` is told the bytes that are read.
    ///
    /// # Errors
    /// [`CacheError`] if the directory cannot be read, or what was altered cannot be moved.
    pub fn find(
        &self,
        entries: &[&Metadata],
        check: Check,
        mut progress: impl FnMut(u64),
    ) -> Result<Lookup, CacheError> {
        let mut lookup = Lookup::default();
        let Some(first) = entries.first() else { return Ok(lookup) };
        for image in self.of(first.identifier)? {
            if entries.iter().any(|entry| image.record.digests.check(entry).is_err()) {
                continue;
            }
            if let Some(image) = self.checked(image, check, &mut lookup.altered, &mut progress)? {
                image.touch();
                lookup.image = Some(image);
                return Ok(lookup);
            }
        }
        Ok(lookup)
    }

    /// Every image that is kept, in no order. Whether each is still what it was is not looked at.
    ///
    /// # Errors
    /// [`CacheError`] if the directory cannot be read.
    pub fn images(&self) -> Result<Vec<CachedImage>, CacheError> {
        let mut images = Vec::new();
        for name in names(&self.root.join("images"))? {
            if let Ok(identifier) = name.parse() {
                images.extend(self.of(identifier)?);
            }
        }
        Ok(images)
    }

    /// Reads an image that is kept, and moves it out of the way if it is not what it was.
    ///
    /// # Errors
    /// [`CacheError`] if it cannot be read or moved.
    pub fn verify(&self, image: CachedImage, mut progress: impl FnMut(u64)) -> Result<Lookup, CacheError> {
        let mut lookup = Lookup::default();
        lookup.image = self.checked(image, Check::Content, &mut lookup.altered, &mut progress)?;
        Ok(lookup)
    }

    /// What is kept under an identifier.
    fn of(&self, identifier: Identifier) -> Result<Vec<CachedImage>, CacheError> {
        let folder = self.folder("images", identifier);
        let mut images = Vec::new();
        for name in names(&folder)? {
            let Some(stem) = name.strip_suffix(".json") else { continue };
            let path = folder.join(stem);
            // A record that cannot be read is that of no image.
            let Ok(text) = fs::read(folder.join(&name)) else { continue };
            let record = Record::read(&text).filter(|record| record.digests.identifier() == identifier);
            if let Some(record) = record.filter(|_| path.symlink_metadata().is_ok()) {
                images.push(CachedImage { path, record });
            }
        }
        Ok(images)
    }

    /// The image if it is still what it was.
    fn checked(
        &self,
        image: CachedImage,
        check: Check,
        altered: &mut Vec<PathBuf>,
        progress: &mut impl FnMut(u64),
    ) -> Result<Option<CachedImage>, CacheError> {
        let now = Stamp::of(&image.path);
        let same = image.is_unaltered();
        if check == Check::Stamp && same {
            return Ok(Some(image.settled()));
        }
        let is_file = image.path.symlink_metadata().is_ok_and(|found| found.is_file());
        let found = if is_file { content(&image.path, progress) } else { Ok(None) };
        match found {
            Ok(Some(digests)) if digests == image.record.digests => {}
            Ok(_) => {
                altered.extend(self.set_aside(&image, now.ok())?);
                return Ok(None);
            }
            // Another process has removed it.
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(CacheError::io("read", &image.path)(error)),
        }
        match now {
            // It was touched, or copied into another cache, but nothing else; or the system has restarted.
            Ok(stamp) if !same => {
                let record = Record { stamp, ..image.record };
                Ok(Some(CachedImage { record, ..image }.written_down()))
            }
            _ => Ok(Some(image.settled())),
        }
    }

    /// Moves what is not what it was to where nobody takes it for that; it may be somebody's work. `None` if
    /// another process was faster.
    fn set_aside(
        &self,
        image: &CachedImage,
        looked_at: Option<Stamp>,
    ) -> Result<Option<PathBuf>, CacheError> {
        let folder = self.root.join("altered");
        create(&folder)?;
        let seconds = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let name = format!("{}-{}", image.record.digests.identifier(), seconds.as_nanos());
        let aside = folder.join(name);
        match fs::rename(&image.path, &aside) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            moved => moved.map_err(CacheError::io("move", &image.path))?,
        }
        // A good one may have taken its place a moment ago.
        let moved = Stamp::of(&aside).ok();
        if looked_at.zip(moved).is_some_and(|(before, moved)| !before.is_of_same_file(&moved)) {
            fs::rename(&aside, &image.path).map_err(CacheError::io("move", &aside))?;
            return Ok(None);
        }
        let record = image.record_path();
        match fs::remove_file(&record) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(CacheError::io("remove", &record)(error))
            }
            _ => Ok(Some(aside)),
        }
    }

    fn folder(&self, part: &str, identifier: Identifier) -> PathBuf {
        self.root.join(part).join(identifier.to_string())
    }
}

impl CachedImage {
    /// When it was handed out last.
    pub fn last_used(&self) -> SystemTime {
        let modified = fs::metadata(self.record_path()).and_then(|found| found.modified());
        modified.unwrap_or(SystemTime::UNIX_EPOCH)
    }

    /// Bytes that it takes on the disk, holes excepted.
    pub fn allocated(&self) -> u64 {
        allocated(&self.path)
    }

    /// Whether its file is as it was when its checksums held.
    fn is_unaltered(&self) -> bool {
        let now = Stamp::of(&self.path);
        now.is_ok_and(|now| now == self.record.stamp) && self.record.has_survived()
    }

    /// Once its content must be on the disk it is seen to that it is, which then takes no time.
    fn settled(self) -> Self {
        if self.record.is_to_be_settled() { self.written_down() } else { self }
    }

    /// With the content on the disk; where that cannot be, or not be written down, it is read again the next
    /// time.
    fn written_down(self) -> Self {
        if fs::File::open(&self.path).and_then(|file| file.sync_all()).is_err() {
            return self;
        }
        let image = Self { record: Record { unwritten: None, ..self.record }, ..self };
        let _ = image.write_record();
        image
    }

    fn record_path(&self) -> PathBuf {
        record_of(&self.path)
    }

    /// It is in use. In a cache that can only be read, nothing is removed either.
    fn touch(&self) {
        if let Ok(record) = fs::File::options().append(true).open(self.record_path()) {
            let _ = record.set_modified(SystemTime::now());
        }
    }
}

/// Makes a directory into which nobody else can write, whatever new files are open to by default.
fn create(folder: &Path) -> Result<(), CacheError> {
    let made = fs::DirBuilder::new().recursive(true).mode(0o755).create(folder);
    made.map_err(CacheError::io("create", folder))
}

/// The digests of a file as it is; `None` if it is none that could have been kept.
fn content(path: &Path, progress: &mut impl FnMut(u64)) -> io::Result<Option<ImageDigests>> {
    let options = DigestOptions {
        algorithms: ChecksumAlgorithm::ALL.to_vec(),
        compressed: Vec::new(),
        expand: false,
        ..DigestOptions::default()
    };
    match ImageFile::open(path).and_then(|file| file.digest(&options, progress)) {
        Ok(image) => Ok(Some(image.digests)),
        Err(ImageError::Missing { .. } | ImageError::Vanished { .. }) => Err(ErrorKind::NotFound.into()),
        Err(ImageError::Unreadable { cause, .. }) => Err(cause),
        Err(_) => Ok(None),
    }
}

/// Where it is written down what is known of the image at `path`.
fn record_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".json");
    name.into()
}

/// Bytes on the disk (stat(2): blocks of 512 bytes).
fn allocated(path: &Path) -> u64 {
    path.symlink_metadata().map_or(0, |found| found.blocks().saturating_mul(512))
}

/// The names in a directory that are text; none if it is not there.
fn names(folder: &Path) -> Result<Vec<String>, CacheError> {
    let listed = match fs::read_dir(folder) {
        Ok(listed) => listed,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(CacheError::io("read", folder)(error)),
    };
    let mut names = Vec::new();
    for entry in listed {
        let entry = entry.map_err(CacheError::io("read", folder))?;
        // Temporary files begin with a dot.
        names.extend(entry.file_name().into_string().ok().filter(|name| !name.starts_with('.')));
    }
    names.sort();
    Ok(names)
}

#[cfg(test)]
mod tests;

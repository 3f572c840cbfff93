//! Writes all entries into a data directory: `IDENTIFIER/EMAIL/DATE.xml`, each the very bytes that were
//! uploaded, as the original server keeps them and [`super::import`] loads them.
//!
//! A file has its name only once its bytes are on the disk, so an export that was cut short goes on where it
//! was when it is done again. Files that are there already stay as they are; one with other bytes is an error.

use std::{
    fs::{self, File},
    io::{self, Read as _, Write as _},
    os::fd::OwnedFd,
    path::{Path, PathBuf},
    thread,
};

use rustix::{
    fs::{AtFlags, FlockOperation, Mode, OFlags, flock, mkdirat, open, openat, renameat, statat, syncfs},
    io::Errno,
};
use tokio::runtime::Handle;

use super::store::{Change, Store, StoreError};

/// Entries that are read from the database at once.
const AT_ONCE: u32 = 256;

/// Entries that wait for the disk at the same time.
const WAITING: usize = 32;

/// How the file of an entry is called before it is whole: hidden, and never taken for an entry.
const UNFINISHED: &str = ".part";

/// Why an export ends before its time.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExportError {
    /// The directory, or one in it, cannot be made or used. A symbolic link in it is not followed.
    #[error("cannot use {}: {cause}", .path.display())]
    Folder {
        /// The directory.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// Somebody else exports into it.
    #[error("another export writes to {}", .path.display())]
    Busy {
        /// The directory.
        path: PathBuf,
    },
    /// An entry cannot be written.
    #[error("cannot write {}: {cause}", .path.display())]
    Write {
        /// Its file.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// There is something else under the name of an entry.
    #[error("{} is there already, and is not the entry", .path.display())]
    Differs {
        /// The file.
        path: PathBuf,
    },
    /// The database does not give the entries.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// How many entries were exported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Exported {
    /// Written.
    pub written: u64,
    /// There already.
    pub same: u64,
}

/// Told how many bytes more of entries are there.
pub type Observer<'a> = dyn FnMut(u64) + 'a;

/// Writes every entry of the database into `folder`, which is made if it is not there.
///
/// # Errors
/// [`ExportError`]: the first thing that goes wrong. What is written by then stays.
pub fn export(
    folder: &Path,
    (store, runtime): (&Store, &Handle),
    observe: &mut Observer<'_>,
) -> Result<Exported, ExportError> {
    let target = Target::open(folder)?;
    let (mut exported, mut after) = (Exported::default(), 0);
    loop {
        let entries = runtime.block_on(store.changes(after, AT_ONCE))?;
        let Some(last) = entries.last() else { break };
        after = last.sequence;
        let written = target.write_all(&entries)?;
        exported.written += written as u64;
        exported.same += (entries.len() - written) as u64;
        observe(entries.iter().map(|entry| entry.document.len() as u64).sum());
    }
    if exported.written > 0 {
        target.sync()?;
    }
    Ok(exported)
}

/// The directory that is written to, open and locked: nothing is written through a name that somebody could
/// have given another meaning meanwhile.
struct Target {
    path: PathBuf,
    folder: OwnedFd,
}

impl Target {
    fn open(path: &Path) -> Result<Self, ExportError> {
        let failed = |cause| ExportError::Folder { path: path.to_owned(), cause };
        fs::create_dir_all(path).map_err(failed)?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let folder = open(path, flags, Mode::empty()).map_err(|errno| failed(errno.into()))?;
        match flock(&folder, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Self { path: path.to_owned(), folder }),
            Err(Errno::WOULDBLOCK) => Err(ExportError::Busy { path: path.to_owned() }),
            Err(errno) => Err(failed(errno.into())),
        }
    }

    /// Writes an entry; false if it is there already. Its key consists of characters that may stand in a file
    /// name, and never of dots alone (S7).
    fn write(&self, entry: &Change) -> Result<bool, ExportError> {
        let (identifier, email) = (entry.key.identifier.to_string(), entry.key.email.as_str());
        let image = self.subfolder(&self.folder, &identifier, &[&identifier])?;
        let endorser = self.subfolder(&image, email, &[&identifier, email])?;
        let name = format!("{}.xml", entry.key.created);
        let path = self.path.join(&identifier).join(email).join(&name);
        match held(&endorser, &name, &entry.document) {
            Ok(Some(true)) => return Ok(false),
            Ok(Some(false)) => return Err(ExportError::Differs { path }),
            Ok(None) => {}
            Err(cause) => return Err(ExportError::Write { path, cause }),
        }
        let written = write(&endorser, &name, &entry.document);
        written.map(|()| true).map_err(|cause| ExportError::Write { path, cause })
    }

    /// A directory in `parent`, made if it is not there.
    fn subfolder(&self, parent: &OwnedFd, name: &str, parts: &[&str]) -> Result<OwnedFd, ExportError> {
        let failed = |errno: Errno| {
            let path = parts.iter().fold(self.path.clone(), |path, part| path.join(part));
            ExportError::Folder { path, cause: errno.into() }
        };
        match mkdirat(parent, name, Mode::from_raw_mode(0o777)) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(errno) => return Err(failed(errno)),
        }
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        openat(parent, name, flags, Mode::empty()).map_err(failed)
    }

    /// Writes these entries, and says how many were not there. Each waits for the disk, which puts many of
    /// them in one go if they wait together.
    fn write_all(&self, entries: &[Change]) -> Result<usize, ExportError> {
        let write = |part: &[Change]| -> Result<usize, ExportError> {
            part.iter().try_fold(0, |written, entry| Ok(written + usize::from(self.write(entry)?)))
        };
        let parts = entries.chunks(entries.len().div_ceil(WAITING).max(1));
        thread::scope(|scope| {
            let writing: Vec<_> = parts.map(|part| scope.spawn(move || write(part))).collect();
            writing.into_iter().try_fold(0, |written, part| match part.join() {
                Ok(part) => Ok(written + part?),
                Err(panic) => std::panic::resume_unwind(panic),
            })
        })
    }

    /// Has the names of what was written outlast a power cut; the bytes do already.
    fn sync(&self) -> Result<(), ExportError> {
        syncfs(&self.folder)
            .map_err(|errno| ExportError::Folder { path: self.path.clone(), cause: errno.into() })
    }
}

/// Has the file these bytes? `None` if it is not there.
fn held(folder: &OwnedFd, name: &str, document: &[u8]) -> io::Result<Option<bool>> {
    let found = match statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(found) => found,
        Err(Errno::NOENT) => return Ok(None),
        Err(errno) => return Err(errno.into()),
    };
    let regular = rustix::fs::FileType::from_raw_mode(found.st_mode).is_file();
    if !regular || u64::try_from(found.st_size).ok() != Some(document.len() as u64) {
        return Ok(Some(false));
    }
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut there = Vec::with_capacity(document.len());
    let file = File::from(openat(folder, name, flags, Mode::empty())?);
    file.take(document.len() as u64 + 1).read_to_end(&mut there)?;
    Ok(Some(there == document))
}

/// Writes a file that is whole whenever it is there.
fn write(folder: &OwnedFd, name: &str, document: &[u8]) -> io::Result<()> {
    let unfinished = format!(".{name}{UNFINISHED}");
    // Only who holds the lock writes here: what has this name was left by an export that was cut short.
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut file = File::from(openat(folder, &unfinished, flags, Mode::from_raw_mode(0o666))?);
    file.write_all(document)?;
    file.sync_all()?;
    renameat(folder, &unfinished, folder, name)?;
    Ok(())
}

//! Loads an old data directory: `IDENTIFIER/EMAIL/DATE.xml`, as the original server and [`super::export`]
//! write it.
//!
//! Entries are judged on all cores and added in the order of their dates. Nothing is followed out of the
//! directory, and whatever is no entry at its place is reported, never passed over in silence. What is in the
//! database already stays: an import that was cut short is simply done again.

use std::{
    ffi::OsStr,
    fs::{self, File},
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use rayon::prelude::*;
use tokio::runtime::Handle;

use crate::{Email, Identifier, Timestamp, xml::MAX_DOCUMENT_BYTES};

use super::{
    intake::{Intake, IntakeError},
    key::EntryKey,
    store::{AddError, Added, NewEntry, Order, Store, StoreError},
};

/// Entries that are judged before they are added, in one transaction: enough for every core.
const AT_ONCE: usize = 256;

/// The same in bytes, unless one entry alone has more.
const BYTES_AT_ONCE: u64 = 16 << 20;

/// The folder of the original server's data directory that has the entries.
const METADATA: &str = "metadata";

/// How an entry is called in a data directory.
const EXTENSION: &str = ".xml";

/// Why an import ends before its time.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// The directory, or one in it, cannot be read.
    #[error("cannot read {}: {cause}", .path.display())]
    Folder {
        /// The directory.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// The database does not take entries.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a file did not become an entry.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// It is no `IDENTIFIER/EMAIL/DATE.xml`, or no file at all.
    #[error("not an entry: {what}")]
    Odd {
        /// What it is.
        what: &'static str,
    },
    /// It cannot be read.
    #[error("cannot read it: {0}")]
    Read(io::Error),
    /// It is larger than anything that is ever verified.
    #[error("it is larger than {} MiB", MAX_DOCUMENT_BYTES >> 20)]
    TooLarge,
    /// It is no entry, or another one.
    #[error(transparent)]
    Refused(#[from] IntakeError),
    /// Other bytes are stored under its key.
    #[error("the database holds another entry with this identifier, email and date")]
    Differs,
}

/// A file that was looked at.
#[derive(Debug)]
pub struct Imported<'a> {
    /// The file.
    pub path: &'a Path,
    /// Its size in bytes, as far as it was read.
    pub bytes: u64,
    /// What became of it.
    pub outcome: Outcome<'a>,
}

/// What became of a file.
#[derive(Debug)]
pub enum Outcome<'a> {
    /// It is an entry now.
    Added(&'a EntryKey),
    /// It was one already.
    Same(&'a EntryKey),
    /// It is none.
    Refused(FileError),
    /// It is hidden: no server wrote it as an entry.
    Hidden,
}

/// Told of each file.
pub type Observer<'a> = dyn FnMut(Imported<'_>) + 'a;

/// A file that is named like an entry.
struct Candidate {
    path: PathBuf,
    key: EntryKey,
    bytes: u64,
}

/// Loads the entries in `folder`, or in its `metadata`, and tells `observe` what became of each.
///
/// # Errors
/// [`ImportError`] if a directory cannot be read, before anything is added, or the database fails.
pub fn import(
    folder: &Path,
    intake: &Intake,
    (store, runtime): (&Store, &Handle),
    observe: &mut Observer<'_>,
) -> Result<(), ImportError> {
    let original = folder.join(METADATA);
    let folder = if original.is_dir() { original.as_path() } else { folder };
    let mut candidates = find(folder, observe)?;
    candidates.sort_by(|a, b| (a.key.created, &a.key).cmp(&(b.key.created, &b.key)));
    let mut rest = candidates.as_slice();
    while !rest.is_empty() {
        let (batch, following) = rest.split_at(batch_length(rest));
        rest = following;
        let now = Timestamp::now();
        let judged: Vec<_> = batch.par_iter().map(|candidate| judge(candidate, intake, now)).collect();
        let added = runtime.block_on(add(store, &judged, now));
        for (candidate, (judged, added)) in batch.iter().zip(judged.into_iter().zip(added)) {
            let outcome = match (judged, added) {
                (Err(error), _) => Outcome::Refused(error),
                (Ok(_), Some(Ok(Added::Created))) => Outcome::Added(&candidate.key),
                (Ok(_), Some(Ok(Added::Same))) => Outcome::Same(&candidate.key),
                (Ok(_), Some(Err(AddError::Store(error)))) => return Err(error.into()),
                (Ok(_), Some(Err(_)) | None) => Outcome::Refused(FileError::Differs),
            };
            observe(Imported { path: &candidate.path, bytes: candidate.bytes, outcome });
        }
    }
    Ok(runtime.block_on(store.settle())?)
}

/// How many of these are judged at once.
fn batch_length(candidates: &[Candidate]) -> usize {
    let mut bytes = 0_u64;
    let fits = |candidate: &&Candidate| {
        bytes = bytes.saturating_add(candidate.bytes);
        bytes <= BYTES_AT_ONCE
    };
    candidates.iter().take(AT_ONCE).take_while(fits).count().max(1).min(candidates.len())
}

/// Adds what is good, at the same time: the store makes one transaction of it.
async fn add(
    store: &Store,
    judged: &[Result<NewEntry, FileError>],
    now: Timestamp,
) -> Vec<Option<Result<Added, AddError>>> {
    let adding = judged.iter().map(async |judged| match judged {
        Ok(entry) => Some(store.add(entry, Order::Any, now).await),
        Err(_) => None,
    });
    futures_util::future::join_all(adding).await
}

fn judge(candidate: &Candidate, intake: &Intake, now: Timestamp) -> Result<NewEntry, FileError> {
    let mut document = Vec::new();
    let file = File::open(&candidate.path).map_err(FileError::Read)?;
    let most = MAX_DOCUMENT_BYTES as u64 + 1;
    file.take(most).read_to_end(&mut document).map_err(FileError::Read)?;
    if document.len() > MAX_DOCUMENT_BYTES {
        return Err(FileError::TooLarge);
    }
    Ok(intake.judge(&document, Some(&candidate.key), now)?)
}

/// Every file that is named like an entry; everything else is told.
fn find(folder: &Path, observe: &mut Observer<'_>) -> Result<Vec<Candidate>, ImportError> {
    let mut found = Vec::new();
    for image in children(folder)? {
        let Some(identifier) = named::<Identifier>(&image, Kind::Folder, "", observe) else { continue };
        for endorser in children(&image)? {
            let Some(email) = named::<Email>(&endorser, Kind::Folder, "", observe) else { continue };
            for file in children(&endorser)? {
                let Some(created) = named::<Timestamp>(&file, Kind::File, EXTENSION, observe) else {
                    continue;
                };
                let key = EntryKey { identifier, email: email.clone(), created };
                let bytes = fs::metadata(&file).map_or(0, |metadata| metadata.len());
                found.push(Candidate { path: file, key, bytes });
            }
        }
    }
    Ok(found)
}

/// What is in a folder, in order.
fn children(folder: &Path) -> Result<Vec<PathBuf>, ImportError> {
    let failed = |cause| ImportError::Folder { path: folder.to_owned(), cause };
    let read = fs::read_dir(folder).map_err(failed)?;
    let mut children = read.map(|child| Ok(child?.path())).collect::<io::Result<Vec<_>>>().map_err(failed)?;
    children.sort();
    Ok(children)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Folder,
    File,
}

/// What a path's last part names, if it is what is wanted there; otherwise that is told.
fn named<T: std::str::FromStr>(
    path: &Path,
    wanted: Kind,
    extension: &str,
    observe: &mut Observer<'_>,
) -> Option<T> {
    let name = path.file_name().and_then(OsStr::to_str).unwrap_or_default();
    let mut told = |outcome| {
        observe(Imported { path, bytes: 0, outcome });
        None
    };
    if name.starts_with('.') {
        return told(Outcome::Hidden);
    }
    // Not followed: a link could lead anywhere.
    let kind = match fs::symlink_metadata(path).map(|metadata| metadata.file_type()) {
        Ok(kind) => kind,
        Err(error) => return told(Outcome::Refused(FileError::Read(error))),
    };
    let mut odd = |what| told(Outcome::Refused(FileError::Odd { what }));
    let is_wanted = match wanted {
        Kind::Folder => kind.is_dir(),
        Kind::File => kind.is_file(),
    };
    if kind.is_symlink() {
        return odd("a symbolic link");
    }
    if !is_wanted {
        return odd(if wanted == Kind::Folder { "a file among directories" } else { "not a regular file" });
    }
    let value = name.strip_suffix(extension).and_then(|stem| stem.parse().ok());
    if value.is_none() {
        return odd("its name is not IDENTIFIER/EMAIL/DATE.xml");
    }
    value
}

//! Files are written beside their target and renamed into place: there is never half a file,
//! and no temporary file after a failure or an interrupt (C27).

use std::ffi::OsString;
use std::fs::{self, File, Metadata, Permissions};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _, fchown};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::interrupt::{Pending, pending};
use super::{Failure, Status, shown, text};

/// Why a file was not written. What was there before is as it was.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OutputError {
    /// The name is taken, and overwriting was not asked for.
    #[error("{} exists already", shown(path))]
    Exists {
        /// The target.
        path: PathBuf,
    },
    /// The name is a directory's.
    #[error("cannot write {}: it is a directory", shown(path))]
    Directory {
        /// The target.
        path: PathBuf,
    },
    /// A file to be replaced is a device, a pipe or the like.
    #[error("cannot replace {}: it is not a regular file", shown(path))]
    NotRegular {
        /// The target.
        path: PathBuf,
    },
    /// A block device, such as a disk: what is on it would be lost.
    #[error("cannot write {}: it is a block device", shown(path))]
    BlockDevice {
        /// The target.
        path: PathBuf,
    },
    /// A file to be replaced is not what it was when it was read.
    #[error("cannot replace {}: it changed while it was signed", shown(path))]
    Changed {
        /// The target.
        path: PathBuf,
    },
    /// A file to be replaced has gone since it was read.
    #[error("cannot replace {}: it is no longer there", shown(path))]
    Vanished {
        /// The target.
        path: PathBuf,
    },
    /// A symbolic link that leads nowhere: neither it nor what it names is guessed at.
    #[error("cannot write {}: it is a symbolic link to nothing", shown(path))]
    DanglingLink {
        /// The target.
        path: PathBuf,
    },
    /// The directory it would lie in is not there.
    #[error("cannot write {}: there is no directory {}", shown(path), shown(directory))]
    NoDirectory {
        /// The target.
        path: PathBuf,
        /// What it would lie in.
        directory: PathBuf,
    },
    /// The system refused.
    #[error("cannot write {}: {}", shown(path), text::reason(error))]
    Write {
        /// The target.
        path: PathBuf,
        /// The system's reason.
        error: io::Error,
    },
}

impl From<OutputError> for Failure {
    fn from(error: OutputError) -> Self {
        let changed = matches!(error, OutputError::Changed { .. });
        let failure = Self::new(Status::File, error);
        if changed { failure.with_hint("sign it again, as it is now") } else { failure }
    }
}

/// Whether [`write_new`] would write there, as far as can be told before it does: to be asked
/// before long work.
///
/// # Errors
/// [`OutputError`], as [`write_new`] would give it.
pub fn check_new(path: &Path, overwrite: bool) -> Result<(), OutputError> {
    if let Target::File { path: target, .. } = Target::find(path, overwrite)? {
        // A file without a name, so that nothing remains whatever happens.
        tempfile::tempfile_in(parent(&target))
            .map_err(|error| OutputError::Write { path: path.to_owned(), error })?;
    }
    Ok(())
}

/// Writes a file that should not be there yet; with `overwrite`, it may be, and keeps its
/// permissions. A symbolic link is followed; a terminal, a pipe or `/dev/null` is written to as
/// it is.
///
/// # Errors
/// [`OutputError`]; nothing has then been written or replaced.
pub fn write_new(path: &Path, bytes: &[u8], overwrite: bool) -> Result<(), OutputError> {
    match Target::find(path, overwrite)? {
        Target::Stream => {
            let failed = |error| OutputError::Write { path: path.to_owned(), error };
            let mut stream = File::options().write(true).open(path).map_err(failed)?;
            stream.write_all(bytes).map_err(failed)
        }
        Target::File { path: target, found } => {
            Prepared::with_bytes(path, target, found.as_ref(), bytes, overwrite)?.put()
        }
    }
}

/// [`write_new`] for what is too large to be in memory: `fill` writes it, into an empty file or into a
/// stream.
///
/// # Errors
/// [`OutputError`], also if `fill` fails; nothing has then been written or replaced.
pub fn fill_new(
    path: &Path,
    overwrite: bool,
    fill: impl FnOnce(&File) -> io::Result<()>,
) -> Result<(), OutputError> {
    let failed = |error| OutputError::Write { path: path.to_owned(), error };
    match Target::find(path, overwrite)? {
        Target::Stream => {
            let stream = File::options().write(true).open(path).map_err(failed)?;
            fill(&stream).map_err(failed)
        }
        Target::File { path: target, found } => {
            let staged = Staged::filled(parent(&target), found.as_ref(), |file| fill(file));
            let staged = staged.map_err(failed)?;
            Prepared { staged, path: path.to_owned(), target, overwrite }.put()
        }
    }
}

/// Gives a file that lies on the same file system its final name, and the owner and permissions that
/// [`write_new`] would give it.
///
/// # Errors
/// [`OutputError`]; nothing has then been replaced.
pub fn move_new(from: &Path, path: &Path, overwrite: bool) -> Result<(), OutputError> {
    let failed = |error| OutputError::Write { path: path.to_owned(), error };
    match Target::find(path, overwrite)? {
        Target::Stream => Err(OutputError::NotRegular { path: path.to_owned() }),
        Target::File { path: target, found } => {
            let staged = Staged::filled(parent(&target), found.as_ref(), |_| Ok(())).map_err(failed)?;
            staged.replaced_by(from).map_err(failed)?;
            Prepared { staged, path: path.to_owned(), target, overwrite }.put()
        }
    }
}

/// Whether `path` is a terminal, a pipe or the like, which have no content to lose.
pub fn is_stream(path: &Path) -> bool {
    matches!(Target::find(path, true), Ok(Target::Stream))
}

/// A directory for large files that are to be moved to `path` or written to it; gone when it is dropped or
/// the command is interrupted.
pub struct Scratch(Option<tempfile::TempDir>);

impl Scratch {
    /// On the file system of `path` if that is a file's.
    ///
    /// # Errors
    /// [`OutputError::Write`] if there can be none.
    pub fn beside(path: &Path) -> Result<Self, OutputError> {
        let failed = |error| OutputError::Write { path: path.to_owned(), error };
        let folder = match Target::find(path, true)? {
            Target::Stream => std::env::temp_dir(),
            Target::File { path: target, .. } => parent(&target).to_owned(),
        };
        let mut pending = pending();
        let made = builder().tempdir_in(folder).map_err(failed)?;
        pending.add(made.path());
        Ok(Self(Some(made)))
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        self.0.as_ref().map_or(Path::new("."), tempfile::TempDir::path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Some(made) = self.0.take() {
            let mut pending = pending();
            pending.remove(made.path());
            drop(made);
        }
    }
}

/// A file that is written but not in its place yet; gone again if it is dropped.
pub struct Prepared {
    staged: Staged,
    path: PathBuf,
    target: PathBuf,
    overwrite: bool,
}

/// Does all of [`write_new`] that is likely to fail: for what has to be written after something else
/// or not at all.
///
/// # Errors
/// [`OutputError`], also if the name is that of a terminal, a pipe or the like.
pub fn prepare(path: &Path, bytes: &[u8], overwrite: bool) -> Result<Prepared, OutputError> {
    match Target::find(path, overwrite)? {
        Target::Stream => Err(OutputError::NotRegular { path: path.to_owned() }),
        Target::File { path: target, found } => {
            Prepared::with_bytes(path, target, found.as_ref(), bytes, overwrite)
        }
    }
}

impl Prepared {
    fn with_bytes(
        path: &Path,
        target: PathBuf,
        found: Option<&Metadata>,
        bytes: &[u8],
        overwrite: bool,
    ) -> Result<Self, OutputError> {
        let staged = Staged::with_bytes(parent(&target), bytes, found)
            .map_err(|error| OutputError::Write { path: path.to_owned(), error })?;
        Ok(Self { staged, path: path.to_owned(), target, overwrite })
    }

    /// Puts the file in its place.
    ///
    /// # Errors
    /// [`OutputError`]; nothing has then been replaced.
    pub fn put(mut self) -> Result<(), OutputError> {
        let put = self.staged.persist(&mut pending(), &self.target, self.overwrite);
        put.map_err(|error| match error.kind() {
            ErrorKind::AlreadyExists => OutputError::Exists { path: self.path.clone() },
            _ => OutputError::Write { path: self.path.clone(), error },
        })?;
        sync(parent(&self.target));
        Ok(())
    }
}

/// Replaces a regular file by what was made of `original`, its content, and keeps what it was as
/// `FILE.orig`, unless there is a `FILE.orig` already, which stays as it is (C20). Gives the name
/// of what has been kept, if anything.
///
/// Where `path` is a symbolic link, FILE is what it leads to. Owner and permissions stay. Both
/// names change, or neither does.
///
/// # Errors
/// [`OutputError`]; nothing has then been written or replaced.
pub fn replace_keeping_original(
    path: &Path,
    original: &[u8],
    bytes: &[u8],
) -> Result<Option<PathBuf>, OutputError> {
    let failed = |error: io::Error| match error.kind() {
        ErrorKind::NotFound => OutputError::Vanished { path: path.to_owned() },
        _ => OutputError::Write { path: path.to_owned(), error },
    };
    let target = fs::canonicalize(path).map_err(failed)?;
    let found = fs::metadata(&target).map_err(failed)?;
    if found.is_dir() {
        return Err(OutputError::Directory { path: path.to_owned() });
    }
    if !found.is_file() {
        return Err(OutputError::NotRegular { path: path.to_owned() });
    }
    let directory = parent(&target);
    let mut name = OsString::from(target.as_os_str());
    name.push(".orig");
    let kept = PathBuf::from(name);

    // Both are dropped after the lock is: their clearing up takes it.
    let mut link = Staged::linked(directory, &target, original, &found).map_err(failed)?;
    let mut staged = Staged::with_bytes(directory, bytes, Some(&found)).map_err(failed)?;
    // As late as can be: what an editor saved meanwhile must not be lost.
    if !holds(&target, original).map_err(failed)? {
        return Err(OutputError::Changed { path: path.to_owned() });
    }

    // From here to the end an interrupt waits.
    let mut pending = pending();
    let is_kept = match link.persist(&mut pending, &kept, false) {
        Ok(()) => true,
        Err(error) if error.kind() == ErrorKind::AlreadyExists => false,
        Err(error) => return Err(OutputError::Write { path: kept, error }),
    };
    if let Err(error) = staged.persist(&mut pending, &target, true) {
        // If another command has replaced the file, it relies on what is kept.
        if is_kept && fs::metadata(&target).is_ok_and(|now| same_file(&now, &found)) {
            let _ = fs::remove_file(&kept);
        }
        return Err(failed(error));
    }
    drop(pending);
    sync(directory);
    Ok(is_kept.then_some(kept))
}

/// Whether both are of one file, whatever its names.
pub fn same_file(one: &Metadata, other: &Metadata) -> bool {
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

/// Whether the file's content is these bytes.
fn holds(path: &Path, bytes: &[u8]) -> io::Result<bool> {
    let mut found = Vec::with_capacity(bytes.len() + 1);
    File::open(path)?.take(bytes.len() as u64 + 1).read_to_end(&mut found)?;
    Ok(found == bytes)
}

/// Where something is to be written.
enum Target {
    /// A terminal, a pipe, `/dev/null`: what has no content to lose.
    Stream,
    /// A file, links followed, and what is there now.
    File { path: PathBuf, found: Option<Metadata> },
}

impl Target {
    fn find(path: &Path, overwrite: bool) -> Result<Self, OutputError> {
        let failed = |error| OutputError::Write { path: path.to_owned(), error };
        match fs::metadata(path) {
            Ok(found) if found.is_dir() => Err(OutputError::Directory { path: path.to_owned() }),
            Ok(found) if found.file_type().is_block_device() => {
                Err(OutputError::BlockDevice { path: path.to_owned() })
            }
            Ok(found) if !found.is_file() => Ok(Self::Stream),
            Ok(_) if !overwrite => Err(OutputError::Exists { path: path.to_owned() }),
            Ok(found) => {
                let path = fs::canonicalize(path).map_err(failed)?;
                Ok(Self::File { path, found: Some(found) })
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {
                if fs::symlink_metadata(path).is_ok() {
                    return Err(OutputError::DanglingLink { path: path.to_owned() });
                }
                let directory = parent(path);
                if !directory.is_dir() {
                    return Err(OutputError::NoDirectory {
                        path: path.to_owned(),
                        directory: directory.to_owned(),
                    });
                }
                Ok(Self::File { path: path.to_owned(), found: None })
            }
            Err(error) => Err(failed(error)),
        }
    }
}

/// A file under a temporary name, removed when dropped or when the command is interrupted.
struct Staged(Option<NamedTempFile<File>>);

impl Staged {
    /// A new file with this content; with the owner and permissions of `like`, or those any new
    /// file gets.
    fn with_bytes(directory: &Path, bytes: &[u8], like: Option<&Metadata>) -> io::Result<Self> {
        Self::filled(directory, like, |file| file.write_all(bytes))
    }

    /// The same with what `content` writes.
    fn filled(
        directory: &Path,
        like: Option<&Metadata>,
        content: impl FnOnce(&mut File) -> io::Result<()>,
    ) -> io::Result<Self> {
        let mode = if like.is_some() { 0o600 } else { 0o666 };
        let mut staged =
            Self::create(|| builder().permissions(Permissions::from_mode(mode)).tempfile_in(directory))?;
        if let Some(file) = &mut staged.0 {
            let file = file.as_file_mut();
            content(file)?;
            if let Some(like) = like {
                // Only root may give files away; others keep what they can.
                let _ = fchown(&*file, Some(like.uid()), Some(like.gid()));
                file.set_permissions(Permissions::from_mode(like.mode() & 0o777))?;
            }
            file.sync_all()?;
        }
        Ok(staged)
    }

    /// Another name for `target`, or a copy where the file system has no links or forbids this one.
    fn linked(directory: &Path, target: &Path, bytes: &[u8], found: &Metadata) -> io::Result<Self> {
        let link = |path: &Path| fs::hard_link(target, path).and_then(|()| File::open(path));
        Self::create(|| builder().make_in(directory, link))
            .or_else(|_| Self::with_bytes(directory, bytes, Some(found)))
    }

    /// Puts another file in its place, which takes over its owner and permissions.
    fn replaced_by(&self, from: &Path) -> io::Result<()> {
        let Some(file) = &self.0 else { return Ok(()) };
        let found = file.as_file().metadata()?;
        // Whoever could make the file can do this.
        let _ = std::os::unix::fs::chown(from, Some(found.uid()), Some(found.gid()));
        fs::set_permissions(from, Permissions::from_mode(found.mode() & 0o777))?;
        fs::rename(from, file.path())
    }

    /// Creates and registers in one critical section, so that no interrupt comes between.
    fn create(make: impl FnOnce() -> io::Result<NamedTempFile<File>>) -> io::Result<Self> {
        let mut pending = pending();
        let file = make()?;
        pending.add(file.path());
        Ok(Self(Some(file)))
    }

    /// Gives the file its final name.
    fn persist(&mut self, pending: &mut Pending, target: &Path, overwrite: bool) -> io::Result<()> {
        let Some(file) = self.0.take() else { return Ok(()) };
        let temporary = file.path().to_owned();
        let result = if overwrite { file.persist(target) } else { file.persist_noclobber(target) };
        match result {
            Ok(_) => {
                pending.remove(&temporary);
                Ok(())
            }
            Err(error) => {
                self.0 = Some(error.file);
                Err(error.error)
            }
        }
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        if let Some(file) = self.0.take() {
            let mut pending = pending();
            pending.remove(file.path());
            drop(file);
        }
    }
}

fn builder() -> tempfile::Builder<'static, 'static> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".stratus-").suffix(".tmp");
    builder
}

fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    }
}

/// Makes the new name last through a power cut, where the file system can.
fn sync(directory: &Path) {
    let _ = File::open(directory).and_then(|directory| directory.sync_all());
}

#[cfg(test)]
mod tests;

//! The file of an SQLite database: it has to stay where it is while it is used.
//!
//! SQLite goes on with a file that was removed or replaced, and what is written to it then is gone with the
//! last connection; a new one beside it would share its log with the wrong database (SQLite, "How To Corrupt
//! An SQLite Database File", §2.3 and §2.4). So nothing is read or written until it is back, or the program
//! starts again.

use std::{
    fs, io,
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    path::PathBuf,
};

use super::StoreError;

/// A file, as it was when it was opened.
#[derive(Debug)]
pub(super) struct DatabaseFile {
    path: PathBuf,
    device: u64,
    inode: u64,
}

impl DatabaseFile {
    /// The file at this path, which is made if it is not there, for its owner only.
    pub(super) fn open(path: PathBuf) -> io::Result<Self> {
        match fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            // An empty file is an empty database.
            Ok(_) | Err(_) => {}
        }
        let metadata = fs::metadata(&path)?;
        Ok(Self { path, device: metadata.dev(), inode: metadata.ino() })
    }

    /// Is it where it was? That is a system call of a microsecond.
    ///
    /// # Errors
    /// [`StoreError`] if it is not, or another one is.
    pub(super) fn check(&self) -> Result<(), StoreError> {
        let is_there = fs::metadata(&self.path)
            .is_ok_and(|found| (found.dev(), found.ino()) == (self.device, self.inode));
        let cause = "its file was removed or replaced while it was used: put it back, or start again";
        if is_there { Ok(()) } else { Err(StoreError::Database { cause: cause.to_owned() }) }
    }
}

//! One process at a time fetches, moves or removes an image.

use std::fs::File;

use rustix::{
    fs::{FlockOperation, flock},
    io::Errno,
};

use super::{Cache, CacheError, create};
use crate::Identifier;

/// The right to change what is kept of one image, until it is dropped or the process ends.
#[derive(Debug)]
pub struct Lock {
    identifier: Identifier,
    _file: File,
}

impl Lock {
    /// Whose it is.
    pub const fn identifier(&self) -> Identifier {
        self.identifier
    }
}

impl Cache {
    /// Waits until no other process changes what is kept of an image; `waiting` is called if one does.
    ///
    /// # Errors
    /// [`CacheError::Io`] if there can be no lock.
    pub fn lock(&self, identifier: Identifier, waiting: impl FnOnce()) -> Result<Lock, CacheError> {
        if let Some(lock) = self.try_lock(identifier)? {
            return Ok(lock);
        }
        waiting();
        self.locked(identifier, FlockOperation::LockExclusive)?.ok_or_else(|| CacheError::Io {
            what: "lock",
            path: self.folder("locks", identifier),
            cause: std::io::ErrorKind::WouldBlock.into(),
        })
    }

    /// The lock if nobody has it.
    pub(crate) fn try_lock(&self, identifier: Identifier) -> Result<Option<Lock>, CacheError> {
        self.locked(identifier, FlockOperation::NonBlockingLockExclusive)
    }

    /// Lock files stay: one that is removed could be held by two.
    fn locked(&self, identifier: Identifier, how: FlockOperation) -> Result<Option<Lock>, CacheError> {
        let path = self.folder("locks", identifier);
        let folder = self.root.join("locks");
        create(&folder)?;
        let file = File::options().create(true).append(true).open(&path);
        let file = file.map_err(CacheError::io("lock", &path))?;
        loop {
            match flock(&file, how) {
                Ok(()) => return Ok(Some(Lock { identifier, _file: file })),
                Err(Errno::WOULDBLOCK) => return Ok(None),
                Err(Errno::INTR) => {}
                Err(error) => return Err(CacheError::io("lock", &path)(error.into())),
            }
        }
    }
}

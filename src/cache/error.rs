//! What can be wrong with a cache.

use std::{
    io,
    path::{Path, PathBuf},
};

/// Why a cache cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CacheError {
    /// The directory is somebody else's, who could alter what is in it.
    #[error("the cache {} belongs to another user, who could alter what is in it", root.display())]
    Foreign {
        /// The directory.
        root: PathBuf,
    },
    /// Others may write into the directory.
    #[error("the cache {} can be written to by others", root.display())]
    Open {
        /// The directory.
        root: PathBuf,
    },
    /// The system refuses something.
    #[error("cannot {what} {}: {cause}", path.display())]
    Io {
        /// What was to be done.
        what: &'static str,
        /// With what.
        path: PathBuf,
        /// Why not.
        cause: io::Error,
    },
    /// A file changed while it was copied.
    #[error("{} changed while it was copied", path.display())]
    Changed {
        /// The file.
        path: PathBuf,
    },
}

impl CacheError {
    /// What the system says of doing something with a path.
    pub(crate) fn io(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |cause| Self::Io { what, path: path.to_owned(), cause }
    }
}

//! From an identifier to a file on this machine that is what a trusted entry describes.
//!
//! [`Provider::image`] is all of it: documents are gathered, verified and judged by a policy; the image is
//! looked for in the cache, and fetched from the locations of the entry, one after the other, if it is not
//! there. It is expanded while it arrives and its checksums are computed on the way; it has its final name
//! only when size and every checksum are those of the entry, and of every other entry that the policy
//! counted.
//!
//! ```text
//! reference -> Client::documents, Cache::documents -> Policy::decide -> Approved
//! Approved  -> Cache::find -> CachedImage
//!           -> Location -> partial file -> expand, checksums -> Cache::insert -> CachedImage
//! ```
//!
//! ```no_run
//! use stratuslab::{
//!     Timestamp,
//!     cache::{Cache, Check},
//!     download::{DownloadOptions, Event, Fallback, Provider, Whence},
//!     marketplace::{Client, ClientOptions},
//!     policy::Policy,
//!     trust::Anchors,
//! };
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let client = Client::new("https://marketplace.example.org".parse()?, ClientOptions::default())?;
//! let mut anchors = Anchors::new();
//! anchors.add_pem_file("/etc/grid-security/ca.pem".as_ref())?;
//! let provider = Provider {
//!     cache: &Cache::open("/var/cache/stratuslab")?,
//!     check: Check::Stamp,
//!     policy: &Policy { anchors: Some(anchors), ..Policy::default() },
//!     options: &DownloadOptions::default(),
//!     offline: false,
//!     observe: &|_: &Event<'_>| {},
//! };
//! let reference = "LwcRbwCa1YSysY1wftQdAj6Bwoi".parse()?;
//! let whence = Whence::Marketplace(&client, Fallback::Remembered);
//! let obtained = provider.image(Some(&reference), whence, Timestamp::now())?;
//! println!("{}", obtained.image.path.display());
//! # Ok(())
//! # }
//! ```

mod error;
mod partial;
mod provider;
mod transfer;

use std::{fmt, num::NonZeroUsize, sync::Arc, time::Duration};

use crate::{checksum::DigestOptions, remote::RemoteOptions};

pub use error::{DownloadError, LocationFailure, LocationProblem};
pub use provider::{Fallback, ImageError, Obtained, Origin, Provider, Whence};
pub(crate) use transfer::{Expected, Fetcher};

/// How images are fetched.
#[derive(Clone, Debug)]
pub struct DownloadOptions {
    /// Servers: trust, patience, retries, and how many parts are asked for at a time.
    pub remote: RemoteOptions,
    /// Threads that expand and compute checksums.
    pub threads: NonZeroUsize,
}

/// Parts that are asked for at a time, where the server lets itself be asked.
const CONNECTIONS: NonZeroUsize = NonZeroUsize::new(4).unwrap();

impl Default for DownloadOptions {
    /// Four parts at a time, a thread for each core.
    fn default() -> Self {
        Self {
            remote: RemoteOptions { connections: CONNECTIONS, ..RemoteOptions::default() },
            threads: DigestOptions::default().threads,
        }
    }
}

/// What happens on the way.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// The Marketplace does not answer; what it said before is used.
    Unreachable(&'a crate::marketplace::ClientError),
    /// A file in the cache is not what it was; it was moved here.
    Altered(&'a std::path::Path),
    /// Another process fetches the image; its end is waited for.
    Waiting,
    /// A transfer begins, of so many bytes if that is known, some of which are here already.
    Begins {
        /// The location.
        location: &'a str,
        /// Bytes that lie there.
        length: Option<u64>,
        /// Bytes that an earlier transfer left.
        held: u64,
    },
    /// So many more bytes were read.
    Bytes(u64),
    /// A transfer has ended, well or not.
    Ends,
    /// What an earlier transfer left is of no use: all is fetched again.
    Discarded {
        /// The location.
        location: &'a str,
    },
    /// A location is given up.
    Failed {
        /// Which, and why.
        failure: &'a LocationFailure,
        /// Will another be tried?
        more: bool,
    },
    /// Something that had better not stay unsaid went wrong, and does no harm now.
    Unkept(&'a crate::cache::CacheError),
}

/// Told what happens.
pub type Observer<'a> = dyn Fn(&Event<'_>) + Sync + 'a;

impl DownloadOptions {
    /// Has `observe` told what is tried again.
    #[must_use]
    pub fn on_retry(mut self, observe: impl Fn(&dyn fmt::Display, Duration) + Send + Sync + 'static) -> Self {
        self.remote.on_retry = Some(Arc::new(move |error, pause| observe(error, pause)));
        self
    }
}

//! What can go wrong between here and a Marketplace.

use reqwest::StatusCode;

use crate::http::{Attempted, HttpFailure, colon};

/// Why an upload or a fetch failed. Each message is one line and tells the innermost cause once.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// Not answered, or not in full.
    #[error(transparent)]
    Http(#[from] HttpFailure),
    /// Sent to another scheme, host or port, which is never followed.
    #[error("{from} redirects to {to}, which is not the same origin")]
    CrossOrigin {
        /// What was asked for.
        from: String,
        /// Where it points.
        to: String,
    },
    /// 301, 302 or 303 in answer to an upload: followed as HTTP has it, the entry would be lost.
    #[error("{from} answers an upload with {status} and points to {to}: nothing was uploaded")]
    UploadRedirected {
        /// What was asked for.
        from: String,
        /// Where it points.
        to: String,
        /// The status.
        status: StatusCode,
    },
    /// More redirects in a row than are followed.
    #[error("{url} redirects more than {limit} times")]
    TooManyRedirects {
        /// What was asked for at first.
        url: String,
        /// How many are followed.
        limit: usize,
    },
    /// The Marketplace answered, and its answer is no.
    #[error("{url} answers {status}{}", colon(.reason))]
    Refused {
        /// What was asked for.
        url: String,
        /// The status.
        status: StatusCode,
        /// The reason from the body, in one printable line; may be empty.
        reason: String,
    },
    /// A body larger than any entry.
    #[error("{url} answers with more than {limit} bytes")]
    TooLarge {
        /// What was asked for.
        url: String,
        /// The most that is read.
        limit: usize,
    },
    /// A good status over a body that no Marketplace sends.
    #[error("{url} does not answer like a Marketplace{}", colon(.found))]
    NotAMarketplace {
        /// What was asked for.
        url: String,
        /// What came instead, in one printable line.
        found: String,
    },
    /// More entries of one image than anyone needs.
    #[error("{url} has more than {limit} entries, or more than {bytes} bytes of them")]
    TooMany {
        /// What was asked for.
        url: String,
        /// The most that are read.
        limit: usize,
        /// The most bytes that are read of all.
        bytes: usize,
    },
    /// Not the one entry that was asked for.
    #[error("{url} returned {count} entries instead of one")]
    EntryCount {
        /// What was asked for.
        url: String,
        /// How many came.
        count: usize,
    },
}

impl ClientError {
    /// Whether no Marketplace answered: nothing is known of what it would say.
    pub fn is_unreachable(&self) -> bool {
        match self {
            Self::Http(_) => true,
            Self::Refused { status, .. } => status.is_server_error(),
            _ => false,
        }
    }

    /// Whether the same request may succeed a little later: connection failures, 502, 503, 504.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Http(failure) => failure.is_transient(),
            Self::Refused { status, .. } => matches!(status.as_u16(), 502..=504),
            _ => false,
        }
    }
}

impl Attempted for ClientError {
    fn is_transient(&self) -> bool {
        self.is_transient()
    }

    fn failure(&self) -> Option<&HttpFailure> {
        if let Self::Http(failure) = self { Some(failure) } else { None }
    }
}

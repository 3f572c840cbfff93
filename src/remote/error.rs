//! Why an image on the web cannot be read.

use std::fmt;

use reqwest::StatusCode;

use super::Version;
use crate::http::{HttpFailure, OptionsError, colon};

/// Why an image on the web cannot be read, or not to its end. Each message is one line.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RemoteError {
    /// CA certificates cannot be used.
    #[error(transparent)]
    Options(#[from] OptionsError),
    /// Not answered, or not in full.
    #[error(transparent)]
    Http(#[from] HttpFailure),
    /// What an FTP server does.
    #[cfg(feature = "ftp")]
    #[error(transparent)]
    Ftp(#[from] super::FtpFailure),
    /// No request for an object in a bucket can be made.
    #[error("cannot make a request for {url}: {cause}")]
    S3 {
        /// What was to be asked for.
        url: String,
        /// Why.
        cause: String,
    },
    /// The server answered, and its answer is no.
    #[error("{url} answers {status}{}", colon(.reason))]
    Refused {
        /// What was asked for.
        url: String,
        /// The status.
        status: StatusCode,
        /// The reason from the body, in one printable line; may be empty.
        reason: String,
    },
    /// Sent from https to http, where anyone on the way could change the image, to another
    /// scheme, to what is no URL, or to where it may not lead.
    #[error("{from} redirects to {to}, which is not followed")]
    Redirected {
        /// What was asked for.
        from: String,
        /// Where it points.
        to: String,
    },
    /// More redirects in a row than are followed.
    #[error("{url} redirects more than {limit} times")]
    TooManyRedirects {
        /// What was asked for at first.
        url: String,
        /// How many are followed.
        limit: usize,
    },
    /// The answer ends where the connection does (RFC 9112 §6.3), or in a way never asked for.
    #[error("{url} states no length, so that an image cut short could not be told from a whole one{}", colon(.found))]
    Unbounded {
        /// What was asked for.
        url: String,
        /// The `Transfer-Encoding`, if there is one.
        found: String,
    },
    /// The answer ends in good order, but not where it was to end.
    #[error("{url} states {stated} bytes and sends {}", .received)]
    Length {
        /// What was asked for.
        url: String,
        /// The length of the whole, in bytes.
        stated: u64,
        /// What came of it.
        received: Received,
    },
    /// A part of the image that is not the one asked for.
    #[error("{url} was asked for {asked} and answers with '{found}'")]
    WrongRange {
        /// What was asked for.
        url: String,
        /// The rest that is missing.
        asked: Rest,
        /// The `Content-Range` of the answer.
        found: String,
    },
    /// Another object than the one whose beginning was read.
    #[error("{url} changed while it was read: it was {before} and is {after}")]
    Changed {
        /// What was asked for.
        url: String,
        /// What was being read.
        before: Box<Version>,
        /// What is there now.
        after: Box<Version>,
    },
    /// The rest, without what would tell that it is of the object whose beginning was read.
    #[error(
        "{url} sends the rest without the {missing} it stated before, so that it could be of another image"
    )]
    Unproven {
        /// What was asked for.
        url: String,
        /// The header that is missing.
        missing: &'static str,
    },
    /// Redirected to another resource than before, where the same `ETag` may stand for something
    /// else (RFC 9110 §8.8.3).
    #[error("the rest of {url} comes from {after} instead of {before}")]
    Elsewhere {
        /// What was asked for.
        url: String,
        /// Where the beginning came from, without its query.
        before: String,
        /// Where the rest would come from, without its query.
        after: String,
    },
    /// Interrupted, and nothing tells whether the rest would belong to what was read.
    #[error("{cause}; without a strong ETag or a Last-Modified to compare, the rest cannot be asked for")]
    NotResumable {
        /// What was asked for.
        url: String,
        /// What interrupted it.
        cause: Box<RemoteError>,
    },
    /// Read on after an error.
    #[error("{url} was not read to its end")]
    Unfinished {
        /// What was asked for.
        url: String,
    },
}

/// How much came of what was to come, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received {
    /// All that came, less than stated.
    Only(u64),
    /// More than stated.
    More,
}

/// What is missing of an object: everything from an offset on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rest {
    /// Where it begins, in bytes.
    pub start: u64,
    /// Length of the whole object, if that is known.
    pub total: Option<u64>,
}

impl RemoteError {
    /// Whether the same request may succeed a little later.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Http(failure) => {
                failure.is_transient()
                    || matches!(failure, HttpFailure::Timeout { .. } | HttpFailure::ClosedHalfWay { .. })
            }
            Self::Refused { status, .. } => matches!(status.as_u16(), 408 | 429 | 502..=504),
            #[cfg(feature = "ftp")]
            Self::Ftp(failure) => failure.is_transient(),
            _ => false,
        }
    }
}

impl fmt::Display for Received {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Only(count) => write!(f, "{count}"),
            Self::More => f.write_str("more"),
        }
    }
}

impl fmt::Display for Rest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.total {
            Some(total) => write!(f, "the bytes from {} on of {total}", self.start),
            None => write!(f, "the bytes from {} on", self.start),
        }
    }
}

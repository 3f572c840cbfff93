//! The client of a Marketplace: uploads entries and fetches them.
//!
//! A Marketplace keeps entries, each a signed document, under (identifier, e-mail, date of the
//! endorsement). Nothing is ever deleted; the newest entry of an endorser for an image counts.

mod endpoint;
mod error;
#[cfg(feature = "marketplace")]
mod feed;
mod history;
mod list;
mod options;
mod reference;
mod search;
mod sort;
mod transport;

use std::{fmt, sync::Arc, time::Duration};

use reqwest::StatusCode;

use crate::{
    Email, Endorsement, Identifier, Metadata, Timestamp,
    dsig::Verified,
    http::{self, MESSAGE_LIMIT, OptionsError, printable},
    xml::{self, EntriesError},
};

pub use endpoint::{Endpoint, EndpointError};
pub use error::ClientError;
#[cfg(feature = "marketplace")]
pub use feed::{Changed, Feed};
pub use history::{History, PastEntry};
pub use list::Latest;
pub use options::{ClientIdentity, ClientOptions, Login};
pub(crate) use reference::Relation;
pub use reference::{Reference, ReferenceError};
pub use search::Search;
#[cfg(feature = "marketplace")]
pub(crate) use search::lower;
pub use sort::{Sort, SortError, SortKey};

/// Bytes allowed around the entry in a list.
const WRAPPER_LIMIT: usize = 64 << 10;

/// How long is waited for an answer that one can do without.
const SHORT_WAIT: Duration = Duration::from_secs(5);

/// A connection to one Marketplace.
pub struct Client {
    endpoint: Endpoint,
    options: ClientOptions,
    http: Arc<http::Client>,
    on_retry: Option<RetryObserver>,
}

type RetryObserver = Box<http::Observer<ClientError>>;

/// What became of an upload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Uploaded {
    /// Where the entry is: `Location`, else `Content-Location`, else what follows from its key.
    pub url: String,
    /// Whether it is there already.
    pub state: UploadState,
    /// The server's word, in one printable line; may be empty.
    pub message: String,
}

/// Whether an accepted entry is visible.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum UploadState {
    /// Stored (200, 201).
    Created,
    /// Parked until its endorser follows the link in an e-mail (202).
    Pending,
}

impl Client {
    /// A client for the Marketplace at `endpoint`. Nothing is sent yet.
    ///
    /// # Errors
    /// [`OptionsError`] if CA certificates or the client certificate cannot be used.
    pub fn new(endpoint: Endpoint, options: ClientOptions) -> Result<Self, OptionsError> {
        let http = Arc::new(options.transport(&endpoint)?);
        Ok(Self { endpoint, options, http, on_retry: None })
    }

    /// Calls `observe` with each transient failure and the pause before the next attempt.
    #[must_use]
    pub fn on_retry(mut self, observe: impl Fn(&ClientError, Duration) + Send + Sync + 'static) -> Self {
        self.on_retry = Some(Box::new(observe));
        self
    }

    /// The same, but it asks once and does not wait long: for whoever can do without an answer.
    pub(crate) fn hurried(&self) -> Self {
        let mut options = self.options.clone();
        options.connection.retry.attempts = 1;
        options.connection.connect_timeout = options.connection.connect_timeout.min(SHORT_WAIT);
        options.total_timeout = options.total_timeout.min(SHORT_WAIT);
        Self { endpoint: self.endpoint.clone(), options, http: Arc::clone(&self.http), on_retry: None }
    }

    /// Where this client uploads to and fetches from.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Uploads an entry, the very bytes that were verified. The same one twice is harmless.
    ///
    /// # Errors
    /// [`ClientError::Refused`] if the Marketplace does not take it; any other if it was not asked.
    pub fn upload(&self, entry: &Verified<Metadata>) -> Result<Uploaded, ClientError> {
        let url = match &entry.endorsement {
            Some(Endorsement { created, endorser }) => {
                self.endpoint.entry_url(entry.identifier, &endorser.email, Some(*created))
            }
            // What is verified is endorsed.
            None => self.endpoint.upload_url(),
        };
        self.post(entry.document(), url.into())
    }

    /// The bytes of one entry: the one endorsed by `email` at `created`, or the newest one by
    /// `email`, whatever its status. They are as the server sent them and prove nothing until
    /// they are verified and compared with what was asked for.
    ///
    /// # Errors
    /// [`ClientError::Refused`] with 404 if there is none; any other if it cannot be had.
    pub fn fetch(
        &self,
        identifier: &Identifier,
        email: &Email,
        created: Option<Timestamp>,
    ) -> Result<Vec<u8>, ClientError> {
        let url = self.endpoint.entry_url(*identifier, email, created);
        let limit = xml::MAX_DOCUMENT_BYTES + WRAPPER_LIMIT;
        let answer =
            self.exchange(transport::Request { url: &url, document: None, accept: transport::XML, limit })?;
        let not_one = |found| ClientError::NotAMarketplace { url: answer.url.to_string(), found };
        if answer.status != StatusCode::OK {
            let (status, reason) = (answer.status, answer.message());
            return Err(ClientError::Refused { url: answer.url.into(), status, reason });
        }
        let body = answer.body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&answer.body);
        if answer.is_page() || !body.trim_ascii_start().starts_with(b"<") {
            return Err(not_one(answer.excerpt()));
        }
        let entries: Result<Vec<_>, _> = xml::entries(answer.body.as_slice()).collect();
        let mut entries = entries.map_err(|error| match error {
            EntriesError::TooLarge { limit, .. } => {
                ClientError::TooLarge { url: answer.url.to_string(), limit }
            }
            error => not_one(printable(&error.to_string())),
        })?;
        match (entries.pop(), entries.len()) {
            (Some(entry), 0) => Ok(entry),
            (last, rest) => {
                let count = rest + usize::from(last.is_some());
                Err(ClientError::EntryCount { url: answer.url.into(), count })
            }
        }
    }

    fn post(&self, document: &[u8], computed: String) -> Result<Uploaded, ClientError> {
        let url = self.endpoint.upload_url();
        let request = transport::Request {
            url: &url,
            document: Some(document),
            accept: transport::XML,
            limit: MESSAGE_LIMIT,
        };
        let answer = self.exchange(request)?;
        let state = match answer.status {
            StatusCode::CREATED => UploadState::Created,
            StatusCode::ACCEPTED => UploadState::Pending,
            // Marketplaces answer 201 or 202 (REST API §1.5): what says 200 must at least name the entry.
            StatusCode::OK if !answer.is_page() && answer.location().is_some() => UploadState::Created,
            StatusCode::OK => {
                return Err(ClientError::NotAMarketplace {
                    url: answer.url.to_string(),
                    found: answer.excerpt(),
                });
            }
            status => {
                return Err(ClientError::Refused {
                    url: answer.url.to_string(),
                    status,
                    reason: answer.message(),
                });
            }
        };
        let url = answer.location().map_or(computed, String::from);
        Ok(Uploaded { url, state, message: answer.message() })
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("endpoint", &self.endpoint)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
pub(crate) mod tests;

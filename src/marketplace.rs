//! The client of a Marketplace: uploads entries and fetches them.
//!
//! A Marketplace keeps entries, each a signed document, under (identifier, e-mail, date of the
//! endorsement). Nothing is ever deleted; the newest entry of an endorser for an image counts.

mod endpoint;
mod error;
mod options;
mod reason;
mod transport;

use std::{fmt, time::Duration};

use reqwest::StatusCode;

pub use endpoint::{Endpoint, EndpointError};
pub use error::{Awaited, ClientError};
pub use options::{ClientIdentity, ClientOptions, Login, OptionsError, RetryPolicy};

/// A connection to one Marketplace.
pub struct Client {
    endpoint: Endpoint,
    options: ClientOptions,
    http: reqwest::blocking::Client,
    on_retry: Option<RetryObserver>,
}

type RetryObserver = Box<dyn Fn(&ClientError, Duration) + Send + Sync>;

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
        let http = options.transport()?;
        Ok(Self { endpoint, options, http, on_retry: None })
    }

    /// Calls `observe` with each transient failure and the pause before the next attempt.
    #[must_use]
    pub fn on_retry(mut self, observe: impl Fn(&ClientError, Duration) + Send + Sync + 'static) -> Self {
        self.on_retry = Some(Box::new(observe));
        self
    }

    /// Where this client uploads to and fetches from.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    fn post(&self, document: &[u8], computed: String) -> Result<Uploaded, ClientError> {
        let url = self.endpoint.upload_url();
        let answer = self.exchange(transport::Request {
            url: &url,
            document: Some(document),
            limit: transport::MESSAGE_LIMIT,
        })?;
        let state = match answer.status {
            StatusCode::CREATED => UploadState::Created,
            StatusCode::ACCEPTED => UploadState::Pending,
            // No Marketplace answers an upload with a page: it comes from something before it.
            StatusCode::OK if !answer.is_page() => UploadState::Created,
            StatusCode::OK => {
                return Err(ClientError::NotAMarketplace {
                    url: answer.url.to_string(),
                    found: answer.message(),
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
mod tests;

//! The list of a Marketplace, as it comes.

use reqwest::{StatusCode, Url};

use super::{Client, ClientError, Reference, transport};
use crate::{
    http::{Awaited, Exchange, HttpFailure, Patience, Response, text},
    xml::{self, Entries, EntriesError},
};

/// The most entries that are read of one image, and their bytes together.
const MAX_ENTRIES: usize = 10_000;
const MAX_ENTRIES_BYTES: usize = 256 << 20;

/// What Marketplaces say, with 404, of a list that is empty.
const NOTHING: &str = "no metadata matching";

/// The entries of a list, one at a time; they prove nothing until they are verified.
pub struct Latest {
    entries: Option<Entries<Response>>,
    url: Url,
    patience: Patience,
}

impl Client {
    /// The newest entry of every image and endorser, whatever its status: all that an original Marketplace
    /// lists. The list is read as it is asked for; its length has no limit, each entry has.
    ///
    /// # Errors
    /// [`ClientError`] if it cannot be had. What goes wrong later the iterator tells.
    pub fn latest(&self) -> Result<Latest, ClientError> {
        self.list(&self.endpoint.list_url())
    }

    /// The newest entry of each endorser for an image, or of the endorser referred to, whatever its status.
    /// They are as the server sent them: whether each is what was asked for has to be looked at
    /// ([`Reference::fits`]).
    ///
    /// # Errors
    /// [`ClientError`] if they cannot be had. What goes wrong later the iterator tells.
    pub fn newest(&self, reference: &Reference) -> Result<Latest, ClientError> {
        // One image has few entries: the client that is there will do, and its time for all of an exchange.
        let exchange = Exchange::begin(&self.options.connection, self.options.total_timeout);
        self.listed(&self.endpoint.newest_url(reference), Awaited::Answer, |url, request| {
            exchange.send(&self.http, self.request(url, request))
        })
    }

    /// All documents that say something of the image referred to: the newest entry of each endorser, and
    /// the one with the date referred to, if it is another. As the server sent them; none if there are
    /// none.
    ///
    /// # Errors
    /// [`ClientError`] if they cannot be had, or are more than anyone needs.
    pub fn documents(&self, reference: &Reference) -> Result<Vec<Vec<u8>>, ClientError> {
        let mut documents = Vec::new();
        let mut bytes = 0;
        let image = Reference::image(reference.identifier);
        for document in self.newest(&image)? {
            let document = document?;
            bytes += document.len();
            documents.push(document);
            if documents.len() > MAX_ENTRIES || bytes > MAX_ENTRIES_BYTES {
                let url = self.endpoint.newest_url(&image).into();
                return Err(ClientError::TooMany { url, limit: MAX_ENTRIES, bytes: MAX_ENTRIES_BYTES });
            }
        }
        if let Some((email, created @ Some(_))) = &reference.endorsement {
            match self.fetch(&reference.identifier, email, *created) {
                Ok(document) if documents.contains(&document) => {}
                Ok(document) => documents.push(document),
                Err(ClientError::Refused { status: StatusCode::NOT_FOUND, .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(documents)
    }

    /// A list, which is read as it is asked for.
    pub(super) fn list(&self, url: &Url) -> Result<Latest, ClientError> {
        let http = self.options.stream_transport(&self.endpoint).map_err(|error| {
            ClientError::NotAMarketplace { url: url.to_string(), found: error.to_string() }
        })?;
        let patience = self.patience(Awaited::Data);
        self.listed(url, Awaited::Data, |url, request| http.send(self.request(url, request), url, patience))
    }

    fn patience(&self, awaited: Awaited) -> Patience {
        let connect = self.options.connection.connect_timeout;
        Patience { connect, limit: self.options.total_timeout, awaited }
    }

    /// A list that is asked for with `send`, which waits for what is `awaited`.
    fn listed(
        &self,
        url: &Url,
        awaited: Awaited,
        send: impl Fn(&Url, transport::Request<'_>) -> Result<Response, HttpFailure>,
    ) -> Result<Latest, ClientError> {
        let url = url.clone();
        let request = transport::Request { url: &url, document: None, accept: transport::XML, limit: 0 };
        let patience = self.patience(awaited);
        let exchange = Exchange::begin(&self.options.connection, self.options.total_timeout);
        let attempt = || transport::opened(request, &exchange, |url| send(url, request));
        match exchange.retried(attempt, self.on_retry.as_deref()) {
            Ok((response, url)) => Latest::of(response, url, patience),
            // Behaviour 1.6: nothing is listed. Where there is no Marketplace, 404 is something else.
            Err(ClientError::Refused { status: StatusCode::NOT_FOUND, reason, .. })
                if reason.contains(NOTHING) =>
            {
                Ok(Latest { entries: None, url, patience })
            }
            Err(error) => Err(error),
        }
    }
}

impl Latest {
    fn of(response: Response, url: Url, patience: Patience) -> Result<Self, ClientError> {
        let kind = text(response.headers(), &reqwest::header::CONTENT_TYPE).unwrap_or_default();
        if !kind.to_ascii_lowercase().contains("xml") {
            let found = format!("{kind} instead of a list");
            return Err(ClientError::NotAMarketplace { url: url.into(), found });
        }
        Ok(Self { entries: Some(xml::entries(response)), url, patience })
    }

    fn failed(&self, error: EntriesError) -> ClientError {
        let url = || self.url.to_string();
        match error {
            EntriesError::Io(error) => HttpFailure::from_body(&error, &url(), self.patience).into(),
            EntriesError::TooLarge { limit, .. } => ClientError::TooLarge { url: url(), limit },
            EntriesError::List { what } => ClientError::NotAMarketplace { url: url(), found: what },
        }
    }
}

impl Iterator for Latest {
    type Item = Result<Vec<u8>, ClientError>;

    fn next(&mut self) -> Option<Self::Item> {
        let entry = self.entries.as_mut()?.next()?;
        Some(entry.map_err(|error| self.failed(error)))
    }
}

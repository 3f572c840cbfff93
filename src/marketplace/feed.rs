//! The feed of a Marketplace that has one: every entry in the order in which it was taken.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use reqwest::{StatusCode, header::CONTENT_TYPE};
use serde::Deserialize;

use super::{Client, ClientError, transport};
use crate::{
    http::{printable, text},
    xml::MAX_DOCUMENT_BYTES,
};

/// The most bytes read of an answer: a page of a feed ends after 16 MiB of documents, and then there may be
/// one more of the largest; in Base64 these are four bytes for three.
const LIMIT: usize = (16 << 20) + MAX_DOCUMENT_BYTES * 2;

/// A stretch of a feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Feed {
    /// The name of the database: with another one, the numbers mean something else.
    pub name: String,
    /// The number of the newest entry.
    pub newest: i64,
    /// The entries, each with a greater number than the one before.
    pub entries: Vec<Changed>,
}

/// An entry of a feed; it proves nothing until it is verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changed {
    /// Its number.
    pub sequence: i64,
    /// `IDENTIFIER/EMAIL/DATE`, as the Marketplace says.
    pub key: String,
    /// Its bytes.
    pub document: Vec<u8>,
}

/// As [`crate::server::api`] writes it.
#[derive(Deserialize)]
struct Answered {
    feed: String,
    newest: i64,
    changes: Vec<Change>,
}

#[derive(Deserialize)]
struct Change {
    sequence: i64,
    identifier: String,
    email: String,
    created: String,
    document: String,
}

impl Client {
    /// Entries that were taken after the one with this number, at most `limit`; `None` of a Marketplace
    /// without a feed, as the originals are.
    ///
    /// # Errors
    /// [`ClientError`] if it cannot be had, or makes no sense.
    pub fn changes(&self, after: i64, limit: u32) -> Result<Option<Feed>, ClientError> {
        let url = self.endpoint.changes_url(after, limit);
        let request =
            transport::Request { url: &url, document: None, accept: "application/json", limit: LIMIT };
        let answer = match self.exchange(request) {
            Ok(answer) => answer,
            Err(ClientError::Refused {
                status: StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED,
                ..
            }) => {
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        // The originals answer whatever they do not know with a page (behaviour 1.2).
        let kind = text(&answer.headers, &CONTENT_TYPE).unwrap_or_default();
        if answer.status != StatusCode::OK || !kind.to_ascii_lowercase().starts_with("application/json") {
            return Ok(None);
        }
        let nonsense = |what: String| ClientError::NotAMarketplace {
            url: answer.url.to_string(),
            found: printable(&what),
        };
        let Answered { feed, newest, changes } =
            serde_json::from_slice(&answer.body).map_err(|error| nonsense(error.to_string()))?;
        let (mut entries, mut last) = (Vec::with_capacity(changes.len()), after);
        for change in changes {
            let key = format!("{}/{}/{}", change.identifier, change.email, change.created);
            if change.sequence <= last {
                return Err(nonsense(format!("number {} after {last}", change.sequence)));
            }
            last = change.sequence;
            let document = STANDARD
                .decode(change.document)
                .map_err(|error| nonsense(format!("the document of number {last}: {error}")))?;
            entries.push(Changed { sequence: last, key, document });
        }
        Ok(Some(Feed { name: feed, newest, entries }))
    }
}

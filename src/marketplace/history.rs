//! What a Marketplace tells of the past of an image: ours does, the originals do not.

use reqwest::{StatusCode, header::CONTENT_TYPE};
use serde_json::Value;

use super::{Client, ClientError, transport};
use crate::{
    Email, Identifier, Timestamp,
    http::{printable, text},
};

/// The most entries asked for.
const LENGTH: usize = 100;
/// The most bytes read of an answer: a Marketplace of ours tells at most some 40 KiB of an entry.
const LIMIT: usize = 8 << 20;

/// The entries of an image, superseded ones too, as the Marketplace tells: none of it is verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct History {
    /// The newest first.
    pub entries: Vec<PastEntry>,
    /// Are there no older ones?
    pub complete: bool,
}

/// An entry, as the Marketplace tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PastEntry {
    /// Of the endorser.
    pub email: Email,
    /// The time of the endorsement.
    pub created: Timestamp,
    /// In one printable word, such as `valid` or `superseded`.
    pub state: String,
    /// Why it was deprecated, in one printable line.
    pub deprecated: Option<String>,
}

impl Client {
    /// The history of an image; `None` of a Marketplace that tells none, as the originals do not.
    ///
    /// # Errors
    /// [`ClientError`] if it cannot be had, or makes no sense.
    pub fn history(&self, identifier: Identifier) -> Result<Option<History>, ClientError> {
        let url = self.endpoint.history_url(identifier, LENGTH);
        let request =
            transport::Request { url: &url, document: None, accept: "application/json", limit: LIMIT };
        let answer = match self.exchange(request) {
            Ok(answer) => answer,
            Err(ClientError::Refused {
                status: StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED,
                ..
            }) => return Ok(None),
            Err(error) => return Err(error),
        };
        // The originals answer whatever they do not know with a page (behaviour 1.2).
        let kind = text(&answer.headers, &CONTENT_TYPE).unwrap_or_default();
        if answer.status != StatusCode::OK || !kind.to_ascii_lowercase().starts_with("application/json") {
            return Ok(None);
        }
        let history = serde_json::from_slice(&answer.body).ok().and_then(|told| read(&told, identifier));
        let nonsense =
            || ClientError::NotAMarketplace { url: answer.url.to_string(), found: answer.excerpt() };
        history.map(Some).ok_or_else(nonsense)
    }
}

/// The history of this image, if it is one.
fn read(told: &Value, identifier: Identifier) -> Option<History> {
    let is_asked = |told: &Value| told["identifier"].as_str() == Some(identifier.to_string().as_str());
    if !is_asked(told) {
        return None;
    }
    let entries = told["entries"].as_array()?;
    // More than was asked for is not the end of it either.
    let complete = told["complete"].as_bool()? && entries.len() <= LENGTH;
    let entries = entries.iter().take(LENGTH).map(|entry| is_asked(entry).then(|| past(entry))?);
    Some(History { entries: entries.collect::<Option<_>>()?, complete })
}

fn past(told: &Value) -> Option<PastEntry> {
    Some(PastEntry {
        email: told["email"].as_str()?.parse().ok()?,
        created: told["created"].as_str()?.parse().ok()?,
        state: printable(told["state"].as_str()?),
        deprecated: told["deprecated"].as_str().map(printable),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ID: &str = "LwcRbwCa1YSysY1wftQdAj6Bwoi";

    fn entry(change: (&str, Value)) -> Value {
        let mut entry = json!({
            "identifier": ID, "email": "a@b", "created": "2011-09-13T09:58:54Z",
            "state": "superseded\u{1b}[2J", "deprecated": null, "title": 7,
        });
        entry[change.0] = change.1;
        entry
    }

    #[test]
    fn what_is_told_is_bounded_and_printable() {
        let entries = vec![entry(("deprecated", "a\nb".into())); LENGTH + 1];
        let told = json!({ "identifier": ID, "entries": entries, "complete": true });
        let history = read(&told, ID.parse().unwrap()).unwrap();
        assert_eq!((history.entries.len(), history.complete), (LENGTH, false));
        assert_eq!(history.entries[0].state, "superseded[2J");
        assert_eq!(history.entries[0].deprecated.as_deref(), Some("a b"));
    }

    #[test]
    fn nonsense_is_no_history() {
        let other = "AwcRbwCa1YSysY1wftQdAj6Bwoi";
        let good = entry(("x", Value::Null));
        for told in [
            json!([]),
            json!({ "identifier": other, "entries": [], "complete": true }),
            json!({ "identifier": ID, "entries": {}, "complete": true }),
            json!({ "identifier": ID, "entries": [good] }),
            json!({ "identifier": ID, "entries": [entry(("identifier", other.into()))], "complete": true }),
            json!({ "identifier": ID, "entries": [entry(("email", "no".into()))], "complete": true }),
            json!({ "identifier": ID, "entries": [entry(("created", 7.into()))], "complete": true }),
            json!({ "identifier": ID, "entries": [entry(("state", Value::Null))], "complete": true }),
        ] {
            assert_eq!(read(&told, ID.parse().unwrap()), None, "{told}");
        }
    }
}

//! What names an entry: `IDENTIFIER/EMAIL/DATE`.

use std::{fmt, str::FromStr};

use crate::{Email, Identifier, Metadata, Timestamp};

/// The key of an entry: unique in a Marketplace, and the end of its URL.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntryKey {
    /// Of the image.
    pub identifier: Identifier,
    /// Of the endorser.
    pub email: Email,
    /// Of the endorsement.
    pub created: Timestamp,
}

/// Why a text is no key of an entry.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{value}' is not IDENTIFIER/EMAIL/DATE")]
pub struct EntryKeyError {
    /// The text.
    pub value: String,
}

impl EntryKey {
    /// The path of its URL: addresses may have a `%`, which says something else in URLs.
    pub fn path(&self) -> String {
        format!("/metadata/{}", self.in_url())
    }

    /// The same without what is before the key.
    pub fn in_url(&self) -> String {
        self.to_string().replace('%', "%25")
    }

    /// The key of what `metadata` describes; `None` while it is unsigned.
    pub fn of(metadata: &Metadata) -> Option<Self> {
        let endorsement = metadata.endorsement.as_ref()?;
        let (email, created) = (endorsement.endorser.email.clone(), endorsement.created);
        Some(Self { identifier: metadata.identifier, email, created })
    }
}

impl fmt::Display for EntryKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.identifier, self.email, self.created)
    }
}

impl FromStr for EntryKey {
    type Err = EntryKeyError;

    fn from_str(text: &str) -> Result<Self, EntryKeyError> {
        let wrong = || EntryKeyError { value: text.to_owned() };
        let mut parts = text.split('/');
        let mut part = || parts.next().ok_or_else(wrong);
        let (identifier, email, created) = (part()?, part()?, part()?);
        if parts.next().is_some() {
            return Err(wrong());
        }
        Ok(Self {
            identifier: identifier.parse().map_err(|_| wrong())?,
            email: email.parse().map_err(|_| wrong())?,
            created: created.parse().map_err(|_| wrong())?,
        })
    }
}

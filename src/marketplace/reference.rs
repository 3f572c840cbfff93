//! Which entry, or which image, somebody means.

use std::{fmt, str::FromStr};

use super::{Endpoint, EndpointError};
use crate::{
    Email, Identifier, Metadata, Timestamp,
    email::{EmailError, is_same_address},
    identifier::IdentifierError,
    timestamp::TimestampError,
};

/// `ID`, `ID/EMAIL` or `ID/EMAIL/CREATED`: an image, an endorser's newest entry for it, or one entry.
///
/// ```
/// use stratuslab::marketplace::Reference;
/// let reference: Reference = "LwcRbwCa1YSysY1wftQdAj6Bwoi/jane@example.org".parse()?;
/// assert_eq!(reference.to_string(), "LwcRbwCa1YSysY1wftQdAj6Bwoi/jane@example.org");
/// # Ok::<(), stratuslab::marketplace::ReferenceError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Reference {
    /// The image.
    pub identifier: Identifier,
    /// Whose entry, and perhaps of which date; anyone's if there is none.
    pub endorsement: Option<(Email, Option<Timestamp>)>,
}

/// Why a text names neither an image nor an entry.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReferenceError {
    /// Its first part is no identifier.
    #[error(transparent)]
    Identifier(#[from] IdentifierError),
    /// Its second part is no e-mail address.
    #[error(transparent)]
    Email(#[from] EmailError),
    /// Its third part is no date.
    #[error(transparent)]
    Created(#[from] TimestampError),
    /// It has more than three parts.
    #[error("'{value}' has more parts than ID/EMAIL/CREATED")]
    Parts {
        /// The text as given.
        value: String,
    },
    /// A URL whose beginning is no Marketplace.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    /// A URL of something else.
    #[error("'{value}' is not the URL of an entry: …/metadata/ID[/EMAIL[/CREATED]]")]
    NotAnEntry {
        /// The text as given.
        value: String,
    },
}

/// What stands between the base URL of a Marketplace and a reference (behaviour 1.1).
const METADATA: &str = "/metadata/";

impl Reference {
    /// Everyone's entries for an image.
    pub const fn image(identifier: Identifier) -> Self {
        Self { identifier, endorsement: None }
    }

    /// The one entry with this content; `None` if it is not endorsed.
    pub fn of(entry: &Metadata) -> Option<Self> {
        let endorsement = entry.endorsement.as_ref()?;
        let (email, created) = (endorsement.endorser.email.clone(), Some(endorsement.created));
        Some(Self { identifier: entry.identifier, endorsement: Some((email, created)) })
    }

    /// A reference, with the Marketplace if `text` is the URL of an entry or of a list of them.
    ///
    /// # Errors
    /// [`ReferenceError`] if it is neither.
    pub fn locate(text: &str) -> Result<(Option<Endpoint>, Self), ReferenceError> {
        if !text.contains("://") {
            return Ok((None, text.parse()?));
        }
        let not_an_entry = || {
            // What could hold a password is not repeated.
            text.parse::<Endpoint>().err().filter(|error| *error == EndpointError::UserInfo).map_or_else(
                || ReferenceError::NotAnEntry { value: text.escape_debug().to_string() },
                ReferenceError::Endpoint,
            )
        };
        // The e-mail address has the only '@' that may be there.
        let (base, rest) = text.split_once(METADATA).ok_or_else(not_an_entry)?;
        let endpoint = base.parse()?;
        // The list of an image is asked for by its state, which is no part of what is meant.
        let rest = rest.split(['?', '#']).next().unwrap_or(rest);
        Ok((Some(endpoint), rest.trim_end_matches('/').parse()?))
    }

    /// Whether an entry with this content is what is referred to.
    pub fn fits(&self, entry: &Metadata) -> bool {
        self.relation(entry) == Relation::Wanted
    }

    /// How an entry with this content differs from what is referred to. Case does not count in the host of an
    /// address (P9).
    pub(crate) fn relation(&self, entry: &Metadata) -> Relation {
        if entry.identifier != self.identifier {
            return Relation::OtherImage;
        }
        let Some((email, created)) = &self.endorsement else { return Relation::Wanted };
        let Some(endorsement) = &entry.endorsement else { return Relation::OtherEndorser };
        if !is_same_address(email.as_str(), endorsement.endorser.email.as_str()) {
            return Relation::OtherEndorser;
        }
        match created {
            Some(created) if *created != endorsement.created => Relation::OtherDate,
            _ => Relation::Wanted,
        }
    }
}

/// What an entry is to somebody who refers to one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Relation {
    /// What is meant.
    Wanted,
    /// About something else.
    OtherImage,
    /// By somebody else.
    OtherEndorser,
    /// Of another time.
    OtherDate,
}

impl FromStr for Reference {
    type Err = ReferenceError;

    fn from_str(value: &str) -> Result<Self, ReferenceError> {
        let mut parts = value.split('/');
        let identifier = parts.next().unwrap_or_default().parse()?;
        let email: Option<Email> = parts.next().map(str::parse).transpose()?;
        let created: Option<Timestamp> = parts.next().map(str::parse).transpose()?;
        if parts.next().is_some() {
            return Err(ReferenceError::Parts { value: value.escape_debug().to_string() });
        }
        Ok(Self { identifier, endorsement: email.map(|email| (email, created)) })
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.identifier)?;
        match &self.endorsement {
            None => Ok(()),
            Some((email, None)) => write!(f, "/{email}"),
            Some((email, Some(created))) => write!(f, "/{email}/{created}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "LwcRbwCa1YSysY1wftQdAj6Bwoi";

    #[test]
    fn references_are_written_as_they_are_read() {
        for text in [
            ID.to_owned(),
            format!("{ID}/jane@example.org"),
            format!("{ID}/jane@example.org/2011-09-13T09:58:54Z"),
        ] {
            assert_eq!(text.parse::<Reference>().unwrap().to_string(), text);
            assert_eq!(Reference::locate(&text).unwrap(), (None, text.parse().unwrap()));
        }
    }

    #[test]
    fn p5_the_url_of_an_entry_names_its_marketplace() {
        for (url, endpoint, reference) in [
            (format!("http://127.0.0.1:8081/metadata/{ID}"), "http://127.0.0.1:8081", ID.to_owned()),
            (
                format!("https://h/marketplace/metadata/{ID}/a@b/2011-09-13T09:58:54Z"),
                "https://h/marketplace",
                format!("{ID}/a@b/2011-09-13T09:58:54Z"),
            ),
            (format!("https://h/metadata/{ID}/a@b?status=all"), "https://h", format!("{ID}/a@b")),
            (format!("https://h//metadata/{ID}/"), "https://h", ID.to_owned()),
        ] {
            let (found, named) = Reference::locate(&url).unwrap();
            assert_eq!((found.unwrap().as_str(), named.to_string()), (endpoint, reference), "{url}");
        }
    }

    #[test]
    fn everything_else_is_refused_by_reason() {
        let locate = |text: &str| Reference::locate(text).unwrap_err();
        assert!(matches!(locate("abc"), ReferenceError::Identifier(_)));
        assert!(matches!(locate(&format!("{ID}/")), ReferenceError::Email(_)));
        assert!(matches!(locate(&format!("{ID}/jane")), ReferenceError::Email(_)));
        assert!(matches!(locate(&format!("{ID}/a@b/today")), ReferenceError::Created(_)));
        assert!(matches!(locate(&format!("{ID}/a@b/2011-09-13T09:58:54Z/x")), ReferenceError::Parts { .. }));
        assert!(matches!(locate("https://h/images/x.img"), ReferenceError::NotAnEntry { .. }));
        assert!(matches!(locate(&format!("ftp://h/metadata/{ID}")), ReferenceError::Endpoint(_)));
        for url in [format!("https://jane:secret@h/metadata/{ID}"), "https://jane:secret@h/x".to_owned()] {
            let error = locate(&url);
            assert!(matches!(error, ReferenceError::Endpoint(EndpointError::UserInfo)), "{error}");
        }
    }
}

//! The orders of lists, for whoever asks for one and for whoever answers.

use std::{fmt, str::FromStr};

/// An order of entries. Equal ones follow each other newest first; descending is the exact reverse of
/// ascending, so there it is oldest first. As text it is a [`SortKey`]'s name, with `-` before it from the last
/// to the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Sort {
    /// By this.
    pub by: SortKey,
    /// From the last to the first.
    pub descending: bool,
}

/// What entries are sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the properties of the same names")]
pub enum SortKey {
    /// The time of the endorsement.
    Created,
    Os,
    OsVersion,
    OsArch,
    Email,
    Kind,
    Identifier,
    Title,
}

/// A text is no [`Sort`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{}' is none of {}, with '-' before it for the other way round", .value.escape_debug(), SortKey::names())]
pub struct SortError {
    /// The text as given.
    pub value: String,
}

impl SortKey {
    /// Their names, and their columns in the originals' table.
    const ALL: [(&'static str, Self, u8); 8] = [
        ("created", Self::Created, 6),
        ("os", Self::Os, 1),
        ("os-version", Self::OsVersion, 2),
        ("os-arch", Self::OsArch, 3),
        ("email", Self::Email, 4),
        ("kind", Self::Kind, 5),
        ("identifier", Self::Identifier, 7),
        ("title", Self::Title, 10),
    ];

    /// Their names, one after the other.
    pub(crate) fn names() -> String {
        Self::ALL.map(|(name, ..)| name).join(", ")
    }

    /// The one with this column in the originals' table.
    #[cfg(feature = "marketplace")]
    pub(crate) fn of_column(column: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|(.., known)| *known == column).map(|(_, key, _)| key)
    }

    /// Its column there.
    pub(super) fn column(self) -> u8 {
        self.row().1
    }

    fn row(self) -> (&'static str, u8) {
        let row = Self::ALL.into_iter().find(|(_, key, _)| *key == self);
        row.map_or(("created", 6), |(name, _, column)| (name, column))
    }
}

impl Default for Sort {
    /// Newest first.
    fn default() -> Self {
        Self { by: SortKey::Created, descending: true }
    }
}

impl FromStr for Sort {
    type Err = SortError;

    fn from_str(value: &str) -> Result<Self, SortError> {
        let (descending, name) = value.strip_prefix('-').map_or((false, value), |name| (true, name));
        let known = SortKey::ALL.into_iter().find(|(known, ..)| *known == name);
        let by = known.map(|(_, key, _)| key).ok_or_else(|| SortError { value: value.to_owned() })?;
        Ok(Self { by, descending })
    }
}

impl fmt::Display for Sort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", if self.descending { "-" } else { "" }, self.by.row().0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_are_written_as_they_are_read() {
        for (name, ..) in SortKey::ALL {
            for text in [name.to_owned(), format!("-{name}")] {
                assert_eq!(text.parse::<Sort>().unwrap().to_string(), text);
            }
        }
        let error = "size\x1b".parse::<Sort>().unwrap_err().to_string();
        assert!(error.starts_with("'size\\u{1b}' is none of created, os, os-version,"), "{error}");
    }
}

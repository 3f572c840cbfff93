//! Which entries a list is made of, in what order, and which stretch of it.
//!
//! What a query string says becomes a [`Selection`] in one place, [`Selection::from_query`], for the
//! list in XML, JSON, HTML and the API alike; the database answers it in another, [`super::store`].

use std::{fmt, str::FromStr};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL};

use crate::{Email, Identifier, Timestamp};

mod query;

pub use self::query::{MAX_WORDS, Wanted};
pub use crate::marketplace::{Sort, SortKey};

/// The longest stretch of a list that is given at once, in entries.
pub const MAX_LENGTH: u32 = 1000;

/// Which entries are listed; all conditions must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Selection {
    /// Of this image only.
    pub identifier: Option<Identifier>,
    /// Of this endorser only.
    pub email: Option<Email>,
    /// Endorsed at this very time; then superseded entries are listed too.
    pub created: Option<Timestamp>,
    /// A filter had a value that no entry can have: nothing is selected.
    pub nothing: bool,
    /// In this state.
    pub status: Status,
    /// With a location of this kind.
    pub location: Location,
    /// Each must be in one of the searched texts (os, version, architecture, e-mail, kind, date, identifier,
    /// location, description, title), whatever the case; of very many, the 32 longest.
    pub words: Vec<String>,
    /// In one text each, whatever the case.
    pub contains: Contains,
    /// In this order.
    pub sort: Sort,
}

/// Texts that properties of an entry must contain, whatever the case; anything if empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Contains {
    /// `slterms:os`.
    pub os: String,
    /// `slterms:os-version`.
    pub os_version: String,
    /// `slterms:os-arch`.
    pub os_arch: String,
    /// `slreq:email` of the endorser.
    pub email: String,
    /// `slterms:kind`.
    pub kind: String,
}

/// The state that listed entries are in; superseded ones are in none of these.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Status {
    /// Neither expired nor deprecated.
    #[default]
    Valid,
    /// Past `dcterms:valid`, not deprecated.
    Expired,
    /// With a `slterms:deprecated`, expired or not.
    Deprecated,
    /// Any of them.
    All,
}

/// Where the image must lie.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Location {
    /// Anywhere.
    #[default]
    All,
    /// Nowhere yet, or at an `http:`, `https:` or `ftp:` URL.
    Web,
    /// At a location that starts with `pdisk`.
    Pdisk,
}

/// A stretch of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    /// Where it begins.
    pub from: From,
    /// At most so many entries, no more than [`MAX_LENGTH`].
    pub length: u32,
}

/// Where a stretch begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum From {
    /// After so many entries: costs the more the further it is.
    Offset(u64),
    /// Behind this entry of the same list.
    After(Cursor),
    /// The stretch that ends before this entry.
    Before(Cursor),
}

/// A place in a list in its order: an entry's value of what the list is sorted by, and its number.
///
/// Its `Display` is opaque, safe in a URL, and read back by `FromStr`; it stays good whatever is uploaded
/// meanwhile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// The value; empty when sorted by date.
    pub value: String,
    /// The number of the entry in the database.
    pub id: i64,
}

/// Longest text of a cursor in bytes: the value is short, since an index holds it.
const MAX_CURSOR: usize = 2000;

/// A text is no cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is no place in a list")]
pub struct CursorError;

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = self.id.to_be_bytes().to_vec();
        bytes.extend(self.value.as_bytes());
        f.write_str(&BASE64URL.encode(bytes))
    }
}

impl FromStr for Cursor {
    type Err = CursorError;

    fn from_str(text: &str) -> Result<Self, CursorError> {
        if text.len() > MAX_CURSOR {
            return Err(CursorError);
        }
        let bytes = BASE64URL.decode(text).map_err(|_| CursorError)?;
        let (id, value) = bytes.split_first_chunk().ok_or(CursorError)?;
        let value = std::str::from_utf8(value).map_err(|_| CursorError)?;
        // No value that an entry is sorted by has one, and PostgreSQL refuses it.
        if value.contains('\0') {
            return Err(CursorError);
        }
        Ok(Self { value: value.to_owned(), id: i64::from_be_bytes(*id) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_cursor_is_read_back_from_a_text_that_is_safe_in_a_url(value in "[^\0]{0,200}", id: i64) {
            let cursor = Cursor { value, id };
            let text = cursor.to_string();
            prop_assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)));
            prop_assert_eq!(text.parse(), Ok(cursor));
        }

        #[test]
        fn no_text_makes_reading_a_cursor_fail_badly(text in "\\PC{0,50}") {
            let _ = text.parse::<Cursor>();
        }
    }

    #[test]
    fn what_is_no_cursor_is_refused() {
        for wrong in ["", "AAAA", "AAAAAAAAAAA=", "AAAAAAAAAAAA", "AAAAAAAAAAD_", "é", &"A".repeat(2001)] {
            assert_eq!(wrong.parse::<Cursor>(), Err(CursorError), "{wrong}");
        }
        assert_eq!("AAAAAAAAAAE".parse(), Ok(Cursor { value: String::new(), id: 1 }));
    }
}

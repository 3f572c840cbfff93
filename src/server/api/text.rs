//! The texts of which an answer is made, each with the form that the OpenAPI document gives it.

use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use utoipa::ToSchema;

/// The identifier of an image: its SHA-1, as an unsigned big-endian integer, in 27 base-64 digits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Identifier, pattern = "^[A-P][A-Za-z0-9_-]{26}$", example = "IndydRp_W-qiut7CJbYsRxJODTB")]
pub(super) struct IdentifierText(String);

/// The e-mail address of an endorser.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(
    as = Email,
    pattern = "^[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+$",
    max_length = 254,
    example = "jane.tester@example.org"
)]
pub(super) struct EmailText(String);

/// An instant in UTC, to the second (RFC 3339).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(
    as = Timestamp,
    format = DateTime,
    pattern = "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$",
    example = "2011-09-13T09:58:54Z"
)]
pub(super) struct TimestampText(String);

/// A SHA-256 in lower-case hexadecimal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(
    as = Sha256,
    pattern = "^[0-9a-f]{64}$",
    example = "a948904f2f0f479b8f8197694b30184b0d2ed1c1cd2a1ec0fb85d299a192a447"
)]
pub(super) struct Sha256Text(String);

/// The path of another resource, or a reference with its query, to be resolved against the URL of this one
/// (RFC 3986 §5).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Link, format = "uri-reference", pattern = "^/", example = "/api/v1/images/IndydRp_W-qiut7CJbYsRxJODTB")]
pub(super) struct Link(pub(super) String);

/// A document: RDF/XML, in any encoding that XML may have; signed if it is an entry.
#[derive(ToSchema)]
#[schema(as = Document, min_length = 1, content_media_type = "application/rdf+xml")]
#[allow(dead_code, reason = "it is described here; bytes are what is sent")]
pub(super) struct DocumentText(String);

macro_rules! shown {
    ($($text:ident of $value:ty;)*) => {$(
        impl From<$value> for $text {
            fn from(value: $value) -> Self {
                Self(value.to_string())
            }
        }
    )*};
}

shown! {
    IdentifierText of crate::Identifier;
    EmailText of &crate::Email;
    TimestampText of crate::Timestamp;
}

impl EmailText {
    /// What was read as one when its entry was taken.
    pub(super) const fn of(email: String) -> Self {
        Self(email)
    }
}

impl From<&[u8; 32]> for Sha256Text {
    fn from(digest: &[u8; 32]) -> Self {
        Self(crate::checksum::hex(digest))
    }
}

impl Sha256Text {
    /// What is one already.
    pub(super) const fn of_hex(digits: String) -> Self {
        Self(digits)
    }
}

/// A value of a query that is read by its `FromStr`.
///
/// # Errors
/// The value's own.
pub(super) fn parsed<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr<Err: std::fmt::Display>,
{
    let text = String::deserialize(deserializer)?;
    text.parse().map(Some).map_err(D::Error::custom)
}

/// A text of a query. No entry has a U+0000 in it (XML 1.0 §2.2), and PostgreSQL takes none.
///
/// # Errors
/// If there is one, or the text is longer than [`MAX_FILTER`] characters.
pub(super) fn filter<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let text = String::deserialize(deserializer)?;
    if text.contains('\0') {
        return Err(D::Error::custom("no entry has a U+0000 in it"));
    }
    if text.chars().count() > MAX_FILTER {
        return Err(D::Error::custom(format_args!("longer than {MAX_FILTER} characters")));
    }
    Ok(Some(text))
}

/// The longest text that is searched for, in characters.
const MAX_FILTER: usize = 128;

/// A text of a query that is not empty; what it may be is for [`crate::server::selection::Selection::from_query`].
///
/// # Errors
/// If it is.
pub(super) fn given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let text = String::deserialize(deserializer)?;
    if text.is_empty() { Err(D::Error::custom("empty")) } else { Ok(Some(text)) }
}

/// A whole number of a query from `LEAST` to `MOST`.
///
/// # Errors
/// If it is none, or another one.
pub(super) fn bounded<'de, const LEAST: u32, const MOST: u32, D>(
    deserializer: D,
) -> Result<Option<u32>, D::Error>
where
    D: Deserializer<'de>,
{
    let text = String::deserialize(deserializer)?;
    let number = text.parse().ok().filter(|number| (LEAST..=MOST).contains(number));
    number
        .map(Some)
        .ok_or_else(|| D::Error::custom(format_args!("not a whole number from {LEAST} to {MOST}")))
}

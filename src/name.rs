//! Distinguished names as entries write them.

use std::fmt;

/// A distinguished name in the text form of RFC 2253 that entries carry, compared as that
/// exact string: there is no normalisation.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DistinguishedName(String);

impl DistinguishedName {
    /// The name a document states, taken as it stands.
    pub fn from_text(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for DistinguishedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

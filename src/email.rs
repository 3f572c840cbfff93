//! The e-mail address an endorser is known by.

use std::{fmt, str::FromStr};

/// An e-mail address of the form entries may carry: `[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+`.
///
/// Case is kept and significant, as in the documents.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Email(String);

/// A text that is no such address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid email address: {value}")]
pub struct EmailError {
    /// The text as given.
    pub value: String,
}

impl Email {
    /// The address as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether two addresses are one: case counts before the `@` only (RFC 5321 §2.4).
pub(crate) fn is_same_address(a: &str, b: &str) -> bool {
    match (a.split_once('@'), b.split_once('@')) {
        (Some((a, a_host)), Some((b, b_host))) => a == b && a_host.eq_ignore_ascii_case(b_host),
        _ => a == b,
    }
}

impl FromStr for Email {
    type Err = EmailError;

    fn from_str(value: &str) -> Result<Self, EmailError> {
        let host = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-');
        let local = |c: char| host(c) || matches!(c, '_' | '%' | '+');
        match value.split_once('@') {
            Some((l, h)) if !l.is_empty() && !h.is_empty() && l.chars().all(local) && h.chars().all(host) => {
                Ok(Self(value.to_owned()))
            }
            _ => Err(EmailError { value: value.to_owned() }),
        }
    }
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p9_the_host_of_an_address_has_no_case() {
        for (a, b, same) in [
            ("jane@example.org", "jane@Example.ORG", true),
            ("jane@example.org", "Jane@example.org", false),
            ("jane@example.org", "jane@example.com", false),
            ("jane", "JANE", false),
        ] {
            assert_eq!(is_same_address(a, b), same, "{a} {b}");
        }
    }

    #[test]
    fn addresses_follow_the_schema_pattern() {
        for good in ["jane.tester@example.org", "a%b+c_d-e@h", "x@1.2"] {
            assert_eq!(good.parse::<Email>().unwrap().as_str(), good);
        }
        for bad in ["", "jane", "@example.org", "jane@", "a@b@c", "jane@exa mple", "j/../../x@h", "é@h"] {
            assert_eq!(bad.parse::<Email>().unwrap_err().value, bad);
        }
    }
}

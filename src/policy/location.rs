//! Where images may lie.

use std::{fmt, str::FromStr};

use reqwest::Url;

use crate::http::shown;

/// The beginning of the URLs of images: scheme, host and port, and the first segments of a path.
///
/// ```
/// use stratuslab::policy::LocationPrefix;
/// let prefix: LocationPrefix = "https://images.example.org/base".parse()?;
/// assert!(prefix.covers("https://images.example.org/base/ttylinux.gz"));
/// assert!(!prefix.covers("https://images.example.org.evil/base/ttylinux.gz"));
/// assert!(!prefix.covers("https://images.example.org/basement/ttylinux.gz"));
/// # Ok::<(), stratuslab::policy::LocationPrefixError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LocationPrefix(Url);

/// Why a text begins no URL of an image. What could be a password in it is not repeated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LocationPrefixError {
    /// No URL, or one without `//`.
    #[error("'{value}' is not the beginning of a URL, SCHEME://HOST[:PORT][/PATH]")]
    Malformed {
        /// The text as given, but for a password.
        value: String,
    },
    /// A user or password, which no image is fetched with.
    #[error("'{value}' has a user or password, which does not belong in it")]
    UserInfo {
        /// The text as given, but for a password.
        value: String,
    },
    /// A query or fragment, of which there is no beginning.
    #[error("'{value}' has a query or a fragment, which does not belong in it")]
    Suffix {
        /// The text as given.
        value: String,
    },
    /// Encoded dots, slashes and backslashes, which mean something else to every server.
    #[error("'{value}' has encoded dots, slashes or backslashes in its path")]
    Encoded {
        /// The text as given.
        value: String,
    },
}

impl LocationPrefix {
    /// Whether a location begins so, as its URL is when it is fetched: dots in the path and escapes that
    /// lead elsewhere than they seem to do not.
    pub fn covers(&self, location: &str) -> bool {
        let Ok(url) = read(location) else { return false };
        let place = |url: &Url| {
            (url.scheme().to_owned(), url.host_str().map(str::to_owned), url.port_or_known_default())
        };
        let path = self.0.path().trim_end_matches('/');
        let rest = url.path().strip_prefix(path);
        // In the key of an object these stand for themselves.
        if url.scheme() == "s3" && (url.query().is_some() || url.fragment().is_some()) {
            return false;
        }
        place(&url) == place(&self.0) && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

/// A URL that everyone reads alike.
fn read(text: &str) -> Result<Url, LocationPrefixError> {
    let value = || shown(text);
    // What the URL standard would drop or turn silently into something else.
    let odd = |c: char| c.is_whitespace() || c.is_control() || c == '\\';
    if text.contains(odd) || !text.contains("://") {
        return Err(LocationPrefixError::Malformed { value: value() });
    }
    let url = match Url::parse(text) {
        Ok(url) if !url.cannot_be_a_base() => url,
        _ => return Err(LocationPrefixError::Malformed { value: value() }),
    };
    if !url.username().is_empty() || url.password().is_some() {
        return Err(LocationPrefixError::UserInfo { value: value() });
    }
    // Some servers decode them before they look for `..`.
    let path = url.path().to_ascii_lowercase();
    if ["%2e", "%2f", "%5c"].iter().any(|encoded| path.contains(encoded)) {
        return Err(LocationPrefixError::Encoded { value: value() });
    }
    Ok(url)
}

impl FromStr for LocationPrefix {
    type Err = LocationPrefixError;

    fn from_str(text: &str) -> Result<Self, LocationPrefixError> {
        let url = read(text)?;
        if url.query().is_some() || url.fragment().is_some() {
            return Err(LocationPrefixError::Suffix { value: shown(text) });
        }
        Ok(Self(url))
    }
}

impl fmt::Display for LocationPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_ends_where_a_segment_ends() {
        for (prefix, location, covered) in [
            ("https://a.example", "https://a.example/x.img", true),
            ("https://a.example", "https://a.example", true),
            ("https://a.example/", "HTTPS://A.Example:443/x.img?version=1", true),
            ("https://a.example", "https://a.example.evil/x.img", false),
            ("https://a.example", "https://a.example@evil/x.img", false),
            ("https://a.example", "https://evil/https://a.example/x.img", false),
            ("https://a.example", "https://jane:secret@a.example/x.img", false),
            ("https://a.example", "https://evil\\@a.example/x.img", false),
            ("https://a.example", "https://a.example\\@evil/x.img", false),
            ("https://a.example", "https://a.example./x.img", false),
            ("https://a.example", "http://a.example/x.img", false),
            ("https://a.example", "https://a.example:444/x.img", false),
            ("https://a.example:444", "https://a.example:444/x.img", true),
            ("https://a.example/b", "https://a.example/b/x.img", true),
            ("https://a.example/b/", "https://a.example/b/x.img", true),
            ("https://a.example/b", "https://a.example/b", true),
            ("https://a.example/b", "https://a.example/bc/x.img", false),
            ("https://a.example/b", "https://a.example/B/x.img", false),
            ("https://a.example/b", "https://a.example/b/../c/x.img", false),
            ("https://a.example/b", "https://a.example/b/%2e%2E/c/x.img", false),
            ("https://a.example/b", "https://a.example/b/..%2fc/x.img", false),
            ("https://a.example/b", "https://a.example/b/%2E%2e%5Cc/x.img", false),
            ("https://a.example/b", "https://a.example/c/../b/x.img", true),
            ("https://a.example/b", "/b/x.img", false),
            ("https://a.example/b", "", false),
            ("https://a.example/b", " https://a.example/b/x.img", false),
            ("https://a.example/b", "https://a.example/b/x.img\n", false),
            ("https://bücher.example", "https://xn--bcher-kva.example/x.img", true),
            ("http://[::1]:8080", "http://[0:0::1]:8080/x.img", true),
            ("ftp://a.example/pub", "ftp://a.example:21/pub/x.img", true),
            ("s3://bucket/images", "s3://bucket/images/x.img", true),
            ("s3://bucket/images", "s3://bucket2/images/x.img", false),
            ("s3://bucket/images", "s3://bucket/images/../secret", false),
            ("file:///srv/images", "file:///srv/images/x.img", true),
            ("file:///srv/images", "file:///etc/passwd", false),
            ("file:///srv/images", "pdisk:a:8445:uuid", false),
        ] {
            let prefix: LocationPrefix = prefix.parse().unwrap();
            assert_eq!(prefix.covers(location), covered, "{prefix} {location}");
        }
    }

    #[test]
    fn everything_else_is_refused_by_reason() {
        let parse = |text: &str| text.parse::<LocationPrefix>().unwrap_err();
        for text in
            ["", "a.example", "https:/a.example", "https://", "https://a b", "pdisk:a:1:b", "https://h:x"]
        {
            assert!(matches!(parse(text), LocationPrefixError::Malformed { .. }), "{text}");
        }
        let user = parse("https://jane:secret@a.example");
        assert_eq!(
            user.to_string(),
            "'https://…@a.example' has a user or password, which does not belong in it"
        );
        for text in ["https://a.example?x", "https://a.example/#x"] {
            assert!(matches!(parse(text), LocationPrefixError::Suffix { .. }), "{text}");
        }
        assert!(matches!(parse("https://a.example/a%2fb"), LocationPrefixError::Encoded { .. }));
    }
}

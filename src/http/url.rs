//! Where something on the web is.

use std::{fmt, str::FromStr};

use reqwest::Url;

/// An http or https URL, with a host, without user, password or fragment.
///
/// It is shown as it was given, since that is what becomes the location of an image.
///
/// ```
/// use stratuslab::http::HttpUrl;
/// let url: HttpUrl = "https://Example.org/images/ttylinux.img.gz?version=2".parse()?;
/// assert_eq!(url.to_string(), "https://Example.org/images/ttylinux.img.gz?version=2");
/// # Ok::<(), stratuslab::http::HttpUrlError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HttpUrl {
    given: String,
    url: Url,
}

/// Why a text is not such a URL. What could be a password in it is not repeated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HttpUrlError {
    /// No URL, or one without a host.
    #[error("invalid URL '{value}': {cause}")]
    Malformed {
        /// The text as given, but for a password.
        value: String,
        /// What is wrong with it.
        cause: String,
    },
    /// Neither http nor https.
    #[error("invalid URL '{value}': '{scheme}' is neither http nor https")]
    Scheme {
        /// The text as given, but for a password.
        value: String,
        /// Its scheme.
        scheme: String,
    },
    /// A user or password before the host.
    #[error("invalid URL '{value}': a user or password does not belong in it")]
    UserInfo {
        /// The text as given, but for a password.
        value: String,
    },
    /// A fragment, which is part of a document and never of a request (RFC 9110 §4.2.5).
    #[error("invalid URL '{value}': it has a fragment")]
    Fragment {
        /// The text as given, but for a password.
        value: String,
    },
}

impl HttpUrl {
    /// The URL as it was given.
    pub fn as_str(&self) -> &str {
        &self.given
    }

    /// What is asked for.
    pub(crate) const fn url(&self) -> &Url {
        &self.url
    }
}

impl FromStr for HttpUrl {
    type Err = HttpUrlError;

    fn from_str(given: &str) -> Result<Self, HttpUrlError> {
        let url = plain_url(given, &["http", "https"])?;
        Ok(Self { given: given.to_owned(), url })
    }
}

/// A URL of one of these schemes, with a host, without user, password or fragment.
pub(crate) fn plain_url(given: &str, schemes: &[&str]) -> Result<Url, HttpUrlError> {
    let value = || shown(given);
    let malformed = |cause: String| Err(HttpUrlError::Malformed { value: value(), cause });
    let Some((scheme, rest)) = given.split_once("://") else {
        let starts: Vec<_> = schemes.iter().map(|scheme| format!("{scheme}://")).collect();
        return malformed(format!("it does not begin with {}", starts.join(" or ")));
    };
    // A backslash ends a host in the URL standard.
    let authority = rest.split(['/', '?', '#', '\\']).next().unwrap_or_default();
    if authority.contains('@') {
        return Err(HttpUrlError::UserInfo { value: value() });
    }
    // What the URL standard would drop or turn silently into something else.
    if let Some(odd) = given.chars().find(|c| c.is_whitespace() || c.is_control() || *c == '\\') {
        return malformed(format!("it contains '{}'", odd.escape_debug()));
    }
    if !schemes.iter().any(|wanted| scheme.eq_ignore_ascii_case(wanted)) {
        return Err(HttpUrlError::Scheme { value: value(), scheme: scheme.escape_debug().to_string() });
    }
    if authority.is_empty() || authority.ends_with(':') {
        let cause = if authority.is_empty() { "it names no host" } else { "empty port" };
        return malformed(cause.to_owned());
    }
    if rest.contains('#') {
        return Err(HttpUrlError::Fragment { value: value() });
    }
    Url::parse(given).or_else(|cause| malformed(cause.to_string()))
}

/// A text that is no good, without what could be a password: one with a '/' in it is not
/// recognised as such, so that everything between the scheme and the last '@' counts.
pub(crate) fn shown(given: &str) -> String {
    let (scheme, rest) = given.split_once("://").map_or(("", given), |(scheme, rest)| (scheme, rest));
    let text = match rest.rsplit_once('@') {
        Some((_, rest)) if scheme.is_empty() => format!("…@{rest}"),
        Some((_, rest)) => format!("{scheme}://…@{rest}"),
        None => given.to_owned(),
    };
    text.escape_debug().to_string()
}

impl fmt::Display for HttpUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.given)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_stays_as_it_is_given() {
        for given in [
            "http://example.org/image.img",
            "HTTPS://Example.org:443/a/../b%20c?x=1&y=/@",
            "http://[::1]:8080/",
            "http://example.org:8080/images/disk@1.0.raw",
            "http://bücher.example/ü.img",
            "https://example.org",
        ] {
            assert_eq!(given.parse::<HttpUrl>().unwrap().to_string(), given);
        }
        let url: HttpUrl = "HTTP://Example.org:80/a/../b".parse().unwrap();
        assert_eq!(url.url().as_str(), "http://example.org/b");
    }

    #[test]
    fn everything_else_is_refused_by_reason() {
        let parse = |value: &str| value.parse::<HttpUrl>().unwrap_err();
        for malformed in [
            "",
            "image.img",
            "/srv/image.img",
            "example.org/image.img",
            "http:/example.org/x",
            "mailto:me",
            "https://",
            "http:///x",
            "http://?x",
            "http://host:/x",
            "http://host:99999/x",
            "http://a b/x",
            " http://host/x",
            "http://host/x\n",
            "http://host\\x",
            "http://[::1/x",
        ] {
            assert!(matches!(parse(malformed), HttpUrlError::Malformed { .. }), "{malformed}");
        }
        assert!(
            matches!(parse("ftp://example.org/x"), HttpUrlError::Scheme { scheme, .. } if scheme == "ftp")
        );
        assert!(matches!(parse("http://example.org/x#part"), HttpUrlError::Fragment { .. }));
        assert!(matches!(parse("http://example.org/x#"), HttpUrlError::Fragment { .. }));
        for user in ["https://jane@example.org/x", "https://@example.org/x", "http://a:b@example.org\\x"] {
            assert!(matches!(parse(user), HttpUrlError::UserInfo { .. }), "{user}");
        }
    }

    #[test]
    fn a_password_is_never_repeated() {
        for given in [
            "https://jane:secret@example.org/x",
            "https://jane:secret/secret@example.org/x",
            "https://jane:secret#secret@example.org/x",
            "https://jane:secret\\secret@example.org/x",
            "https://jane:secret secret@example.org/x",
            "ftp://jane:secret@example.org/x",
            "jane:secret@example.org/x",
        ] {
            let error = given.parse::<HttpUrl>().unwrap_err().to_string();
            assert!(!error.contains("secret") && error.contains("example.org/x"), "{error}");
        }
    }
}

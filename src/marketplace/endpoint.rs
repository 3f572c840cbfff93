//! Where a Marketplace is.

use std::{fmt, str::FromStr};

use reqwest::Url;

use super::{Reference, Search};
use crate::{Email, Identifier, Timestamp};

/// The base URL of a Marketplace, an opaque prefix to which `/metadata…` is appended.
///
/// A text without a scheme is a host, with or without port and path, and means https.
///
/// ```
/// use stratuslab::marketplace::Endpoint;
/// let endpoint: Endpoint = "cloud.example.org:8081/marketplace/".parse()?;
/// assert_eq!(endpoint.to_string(), "https://cloud.example.org:8081/marketplace");
/// # Ok::<(), stratuslab::marketplace::EndpointError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Endpoint(Url);

/// Why a text is no endpoint.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EndpointError {
    /// No URL, or one without a host.
    #[error("invalid endpoint '{value}': {cause}")]
    Malformed {
        /// The text as given.
        value: String,
        /// What is wrong with it.
        cause: String,
    },
    /// Neither http nor https.
    #[error("invalid endpoint '{value}': '{scheme}' is neither http nor https")]
    Scheme {
        /// The text as given.
        value: String,
        /// Its scheme.
        scheme: String,
    },
    /// A user or password before the host. The text is not repeated: it may hold a password.
    #[error("invalid endpoint: a user or password does not belong in its URL")]
    UserInfo,
    /// A query or a fragment, to which no path can be appended.
    #[error("invalid endpoint '{value}': it has a query or a fragment")]
    Suffix {
        /// The text as given.
        value: String,
    },
}

impl Endpoint {
    /// The base URL, without a slash at its end.
    pub fn as_str(&self) -> &str {
        self.0.as_str().trim_end_matches('/')
    }

    /// Whether both have the same scheme, host and port (RFC 6454 §4).
    pub fn same_origin(&self, other: &Self) -> bool {
        self.0.origin() == other.0.origin()
    }

    /// Whether what is sent there can be read on the way: http to another machine.
    pub fn is_cleartext(&self) -> bool {
        let loopback = match self.0.host_str() {
            Some("localhost" | "[::1]") => true,
            Some(host) => host.parse::<std::net::Ipv4Addr>().is_ok_and(|address| address.is_loopback()),
            None => false,
        };
        self.0.scheme() == "http" && !loopback
    }

    /// Where entries are uploaded.
    pub(super) fn upload_url(&self) -> Url {
        self.at("")
    }

    /// One entry, or the newest of its endorser whatever its status.
    ///
    /// Marketplaces of old do not percent-decode paths, so nothing is encoded: an
    /// [`Email`] and a [`Timestamp`] consist of characters that may stand in a path.
    pub(super) fn entry_url(&self, identifier: Identifier, email: &Email, created: Option<Timestamp>) -> Url {
        let reference = Reference { identifier, endorsement: Some((email.clone(), created)) };
        match created {
            None => self.newest_url(&reference),
            Some(_) => self.at(&format!("/{reference}")),
        }
    }

    /// The newest entry of every image and endorser, whatever its status: the originals take any value
    /// that they do not know for no condition (S22).
    pub(super) fn list_url(&self) -> Url {
        let mut url = self.at("");
        url.set_query(Some("status=all"));
        url
    }

    /// The newest entries for an image, whatever their status; of one endorser, if that is named.
    pub(super) fn newest_url(&self, reference: &Reference) -> Url {
        let mut url = match &reference.endorsement {
            None => self.at(&format!("/{}", reference.identifier)),
            Some((email, _)) => self.at(&format!("/{}/{email}", reference.identifier)),
        };
        url.set_query(Some("status=all"));
        url
    }

    /// The newest entries that are what is looked for, and perhaps others.
    pub(super) fn search_url(&self, search: &Search) -> Url {
        let mut url = self.at("");
        url.query_pairs_mut().extend_pairs(search.parameters());
        url
    }

    /// The newest so many of all entries for an image, of a Marketplace that tells.
    pub(super) fn history_url(&self, identifier: Identifier, limit: usize) -> Url {
        let mut url = self.below(&format!("/api/v1/images/{identifier}/history"));
        url.set_query(Some(&format!("limit={limit}")));
        url
    }

    /// Where everyone finds what is referred to.
    pub fn url_of(&self, reference: &Reference) -> String {
        self.at(&format!("/{reference}")).into()
    }

    /// What was taken after the entry with this number, of a Marketplace that has a feed.
    #[cfg(feature = "marketplace")]
    pub(super) fn changes_url(&self, after: i64, limit: u32) -> Url {
        let mut url = self.below("/api/v1/changes");
        url.set_query(Some(&format!("after={after}&limit={limit}")));
        url
    }

    fn at(&self, rest: &str) -> Url {
        self.below(&format!("/metadata{rest}"))
    }

    fn below(&self, path: &str) -> Url {
        let mut url = self.0.clone();
        url.set_path(&format!("{}{path}", self.0.path().trim_end_matches('/')));
        url
    }
}

impl FromStr for Endpoint {
    type Err = EndpointError;

    fn from_str(value: &str) -> Result<Self, EndpointError> {
        let malformed =
            |cause: &str| EndpointError::Malformed { value: printable(value), cause: cause.to_owned() };
        let (scheme, rest) = value.split_once("://").unwrap_or(("https", value));
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        // First of all, so that no message below repeats a password, which may hold a '/'.
        if rest.contains('@') {
            return Err(EndpointError::UserInfo);
        }
        // What the URL standard would drop or turn silently into something else.
        if let Some(odd) = value.chars().find(|c| c.is_whitespace() || c.is_control() || *c == '\\') {
            return Err(malformed(&format!("it contains '{}'", odd.escape_debug())));
        }
        if !matches!(scheme.to_ascii_lowercase().as_str(), "http" | "https") {
            return Err(EndpointError::Scheme { value: value.to_owned(), scheme: scheme.to_owned() });
        }
        if authority.is_empty() || authority.ends_with(':') {
            return Err(malformed(if authority.is_empty() { "it names no host" } else { "empty port" }));
        }
        let url = Url::parse(&format!("{scheme}://{rest}")).map_err(|cause| malformed(&cause.to_string()))?;
        if url.query().is_some() || url.fragment().is_some() {
            return Err(EndpointError::Suffix { value: value.to_owned() });
        }
        Ok(Self(url))
    }
}

fn printable(value: &str) -> String {
    value.escape_debug().to_string()
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(value: &str) -> String {
        value.parse::<Endpoint>().unwrap().to_string()
    }

    #[test]
    fn c9_c10_a_host_without_scheme_means_https_with_its_default_port() {
        assert_eq!(read("marketplace.example.org"), "https://marketplace.example.org");
        assert_eq!(read("cloud.example.org:8081"), "https://cloud.example.org:8081");
        assert_eq!(read("localhost:8081/marketplace/"), "https://localhost:8081/marketplace");
        assert_eq!(read("[::1]:8081"), "https://[::1]:8081");
        assert_eq!(read("https://example.org:443/"), "https://example.org");
    }

    #[test]
    fn c35_path_prefixes_are_kept_and_trailing_slashes_removed() {
        assert_eq!(read("HTTP://Example.org/a/b//"), "http://example.org/a/b");
        let endpoint: Endpoint = "example.org/marketplace/".parse().unwrap();
        assert_eq!(endpoint.upload_url().as_str(), "https://example.org/marketplace/metadata");
    }

    #[test]
    fn an_origin_is_scheme_host_and_port_whatever_the_path() {
        let same =
            |a: &str, b: &str| a.parse::<Endpoint>().unwrap().same_origin(&b.parse::<Endpoint>().unwrap());
        assert!(same("example.org/a", "https://EXAMPLE.org:443/b/"));
        for other in ["http://example.org:443", "https://example.org:444", "https://a.example.org"] {
            assert!(!same("https://example.org", other), "{other}");
        }
    }

    #[test]
    fn at_signs_and_colons_are_literal_in_paths() {
        let endpoint: Endpoint = "http://example.org".parse().unwrap();
        let (id, email) =
            ("LwcRbwCa1YSysY1wftQdAj6Bwoi".parse().unwrap(), "a+b@example.org".parse().unwrap());
        let created = Some("2011-09-13T09:58:54Z".parse().unwrap());
        assert_eq!(
            endpoint.entry_url(id, &email, created).as_str(),
            "http://example.org/metadata/LwcRbwCa1YSysY1wftQdAj6Bwoi/a+b@example.org/2011-09-13T09:58:54Z"
        );
        assert_eq!(
            endpoint.entry_url(id, &email, None).as_str(),
            "http://example.org/metadata/LwcRbwCa1YSysY1wftQdAj6Bwoi/a+b@example.org?status=all"
        );
    }

    #[test]
    fn everything_else_is_refused_by_reason() {
        let parse = |value: &str| value.parse::<Endpoint>().unwrap_err();
        for malformed in [
            "",
            "https://",
            "https:///x",
            "http:/example.org",
            "mailto:me",
            "a b",
            "host:99999",
            "h\\x",
            "host:",
        ] {
            assert!(matches!(parse(malformed), EndpointError::Malformed { .. }), "{malformed}");
        }
        assert!(matches!(parse("ftp://example.org"), EndpointError::Scheme { .. }));
        for suffix in ["example.org?x=1", "http://example.org/#top"] {
            assert!(matches!(parse(suffix), EndpointError::Suffix { .. }), "{suffix}");
        }
        for user in [
            "https://jane:secret@example.org",
            "https://jane:se/cret@example.org",
            "https://jane:12/34#x@example.org",
            "jane@example.org",
            "http://@example.org",
        ] {
            assert!(matches!(parse(user), EndpointError::UserInfo), "{user}");
        }
        assert!(!parse("https://jane:secret@example.org").to_string().contains("secret"));
        assert!(!parse("https://jane:sec ret@example.org").to_string().contains('\n'));
    }

    #[test]
    fn cleartext_is_http_to_another_machine() {
        for (value, cleartext) in [
            ("http://example.org", true),
            ("example.org", false),
            ("http://127.0.0.1:80", false),
            ("http://[::1]", false),
        ] {
            assert_eq!(value.parse::<Endpoint>().unwrap().is_cleartext(), cleartext, "{value}");
        }
    }
}

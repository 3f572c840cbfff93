//! How a Marketplace is set up: checked values, from wherever they came.

use std::{fmt, net::SocketAddr, path::PathBuf, time::Duration};

use crate::{Email, Password, http::HttpUrl, trust::Pin};

use super::{anchors::LiveAnchors, mail::MailServer};

/// How a Marketplace is set up.
#[derive(Debug)]
pub struct Settings {
    /// Where it listens.
    pub listen: SocketAddr,
    /// Where it shows its metrics, and they alone; by default where it listens.
    pub metrics_listen: Option<SocketAddr>,
    /// Where the entries are.
    pub database: Database,
    /// Where clients find it: `https://HOST/PREFIX`, without a slash at the end; links in mails begin so.
    pub public_url: Option<PublicUrl>,
    /// Takes no uploads.
    pub read_only: bool,
    /// Largest upload, in bytes; at most 10 MiB, which is all that is ever verified.
    pub max_entry_bytes: usize,
    /// Takes signatures and digests with SHA-1, and RSA keys down to 1024 bits.
    pub allow_sha1: bool,
    /// Takes entries only of endorsers whose certificates have a path to one of these.
    pub anchors: Option<LiveAnchors>,
    /// Takes entries of these endorsers only; of everyone if there are none.
    pub endorsers: Vec<Pin>,
    /// Asks endorsers by mail before their entries are taken.
    pub confirmation: Option<Confirmation>,
    /// How mail is sent; needed for confirmations and reminders.
    pub mail: Option<Mail>,
    /// Tells endorsers by mail before their entries expire.
    pub reminders: bool,
    /// How long one query of `/query` may take.
    pub query_timeout: Duration,
    /// How many bytes one query of `/query` may hold in memory.
    pub query_memory: usize,
    /// How many results one query of `/query` may have.
    pub query_rows: usize,
    /// How long a client may pause: in sending a request, in taking an answer, and between requests.
    pub client_timeout: Duration,
    /// How long what is going on may take to end when the server is asked to stop.
    pub shutdown: Duration,
    /// Connections at a time; further ones wait.
    pub max_connections: usize,
}

impl Default for Settings {
    /// What holds unless somebody says otherwise; the entries are in a file of the current folder.
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8081)),
            metrics_listen: None,
            database: Database::Sqlite("marketplace.sqlite".into()),
            public_url: None,
            read_only: false,
            max_entry_bytes: MAX_ENTRY_BYTES,
            allow_sha1: false,
            anchors: None,
            endorsers: Vec::new(),
            confirmation: None,
            mail: None,
            reminders: false,
            query_timeout: Duration::from_secs(10),
            query_memory: 256 << 20,
            query_rows: 100_000,
            client_timeout: Duration::from_secs(30),
            shutdown: Duration::from_secs(30),
            max_connections: 16_384,
        }
    }
}

/// The largest entry that is ever verified, in bytes.
pub const MAX_ENTRY_BYTES: usize = crate::xml::MAX_DOCUMENT_BYTES;

/// Where entries are kept.
#[derive(Clone, Debug)]
pub enum Database {
    /// In this SQLite file.
    Sqlite(PathBuf),
    /// In the PostgreSQL, or a database that speaks its protocol, at this URL; it may hold a password.
    Postgres(Password),
}

/// An `http:` or `https:` URL that ends without a slash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicUrl {
    /// `https://HOST[:PORT]`.
    pub origin: String,
    /// `/PREFIX`, or empty.
    pub prefix: String,
}

/// Why a URL cannot be the public one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PublicUrlError {
    /// Paths are put behind it.
    #[error("it has a query")]
    Query,
    /// An empty segment, as in `//`, which paths of requests lose (behaviour 1.1).
    #[error("its path has an empty segment")]
    EmptySegment,
}

impl TryFrom<&HttpUrl> for PublicUrl {
    type Error = PublicUrlError;

    fn try_from(url: &HttpUrl) -> Result<Self, PublicUrlError> {
        let url = url.url();
        if url.query().is_some() {
            return Err(PublicUrlError::Query);
        }
        let prefix = url.path().trim_end_matches('/').to_owned();
        if prefix.contains("//") {
            return Err(PublicUrlError::EmptySegment);
        }
        Ok(Self { origin: url.origin().ascii_serialization(), prefix })
    }
}

impl fmt::Display for PublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}/", self.origin, self.prefix)
    }
}

/// Who need not confirm, and how long others may take.
#[derive(Clone, Debug)]
pub struct Confirmation {
    /// Endorsers who are known well enough; names and addresses count only on trusted paths.
    pub not_for: Vec<Pin>,
    /// After this an unconfirmed upload is forgotten.
    pub expires: Duration,
}

/// How mail is sent.
#[derive(Debug)]
pub struct Mail {
    /// Who takes it over.
    pub server: MailServer,
    /// Who it is from, and who is told of abuse.
    pub admin: Email,
    /// The user at the server.
    pub user: Option<String>,
    /// The password at the server.
    pub password: Option<Password>,
    /// Certificates to trust instead of the system's.
    pub ca_file: Option<PathBuf>,
    /// How long the server may take for one mail, in all; [`super::mail::TIMEOUT`] as a rule.
    pub timeout: Duration,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_public_url_is_an_origin_and_a_prefix() {
        let of = |url: &str| PublicUrl::try_from(&url.parse::<HttpUrl>().unwrap());
        for (url, origin, prefix) in [
            ("https://mp.example.org", "https://mp.example.org", ""),
            ("https://mp.example.org/", "https://mp.example.org", ""),
            ("HTTPS://MP.example.org:443/marketplace/", "https://mp.example.org", "/marketplace"),
            ("http://[::1]:8081/a/../b//", "http://[::1]:8081", "/b"),
        ] {
            let expected = PublicUrl { origin: origin.to_owned(), prefix: prefix.to_owned() };
            assert_eq!(of(url), Ok(expected), "{url}");
        }
        assert_eq!(of("https://mp.example.org/?x"), Err(PublicUrlError::Query));
        assert_eq!(of("https://mp.example.org/a//b"), Err(PublicUrlError::EmptySegment));
        assert_eq!(of("https://h/p/").unwrap().to_string(), "https://h/p/");
    }
}

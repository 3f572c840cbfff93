//! Where a file on an FTP server is.

use std::{fmt, str::FromStr};

use percent_encoding::percent_decode_str;
use reqwest::Url;

use crate::http::{HttpUrlError, plain_url};

/// The port of FTP servers (RFC 959 §8).
const PORT: u16 = 21;

/// An ftp URL (RFC 1738 §3.2), without user, password or fragment; it is shown as it was given.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FtpUrl {
    given: String,
    host: String,
    port: u16,
    /// Decoded; it is relative to where the server puts those who log in.
    path: String,
}

/// Why a text is no such URL.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FtpUrlError {
    /// No URL, one of another scheme, or one with a user.
    #[error(transparent)]
    Url(#[from] HttpUrlError),
    /// It names a directory, or nothing.
    #[error("invalid URL '{value}': it names no file")]
    NoFile {
        /// The text as given.
        value: String,
    },
    /// Its path has characters that would end a command.
    #[error("invalid URL '{value}': its path has control characters, or is not UTF-8")]
    Characters {
        /// The text as given.
        value: String,
    },
    /// It asks for a transfer that changes what is in a file.
    #[error("invalid URL '{value}': images are transferred in binary, ;type=i")]
    Type {
        /// The text as given.
        value: String,
    },
}

impl FtpUrl {
    pub(super) fn host(&self) -> &str {
        &self.host
    }

    pub(super) const fn port(&self) -> u16 {
        self.port
    }

    pub(super) fn path(&self) -> &str {
        &self.path
    }
}

impl FromStr for FtpUrl {
    type Err = FtpUrlError;

    fn from_str(given: &str) -> Result<Self, FtpUrlError> {
        let url: Url = plain_url(given, &["ftp"])?;
        let value = || given.escape_debug().to_string();
        let (path, kind) = url.path().split_once(";type=").unwrap_or((url.path(), "i"));
        if !kind.eq_ignore_ascii_case("i") {
            return Err(FtpUrlError::Type { value: value() });
        }
        let path = percent_decode_str(path.strip_prefix('/').unwrap_or(path)).decode_utf8();
        let path = path.map_err(|_| FtpUrlError::Characters { value: value() })?;
        // A line's end would begin another command.
        if path.chars().any(char::is_control) {
            return Err(FtpUrlError::Characters { value: value() });
        }
        if path.is_empty() || path.ends_with('/') || url.query().is_some() {
            return Err(FtpUrlError::NoFile { value: value() });
        }
        let host = url.host_str().unwrap_or_default();
        // An address of version 6 has brackets in a URL only.
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        Ok(Self { given: given.to_owned(), host, port: url.port().unwrap_or(PORT), path: path.into_owned() })
    }
}

impl fmt::Display for FtpUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.given)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_on_a_server_is_read() {
        for (given, host, port, path) in [
            ("ftp://example.org/pub/image.img.gz", "example.org", 21, "pub/image.img.gz"),
            ("FTP://[::1]:2121/%2Fsrv/a%20b.img;type=i", "::1", 2121, "/srv/a b.img"),
        ] {
            let url: FtpUrl = given.parse().unwrap();
            assert_eq!((url.host(), url.port(), url.path()), (host, port, path));
            assert_eq!(url.to_string(), given);
        }
    }

    #[test]
    fn everything_else_is_refused_by_reason() {
        let parse = |value: &str| value.parse::<FtpUrl>().unwrap_err();
        for url in ["http://h/x", "ftp://jane:secret@h/x", "ftp:///x", "ftp://h/x#y", "x"] {
            let error = parse(url);
            assert!(matches!(error, FtpUrlError::Url(_)) && !error.to_string().contains("secret"), "{error}");
        }
        for url in ["ftp://h", "ftp://h/", "ftp://h/dir/", "ftp://h/x?y=1"] {
            assert!(matches!(parse(url), FtpUrlError::NoFile { .. }), "{url}");
        }
        for url in ["ftp://h/a%0d%0aDELE%20b", "ftp://h/a%00", "ftp://h/%ff"] {
            assert!(matches!(parse(url), FtpUrlError::Characters { .. }), "{url}");
        }
        assert!(matches!(parse("ftp://h/x;type=a"), FtpUrlError::Type { .. }));
    }
}

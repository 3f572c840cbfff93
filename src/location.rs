//! Where an image lies: a location as entries state it (`slterms:location`).

use std::{fmt, io::Read, path::PathBuf, str::FromStr};

use serde_json::Value;

#[cfg(feature = "ftp")]
use crate::remote::{FtpImage, FtpUrl, FtpUrlError};
#[cfg(feature = "s3")]
use crate::remote::{S3Url, S3UrlError};
use crate::{
    http::{HttpUrl, HttpUrlError},
    remote::{Held, RemoteError, RemoteImage, RemoteOptions},
};

/// Where an image lies.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Location {
    /// On a web server: `http:`, `https:`.
    Http(HttpUrl),
    /// On an FTP server: `ftp:`.
    #[cfg(feature = "ftp")]
    Ftp(FtpUrl),
    /// In a bucket: `s3:`.
    #[cfg(feature = "s3")]
    S3(S3Url),
    /// On this machine: `file:`.
    File(FileUrl),
}

/// A file on this machine, shown as it was given.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FileUrl {
    given: String,
    path: PathBuf,
}

impl FileUrl {
    /// Its path.
    pub fn path(&self) -> &std::path::Path {
        &self.path
    }
}

/// Why an image cannot be had from a location, whatever lies there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LocationError {
    /// A disk of a cloud's storage, which has no address outside it.
    #[error("'{value}' is a persistent disk of a cloud, which cannot be fetched from outside")]
    Pdisk {
        /// The location as stated.
        value: String,
    },
    /// Something that is not known, or was left out when this was built.
    #[error("'{value}': images cannot be fetched by '{scheme}'")]
    Scheme {
        /// The location as stated.
        value: String,
        /// How it begins.
        scheme: String,
    },
    /// A path, or nothing.
    #[error("'{value}' is no URL")]
    NoUrl {
        /// The location as stated.
        value: String,
    },
    /// No path of this machine.
    #[error("'{value}' names no file of this machine")]
    File {
        /// The location as stated.
        value: String,
    },
    /// No http or https URL.
    #[error(transparent)]
    Http(#[from] HttpUrlError),
    /// No ftp URL.
    #[cfg(feature = "ftp")]
    #[error(transparent)]
    Ftp(#[from] FtpUrlError),
    /// No s3 URL.
    #[cfg(feature = "s3")]
    #[error(transparent)]
    S3(#[from] S3UrlError),
}

impl FromStr for Location {
    type Err = LocationError;

    fn from_str(value: &str) -> Result<Self, LocationError> {
        let text = value.trim();
        let shown = || crate::http::printable(text);
        let scheme = text.split(':').next().filter(|scheme| scheme.len() < text.len()).unwrap_or_default();
        match scheme.to_ascii_lowercase().as_str() {
            "http" | "https" => Ok(Self::Http(text.parse()?)),
            #[cfg(feature = "ftp")]
            "ftp" => Ok(Self::Ftp(text.parse()?)),
            #[cfg(feature = "s3")]
            "s3" => Ok(Self::S3(text.parse()?)),
            "file" => {
                let path = text.parse().ok().and_then(|url: reqwest::Url| url.to_file_path().ok());
                let path = path.ok_or_else(|| LocationError::File { value: shown() })?;
                Ok(Self::File(FileUrl { given: text.to_owned(), path }))
            }
            "pdisk" => Err(LocationError::Pdisk { value: shown() }),
            scheme if is_scheme(scheme) => {
                Err(LocationError::Scheme { value: shown(), scheme: scheme.to_owned() })
            }
            _ => Err(LocationError::NoUrl { value: shown() }),
        }
    }
}

/// Whether it can be what stands before the colon of a URI: a letter, then letters, digits, `+`, `-` or `.`
/// (RFC 3986 §3.1).
pub fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Http(url) => write!(f, "{url}"),
            #[cfg(feature = "ftp")]
            Self::Ftp(url) => write!(f, "{url}"),
            #[cfg(feature = "s3")]
            Self::S3(url) => write!(f, "{url}"),
            Self::File(FileUrl { given, .. }) => f.write_str(given),
        }
    }
}

/// An image that arrives, from wherever; errors of [`Read`] hold a [`RemoteError`].
pub(crate) trait Arriving: Read {
    /// Bytes of the object before what is read next.
    fn position(&self) -> u64;

    /// Length of the object in bytes, if it is known.
    fn length(&self) -> Option<u64>;

    /// What lets a later transfer go on where this one breaks off, if anything does.
    fn held(&self) -> Option<Value>;
}

impl Arriving for RemoteImage {
    fn position(&self) -> u64 {
        Self::position(self)
    }

    fn length(&self) -> Option<u64> {
        Self::length(self)
    }

    fn held(&self) -> Option<Value> {
        Self::held(self)
    }
}

#[cfg(feature = "ftp")]
impl Arriving for FtpImage {
    fn position(&self) -> u64 {
        Self::position(self)
    }

    fn length(&self) -> Option<u64> {
        Self::length(self)
    }

    fn held(&self) -> Option<Value> {
        Self::held(self)
    }
}

impl Location {
    /// Asks for what lies there; `held` is what an earlier transfer left, and its bytes. `None` for a file
    /// of this machine, which is opened instead.
    pub(crate) fn open(
        &self,
        options: RemoteOptions,
        held: Option<(&Value, u64)>,
    ) -> Option<Result<Box<dyn Arriving>, RemoteError>> {
        let parts = || held.and_then(|(held, bytes)| Held::read(held, bytes));
        Some(match self {
            Self::Http(url) => match parts() {
                Some(held) => RemoteImage::resume(url, options, &held).map(boxed),
                None => RemoteImage::open(url, options).map(boxed),
            },
            #[cfg(feature = "s3")]
            Self::S3(url) => RemoteImage::in_bucket(url, options, parts().as_ref()).map(boxed),
            #[cfg(feature = "ftp")]
            Self::Ftp(url) => FtpImage::open(url, options, held).map(boxed),
            Self::File(_) => return None,
        })
    }
}

fn boxed(image: impl Arriving + 'static) -> Box<dyn Arriving> {
    Box::new(image)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locations_are_told_by_their_scheme() {
        for value in ["http://h/i", "HTTPS://h/i.gz", "file:///srv/a%20b.img"] {
            assert_eq!(value.parse::<Location>().unwrap().to_string(), value);
        }
        #[cfg(feature = "ftp")]
        assert!(matches!("ftp://h/i".parse().unwrap(), Location::Ftp(_)));
        #[cfg(feature = "s3")]
        assert!(matches!("s3://bucket/i".parse().unwrap(), Location::S3(_)));
        let Location::File(file) = "file:///srv/a%20b.img".parse().unwrap() else { panic!() };
        assert_eq!(file.path(), std::path::Path::new("/srv/a b.img"));
    }

    #[test]
    fn everything_else_is_refused_by_reason() {
        let parse = |value: &str| value.parse::<Location>().unwrap_err();
        assert!(matches!(parse("pdisk:h:8445:d2e"), LocationError::Pdisk { .. }));
        assert!(matches!(parse("gopher://h/i"), LocationError::Scheme { .. }));
        assert!(matches!(parse("/srv/x"), LocationError::NoUrl { .. }));
        assert!(matches!(parse("./a:b"), LocationError::NoUrl { .. }));
        assert!(matches!(parse(""), LocationError::NoUrl { .. }));
        assert!(matches!(parse("file://elsewhere/x"), LocationError::File { .. }));
        assert!(matches!(parse("http://jane:secret@h/i"), LocationError::Http(_)));
        assert!(matches!(parse("gopher\u{1b}[2J:x"), LocationError::NoUrl { .. }));
        assert!(!parse("gopher\u{1b}[2J:x").to_string().contains('\u{1b}'));
    }
}

//! One value of a configuration file as what it means.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::LazyLock;
use std::time::Duration;

use ::toml::de::DeArray;

use super::error::{At, ConfigError};
use super::{line_of, toml};
use crate::credentials::token::Pkcs11Uri;
use crate::dsig::SignatureMethod;
use crate::http::HttpUrl;
use crate::policy::LocationPrefix;
use crate::trust::{Fingerprint, Pin};
use crate::{Checksum, ChecksumAlgorithm, Email, Identifier, Password};

/// The longest time an exchange may be allowed, in seconds: a day.
const MAX_TIMEOUT: f64 = 86_400.0;

/// What a timeout is.
const TIMEOUT: &str = "a number of seconds above 0, at most 86400";

/// A value as a file has it.
#[derive(Clone, Copy)]
pub(super) enum Raw<'a> {
    /// A TOML string.
    Text(&'a str),
    /// An INI value, which has no type; an empty one says nothing.
    Untyped(&'a str),
    Flag(bool),
    Number(f64),
    List(&'a DeArray<'a>),
    /// Anything else, by its name with its article.
    Other(&'static str),
}

/// Where a value is.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) path: &'a Path,
    pub(super) text: &'a str,
    /// Bytes of `text` before it.
    pub(super) offset: usize,
    pub(super) key: &'a str,
    /// What relative paths start from; empty for the current folder.
    pub(super) folder: &'a Path,
}

impl Place<'_> {
    pub(super) fn at(&self) -> At {
        At { path: self.path.to_owned(), line: line_of(self.text.as_bytes(), self.offset) }
    }

    pub(super) fn wrong_type(&self, expected: &'static str, raw: Raw<'_>) -> ConfigError {
        let found = match raw {
            Raw::Text(_) | Raw::Untyped(_) => "a string",
            Raw::Flag(_) => "a boolean",
            Raw::Number(_) => "a number",
            Raw::List(_) => "an array",
            Raw::Other(name) => name,
        };
        ConfigError::WrongType { at: self.at(), key: self.key.to_owned(), expected, found }
    }

    fn bad(&self, expected: &'static str, value: &dyn ToString) -> ConfigError {
        ConfigError::BadValue { at: self.at(), key: self.key.to_owned(), expected, value: value.to_string() }
    }
}

/// Reads a value; `None` if it says nothing.
pub(super) fn read<T: Value>(raw: Raw<'_>, place: &Place<'_>) -> Result<Option<T>, ConfigError> {
    match raw {
        Raw::Untyped("") => Ok(None),
        raw => T::read(raw, place).map(Some),
    }
}

/// What a key may hold.
pub(super) trait Value: Sized {
    fn read(raw: Raw<'_>, place: &Place<'_>) -> Result<Self, ConfigError>;
}

fn string<'a>(raw: Raw<'a>, place: &Place<'_>) -> Result<&'a str, ConfigError> {
    match raw {
        Raw::Text(text) | Raw::Untyped(text) => Ok(text),
        raw => Err(place.wrong_type("a string", raw)),
    }
}

impl Value for String {
    fn read(raw: Raw<'_>, place: &Place<'_>) -> Result<Self, ConfigError> {
        string(raw, place).map(str::to_owned)
    }
}

impl Value for Password {
    fn read(raw: Raw<'_>, place: &Place<'_>) -> Result<Self, ConfigError> {
        string(raw, place).map(|text| Self::new(text.to_owned()))
    }
}

impl Value for Email {
    fn read(raw: Raw<'_>, place: &Place<'_>) -> Result<Self, ConfigError> {
        let text = string(raw, place)?;
        text.parse().map_err(|_| place.bad("an e-mail address", &text))
    }
}

impl Value for Pin {
    fn read(raw: Raw<'_>, place: &Place<'_>) -> Result<Self, ConfigError> {
        let text = string(raw, place)?;
        let expected = "e-mail addresses, subjects (CN=…,O=…) and SHA-256 fingerprints";
        text.parse().map_err(|_| place.bad(expected, &text))
    }
}

impl Value for Fingerprint {
    fn read(raw: Raw<'_>, place: &Place<'_>) -> Result<Self, ConfigError> {
        let text = string(raw, place)?;
        text.parse().map_err(|_| place.bad("SHA-256 fingerprints (64 hexadecimal digits)", &text))
    }
}

impl Value for Identifier {
    fn read(raw: Raw<'_>, place: &Place<'_>) -> Result<Self, ConfigError> {
        let text = string(raw, place)?;
        text.parse().map_err(|_| place.bad("identifiers of images (27 characters)", &text))
    }
}

/// A checksum by its digits alone: their number tells the algorithm.
impl Value for Checksum {
    fn read(raw: Raw<'_>, place: &Place<'_>) -> Result<Self, ConfigError> {
        let text = string(raw, place)?;
        let mut algorithms = ChecksumAlgorithm::ALL.into_iter();
        let read = algorithms.find_map(|algorithm| Self::from_hex(algorithm, text).ok());
        read.ok_or_else(|| {
            place.bad(
                "checksums of 32, 40, 64 or 128 hexadecimal digits (MD5, SHA-1, SHA-256, SHA-512)",
                &text,
            )
        })
    }
}

/// The name of an algorithm, with or without its hyphen.
impl Value for ChecksumAlgorithm {
    fn read(raw: Raw<'_>, place: &Place<'_>) -> Result<Self, ConfigError> {
        let text = string(raw, place)?;
        let bare = |name: &str| name.replace('-', "").to_ascii_lowercase();
        let named = Self::ALL.into_iter().find(|algorithm| bare(algorithm.name()) == bare(text));
        named.ok_or_else(|| place.bad("MD5, SHA-1, SHA-256 or SHA-512", &text))
    }
}

impl Value for LocationPrefix {
    fn read(raw: Raw<'_>, place: &Place<'_>) -> Result<Self, ConfigError> {
        string(raw, place)?.parse().map_err(|error| ConfigError::Location {
            at: place.at(),
            key: place.key.to_owned(),
            error,
        })
    }
}

/// An array in TOML, or its one element; in INI one on each line.
impl<T: Value> Value for Vec<T> {
    fn read(raw: Raw<'_>, place: &Place<'_>) -> Result<Self, ConfigError> {
        match raw {
            // Nobody, or everybody? A list that says neither is a mistake.
            Raw::List(items) if items.is_empty() => Err(place.bad("one value or several", &"[]")),
            Raw::List(items) => items.iter().map(|item| T::read(toml::raw(item.get_ref()), place)).collect(),
            Raw::Untyped(lines) => {
                let lines = lines.lines().map(str::trim).filter(|line| !line.is_empty());
                lines.map(|line| T::read(Raw::Untyped(line), place)).collect()
            }
            raw => T::read(raw, place).map(|only| vec![only]),
        }
    }
}

impl Value for SignatureMethod {
    fn read(raw: Raw<'_>, place: &Place<'_>) -> Result<Self, ConfigError> {
        static EXPECTED: LazyLock<String> = LazyLock::new(|| {
            let [others @ .., last] = SignatureMethod::ALL.map(SignatureMethod::name);
            format!("{} or {last}", others.join(", "))
        });
        let text = string(raw, place)?;
        text.parse().map_err(|_| place.bad(&EXPECTED, &text))
    }
}

impl Value for Pkcs11Uri {
    fn read(raw: Raw<'_>, place: &Place<'_>) -> Result<Self, ConfigError> {
        let text = string(raw, place)?;
        text.parse().map_err(|error| ConfigError::Pkcs11Uri {
            at: place.at(),
            key: place.key.to_owned(),
            error,
        })
    }
}

impl Value for bool {
    fn read(raw: Raw<'_>, place: &Place<'_>) -> Result<Self, ConfigError> {
        match raw {
            Raw::Flag(flag) => Ok(flag),
            // The words of Python's ConfigParser.
            Raw::Untyped(word) => match word.to_ascii_lowercase().as_str() {
                "true" | "yes" | "on" | "1" => Ok(true),
                "false" | "no" | "off" | "0" => Ok(false),
                _ => Err(place.bad("true or false", &word)),
            },
            raw => Err(place.wrong_type("a boolean", raw)),
        }
    }
}

/// A timeout as it is written, here and on the command line.
///
/// # Errors
/// In words, if it is none.
pub fn timeout(text: &str) -> Result<Duration, String> {
    text.parse().ok().and_then(seconds).ok_or_else(|| format!("it is not {TIMEOUT}"))
}

fn seconds(number: f64) -> Option<Duration> {
    let duration = Duration::try_from_secs_f64(number).ok()?;
    (!duration.is_zero() && number <= MAX_TIMEOUT).then_some(duration)
}

impl Value for Duration {
    fn read(raw: Raw<'_>, place: &Place<'_>) -> Result<Self, ConfigError> {
        match raw {
            Raw::Number(number) => seconds(number).ok_or_else(|| place.bad(TIMEOUT, &number)),
            Raw::Untyped(text) => timeout(text).map_err(|_| place.bad(TIMEOUT, &text)),
            raw => Err(place.wrong_type("a number", raw)),
        }
    }
}

/// A number of bytes, as `500M` or `10 GB` would be written: `500M`, `10GB`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size(pub u64);

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        crate::cli::image::size(text).map(Self)
    }
}

impl Value for Size {
    fn read(raw: Raw<'_>, place: &Place<'_>) -> Result<Self, ConfigError> {
        const EXPECTED: &str = "a number of bytes such as 10485760 or \"10M\"";
        match raw {
            Raw::Number(number) => whole(number).map(Self).ok_or_else(|| place.bad(EXPECTED, &number)),
            Raw::Text(text) | Raw::Untyped(text) => text.parse().map_err(|_| place.bad(EXPECTED, &text)),
            raw => Err(place.wrong_type(EXPECTED, raw)),
        }
    }
}

/// A whole number from 1 on.
fn whole(number: f64) -> Option<u64> {
    // 2^53: up to there every whole number is one of these.
    let is_whole = number.fract() == 0.0 && (1.0..=9_007_199_254_740_992.0).contains(&number);
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is one of those")]
    is_whole.then_some(number as u64)
}

impl Value for usize {
    fn read(raw: Raw<'_>, place: &Place<'_>) -> Result<Self, ConfigError> {
        const EXPECTED: &str = "a whole number above 0";
        let read = |number| whole(number).and_then(|number| Self::try_from(number).ok());
        match raw {
            Raw::Number(number) => read(number).ok_or_else(|| place.bad(EXPECTED, &number)),
            Raw::Untyped(text) => {
                text.parse().ok().filter(|number| *number > 0).ok_or_else(|| place.bad(EXPECTED, &text))
            }
            raw => Err(place.wrong_type("a number", raw)),
        }
    }
}

/// A time that is long: a number of hours, at most a year.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hours(pub u32);

/// The hours of a year.
const MAX_HOURS: u32 = 8760;

/// What a long time is.
const HOURS: &str = "a whole number of hours from 1 to 8760";

impl Hours {
    /// The same in seconds.
    pub const fn duration(self) -> Duration {
        Duration::from_secs(self.0 as u64 * 3600)
    }
}

impl FromStr for Hours {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let hours = text.parse().ok().filter(|hours| (1..=MAX_HOURS).contains(hours));
        hours.map(Self).ok_or_else(|| format!("it is not {HOURS}"))
    }
}

impl Value for Hours {
    fn read(raw: Raw<'_>, place: &Place<'_>) -> Result<Self, ConfigError> {
        match raw {
            Raw::Number(number) => number.to_string().parse().map_err(|_| place.bad(HOURS, &number)),
            Raw::Untyped(text) => text.parse().map_err(|_| place.bad(HOURS, &text)),
            raw => Err(place.wrong_type("a number", raw)),
        }
    }
}

/// How a log is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

impl Value for LogFormat {
    fn read(raw: Raw<'_>, place: &Place<'_>) -> Result<Self, ConfigError> {
        match string(raw, place)? {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            other => Err(place.bad("text or json", &other)),
        }
    }
}

/// How it is found out that an image in the cache is what it was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum VerifyCache {
    /// By its inode, size and times.
    #[default]
    Mtime,
    /// By reading it.
    Always,
}

impl Value for VerifyCache {
    fn read(raw: Raw<'_>, place: &Place<'_>) -> Result<Self, ConfigError> {
        match string(raw, place)? {
            "mtime" => Ok(Self::Mtime),
            "always" => Ok(Self::Always),
            other => Err(place.bad("mtime or always", &other)),
        }
    }
}

impl Value for SocketAddr {
    fn read(raw: Raw<'_>, place: &Place<'_>) -> Result<Self, ConfigError> {
        let text = string(raw, place)?;
        text.parse().map_err(|_| place.bad("an address and a port such as 127.0.0.1:8081", &text))
    }
}

impl Value for HttpUrl {
    fn read(raw: Raw<'_>, place: &Place<'_>) -> Result<Self, ConfigError> {
        // The error does not repeat what could be a password in it.
        string(raw, place)?.parse().map_err(|error| ConfigError::Url {
            at: place.at(),
            key: place.key.to_owned(),
            error,
        })
    }
}

/// The password in a URL, as libpq reads it.
pub(crate) fn password_in_url(url: &str) -> Option<&str> {
    let (_, rest) = url.split_once("://")?;
    if let Some((_, query)) = rest.split_once('?')
        && let Some(password) = query.split('&').find_map(|pair| pair.strip_prefix("password="))
    {
        return Some(password);
    }
    let (user, _) = rest.rsplit_once('@')?;
    user.split_once(':').map(|(_, password)| password)
}

impl Value for PathBuf {
    fn read(raw: Raw<'_>, place: &Place<'_>) -> Result<Self, ConfigError> {
        let text = string(raw, place)?;
        if text.is_empty() {
            return Err(place.bad("a path", &text));
        }
        if text == "~" || text.starts_with("~/") {
            let home = dirs::home_dir()
                .ok_or_else(|| ConfigError::NoHome { at: place.at(), key: place.key.to_owned() })?;
            return Ok(match text.strip_prefix("~/") {
                Some(rest) => home.join(rest.trim_start_matches('/')),
                None => home,
            });
        }
        let stays = match place.key {
            // Standard input.
            "p12_password_file" | "mail_password_file" => text == "-",
            "output_manifest_file" => true,
            _ => false,
        };
        Ok(if stays { Self::from(text) } else { place.folder.join(text) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_in_urls_are_noticed() {
        for (url, password) in [
            ("postgres://jane:secret@host/db", Some("secret")),
            ("postgres://jane:@host/db", Some("")),
            ("postgres://host/db?sslmode=require&password=secret", Some("secret")),
            ("postgres://jane@host/db", None),
            ("postgres://host:5432/db", None),
            ("postgres:///db?host=/run/postgresql", None),
            ("host", None),
        ] {
            assert_eq!(password_in_url(url), password, "{url}");
        }
    }
}

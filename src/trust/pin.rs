//! Endorsers by name, address or certificate, of whom one is required.
//!
//! Anyone can make a certificate with any name in it. A name therefore counts only where a verified
//! path leads from the certificate to an anchor, and an address only if it is in the certificate; the
//! fingerprint of a certificate counts by itself. For a proxy all of this is the end entity's, whom only
//! a verified path tells: proxies come and go.

use std::{fmt, str::FromStr};

use crate::{Certificate, DistinguishedName, Email};

/// One endorser.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Pin {
    /// By the first rfc822Name of the certificate.
    Email(Email),
    /// By the subject, compared as the exact text that entries have. One with U+FFFD in it is that of
    /// several names, and is not parsed from text.
    Subject(DistinguishedName),
    /// By the SHA-256 of the certificate: 64 lower-case hexadecimal digits.
    Fingerprint(String),
}

/// The SHA-256 of a certificate.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Fingerprint(String);

impl Fingerprint {
    /// Whether it is this certificate's.
    pub fn is_of(&self, certificate: &Certificate) -> bool {
        certificate.sha256_fingerprint() == self.0
    }
}

impl FromStr for Fingerprint {
    type Err = PinError;

    fn from_str(value: &str) -> Result<Self, PinError> {
        fingerprint(value.trim()).map(Self).ok_or_else(|| PinError::Unknown { value: value.to_owned() })
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a text names no endorser.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PinError {
    /// The form of OpenSSL and Globus, in which several names look alike.
    #[error(
        "'{value}' is a subject with slashes, which can stand for several; write it as entries have it, CN=…,O=…"
    )]
    Slashes {
        /// The text.
        value: String,
    },
    /// With U+FFFD, which stands for any octet that is no UTF-8 ([`DistinguishedName::from_der`]).
    #[error(
        "'{value}' stands for several subjects: \u{fffd} is what entries have for octets that are no UTF-8; give the SHA-256 fingerprint of the certificate"
    )]
    Replaced {
        /// The text.
        value: String,
    },
    /// Nothing of the three.
    #[error(
        "'{value}' is no e-mail address, no subject (CN=…,O=…) and no SHA-256 fingerprint (64 hexadecimal digits)"
    )]
    Unknown {
        /// The text.
        value: String,
    },
}

/// Why an endorser is none of those required.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PinMismatch {
    /// Somebody else.
    #[error("the entry is endorsed by '{subject}' <{email}>, not by {expected}")]
    Other {
        /// The subject of the endorser's certificate.
        subject: DistinguishedName,
        /// The address that the entry states.
        email: String,
        /// Who would do.
        expected: String,
    },
    /// The address is only stated: the certificate has none.
    #[error(
        "the entry states the e-mail address {email}, but the certificate of '{subject}' has none to prove it"
    )]
    NoEmail {
        /// The address.
        email: Email,
        /// The subject of the endorser's certificate.
        subject: DistinguishedName,
    },
    /// The name is right, but anyone could have put it there.
    #[error("the certificate of '{subject}' has the name of {pin}, but {reason}")]
    Untrusted {
        /// The subject of the endorser's certificate.
        subject: DistinguishedName,
        /// Whose name it has.
        pin: Pin,
        /// Why the name does not count.
        reason: String,
    },
}

impl FromStr for Pin {
    type Err = PinError;

    fn from_str(value: &str) -> Result<Self, PinError> {
        let value = value.trim();
        if let Ok(email) = value.parse() {
            return Ok(Self::Email(email));
        }
        if value.starts_with('/') {
            return Err(PinError::Slashes { value: value.to_owned() });
        }
        if let Some(digits) = fingerprint(value) {
            return Ok(Self::Fingerprint(digits));
        }
        if is_subject(value) {
            if value.contains(char::REPLACEMENT_CHARACTER) {
                return Err(PinError::Replaced { value: value.to_owned() });
            }
            return Ok(Self::Subject(DistinguishedName::from_text(value)));
        }
        Err(PinError::Unknown { value: value.to_owned() })
    }
}

impl fmt::Display for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Email(email) => write!(f, "{email}"),
            Self::Subject(subject) => write!(f, "'{subject}'"),
            Self::Fingerprint(digits) => write!(f, "the certificate sha256:{digits}"),
        }
    }
}

impl Pin {
    /// The first of `pins` that the holder of `endorser` is. `stated` is the address in the entry;
    /// `path` is an error with the reason if no verified path leads from the certificate to an anchor.
    ///
    /// # Errors
    /// [`PinMismatch`] if there is none.
    pub fn find<'a>(
        pins: &'a [Self],
        endorser: &Certificate,
        stated: &str,
        path: Result<(), String>,
    ) -> Result<&'a Self, PinMismatch> {
        let subject = || endorser.subject().clone();
        let fits = |pin: &&Self| match pin {
            Self::Email(email) => endorser.email() == Some(email.as_str()),
            Self::Subject(subject) => endorser.subject() == subject,
            Self::Fingerprint(digits) => endorser.sha256_fingerprint() == *digits,
        };
        let exact = |pin: &&Self| matches!(pin, Self::Fingerprint(_));
        if let Some(pin) = pins.iter().find(|pin| fits(pin) && (path.is_ok() || exact(pin))) {
            return Ok(pin);
        }
        if let (Err(reason), Some(pin)) = (path, pins.iter().find(fits)) {
            return Err(PinMismatch::Untrusted { subject: subject(), pin: pin.clone(), reason });
        }
        let unproven = pins.iter().find_map(|pin| match pin {
            Self::Email(email) if endorser.email().is_none() && email.as_str() == stated => Some(email),
            _ => None,
        });
        if let Some(email) = unproven {
            return Err(PinMismatch::NoEmail { email: email.clone(), subject: subject() });
        }
        let expected = pins.iter().map(Self::to_string).collect::<Vec<_>>().join(" or ");
        Err(PinMismatch::Other { subject: subject(), email: stated.to_owned(), expected })
    }
}

/// What may stand before a fingerprint: the algorithm, also as `openssl x509 -fingerprint` has it.
const FINGERPRINT_PREFIXES: [&str; 2] = ["sha256:", "sha256 fingerprint="];

/// 64 hexadecimal digits, perhaps with colons between them and a prefix.
fn fingerprint(value: &str) -> Option<String> {
    let lower = value.to_ascii_lowercase();
    let bare = FINGERPRINT_PREFIXES.iter().find_map(|prefix| lower.strip_prefix(prefix)).unwrap_or(&lower);
    let digits = bare.replace(':', "");
    let hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    (hex && digits.len() == 64).then_some(digits)
}

/// Whether a text begins like a name of RFC 2253: a type, by keyword or in numbers, and `=`.
fn is_subject(value: &str) -> bool {
    let Some((kind, _)) = value.split_once('=') else { return false };
    let numbers = kind.split('.').all(|arc| !arc.is_empty() && arc.bytes().all(|byte| byte.is_ascii_digit()));
    numbers || (!kind.is_empty() && kind.bytes().all(|byte| byte.is_ascii_alphabetic()))
}

//! PKCS #11 URIs (RFC 7512), read strictly. A name in one says which key signs: what is not
//! understood is refused rather than left out of the search.

use std::{
    fmt::{self, Write as _},
    ops::RangeInclusive,
    path::{Path, PathBuf},
    str::FromStr,
};

use zeroize::Zeroizing;

use super::super::Password;

/// The longest URI read, in bytes.
pub const MAX_URI_BYTES: usize = 4096;

const SCHEME: &str = "pkcs11:";

/// Which key, on which token, by which module, and where its PIN is. `Display` shows the path
/// component only, so never a PIN.
#[derive(Clone, Debug, Default)]
pub struct Pkcs11Uri {
    path: String,
    pub(super) token: Option<String>,
    pub(super) manufacturer: Option<String>,
    pub(super) serial: Option<String>,
    pub(super) model: Option<String>,
    pub(super) library_manufacturer: Option<String>,
    pub(super) library_description: Option<String>,
    /// Major and minor version.
    pub(super) library_version: Option<(u8, u8)>,
    pub(super) slot_description: Option<String>,
    pub(super) slot_manufacturer: Option<String>,
    pub(super) slot_id: Option<u64>,
    pub(super) object: Option<Vec<u8>>,
    pub(super) id: Option<Vec<u8>>,
    module_path: Option<PathBuf>,
    module_name: Option<String>,
    pin: Option<TokenPin>,
}

/// Where a URI says that the PIN is.
#[derive(Clone, Debug)]
pub enum TokenPin {
    /// `pin-value`: in the URI.
    Value(Password),
    /// `pin-source`: in this file, as its only line.
    File(PathBuf),
}

/// Why a text is no PKCS #11 URI that names a key. No variant holds a value, which may be a PIN.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UriError {
    /// Longer than [`MAX_URI_BYTES`].
    #[error("a PKCS #11 URI of {length} bytes, more than the {MAX_URI_BYTES} that are read")]
    TooLong {
        /// Its length in bytes.
        length: usize,
    },
    /// Another kind of URI, or none.
    #[error("a PKCS #11 URI begins with '{SCHEME}'")]
    Scheme,
    /// Not `name=value`.
    #[error("attribute {number} of the PKCS #11 URI's {part} is not of the form NAME=VALUE")]
    Form {
        /// Which one, from 1.
        number: usize,
        /// `path` or `query`.
        part: &'static str,
    },
    /// A character that has to be percent-encoded (RFC 7512 §2.3).
    #[error(
        "the PKCS #11 URI's attribute '{attribute}' has the character '{}', which must be written as {}",
        character.escape_default(), encoded(*character)
    )]
    Character {
        /// The attribute.
        attribute: String,
        /// The character.
        character: char,
    },
    /// A percent sign without two hexadecimal digits (RFC 3986 §2.1).
    #[error("the PKCS #11 URI's attribute '{attribute}' has a percent sign without two hexadecimal digits")]
    PercentEncoding {
        /// The attribute.
        attribute: String,
    },
    /// Octets that are no UTF-8, or NUL, where text is wanted.
    #[error("the PKCS #11 URI's attribute '{attribute}' is not text")]
    Text {
        /// The attribute.
        attribute: String,
    },
    /// Neither an attribute of RFC 7512 nor one whose name begins with `x-`.
    #[error("the PKCS #11 URI has the unknown attribute '{attribute}'")]
    Unknown {
        /// The attribute.
        attribute: String,
    },
    /// On the wrong side of the question mark.
    #[error("the PKCS #11 URI's attribute '{attribute}' belongs in its {part}")]
    Misplaced {
        /// The attribute.
        attribute: String,
        /// `path` or `query`.
        part: &'static str,
    },
    /// An attribute may occur once (RFC 7512 §2.3).
    #[error("the PKCS #11 URI has the attribute '{attribute}' twice")]
    Twice {
        /// The attribute.
        attribute: String,
    },
    /// A value that this attribute cannot have.
    #[error("the PKCS #11 URI's attribute '{attribute}' is not {expected}")]
    Value {
        /// The attribute.
        attribute: String,
        /// What it has to be, with its article.
        expected: &'static str,
    },
    /// `type` is something else than `private`.
    #[error("the PKCS #11 URI names an object of type '{object_type}', but a private key signs")]
    NotPrivate {
        /// The type: `cert`, `public`, …
        object_type: &'static str,
    },
    /// RFC 7512 §2.4: such a URI should be refused.
    #[error("the PKCS #11 URI has both pin-value and pin-source")]
    TwoPins,
    /// `pin-source` names a program to run.
    #[error("the PKCS #11 URI's pin-source is a command, which is not run")]
    PinCommand,
}

/// How a character is written in a URI.
fn encoded(character: char) -> String {
    let mut buffer = [0; 4];
    percent_encoded(character.encode_utf8(&mut buffer).as_bytes())
}

/// Octets as any component of a URI may hold them (RFC 3986 §2.1).
pub(super) fn percent_encoded(octets: &[u8]) -> String {
    octets.iter().fold(String::new(), |mut text, octet| {
        // Writing to a String does not fail.
        let _ = write!(text, "%{octet:02X}");
        text
    })
}

impl fmt::Display for Pkcs11Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SCHEME}{}", self.path)
    }
}

impl Pkcs11Uri {
    /// Where it says that the PIN is.
    pub fn pin(&self) -> Option<&TokenPin> {
        self.pin.as_ref()
    }

    /// `module-path`: the module, or the folder with it; absolute.
    pub fn module_path(&self) -> Option<&Path> {
        self.module_path.as_deref()
    }

    /// `module-name`: the module's file without folder and ending.
    pub fn module_name(&self) -> Option<&str> {
        self.module_name.as_deref()
    }
}

impl FromStr for Pkcs11Uri {
    type Err = UriError;

    fn from_str(text: &str) -> Result<Self, UriError> {
        if text.len() > MAX_URI_BYTES {
            return Err(UriError::TooLong { length: text.len() });
        }
        // RFC 3986 §3.1: schemes know no case.
        let rest = match text.split_at_checked(SCHEME.len()) {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case(SCHEME) => rest,
            _ => return Err(UriError::Scheme),
        };
        let (path, query) = rest.split_once('?').map_or((rest, None), |(path, query)| (path, Some(query)));
        let mut uri = Self { path: path.to_owned(), ..Self::default() };
        for attribute in attributes(path, &PATH)? {
            uri.set_path(&attribute)?;
        }
        for attribute in attributes(query.unwrap_or_default(), &QUERY)? {
            uri.set_query(&attribute)?;
        }
        Ok(uri)
    }
}

/// One of the two components of a URI (RFC 7512 §2.3).
struct Part {
    name: &'static str,
    delimiter: char,
    /// What values may hold beside unreserved characters and `pk11-res-avail`.
    also: &'static str,
    attributes: &'static [&'static str],
}

const PATH: Part = Part {
    name: "path",
    delimiter: ';',
    also: "&",
    attributes: &[
        "token",
        "manufacturer",
        "serial",
        "model",
        "library-manufacturer",
        "library-description",
        "library-version",
        "slot-description",
        "slot-manufacturer",
        "slot-id",
        "object",
        "type",
        "id",
    ],
};

const QUERY: Part = Part {
    name: "query",
    delimiter: '&',
    also: "/?|",
    attributes: &["module-path", "module-name", "pin-source", "pin-value"],
};

/// An attribute with its value decoded.
struct Attribute<'a> {
    name: &'a str,
    octets: Zeroizing<Vec<u8>>,
}

/// The attributes of a component, in their order; vendors' are left out.
fn attributes<'a>(component: &'a str, part: &Part) -> Result<Vec<Attribute<'a>>, UriError> {
    let mut found: Vec<Attribute<'a>> = Vec::new();
    if component.is_empty() {
        return Ok(found);
    }
    for (index, attribute) in component.split(part.delimiter).enumerate() {
        let form = UriError::Form { number: index + 1, part: part.name };
        let Some((name, value)) = attribute.split_once('=') else { return Err(form) };
        // pk11-v-attr-nm-char
        let in_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        if name.is_empty() || !name.bytes().all(in_name) {
            return Err(form);
        }
        let octets = decoded(name, value, part)?;
        if !part.attributes.contains(&name) {
            let other = [&PATH, &QUERY].into_iter().find(|other| other.attributes.contains(&name));
            match other {
                Some(other) => {
                    return Err(UriError::Misplaced { attribute: name.to_owned(), part: other.name });
                }
                // RFC 7512 §2.3 leaves the names of vendors' attributes open, so that a misspelt one
                // is nobody's; its example has x-.
                None if name.starts_with("x-") => continue,
                None => return Err(UriError::Unknown { attribute: name.to_owned() }),
            }
        }
        if found.iter().any(|known| known.name == name) {
            return Err(UriError::Twice { attribute: name.to_owned() });
        }
        found.push(Attribute { name, octets });
    }
    Ok(found)
}

/// The octets a value stands for.
fn decoded(name: &str, value: &str, part: &Part) -> Result<Zeroizing<Vec<u8>>, UriError> {
    const RESERVED_AVAILABLE: &str = ":[]@!$'()*+,=";
    let digit = |character: Option<char>| character.and_then(|character| character.to_digit(16));
    // A growing text would leave copies of a PIN behind.
    let mut octets = Zeroizing::new(Vec::with_capacity(value.len()));
    let mut characters = value.chars();
    while let Some(character) = characters.next() {
        let unreserved = character.is_ascii_alphanumeric() || "-._~".contains(character);
        if character == '%' {
            let octet = digit(characters.next()).zip(digit(characters.next()));
            let octet = octet.and_then(|(high, low)| u8::try_from(16 * high + low).ok());
            let none = || UriError::PercentEncoding { attribute: name.to_owned() };
            octets.push(octet.ok_or_else(none)?);
        } else if unreserved || RESERVED_AVAILABLE.contains(character) || part.also.contains(character) {
            octets.extend(u8::try_from(character));
        } else if name == "pin-value" {
            return Err(UriError::Value { attribute: name.to_owned(), expected: "percent-encoded" });
        } else {
            return Err(UriError::Character { attribute: name.to_owned(), character });
        }
    }
    Ok(octets)
}

impl Attribute<'_> {
    fn text(&self) -> Result<String, UriError> {
        match std::str::from_utf8(&self.octets) {
            Ok(text) if !text.contains('\0') => Ok(text.to_owned()),
            _ => Err(UriError::Text { attribute: self.name.to_owned() }),
        }
    }

    fn is_not(&self, expected: &'static str) -> UriError {
        UriError::Value { attribute: self.name.to_owned(), expected }
    }

    /// A decimal number.
    fn number<T: FromStr>(text: &str, digits: RangeInclusive<usize>) -> Option<T> {
        let decimal = digits.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse().ok().filter(|_| decimal)
    }

    fn absolute_path(&self, text: &str) -> Result<PathBuf, UriError> {
        let path = PathBuf::from(text);
        if path.is_absolute() { Ok(path) } else { Err(self.is_not("an absolute path")) }
    }

    fn version(&self) -> Result<(u8, u8), UriError> {
        let text = self.text()?;
        let (major, minor) = text.split_once('.').unwrap_or((&text, "0"));
        let (major, minor) = (Self::number(major, 1..=3), Self::number(minor, 1..=3));
        major.zip(minor).ok_or_else(|| self.is_not("a version M.N"))
    }

    fn object_type(&self) -> Result<(), UriError> {
        let object_type = match self.octets.as_slice() {
            b"private" => return Ok(()),
            b"public" => "public",
            b"cert" => "cert",
            b"secret-key" => "secret-key",
            b"data" => "data",
            _ => return Err(self.is_not("public, private, cert, secret-key or data")),
        };
        Err(UriError::NotPrivate { object_type })
    }

    /// RFC 7512 §2.4: a URI, or a command after `|`.
    fn pin_file(&self) -> Result<PathBuf, UriError> {
        let text = self.text()?;
        if text.starts_with('|') {
            return Err(UriError::PinCommand);
        }
        // RFC 8089 §2, and a path alone.
        let path = match text.split_once(':') {
            Some((scheme, path)) if scheme.eq_ignore_ascii_case("file") => {
                let local =
                    path.strip_prefix("//").map(|rest| rest.strip_prefix("localhost").unwrap_or(rest));
                local.unwrap_or(path)
            }
            _ => &text,
        };
        self.absolute_path(path).map_err(|_| self.is_not("a file: URI or an absolute path"))
    }
}

impl Pkcs11Uri {
    fn set_path(&mut self, attribute: &Attribute<'_>) -> Result<(), UriError> {
        let text = |place: &mut Option<String>| attribute.text().map(|text| *place = Some(text));
        match attribute.name {
            "token" => text(&mut self.token),
            "manufacturer" => text(&mut self.manufacturer),
            "serial" => text(&mut self.serial),
            "model" => text(&mut self.model),
            "library-manufacturer" => text(&mut self.library_manufacturer),
            "library-description" => text(&mut self.library_description),
            "library-version" => attribute.version().map(|version| self.library_version = Some(version)),
            "slot-description" => text(&mut self.slot_description),
            "slot-manufacturer" => text(&mut self.slot_manufacturer),
            "slot-id" => {
                let number = Attribute::number(&attribute.text()?, 1..=20);
                self.slot_id = Some(number.ok_or_else(|| attribute.is_not("a number"))?);
                Ok(())
            }
            "object" => attribute.text().map(|text| self.object = Some(text.into_bytes())),
            "id" if attribute.octets.is_empty() => Err(attribute.is_not("an identifier")),
            "id" => {
                self.id = Some(attribute.octets.to_vec());
                Ok(())
            }
            _ => attribute.object_type(),
        }
    }

    fn set_query(&mut self, attribute: &Attribute<'_>) -> Result<(), UriError> {
        match attribute.name {
            "module-path" => {
                self.module_path = Some(attribute.absolute_path(&attribute.text()?)?);
                Ok(())
            }
            "module-name" => {
                let name = attribute.text()?;
                if name.is_empty() || name.contains('/') || name.starts_with('.') {
                    return Err(attribute.is_not("a file name without its folder"));
                }
                self.module_name = Some(name);
                Ok(())
            }
            _ if self.pin.is_some() => Err(UriError::TwoPins),
            "pin-value" => {
                self.pin = Some(TokenPin::Value(Password::new(attribute.text()?)));
                Ok(())
            }
            _ => {
                self.pin = Some(TokenPin::File(attribute.pin_file()?));
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests;

//! Distinguished names as entries write them.

use std::{borrow::Cow, fmt};

use der::{Decode as _, Error, ErrorKind, Header, Length, Reader as _, SliceReader, Tag};

use crate::checksum::hex;

/// The longest encoded name that is read, in bytes.
pub const MAX_NAME_BYTES: usize = 16 * 1024;

/// A distinguished name in the text form of RFC 2253 that entries carry, compared as that
/// exact string: there is no normalisation.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DistinguishedName(String);

/// Why bytes are no name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NameError {
    /// Not the DER encoding of a `Name` (RFC 5280 §4.1.2.4).
    #[error("malformed distinguished name: {0}")]
    Malformed(der::Error),
    /// Longer than [`MAX_NAME_BYTES`].
    #[error("a distinguished name of {length} bytes, more than the {MAX_NAME_BYTES} that are read")]
    TooLong {
        /// The length of the encoded name, in bytes.
        length: usize,
    },
}

impl DistinguishedName {
    /// The name a document states, taken as it stands.
    pub fn from_text(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text of an encoded `Name`: what Java's `X500Principal.getName()` prints for it, since
    /// that is what entries have been compared with from the beginning.
    ///
    /// # Errors
    /// [`NameError`] if `name` is not exactly one DER `Name` of at most [`MAX_NAME_BYTES`].
    pub fn from_der(name: &[u8]) -> Result<Self, NameError> {
        if name.len() > MAX_NAME_BYTES {
            return Err(NameError::TooLong { length: name.len() });
        }
        let mut reader = SliceReader::new(name).map_err(NameError::Malformed)?;
        let text = reader.sequence(rdn_sequence).map_err(NameError::Malformed)?;
        reader.finish().map_err(NameError::Malformed)?;
        Ok(Self(text))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for DistinguishedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// RFC 2253 §2.1: the last relative name is written first.
fn rdn_sequence(reader: &mut SliceReader<'_>) -> Result<String, Error> {
    let mut rdns = Vec::new();
    while !reader.is_finished() {
        rdns.push(rdn(reader)?);
    }
    rdns.reverse();
    Ok(rdns.join(","))
}

/// RFC 2253 §2.2. The values stay in the order of the encoding, which is not always that of DER.
fn rdn(reader: &mut SliceReader<'_>) -> Result<String, Error> {
    let header = Header::decode(reader)?;
    header.tag().assert_eq(Tag::Set)?;
    reader.read_nested(header.length(), |set| {
        let mut text = set.sequence(attribute)?;
        while !set.is_finished() {
            text.push('+');
            text.push_str(&set.sequence(attribute)?);
        }
        Ok(text)
    })
}

/// RFC 2253 §2.3. Types without a name in that section are written as numbers, and their values
/// as the octets of their encoding.
fn attribute(reader: &mut SliceReader<'_>) -> Result<String, Error> {
    let header = Header::decode(reader)?;
    header.tag().assert_eq(Tag::ObjectIdentifier)?;
    let oid = reader.read_slice(header.length())?;
    let (tag, content, encoded) = value(reader)?;
    let Some(keyword) = keyword(oid) else {
        let oid = dotted(oid).ok_or_else(|| reader.error(ErrorKind::OidMalformed))?;
        return Ok(format!("{oid}=#{}", hex(encoded)));
    };
    Ok(match string_value(tag, content) {
        Some(text) => format!("{keyword}={}", escaped(&text)),
        None => format!("{keyword}=#{}", hex(encoded)),
    })
}

/// An attribute value as its identifier octet, its content and its whole encoding. The tag is
/// not interpreted: `der` refuses `UniversalString`, which names may hold.
fn value<'a>(reader: &mut SliceReader<'a>) -> Result<(u8, &'a [u8], &'a [u8]), Error> {
    let mut ahead = reader.clone();
    let start = ahead.position();
    let tag = ahead.read_byte()?;
    // X.690 §8.1.2.4: these bits announce a tag of several octets, which no value type has.
    if tag & 0x1f == 0x1f {
        return Err(ahead.error(ErrorKind::TagNumberInvalid));
    }
    let length = Length::decode(&mut ahead)?;
    let content = ahead.read_slice(length)?;
    let encoded = reader.read_slice(ahead.position().saturating_sub(start))?;
    Ok((tag, content, encoded))
}

/// The nine types RFC 2253 §2.3 names; all are in X.520 (2.5.4) or RFC 4519.
fn keyword(oid: &[u8]) -> Option<&'static str> {
    Some(match oid {
        [0x55, 0x04, 3] => "CN",
        [0x55, 0x04, 6] => "C",
        [0x55, 0x04, 7] => "L",
        [0x55, 0x04, 8] => "ST",
        [0x55, 0x04, 9] => "STREET",
        [0x55, 0x04, 10] => "O",
        [0x55, 0x04, 11] => "OU",
        // 0.9.2342.19200300.100.1: the pilot directory's (RFC 1274)
        [0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 0x01, 1] => "UID",
        [0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 0x01, 25] => "DC",
        _ => return None,
    })
}

/// An object identifier in numbers (X.690 §8.19), of up to 128 bits for the UUIDs under 2.25.
/// `der` stops at 32 bits.
fn dotted(oid: &[u8]) -> Option<String> {
    let mut arcs: Vec<u128> = Vec::new();
    for encoded in oid.split_inclusive(|octet| octet & 0x80 == 0) {
        // Each number takes as few octets as it can, and only its last has bit 8 clear.
        if encoded.first() == Some(&0x80) || encoded.last().is_none_or(|octet| octet & 0x80 != 0) {
            return None;
        }
        let shifted = |arc: u128, octet: &u8| Some(arc.checked_mul(0x80)? | u128::from(octet & 0x7f));
        arcs.push(encoded.iter().try_fold(0, shifted)?);
    }
    // The first number holds the first two arcs.
    let (&first, rest) = arcs.split_first()?;
    let root = (first / 40).min(2);
    let arcs = [root, first - 40 * root].into_iter().chain(rest.iter().copied());
    Some(arcs.map(|arc| arc.to_string()).collect::<Vec<_>>().join("."))
}

/// The text of the string types, by identifier octet; `None` for every other type.
///
/// Whatever the type, Java up to 17 reads the octets as UTF-8 and puts U+FFFD for what is not.
/// Entries hold names made that way, so later versions, which read ISO 8859-1 and UTF-16, are
/// not followed.
fn string_value(tag: u8, content: &[u8]) -> Option<Cow<'_, str>> {
    // UTF8String, PrintableString, TeletexString, IA5String, GeneralString, BMPString
    matches!(tag, 0x0c | 0x13 | 0x14 | 0x16 | 0x1b | 0x1e).then(|| String::from_utf8_lossy(content))
}

/// RFC 2253 §2.4, with what Java escapes beyond it: `=` and `#` everywhere, NUL, and every
/// blank or carriage return at either end.
fn escaped(text: &str) -> String {
    let blank = |c| matches!(c, ' ' | '\r');
    // Of blanks alone, all are leading ones.
    let lead = text.len() - text.trim_start_matches(blank).len();
    let trail = text.trim_end_matches(blank).len();
    let mut out = String::with_capacity(text.len() + 8);
    for (at, c) in text.char_indices() {
        match c {
            '\0' => out.push_str("\\00"),
            ',' | '=' | '+' | '<' | '>' | '#' | ';' | '"' | '\\' => out.extend(['\\', c]),
            _ if at < lead || at >= trail => out.extend(['\\', c]),
            _ => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests;

//! The name of an image: its SHA-1 in 27 characters.

use std::{fmt, str::FromStr};

/// Digits 0-63 of an identifier. The alphabet of base64url (RFC 4648 §5), but not its alignment.
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Length of an identifier in characters: 27 × 6 = 162 bits hold the 160 of a SHA-1.
pub const IDENTIFIER_LENGTH: usize = 27;

/// An image identifier: the SHA-1 of the uncompressed image, as an unsigned big-endian
/// integer of 160 bits written in 27 base-64 digits, most significant first.
///
/// ```
/// let empty: stratuslab::Identifier = "No5o-5ea0sNMlW_75VgGJCv2AcJ".parse()?;
/// assert_eq!(empty.sha1_hex(), "da39a3ee5e6b4b0d3255bfef95601890afd80709");
/// # Ok::<(), stratuslab::identifier::IdentifierError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identifier([u8; 20]);

/// Why a text is no identifier.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IdentifierError {
    /// Not 27 characters long.
    #[error("invalid identifier '{value}': {length} characters instead of 27")]
    Length {
        /// The text as given.
        value: String,
        /// Its length in characters.
        length: usize,
    },
    /// A character outside `A-Z a-z 0-9 - _`.
    #[error("invalid identifier '{value}': '{character}' is not one of A-Z a-z 0-9 - _")]
    Character {
        /// The text as given.
        value: String,
        /// The first character that does not belong.
        character: char,
    },
    /// More than 160 bits: no SHA-1 has this identifier.
    #[error("invalid identifier '{value}': it starts beyond 'P', so it encodes more than 160 bits")]
    Overflow {
        /// The text as given.
        value: String,
    },
}

impl Identifier {
    /// The identifier of the image with this SHA-1.
    pub const fn from_sha1(sha1: [u8; 20]) -> Self {
        Self(sha1)
    }

    /// The same from 40 hexadecimal digits; `None` if they are not that.
    pub(crate) fn from_sha1_hex(digits: &str) -> Option<Self> {
        if digits.len() != 40 || !digits.is_ascii() {
            return None;
        }
        let mut sha1 = [0; 20];
        for (byte, at) in sha1.iter_mut().zip((0..).step_by(2)) {
            *byte = u8::from_str_radix(digits.get(at..at + 2)?, 16).ok()?;
        }
        Some(Self(sha1))
    }

    /// The 20 bytes of the SHA-1.
    pub const fn sha1(self) -> [u8; 20] {
        self.0
    }

    /// The SHA-1 in 40 lower-case hexadecimal digits.
    pub fn sha1_hex(self) -> String {
        crate::checksum::hex(&self.0)
    }
}

impl FromStr for Identifier {
    type Err = IdentifierError;

    fn from_str(value: &str) -> Result<Self, IdentifierError> {
        let length = value.chars().count();
        if length != IDENTIFIER_LENGTH {
            return Err(IdentifierError::Length { value: value.to_owned(), length });
        }
        let mut bytes = [0; 20];
        // `pending` holds the low `bits` bits that do not fill a byte yet. The first digit
        // carries two bits of padding, which must be zero, so it counts for four.
        let (mut pending, mut bits, mut filled) = (0_u32, 0, 0);
        for (position, character) in value.chars().enumerate() {
            let Some(digit) = ALPHABET.iter().position(|&a| char::from(a) == character) else {
                return Err(IdentifierError::Character { value: value.to_owned(), character });
            };
            if position == 0 && digit >= 16 {
                return Err(IdentifierError::Overflow { value: value.to_owned() });
            }
            pending = (pending << 6) | u32::try_from(digit).unwrap_or_default();
            bits += if position == 0 { 4 } else { 6 };
            if bits >= 8 {
                bits -= 8;
                bytes[filled] = (pending >> bits).to_be_bytes()[3];
                filled += 1;
                pending &= (1 << bits) - 1;
            }
        }
        Ok(Self(bytes))
    }
}

impl fmt::Display for Identifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Two zero bits in front make 160 bits a multiple of six.
        let (mut pending, mut bits) = (0_u32, 2);
        for byte in self.0 {
            pending = (pending << 8) | u32::from(byte);
            bits += 8;
            while bits >= 6 {
                bits -= 6;
                let digit = ALPHABET[(pending >> bits) as usize & 63];
                fmt::Write::write_char(f, char::from(digit))?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn identifiers_match_the_published_vectors() {
        for (sha1, identifier) in [
            ("0000000000000000000000000000000000000000", "AAAAAAAAAAAAAAAAAAAAAAAAAAA"),
            ("ffffffffffffffffffffffffffffffffffffffff", "P__________________________"),
            ("c319bbd5afc0a22ba3eaed0507c39383ec28eeff", "MMZu9WvwKIro-rtBQfDk4PsKO7_"),
            ("1104f3e30c030f8b93f220b04131032dddf51f21", "BEE8-MMAw-Lk_IgsEExAy3d9R8h"),
            ("27b7b906c06b124c6d305a09758ed8564f4454d3", "Ce3uQbAaxJMbTBaCXWO2FZPRFTT"),
            ("024a8581d43fbf76d96ae3ec53b260bcddddad46", "AJKhYHUP7922Wrj7FOyYLzd3a1G"),
            ("137510490f881c7ceffb8b8f6fac7726d223e5db", "BN1EEkPiBx87_uLj2-sdybSI-Xb"),
            ("da39a3ee5e6b4b0d3255bfef95601890afd80709", "No5o-5ea0sNMlW_75VgGJCv2AcJ"),
            ("22596363b3de40b06f981fb85d82312e8c0ed511", "CJZY2Oz3kCwb5gfuF2CMS6MDtUR"),
        ] {
            let parsed: Identifier = identifier.parse().unwrap();
            assert_eq!(parsed.sha1_hex(), sha1);
            assert_eq!(parsed.to_string(), identifier);
        }
    }

    #[test]
    fn malformed_identifiers_are_refused_by_reason() {
        let parse = |s: &str| s.parse::<Identifier>().unwrap_err();
        assert!(matches!(parse("LwcRbwCa1YSysY1wftQdAj6Bwo"), IdentifierError::Length { length: 26, .. }));
        assert!(matches!(
            parse("LwcRbwCa1YSysY1wftQdAj6Bwo+"),
            IdentifierError::Character { character: '+', .. }
        ));
        assert!(matches!(parse("QAAAAAAAAAAAAAAAAAAAAAAAAAA"), IdentifierError::Overflow { .. }));
    }

    proptest! {
        #[test]
        fn every_sha1_round_trips(sha1: [u8; 20]) {
            let identifier = Identifier::from_sha1(sha1);
            prop_assert_eq!(identifier.to_string().parse::<Identifier>().unwrap(), identifier);
        }

        #[test]
        fn every_identifier_is_written_back_as_read(text in "[A-P][A-Za-z0-9_-]{26}") {
            prop_assert_eq!(text.parse::<Identifier>().unwrap().to_string(), text);
        }
    }
}

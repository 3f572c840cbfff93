//! The secret in the links of a confirmation mail.

use std::str::FromStr;

use openssl::{error::ErrorStack, rand::rand_bytes};
use sha2::{Digest as _, Sha256};

use crate::checksum::hex;

/// 128 random bits, written as UUIDs are (RFC 9562 §4), since links of the original have one there; no bit of
/// it says a version.
///
/// Whoever has it can confirm the entry. It is in the mail and nowhere else: the database has its SHA-256, and
/// its `Debug` and the log do not show it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Token([u8; 16]);

/// A text that is no token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NoToken;

/// Where the groups of digits begin.
const GROUPS: [std::ops::Range<usize>; 5] = [0..8, 8..12, 12..16, 16..20, 20..32];

impl Token {
    /// A new one.
    pub(super) fn random() -> Result<Self, ErrorStack> {
        let mut bytes = [0; 16];
        rand_bytes(&mut bytes)?;
        Ok(Self(bytes))
    }

    /// What the database has of it.
    pub(super) fn sha256(self) -> [u8; 32] {
        Sha256::digest(self.0).into()
    }

    /// As it is in links.
    pub(super) fn reveal(self) -> String {
        let digits = hex(&self.0);
        GROUPS.map(|group| digits.get(group).unwrap_or_default().to_owned()).join("-")
    }
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token")
    }
}

impl FromStr for Token {
    type Err = NoToken;

    /// Only as [`Token::reveal`] writes it, but in either case of letters.
    fn from_str(text: &str) -> Result<Self, NoToken> {
        let groups: Vec<&str> = text.split('-').collect();
        if groups.len() != GROUPS.len()
            || groups.iter().zip(GROUPS).any(|(group, of)| group.len() != of.len())
        {
            return Err(NoToken);
        }
        let mut bytes = [0; 16];
        let mut digits = groups.iter().flat_map(|group| group.chars()).map(|c| c.to_digit(16));
        for byte in &mut bytes {
            let (high, low) = (digits.next().flatten(), digits.next().flatten());
            let (high, low) = high.zip(low).ok_or(NoToken)?;
            *byte = u8::try_from(high * 16 + low).map_err(|_| NoToken)?;
        }
        Ok(Self(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_read_as_it_is_written_and_not_otherwise() {
        let token = Token::random().unwrap();
        let text = token.reveal();
        assert_eq!(text.len(), 36);
        assert_eq!(text.parse(), Ok(token));
        assert_eq!(text.to_uppercase().parse(), Ok(token));
        for other in [
            String::new(),
            text.replace('-', ""),
            format!("{text}0"),
            format!("{{{text}}}"),
            format!("urn:uuid:{text}"),
            text.replacen('-', "", 1) + "-",
            text.replace(|c: char| c.is_ascii_hexdigit(), "é"),
            "-".repeat(36),
            "0000000g-0000-0000-0000-000000000000".to_owned(),
            "00000000-0000-0000-00000000000000000".to_owned(),
            "+0000000-0000-0000-0000-000000000000".to_owned(),
        ] {
            assert_eq!(other.parse::<Token>(), Err(NoToken), "{other}");
        }
    }

    #[test]
    fn tokens_differ_and_are_not_shown() {
        let (one, other) = (Token::random().unwrap(), Token::random().unwrap());
        assert_ne!(one, other);
        assert_ne!(one.sha256(), other.sha256());
        assert_eq!(format!("{one:?}"), "Token");
    }
}

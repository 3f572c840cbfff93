//! Files that list checksums: `SHA512SUMS` and the like, as coreutils, the BSDs and OpenSSL write
//! them.

use std::{
    ffi::{OsStr, OsString},
    os::unix::ffi::{OsStrExt, OsStringExt},
};

use super::{Checksum, ChecksumAlgorithm};

/// The largest file that is read, in bytes: room for a hundred thousand SHA-512.
pub const MAX_BYTES: usize = 16 << 20;
/// The longest line shown in an error, in characters.
const MAX_SHOWN: usize = 100;
/// The longest name of an algorithm, in bytes.
const MAX_TAG: usize = 32;

/// The checksums that a file lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SumsFile {
    entries: Vec<SumsEntry>,
}

/// A line of such a file.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SumsEntry {
    /// The name of the file, in the bytes that are listed; `-` is by custom standard input.
    pub name: OsString,
    /// Its checksum.
    pub checksum: Checksum,
    /// The number of the line, from 1.
    pub line: usize,
}

/// Why a file is not one that lists checksums.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SumsError {
    /// A line of another form.
    #[error("line {line} is not a checksum and a name: {text}")]
    Line {
        /// Its number, from 1.
        line: usize,
        /// How it starts.
        text: String,
    },
    /// A checksum that no entry can state.
    #[error("line {line} has a {algorithm} checksum, which is not supported")]
    Unsupported {
        /// Its number, from 1.
        line: usize,
        /// The algorithm as the line names it, or by the number of digits.
        algorithm: String,
    },
    /// No line lists a checksum.
    #[error("no checksum is listed")]
    NotSums,
    /// An OpenPGP signature around or below the checksums. It would not be checked, and what is
    /// not checked should not look as if it were.
    #[error("the checksums are signed with OpenPGP, which is not checked here")]
    Signed,
    /// More than [`MAX_BYTES`].
    #[error("{bytes} bytes are too many for a list of checksums, which has at most {MAX_BYTES}")]
    TooLarge {
        /// Size of the file in bytes.
        bytes: usize,
    },
}

impl SumsFile {
    /// Reads what `sha512sum` and its like (GNU coreutils manual, "cksum output modes"), those of
    /// the BSDs (`SHA512 (NAME) = HEX`) or `openssl dgst` (`SHA2-512(NAME)= HEX`) write. Blank
    /// lines and lines that start with `#` are skipped.
    ///
    /// Without the name of the algorithm the number of digits tells it, so that what `b2sum` writes
    /// is taken for SHA-512. A name may be listed several times, also with different values.
    ///
    /// # Errors
    /// [`SumsError`] of the first line that cannot be read; nothing is returned of such a file.
    pub fn parse(bytes: &[u8]) -> Result<Self, SumsError> {
        if bytes.len() > MAX_BYTES {
            return Err(SumsError::TooLarge { bytes: bytes.len() });
        }
        let mut entries = Vec::new();
        for (line, text) in (1..).zip(bytes.split(|byte| *byte == b'\n')) {
            let text = text.strip_suffix(b"\r").unwrap_or(text);
            if text.starts_with(b"-----BEGIN PGP") {
                return Err(SumsError::Signed);
            }
            if text.trim_ascii().is_empty() || text.starts_with(b"#") {
                continue;
            }
            let (name, checksum) = parse_line(text).map_err(|problem| match problem {
                Problem::Form => SumsError::Line { line, text: shown(text) },
                Problem::Unsupported(algorithm) => SumsError::Unsupported { line, algorithm },
            })?;
            entries.push(SumsEntry { name, checksum, line });
        }
        if entries.is_empty() { Err(SumsError::NotSums) } else { Ok(Self { entries }) }
    }

    /// What is listed, in the order of the lines.
    pub fn entries(&self) -> &[SumsEntry] {
        &self.entries
    }

    /// What is listed under this name, with or without `./` before it.
    pub fn named<'a>(&'a self, name: &'a OsStr) -> impl Iterator<Item = &'a SumsEntry> {
        let name = plain(name);
        self.entries.iter().filter(move |entry| plain(&entry.name) == name)
    }
}

fn plain(name: &OsStr) -> &[u8] {
    name.as_bytes().strip_prefix(b"./").unwrap_or(name.as_bytes())
}

/// What is wrong with a line.
enum Problem {
    Form,
    Unsupported(String),
}

fn parse_line(line: &[u8]) -> Result<(OsString, Checksum), Problem> {
    let (escaped, line) = line.strip_prefix(b"\\").map_or((false, line), |rest| (true, rest));
    let Listed { algorithm, name, digits } = gnu(line).or_else(|| tagged(line)).ok_or(Problem::Form)?;
    let digits = str::from_utf8(digits).map_err(|_| Problem::Form)?;
    let name = if escaped { unescaped(name).ok_or(Problem::Form)? } else { name.to_vec() };
    if name.is_empty() || name.contains(&0) {
        return Err(Problem::Form);
    }
    let algorithm = algorithm.map_err(Problem::Unsupported)?;
    let checksum = Checksum::from_hex(algorithm, digits).map_err(|_| Problem::Form)?;
    Ok((OsString::from_vec(name), checksum))
}

/// The parts of a line.
struct Listed<'a> {
    /// Or the name of one that is not supported.
    algorithm: Result<ChecksumAlgorithm, String>,
    name: &'a [u8],
    /// Hexadecimal.
    digits: &'a [u8],
}

/// `HEX  NAME`, or `HEX *NAME` where the file was read as binary.
fn gnu(line: &[u8]) -> Option<Listed<'_>> {
    let length = line.iter().position(|byte| !byte.is_ascii_hexdigit())?;
    let (digits, rest) = line.split_at(length);
    let name = rest.strip_prefix(b"  ").or_else(|| rest.strip_prefix(b" *"))?;
    let known = ChecksumAlgorithm::ALL.into_iter().find(|algorithm| algorithm.hex_length() == length);
    let algorithm = match (known, length) {
        (Some(algorithm), _) => Ok(algorithm),
        (None, 56) => Err("SHA-224".to_owned()),
        (None, 96) => Err("SHA-384".to_owned()),
        (None, _) => return None,
    };
    Some(Listed { algorithm, name, digits })
}

/// `SHA512 (NAME) = HEX` as the BSDs have it, or `SHA512(NAME)= HEX` as OpenSSL does. The last
/// parenthesis with what follows it ends the name: the name may have it, the digits cannot.
fn tagged(line: &[u8]) -> Option<Listed<'_>> {
    let open = line.iter().position(|byte| *byte == b'(')?;
    let (before, rest) = (&line[..open], &line[open + 1..]);
    let (tag, close) = match before.strip_suffix(b" ") {
        Some(tag) => (tag, &b") = "[..]),
        None => (before, &b")= "[..]),
    };
    let end = rest.windows(close.len()).rposition(|window| window == close)?;
    let (name, digits) = (&rest[..end], &rest[end + close.len()..]);
    let is_tag = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'/' | b'_');
    if tag.is_empty() || tag.len() > MAX_TAG || !tag.iter().all(is_tag) {
        return None;
    }
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    let algorithm = match tag {
        b"MD5" => Ok(ChecksumAlgorithm::Md5),
        b"SHA1" => Ok(ChecksumAlgorithm::Sha1),
        b"SHA256" | b"SHA2-256" => Ok(ChecksumAlgorithm::Sha256),
        b"SHA512" | b"SHA2-512" => Ok(ChecksumAlgorithm::Sha512),
        other => Err(String::from_utf8_lossy(other).into_owned()),
    };
    Some(Listed { algorithm, name, digits })
}

/// A name with the escapes of a line that starts with a backslash; `None` if it has others.
fn unescaped(name: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = name.iter();
    let mut plain = Vec::with_capacity(name.len());
    while let Some(byte) = bytes.next() {
        plain.push(match byte {
            b'\\' => match bytes.next()? {
                b'\\' => b'\\',
                b'n' => b'\n',
                b'r' => b'\r',
                _ => return None,
            },
            other => *other,
        });
    }
    Some(plain)
}

/// The start of a line that may be as long as the file.
fn shown(line: &[u8]) -> String {
    // No character takes more than four bytes.
    let cut = &line[..line.len().min(4 * (MAX_SHOWN + 1))];
    let text = String::from_utf8_lossy(cut);
    match text.char_indices().nth(MAX_SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.into_owned(),
    }
}

#[cfg(test)]
mod tests;

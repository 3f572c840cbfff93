//! Text on a terminal: one message a line, no control characters from files or servers.

use std::fmt;
use std::io::{self, Write as _};
use std::path::Path;

use super::progress;

/// A path as it may be shown: control characters, directional overrides and bytes that are not
/// UTF-8 are escaped; everything else is as it is.
pub fn shown(path: &(impl AsRef<Path> + ?Sized)) -> impl fmt::Display + '_ {
    Shown(path.as_ref())
}

struct Shown<'a>(&'a Path);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for chunk in self.0.as_os_str().as_encoded_bytes().utf8_chunks() {
            escape(chunk.valid(), f)?;
            for byte in chunk.invalid() {
                write!(f, "\\x{byte:02x}")?;
            }
        }
        Ok(())
    }
}

/// Writes one line to stderr, beside a progress bar if there is one.
pub(super) fn line(message: impl fmt::Display) {
    let line = clean(message);
    progress::suspended(|| {
        // A closed stderr leaves no one to tell.
        let _ = writeln!(io::stderr().lock(), "{line}");
    });
}

/// `message` on one line.
pub(super) fn clean(message: impl fmt::Display) -> String {
    let mut line = String::new();
    // Writing to a String does not fail.
    let _ = escape(&message.to_string(), &mut line);
    line
}

/// The operating system's words for an error, without its number.
pub fn reason(error: &io::Error) -> String {
    let mut text = error.to_string();
    if let Some(at) = text.find(" (os error ") {
        text.truncate(at);
    }
    text
}

fn escape(text: &str, out: &mut impl fmt::Write) -> fmt::Result {
    for c in text.chars() {
        // U+202A-202E and U+2066-2069 reorder what follows them (Unicode UAX #9 §2).
        if c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}') {
            write!(out, "{}", c.escape_default())?;
        } else {
            out.write_char(c)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;

    use super::*;

    #[test]
    fn c22_paths_are_shown_on_one_line() {
        let cases: [(&[u8], &str); 5] = [
            (b"a b.xml", "a b.xml"),
            (b"a\nb.xml", "a\\nb.xml"),
            (b"\x1b[31m.xml", "\\u{1b}[31m.xml"),
            (b"\xff\xe9.xml", "\\xff\\xe9.xml"),
            ("é\u{202e}.xml".as_bytes(), "é\\u{202e}.xml"),
        ];
        for (bytes, expected) in cases {
            assert_eq!(shown(OsStr::from_bytes(bytes)).to_string(), expected);
        }
    }

    #[test]
    fn reasons_carry_no_numbers() {
        assert_eq!(reason(&io::Error::from_raw_os_error(2)), "No such file or directory");
        assert_eq!(reason(&io::Error::other("short")), "short");
    }
}

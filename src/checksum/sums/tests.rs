use std::{fs, path::Path, process::Command};

use proptest::prelude::*;

use super::*;
use crate::ImageDigests;

/// Names that need care, and the one character that is each file's content.
const NAMES: [&str; 9] =
    ["plain.img", "a b", "n\nl", "back\\slash", "p(a)r) = x", "*star", " leading", "c\rr", "caf\u{e9} # 1"];

fn parsed(text: impl AsRef<[u8]>) -> Result<SumsFile, SumsError> {
    SumsFile::parse(text.as_ref())
}

/// Algorithm, name and line of every entry.
fn listed(text: impl AsRef<[u8]>) -> Vec<(ChecksumAlgorithm, String, usize)> {
    let entry =
        |entry: &SumsEntry| (entry.checksum.algorithm(), entry.name.to_str().unwrap().to_owned(), entry.line);
    parsed(text).unwrap().entries().iter().map(entry).collect()
}

fn bad(line: usize, text: &str) -> Result<SumsFile, SumsError> {
    Err(SumsError::Line { line, text: text.to_owned() })
}

fn unsupported(line: usize, algorithm: &str) -> Result<SumsFile, SumsError> {
    Err(SumsError::Unsupported { line, algorithm: algorithm.to_owned() })
}

fn hex(algorithm: ChecksumAlgorithm) -> String {
    "0f".repeat(algorithm.hex_length() / 2)
}

#[test]
fn the_number_of_digits_or_the_tag_tells_the_algorithm() {
    for (algorithm, tags) in [
        (ChecksumAlgorithm::Md5, &["MD5"][..]),
        (ChecksumAlgorithm::Sha1, &["SHA1"]),
        (ChecksumAlgorithm::Sha256, &["SHA256", "SHA2-256"]),
        (ChecksumAlgorithm::Sha512, &["SHA512", "SHA2-512"]),
    ] {
        let hex = hex(algorithm);
        let mut lines = vec![format!("{hex}  x"), format!("{hex} *x"), format!("{}  x", hex.to_uppercase())];
        for tag in tags {
            lines.extend([format!("{tag} (x) = {hex}"), format!("{tag}(x)= {hex}")]);
        }
        for line in lines {
            assert_eq!(listed(&line), [(algorithm, "x".to_owned(), 1)], "{line}");
            assert_eq!(parsed(&line).unwrap().entries()[0].checksum.value(), hex);
        }
    }
}

#[test]
fn lines_end_as_anywhere_and_some_say_nothing() {
    let hex = hex(ChecksumAlgorithm::Md5);
    let text = format!("# made by hand\r\n\r\n{hex}  a\r\n \t\n#{hex}  b\n{hex} *c\r\n\\{hex}  d\\r\r\n");
    let expected = [("a", 3), ("c", 6), ("d\r", 7)].map(|(name, line)| (name.to_owned(), line));
    let found: Vec<_> = listed(text).into_iter().map(|(_, name, line)| (name, line)).collect();
    assert_eq!(found, expected);
}

#[test]
fn a_name_is_its_bytes() {
    let hex = hex(ChecksumAlgorithm::Md5);
    let mut text = format!("{hex}  ").into_bytes();
    text.extend(b"\xff\\n\xfe\n");
    assert_eq!(parsed(&text).unwrap().entries()[0].name.as_bytes(), b"\xff\\n\xfe");
}

#[test]
fn what_is_listed_is_found_by_name() {
    let [md5, sha1] = [ChecksumAlgorithm::Md5, ChecksumAlgorithm::Sha1].map(hex);
    let file = parsed(format!("{md5}  a/x\n{md5}  ./x\n{sha1}  x\n{sha1}  X\n")).unwrap();
    for name in ["x", "./x"] {
        let lines: Vec<_> = file.named(name.as_ref()).map(|entry| entry.line).collect();
        assert_eq!(lines, [2, 3]);
    }
}

#[test]
fn anything_else_is_an_error_with_its_line() {
    let (md5, sha512) = (hex(ChecksumAlgorithm::Md5), hex(ChecksumAlgorithm::Sha512));
    let good = format!("{md5}  x");
    for line in [
        "hello",
        &md5,
        &format!("{md5} x"),
        &format!("{md5}\tx"),
        &format!("{md5}  "),
        &format!("{md5} *"),
        &format!("{md5}  a\0b"),
        &format!(" {md5}  x"),
        &format!("{}  x", &md5[1..]),
        &format!("{md5}0  x"),
        &format!("{}g  x", &md5[1..]),
        &format!("\\{md5}  x\\t"),
        &format!("\\{md5}  x\\"),
        &format!("\\\\{md5}  x"),
        &format!("MD5 (x) = {sha512}"),
        &format!("SHA512 (x) = {md5}"),
        &format!("MD5 () = {md5}"),
        &format!("MD5 (x)= {md5}"),
        &format!("MD5(x) = {md5}"),
        &format!("MD5 (x) = {md5} "),
        &format!("MD5 (x) = {md5}z"),
        &format!("MD5 x = {md5}"),
        "MD5 (x) = ",
        "MD5 (x) = z",
        "(x) = 00",
        "M D5 (x) = 00",
        "-----BEGIN CERTIFICATE-----",
        "\u{feff}",
    ] {
        let shown = if line.chars().count() > 100 {
            format!("{}…", line.chars().take(100).collect::<String>())
        } else {
            line.to_owned()
        };
        assert_eq!(parsed(format!("{good}\n\n{line}\n{good}\n")), bad(3, &shown), "{line}");
    }
    assert_eq!(parsed("hello").unwrap_err().to_string(), "line 1 is not a checksum and a name: hello");
    assert_eq!(parsed("é".repeat(101)), bad(1, &format!("{}…", "é".repeat(100))));
    assert_eq!(parsed("é".repeat(100)), bad(1, &"é".repeat(100)));
}

#[test]
fn algorithms_of_no_entry_are_named() {
    let [sha224, sha384] = [56, 96].map(|digits| "0".repeat(digits));
    for (line, algorithm) in [
        (format!("{sha224}  x"), "SHA-224"),
        (format!("{sha384} *x"), "SHA-384"),
        (format!("SHA384 (x) = {sha384}"), "SHA384"),
        (format!("SHA2-224(x)= {sha224}"), "SHA2-224"),
        (format!("SHA512/256 (x) = {}", "0".repeat(64)), "SHA512/256"),
        (format!("BLAKE2b (x) = {}", "0".repeat(128)), "BLAKE2b"),
        (format!("md5 (x) = {}", "0".repeat(32)), "md5"),
    ] {
        assert_eq!(parsed(format!("\n{line}\n")), unsupported(2, algorithm));
    }
    assert_eq!(
        unsupported(2, "SHA-384").unwrap_err().to_string(),
        "line 2 has a SHA-384 checksum, which is not supported"
    );
}

#[test]
fn what_lists_nothing_is_no_list() {
    for text in ["", "\n\r\n", "# nothing\n"] {
        assert_eq!(parsed(text), Err(SumsError::NotSums));
    }
}

#[test]
fn signed_lists_are_refused() {
    let line = format!("{}  x\n", hex(ChecksumAlgorithm::Md5));
    for text in [
        format!("-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\n{line}-----BEGIN PGP SIGNATURE-----\n"),
        format!("{line}-----BEGIN PGP SIGNATURE-----\n"),
        format!("-----BEGIN PGP MESSAGE-----\r\n{line}"),
    ] {
        assert_eq!(parsed(text), Err(SumsError::Signed));
    }
}

#[test]
fn a_list_has_a_largest_size() {
    let mut text = format!("{}  x\n", hex(ChecksumAlgorithm::Md5)).into_bytes();
    text.resize(MAX_BYTES, b'\n');
    assert_eq!(parsed(&text).unwrap().entries().len(), 1);
    text.push(b'\n');
    assert_eq!(parsed(&text), Err(SumsError::TooLarge { bytes: MAX_BYTES + 1 }));
}

/// What a command says of the files in a folder; `None`, with a message, where there is none.
fn output(folder: &Path, command: &[&str], names: &[&str]) -> Option<Vec<u8>> {
    let run = Command::new(command[0]).args(&command[1..]).args(names).current_dir(folder).output();
    match run {
        Ok(output) => {
            assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
            Some(output.stdout)
        }
        Err(error) => {
            eprintln!("skipped: {}: {error}", command[0]);
            None
        }
    }
}

fn assert_lists(folder: &Path, command: &[&str], names: &[&str], algorithm: ChecksumAlgorithm) {
    let Some(text) = output(folder, command, names) else { return };
    let file = parsed(&text).unwrap();
    let found: Vec<_> = file.entries().iter().map(|entry| entry.name.to_str().unwrap()).collect();
    assert_eq!(found, names, "{command:?}");
    for entry in file.entries() {
        let content = fs::read(folder.join(&entry.name)).unwrap();
        let digests = ImageDigests::read(&content[..], &[algorithm]).unwrap();
        assert_eq!(digests.check_checksum(&entry.checksum), None, "{command:?}");
    }
}

#[test]
fn what_coreutils_and_openssl_write_is_read() {
    let folder = tempfile::tempdir().unwrap();
    for (number, name) in NAMES.iter().enumerate() {
        fs::write(folder.path().join(name), number.to_string()).unwrap();
    }
    // OpenSSL escapes nothing here, so a line feed ends its line.
    let one_line: Vec<_> = NAMES.into_iter().filter(|name| !name.contains('\n')).collect();
    for (algorithm, command, digest) in [
        (ChecksumAlgorithm::Md5, "md5sum", "-md5"),
        (ChecksumAlgorithm::Sha1, "sha1sum", "-sha1"),
        (ChecksumAlgorithm::Sha256, "sha256sum", "-sha256"),
        (ChecksumAlgorithm::Sha512, "sha512sum", "-sha512"),
    ] {
        for options in [&[][..], &["--binary"], &["--tag"]] {
            assert_lists(folder.path(), &[&[command], options].concat(), &NAMES, algorithm);
        }
        assert_lists(folder.path(), &["openssl", "dgst", digest], &one_line, algorithm);
        assert_lists(folder.path(), &["openssl", "dgst", "-r", digest], &one_line, algorithm);
    }
    if let Some(text) = output(folder.path(), &["openssl", "dgst", "-md5"], &["n\nl"]) {
        assert_eq!(parsed(text), bad(1, "MD5(n"));
    }
    // Lines that end with NUL, in which nothing is escaped.
    if let Some(text) = output(folder.path(), &["md5sum", "-z"], &["a b", "*star"]) {
        assert!(matches!(parsed(text), Err(SumsError::Line { line: 1, .. })));
    }
    for (command, algorithm) in [("sha224sum", "SHA-224"), ("sha384sum", "SHA-384")] {
        if let Some(text) = output(folder.path(), &[command], &["a b"]) {
            assert_eq!(parsed(text), unsupported(1, algorithm));
        }
    }
}

/// A line as coreutils writes it.
fn line(name: &[u8], checksum: &Checksum, form: u8) -> Vec<u8> {
    let mut escaped = Vec::new();
    for byte in name {
        match byte {
            b'\\' => escaped.extend(b"\\\\"),
            b'\n' => escaped.extend(b"\\n"),
            b'\r' => escaped.extend(b"\\r"),
            other => escaped.push(*other),
        }
    }
    let (tag, hex) = (checksum.algorithm().name().replace('-', ""), checksum.value());
    let (before, after) = match form {
        0 => (format!("{hex}  "), String::new()),
        1 => (format!("{} *", hex.to_uppercase()), String::new()),
        2 => (format!("{tag} ("), format!(") = {hex}")),
        _ => (format!("{tag}("), format!(")= {hex}")),
    };
    let start: &[u8] = if escaped == name { b"" } else { b"\\" };
    [start, before.as_bytes(), &escaped, after.as_bytes()].concat()
}

fn checksum() -> impl Strategy<Value = Checksum> {
    prop::sample::select(&ChecksumAlgorithm::ALL[..]).prop_flat_map(|algorithm| {
        let digits = prop::collection::vec("[0-9a-f]", algorithm.hex_length());
        digits.prop_map(move |digits| Checksum::from_hex(algorithm, &digits.concat()).unwrap())
    })
}

fn name() -> impl Strategy<Value = Vec<u8>> {
    let awkward = prop::sample::select(&b"\\\n\r() =*#nr0a"[..]);
    prop::collection::vec(prop_oneof![1..=255_u8, awkward], 1..30)
}

proptest! {
    #[test]
    fn what_is_written_is_read(
        entries in prop::collection::vec((name(), checksum(), 0..4_u8), 1..10),
        crlf: bool,
    ) {
        let end = if crlf { &b"\r\n"[..] } else { b"\n" };
        let lines = entries.iter().map(|(name, checksum, form)| [&line(name, checksum, *form), end].concat());
        let file = parsed(lines.collect::<Vec<_>>().concat()).unwrap();
        let expected = (1..).zip(entries).map(|(line, (name, checksum, _))| {
            SumsEntry { name: OsString::from_vec(name), checksum, line }
        });
        prop_assert_eq!(file.entries(), expected.collect::<Vec<_>>());
    }

    #[test]
    fn nothing_panics(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = parsed(bytes);
    }

    #[test]
    fn no_line_like_an_entry_panics(text in "(\\\\?(MD5|SHA2-512|[0-9a-f]{32}) ?[ *(]{0,2}[ -~\r]{0,9}\\)? ?= ?[0-9a-f]{0,33}\n){1,3}") {
        let _ = parsed(text);
    }
}

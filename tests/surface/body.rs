//! Bodies: entries, whole and broken, in every wrapping; and what is none.

use std::{fmt::Write as _, io::Write as _};

use flate2::{Compression, write::GzEncoder};

use crate::{
    dice::Dice,
    draft::Draft,
    mutate::mutant,
    words::{NAMES, encoded, value},
};

/// A body and what it says it is.
pub(crate) struct Body {
    pub(crate) content: Vec<u8>,
    /// Header fields, each with its line end.
    pub(crate) fields: Vec<u8>,
}

/// Entries that a Marketplace takes, to be broken.
pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let email = "fuzz@example.org";
    let plain = Draft::new("a seed").email(email).created("2012-05-06T07:08:09Z");
    let rich = Draft::new("a rich seed").email(email).created("2012-05-06T07:08:10Z");
    let rich = rich
        .text("title", "é &amp; 日本語")
        .text("tag", "a tag")
        .locations(&["pdisk:x:1", "ftp://example.org/x"]);
    let gone = Draft::new("a seed").email(email).created("2012-05-06T07:08:11Z").deprecated("");
    [plain, rich, gone].map(|draft| draft.signed()).to_vec()
}

/// Any body.
pub(crate) fn body(dice: &mut Dice, number: usize, seeds: &[Vec<u8>]) -> Body {
    match dice.below(10) {
        0..=3 => {
            let document = document(dice, number, seeds);
            wrapped(dice, document)
        }
        4 | 5 => form(dice),
        6 => {
            let bomb = bomb(dice);
            wrapped(dice, bomb)
        }
        7 => coded(dice, number, seeds),
        8 => text(dice),
        _ => Body { content: Vec::new(), fields: content_type(dice) },
    }
}

fn document(dice: &mut Dice, number: usize, seeds: &[Vec<u8>]) -> Vec<u8> {
    let references: Vec<&[u8]> = seeds.iter().map(Vec::as_slice).collect();
    match dice.below(6) {
        // One that is good, and new.
        0 => Draft::new(&format!("number {number}")).email("fuzz@example.org").signed(),
        1 => seeds[number % seeds.len()].clone(),
        _ => mutant(&references, number),
    }
}

/// What is small here and large there.
fn bomb(dice: &mut Dice) -> Vec<u8> {
    let rdf = "<rdf:RDF xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\"";
    match dice.below(6) {
        0 => {
            let mut bomb = "<?xml version='1.0'?><!DOCTYPE l [<!ENTITY l0 'lol'>".to_owned();
            for level in 1..30 {
                let _ = write!(bomb, "<!ENTITY l{level} '&l{0};&l{0};&l{0};&l{0};'>", level - 1);
            }
            (bomb + "]><l>&l29;</l>").into_bytes()
        }
        1 => b"<!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>]><a>&b;</a>".to_vec(),
        2 => "<a>".repeat(1 + dice.below(20_000)).into_bytes(),
        3 => {
            let mut wide = rdf.to_owned();
            for number in 0..dice.below(4000) {
                let _ = write!(wide, " xmlns:a{number}='urn:{number}'");
            }
            (wide + "/>").into_bytes()
        }
        4 => format!("{rdf}><rdf:Description>{}", "&#65;".repeat(dice.below(50_000))).into_bytes(),
        _ => format!("{rdf}>{}</rdf:RDF>", "<rdf:Description/>".repeat(dice.below(10_000))).into_bytes(),
    }
}

/// A document as XML, or as the file of a form, more or less.
fn wrapped(dice: &mut Dice, document: Vec<u8>) -> Body {
    if dice.once_in(3) {
        return multipart(dice, &document);
    }
    let kind = *dice
        .one(&["application/xml", "application/rdf+xml", "text/xml", "application/xml; charset=utf-16"])
        .unwrap();
    Body { content: document, fields: format!("Content-Type: {kind}\r\n").into_bytes() }
}

fn multipart(dice: &mut Dice, document: &[u8]) -> Body {
    const NAMES_OF_FILES: [&str; 9] = [
        "entry.xml",
        "",
        "../../../../etc/cron.d/x",
        "a\0b",
        "x\"; y=\"z",
        "/dev/null",
        "C:\\x",
        "\u{202e}lmx",
        "é",
    ];
    let said = *dice.one(&["b", "----WebKitFormBoundary7MA4YWxkTrZu0gW", "", "a b", "\"q\"", "é"]).unwrap();
    let used = if dice.once_in(5) { "other" } else { said };
    let end = if dice.once_in(6) { "\n" } else { "\r\n" };
    let mut content = Vec::new();
    for _ in 0..*dice.one(&[0, 1, 1, 1, 2, 300]).unwrap() {
        let name = dice.one(&NAMES_OF_FILES).unwrap();
        let disposition = match dice.below(6) {
            0 => "Content-Disposition: form-data; name=\"Metadata File\"".to_owned(),
            1 => format!("Content-Disposition: form-data; filename={name}"),
            2 => format!(
                "Content-Disposition: {}; filename*=UTF-8''%ff%00{name}",
                "x".repeat(dice.below(9000))
            ),
            3 => "Content-Disposition".to_owned(),
            _ => format!("Content-Disposition: form-data; name=\"Metadata File\"; filename=\"{name}\""),
        };
        content.extend(format!("--{used}{end}{disposition}{end}{end}").into_bytes());
        let most = if dice.once_in(4) { dice.below(document.len() + 1) } else { document.len() };
        content.extend(&document[..most.min(4000)]);
        content.extend(end.as_bytes());
    }
    if !dice.once_in(5) {
        content.extend(format!("--{used}--{end}").into_bytes());
    }
    let kind = *dice.one(&["form-data", "form-data", "form-data", "mixed", "FORM-DATA"]).unwrap();
    let parameter = if dice.once_in(8) { String::new() } else { format!("; boundary={said}") };
    Body { content, fields: format!("Content-Type: multipart/{kind}{parameter}\r\n").into_bytes() }
}

fn form(dice: &mut Dice) -> Body {
    let mut content = Vec::new();
    for _ in 0..dice.below(12) {
        let (name, value) = (dice.one(&NAMES).unwrap().to_string(), value(dice));
        content.extend(name.bytes());
        content.push(b'=');
        content.extend(encoded(dice, true, &value));
        content.push(b'&');
    }
    Body { content, fields: b"Content-Type: application/x-www-form-urlencoded\r\n".to_vec() }
}

/// A document in a coding: compressed, in UTF-16, or said to be.
fn coded(dice: &mut Dice, number: usize, seeds: &[Vec<u8>]) -> Body {
    let document = document(dice, number, seeds);
    let mut fields = b"Content-Type: application/xml\r\n".to_vec();
    let content = match dice.below(4) {
        0 => {
            let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
            gzip.write_all(&document).unwrap();
            gzip.finish().unwrap()
        }
        1 => {
            let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
            gzip.write_all(&vec![b' '; 20 << 20]).unwrap();
            gzip.finish().unwrap()
        }
        2 => {
            let text =
                String::from_utf8_lossy(&document).replace("encoding=\"UTF-8\"", "encoding=\"UTF-16\"");
            [0xfeff].into_iter().chain(text.encode_utf16()).flat_map(u16::to_be_bytes).collect()
        }
        _ => document,
    };
    let coding = *dice.one(&["gzip", "x-gzip", "deflate", "br", "identity", "gzip, gzip", ""]).unwrap();
    fields.extend(format!("Content-Encoding: {coding}\r\n").bytes());
    Body { content, fields }
}

fn text(dice: &mut Dice) -> Body {
    let content = match dice.below(3) {
        0 => value(dice).into_bytes(),
        1 => format!("{{\"document\": \"{}\", \"a\": {}", value(dice), "[".repeat(dice.below(5000)))
            .into_bytes(),
        _ => (0..dice.below(3000)).map(|_| u8::try_from(dice.below(256)).unwrap()).collect(),
    };
    Body { content, fields: content_type(dice) }
}

fn content_type(dice: &mut Dice) -> Vec<u8> {
    const KINDS: [&[u8]; 14] = [
        b"application/xml",
        b"text/xml",
        b"application/rdf+xml",
        b"application/json",
        b"text/plain",
        b"text/html",
        b"multipart/form-data",
        b"multipart/form-data; boundary=",
        b"application/x-www-form-urlencoded",
        b"application/sparql-query",
        b"application/sparql-update",
        b"",
        b"/",
        b"\xff/\xfe",
    ];
    let kind = dice.one(&KINDS).unwrap();
    if dice.once_in(4) { Vec::new() } else { [b"Content-Type: ", *kind, b"\r\n"].concat() }
}

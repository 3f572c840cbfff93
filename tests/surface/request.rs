//! Requests, as octets: made by chance, more or less as they should be.

use crate::{
    body::{Body, body},
    dice::Dice,
    words::{METHODS, NAMES, PATHS, encoded, value},
};

/// What is sent over one connection.
pub(crate) struct Sent {
    pub(crate) octets: Vec<u8>,
    /// No more will come, and the server is told so.
    pub(crate) ends: bool,
}

/// What number `number` sends.
pub(crate) fn sent(dice: &mut Dice, number: usize, seeds: &[Vec<u8>]) -> Sent {
    if dice.once_in(25) {
        return Sent { octets: garbage(dice), ends: dice.once_in(2) };
    }
    let mut octets = Vec::new();
    // Several in one go now and then; what comes behind one that is broken may be anything.
    let count = if dice.once_in(12) { 2 + dice.below(6) } else { 1 };
    let mut ends = false;
    for place in 0..count {
        ends |= request(dice, number, seeds, place + 1 == count, &mut octets);
    }
    if dice.once_in(40) {
        octets.truncate(dice.below(octets.len() + 1));
        ends = dice.once_in(2);
    }
    Sent { octets, ends }
}

/// One request; whether the server can know where it ends only when the connection does.
fn request(dice: &mut Dice, number: usize, seeds: &[Vec<u8>], last: bool, octets: &mut Vec<u8>) -> bool {
    // Half of them are good HTTP, so that what is wrong inside gets to where it matters.
    let wild = dice.once_in(2);
    let uploads = dice.once_in(3);
    let method = match dice.below(8) {
        0 if wild => dice.one(&METHODS).unwrap(),
        _ if uploads => "POST",
        1 => "HEAD",
        _ => "GET",
    };
    octets.extend(method.bytes());
    octets.push(b' ');
    if uploads {
        octets.extend(
            dice.one(&[
                &b"/metadata"[..],
                b"/marketplace/metadata/",
                b"/api/v1/entries",
                b"/api/v1/verdict",
                b"/upload",
                b"/query",
            ])
            .unwrap()
            .iter(),
        );
    } else {
        target(dice, wild, octets);
    }
    let version: &[u8] = match dice.below(100) {
        _ if !wild => b" HTTP/1.1",
        0 => b" HTTP/1.0",
        1 => b" HTTP/2.0",
        2 => b"",
        3 => b" HTTP/1.1 HTTP/1.1",
        _ => b" HTTP/1.1",
    };
    octets.extend(version);
    octets.extend(b"\r\n");
    headers(dice, wild, octets);
    if last {
        octets.extend(b"Connection: close\r\n");
    }
    if uploads || method == "POST" || dice.once_in(15) {
        let body = body(dice, number, seeds);
        framed(dice, wild, body, octets)
    } else {
        octets.extend(b"\r\n");
        false
    }
}

fn target(dice: &mut Dice, wild: bool, octets: &mut Vec<u8>) {
    match dice.below(80) {
        _ if !wild => {}
        0 => octets.extend(b"*"),
        1 => octets.extend(b"http://other.example.net/metadata"),
        2 => octets.extend(b"//other.example.net//metadata//"),
        3 => octets.extend(value(dice).bytes()),
        _ => {}
    }
    if dice.once_in(4) {
        octets.extend(b"/marketplace");
    }
    for (place, part) in dice.one(&PATHS).unwrap().split('*').enumerate() {
        if place > 0 {
            let value = value(dice);
            octets.extend(encoded(dice, wild, &value));
        }
        octets.extend(part.bytes());
    }
    if dice.once_in(8) {
        octets.extend(b"/");
    }
    if dice.once_in(2) {
        octets.push(b'?');
        for _ in 0..*dice.one(&[1, 1, 2, 3, 5, 60]).unwrap() {
            octets.extend(dice.one(&NAMES).unwrap().bytes());
            if !dice.once_in(15) {
                octets.push(b'=');
            }
            let value = value(dice);
            octets.extend(encoded(dice, wild, &value));
            let between = dice.below(if wild { 6 } else { 2 });
            octets.extend([&b"&"[..], b"&", b"&&", b";", b"#", b"?"][between]);
        }
    }
}

/// Header fields that mean something, with values that do or do not.
fn headers(dice: &mut Dice, wild: bool, octets: &mut Vec<u8>) {
    const FIELDS: [&str; 24] = [
        "Accept",
        "Accept",
        "Accept",
        "Accept-Encoding",
        "Accept-Language",
        "Authorization",
        "Cookie",
        "Expect",
        "Host",
        "If-Match",
        "If-Modified-Since",
        "If-None-Match",
        "If-Unmodified-Since",
        "Origin",
        "Range",
        "Referer",
        "Upgrade",
        "User-Agent",
        "X-Forwarded-For",
        "X-Forwarded-Host",
        "X-Forwarded-Proto",
        "X-HTTP-Method-Override",
        "X-Request-Id",
        "Sec-Fetch-Site",
    ];
    const VALUES: [&str; 31] = [
        "*/*",
        "text/html",
        "application/xml",
        "application/json",
        "application/rdf+xml;q=0.5, text/html;q=2",
        "application/sparql-results+json",
        "text/turtle",
        "a/b;q=-1",
        ";;;,,,",
        "gzip",
        "gzip;q=0, *;q=0",
        "br, zstd",
        "100-continue",
        "200-ok",
        "h2c",
        "websocket",
        "bytes=0-0",
        "bytes=-1",
        "bytes=5-1,0-,",
        "\"x\"",
        "W/\"x\"",
        "*",
        "Thu, 01 Jan 1970 00:00:00 GMT",
        "not a date",
        "https",
        "cross-site",
        "null",
        "http://evil.example.net",
        "DELETE",
        "Mozilla/5.0 (X11) Chrome/1",
        "",
    ];
    match dice.below(90) {
        _ if !wild => octets.extend(b"Host: market.example.org\r\n"),
        0 => {}
        1 => octets.extend(b"Host: a\r\nHost: b\r\n"),
        2 => octets.extend(b"Host: \r\n"),
        3 => octets.extend(b"Host: evil.example.net/\xff<>\r\n"),
        _ => octets.extend(b"Host: market.example.org\r\n"),
    }
    for _ in 0..*dice.one(&[0, 1, 1, 2, 3, 6]).unwrap() {
        octets.extend(dice.one(&FIELDS).unwrap().bytes());
        octets.extend(b": ");
        match dice.below(12) {
            0 => {
                let text = value(dice);
                octets.extend(text.bytes().filter(|byte| !matches!(byte, b'\r' | b'\n')));
            }
            1 => octets.extend(dice.one(&VALUES).unwrap().repeat(1 + dice.below(200)).bytes()),
            _ => octets.extend(dice.one(&VALUES).unwrap().bytes()),
        }
        octets.extend(b"\r\n");
    }
    match dice.below(120) {
        _ if !wild => {}
        0 => octets.extend(b"no colon\r\n"),
        1 => octets.extend(b"folded: a\r\n b\r\n"),
        2 => octets.extend(b"nul: \0\r\n"),
        3 => octets.extend(b"na me: x\r\n"),
        4 => octets.extend("x: y\r\n".repeat(150).bytes()),
        5 => octets.extend(format!("long: {}\r\n", "x".repeat(100_000)).bytes()),
        6 => octets.extend(b"bare: x\n"),
        _ => {}
    }
}

/// A body behind what says how long it is, or lies about it.
fn framed(dice: &mut Dice, wild: bool, body: Body, octets: &mut Vec<u8>) -> bool {
    let Body { content, fields } = body;
    octets.extend(fields);
    let mut length = |value: &str| octets.extend(format!("Content-Length: {value}\r\n\r\n").bytes());
    let right = content.len().to_string();
    match dice.below(36) {
        _ if !wild => length(&right),
        0 => {
            length(&(content.len() + 1 + dice.below(1000)).to_string());
            octets.extend(content);
            return true;
        }
        1 => length(&(content.len() / 2).to_string()),
        2 => length(
            dice.one(&["abc", "-1", "+5", "1e3", "99999999999999999999", "5, 5", "5, 6", "0x5", ""]).unwrap(),
        ),
        3 => length(&format!("{right}\r\nContent-Length: 7")),
        4 => length(&format!("{right}\r\nTransfer-Encoding: chunked")),
        5 => octets.extend(b"\r\n"),
        6 => octets.extend(b"Transfer-Encoding: chunked, gzip\r\n\r\n"),
        7 => {
            octets.extend(b"Transfer-Encoding: chunked\r\n\r\n");
            let sizes = ["zz", "FFFFFFFFFFFFFFFF", "-1", "", "0x5", "5;a=\"b", "1FFFFFFFFFFFFFFFFF", " 5"];
            octets.extend(dice.one(&sizes).unwrap().bytes());
            octets.extend(b"\r\n");
        }
        8..=11 => {
            octets.extend(b"Transfer-Encoding: chunked\r\n\r\n");
            for chunk in content.chunks(1 + dice.below(3000)) {
                octets.extend(format!("{:x}\r\n", chunk.len()).bytes());
                octets.extend(chunk);
                octets.extend(b"\r\n");
            }
            let trailer =
                *dice.one(&[&b"0\r\n\r\n"[..], b"0\r\n\r\n", b"0\r\nX: y\r\n\r\n", b"0\r\n"]).unwrap();
            octets.extend(trailer);
            return trailer.len() < 5;
        }
        12 => {
            length(&(1_u64 << 40).to_string());
            octets.extend(&content[..content.len().min(2000)]);
            return true;
        }
        _ => length(&right),
    }
    octets.extend(content);
    false
}

/// Nothing like HTTP.
fn garbage(dice: &mut Dice) -> Vec<u8> {
    match dice.below(6) {
        0 => (0..dice.below(4000)).map(|_| u8::try_from(dice.below(256)).unwrap()).collect(),
        1 => b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec(),
        2 => b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00".to_vec(),
        3 => "\r\n".repeat(dice.below(2000)).into_bytes(),
        4 => format!("GET /{} HTTP/1.1\r\n", "a".repeat(dice.below(200_000))).into_bytes(),
        _ => Vec::new(),
    }
}

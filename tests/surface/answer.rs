//! What may be in answers.

/// What only the inside of the server says. None of it is in any request.
const INSIDE: [&str; 16] = [
    "sqlite",
    "sqlx",
    "rusqlite",
    "panicked",
    "thread '",
    ".rs:",
    "RUST_BACKTRACE",
    "/.cargo/",
    "/rustc/",
    "/target/",
    "root:x:0",
    "no such table",
    "syntax error at or near",
    "tokio",
    "Os {",
    "ErrorKind",
];

/// The status of each answer of a connection, in their order.
pub(crate) fn statuses(octets: &[u8]) -> Vec<u16> {
    let text = String::from_utf8_lossy(octets);
    heads(&text)
        .map(|head| head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0))
        .collect()
}

/// Where answers begin. Nothing that is served has such a line.
fn heads(text: &str) -> impl Iterator<Item = &str> {
    text.match_indices("HTTP/1.").map(|(at, _)| &text[at..]).filter(|rest| rest.get(8..9) == Some(" "))
}

/// What is wrong with the answers of a connection, if anything is.
pub(crate) fn complaint(octets: &[u8], folder: &str) -> Option<String> {
    let text = String::from_utf8_lossy(octets);
    if !octets.is_empty() && !octets.starts_with(b"HTTP/1.") {
        return Some("it is no HTTP".to_owned());
    }
    for head in heads(&text) {
        let head = head.split("\r\n\r\n").next().unwrap_or_default();
        let status = head.split(' ').nth(1).unwrap_or_default();
        let fine = match status.parse::<u16>() {
            Ok(503) => head.to_ascii_lowercase().contains("\r\nretry-after: "),
            Ok(status) => (100..500).contains(&status),
            Err(_) => false,
        };
        if !fine {
            return Some(format!("status {status}"));
        }
        if head.lines().any(|line| line.to_ascii_lowercase().starts_with("x-injected")) {
            return Some("a header of the client's".to_owned());
        }
    }
    let inside = INSIDE.iter().copied().chain([folder]).find(|inside| text.contains(inside));
    inside.map(|inside| format!("it says '{inside}'"))
}

/// The keys in the locations of all that was created.
pub(crate) fn created(octets: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(octets);
    let heads = heads(&text).filter(|head| head.get(9..12) == Some("201"));
    let locations = heads.filter_map(|head| {
        let head = head.split("\r\n\r\n").next()?;
        let mut lines = head.lines();
        let line = lines.find(|line| line.to_ascii_lowercase().starts_with("location: "))?;
        let (_, key) = line.split_once("/metadata/").or_else(|| line.split_once("/entries/"))?;
        Some(key.trim_end().to_owned())
    });
    locations.collect()
}

#[test]
fn what_no_answer_may_be_is_seen() {
    let fine = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nokHTTP/1.1 503 x\r\nretry-after: 5\r\n\r\n";
    assert_eq!(complaint(fine, "/tmp/x"), None);
    assert_eq!(statuses(fine), [200, 503]);
    for wrong in [
        "HTTP/1.1 500 Internal Server Error\r\n\r\n",
        "HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 502 x\r\n\r\n",
        "HTTP/1.1 503 Service Unavailable\r\n\r\n",
        "HTTP/1.1 400 x\r\n\r\n/tmp/x/data/marketplace",
        "HTTP/1.1 400 x\r\n\r\nthread 'main' panicked",
        "HTTP/1.1 200 x\r\nX-Injected: 1\r\n\r\n",
        "oops",
    ] {
        assert!(complaint(wrong.as_bytes(), "/tmp/x").is_some(), "{wrong}");
    }
    let made = b"HTTP/1.1 201 Created\r\nLocation: https://h/p/metadata/ID/a@b/DATE\r\n\r\n";
    assert_eq!(created(made), ["ID/a@b/DATE"]);
}

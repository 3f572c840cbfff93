//! Images at URLs, described and identified as a user does it.
#![cfg(feature = "cli")]
#![allow(clippy::unwrap_used, reason = "a test that cannot make its material has failed")]

use std::{
    fmt::Write as _,
    fs,
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    process::{Command, Output},
    sync::{Arc, Mutex},
    thread,
};

use stratuslab::{ChecksumAlgorithm, ImageDigests};
use tempfile::TempDir;

/// What becomes of one request.
#[derive(Clone)]
struct Answer {
    body: Vec<u8>,
    etag: &'static str,
    /// The connection ends after so many bytes of the body.
    cut: Option<usize>,
    redirect: Option<String>,
}

fn whole(body: &[u8]) -> Answer {
    Answer { body: body.to_vec(), etag: "\"one\"", cut: None, redirect: None }
}

/// A web server whose answers are given one after the other, the last one again and again; it knows
/// ranges. The heads of the requests are kept.
struct Server {
    base: String,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Server {
    fn start(answers: Vec<Answer>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let heads = Arc::clone(&requests);
        thread::spawn(move || {
            for (number, connection) in listener.incoming().enumerate() {
                let answer = answers.get(number).or(answers.last()).unwrap();
                heads.lock().unwrap().push(serve(&connection.unwrap(), answer));
            }
        });
        Self { base, requests }
    }

    fn url(&self, path: &str) -> String {
        format!("{}/{path}", self.base)
    }

    fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

fn serve(mut connection: &TcpStream, answer: &Answer) -> String {
    let mut head = String::new();
    let mut lines = BufReader::new(connection);
    while lines.read_line(&mut head).unwrap() > 2 {}
    let field = |name: &str| {
        let line = head.lines().find(|line| line.to_ascii_lowercase().starts_with(name))?;
        Some(line.split_once(": ").unwrap().1.to_owned())
    };
    let mut out = String::new();
    let mut body = &answer.body[..];
    if let Some(target) = &answer.redirect {
        write!(out, "HTTP/1.1 302 Found\r\nLocation: {target}\r\n").unwrap();
        body = b"";
    } else if let Some(range) = field("range").filter(|_| field("if-range").as_deref() == Some(answer.etag)) {
        let start: usize = range.trim_start_matches("bytes=").trim_end_matches('-').parse().unwrap();
        let (last, total) = (body.len() - 1, body.len());
        write!(out, "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes {start}-{last}/{total}\r\n")
            .unwrap();
        body = &body[start..];
    } else {
        out.push_str("HTTP/1.1 200 OK\r\n");
    }
    write!(out, "ETag: {}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", answer.etag, body.len())
        .unwrap();
    let sent = &body[..answer.cut.unwrap_or(body.len()).min(body.len())];
    // A client that has seen enough closes the connection.
    let _ = connection.write_all(out.as_bytes()).and_then(|()| connection.write_all(sent));
    head
}

fn run(folder: &TempDir, program: &str, arguments: &[&str]) -> Output {
    let mut command = Command::new(match program {
        "build" => assert_cmd::cargo::cargo_bin!("stratus-build-metadata"),
        "identify" => assert_cmd::cargo::cargo_bin!("stratus-identify-image"),
        _ => assert_cmd::cargo::cargo_bin!("stratus-validate-metadata"),
    });
    command
        .current_dir(folder.path())
        .env_clear()
        .env("HOME", folder.path())
        .args(arguments)
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

fn image() -> Vec<u8> {
    (0..300_000_u32).map(|i| (i.wrapping_mul(i) >> 7).to_le_bytes()[0]).collect()
}

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

/// The texts of all elements of this name.
fn texts(document: &str, name: &str) -> Vec<String> {
    let parsed = roxmltree::Document::parse(document).unwrap();
    let named = parsed.descendants().filter(|node| node.tag_name().name() == name);
    named.map(|node| node.text().unwrap_or_default().to_owned()).collect()
}

#[test]
fn an_image_is_described_as_it_arrives_and_stored_nowhere() {
    let folder = tempfile::tempdir().unwrap();
    let (content, file) = (image(), gzip(&image()));
    let digests = ImageDigests::read(&content[..], &ChecksumAlgorithm::ALL).unwrap();
    let of_file = ImageDigests::read(&file[..], &ChecksumAlgorithm::ALL).unwrap();
    let server = Server::start(vec![whole(&file)]);
    let url = server.url("images/ttylinux.img.gz");
    let output = run(&folder, "build", &["--output=out.xml", "--describe-compressed", &url]);
    assert_eq!((text(&output.stderr), output.status.code()), ("", Some(0)));
    let document = fs::read_to_string(folder.path().join("out.xml")).unwrap();
    assert_eq!(texts(&document, "identifier"), [digests.identifier().to_string()]);
    // `slreq:bytes`, then `slc:bytes`.
    assert_eq!(texts(&document, "bytes"), [content.len().to_string(), file.len().to_string()]);
    assert_eq!(texts(&document, "sha512"), [of_file.checksums()[3].value()]);
    assert_eq!(texts(&document, "compression"), ["gz"]);
    assert_eq!(texts(&document, "location"), [&*url]);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    assert!(server.requests()[0].starts_with("GET /images/ttylinux.img.gz HTTP/1.1\r\n"));

    let output = run(&folder, "build", &["--output=-", "--location=https://mirror.example.org/i", &url]);
    assert_eq!(texts(text(&output.stdout), "location"), ["https://mirror.example.org/i"]);
    let output = run(&folder, "identify", &["--json", &url, &server.url("again")]);
    let objects: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    for object in objects.as_array().unwrap() {
        assert_eq!(object["identifier"], digests.identifier().to_string());
        assert_eq!(object["compressed"]["bytes"], file.len());
    }
    // The very image, of another entry.
    let arguments = ["--unsigned", "--image", &url, "out.xml"];
    assert_eq!(text(&run(&folder, "validate", &arguments).stdout), "Valid: out.xml\n");
    let other = Server::start(vec![whole(b"another image")]);
    let output = run(&folder, "validate", &["--unsigned", "--image", &other.url("i"), "out.xml"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("the size is stated as 300000 bytes but the image has 13"));
}

#[test]
fn what_is_interrupted_is_resumed_by_range() {
    let folder = tempfile::tempdir().unwrap();
    let content = image();
    let cut = |at| Answer { cut: Some(at), ..whole(&content) };
    let server = Server::start(vec![cut(100_000), cut(50_000), whole(&content)]);
    let output = run(&folder, "build", &["--output=-", &server.url("image")]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let digests = ImageDigests::read(&content[..], &ChecksumAlgorithm::ALL).unwrap();
    assert_eq!(texts(text(&output.stdout), "identifier"), [digests.identifier().to_string()]);
    let notes: Vec<_> = text(&output.stderr).lines().collect();
    assert_eq!(notes.len(), 2, "{notes:?}");
    assert!(
        notes.iter().all(|note| note.starts_with("note: ") && note.contains("trying again in")),
        "{notes:?}"
    );
    let requests = server.requests().concat().to_ascii_lowercase();
    for field in ["range: bytes=100000-\r\n", "range: bytes=150000-\r\n", "if-range: \"one\"\r\n"] {
        assert!(requests.contains(field), "{field}");
    }
}

#[test]
fn an_object_that_changes_meanwhile_is_never_described() {
    let folder = tempfile::tempdir().unwrap();
    let mut other = image();
    other[0] ^= 1;
    let first = Answer { cut: Some(100_000), ..whole(&image()) };
    let second = Answer { etag: "\"two\"", ..whole(&other) };
    let server = Server::start(vec![first, second]);
    let output = run(&folder, "build", &["-q", "--output=out.xml", &server.url("image")]);
    assert_eq!(output.status.code(), Some(1));
    let stderr = text(&output.stderr);
    assert!(stderr.starts_with("error: ") && stderr.contains("one") && stderr.contains("two"), "{stderr}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn what_cannot_be_had_is_told_and_nothing_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let truncated = &gzip(&image())[..1000];
    let server = Server::start(vec![whole(truncated)]);
    let bomb = Server::start(vec![whole(&gzip(&vec![0; 3 << 20]))]);
    let circle = Server::start(vec![Answer { redirect: Some("/again".to_owned()), ..whole(b"") }]);
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for (url, status, fact) in [
        (server.url("cut.gz"), 3, "truncated gz data: more is needed after 1000 bytes"),
        (bomb.url("bomb.gz"), 1, "holds more than 1048576 bytes"),
        (circle.url("circle"), 5, "redirects more than 10 times"),
        (format!("http://{nobody}/image"), 5, "cannot connect to"),
        ("ftp://example.org/image".to_owned(), 2, "neither http nor https"),
        ("http://jane:secret@example.org/image".to_owned(), 2, "a user or password does not belong in it"),
        ("http://".to_owned(), 2, "invalid URL"),
        (server.url("image#part"), 2, "invalid URL"),
    ] {
        let output =
            run(&folder, "build", &["-q", "--max-size=1M", "--timeout=20", "--output=out.xml", &url]);
        assert_eq!(output.status.code(), Some(status), "{url}: {}", text(&output.stderr));
        let stderr = text(&output.stderr);
        assert!(stderr.starts_with("error: ") && stderr.contains(fact), "{stderr}");
        assert!(!stderr.contains("secret"));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}

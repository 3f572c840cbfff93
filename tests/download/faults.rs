//! Locations that do what no location should: one clear error each, and nothing under a final name.

use std::{io::Write as _, process::Command};

use flate2::write::GzEncoder;

use crate::{
    folder::Done,
    scripted::{Act, Scripted, answer, honest, whole},
    site::{Site, content, entry, jane},
};

const ETAG: &str = "ETag: \"one\"";

/// A site, and what comes of an image of this content that lies at one location.
struct Case {
    site: Site,
    image: Vec<u8>,
}

impl Case {
    fn new(image: Vec<u8>) -> Self {
        Self { site: Site::new(), image }
    }

    /// Downloads what an entry says to be there; patience is short.
    fn fetch(&self, locations: &[&str]) -> Done {
        let identifier = self.site.publish(&entry(&self.image, locations));
        self.site.download(&["--timeout", "2", "-o", "image.img", &identifier])
    }

    /// Requires this error, that nothing is there, and that nothing is left.
    #[track_caller]
    fn fails(&self, done: Done, status: i32, stderr: &str) {
        done.failed(status, stderr);
        self.nothing_is_there();
    }

    #[track_caller]
    fn nothing_is_there(&self) {
        assert_eq!(self.site.user.names(), [".cache", "ca.pem"]);
        assert_eq!(self.site.cached(), Vec::<String>::new());
    }
}

/// A server that answers everything so, and the URL of an image there.
fn server(bytes: Vec<u8>) -> (Scripted, String) {
    let server = Scripted::start(move |_| Act::Send(bytes.clone()));
    let url = server.url("/image");
    (server, url)
}

const TELL: &str = "hint: whoever serves it has another image; tell its endorser\n";

#[test]
fn other_content_is_not_the_image() {
    let case = Case::new(content(5000));
    let mut other = case.image.clone();
    other[4000] ^= 1;
    let (_server, url) = server(whole(&other, ""));
    let done = case.fetch(&[&url]);
    assert_eq!((done.status, done.stdout.as_str()), (Some(1), ""));
    let start = format!("error: {url}: it is not the image that the entry describes: the identifier is ");
    assert!(done.stderr.starts_with(&start), "{}", done.stderr);
    // Every checksum is compared.
    for checksum in ["the MD5 checksum", "the SHA-1 checksum", "the SHA-256 checksum", "the SHA-512 checksum"]
    {
        assert!(done.stderr.contains(checksum), "{}", done.stderr);
    }
    assert!(done.stderr.ends_with(&format!("\n{TELL}")), "{}", done.stderr);
    case.nothing_is_there();
}

#[test]
fn a_wrong_checksum_beside_the_right_sha_1_is_found() {
    // The identifier alone is not what an entry says: whoever can make two images with one SHA-1 is found out.
    let case = Case::new(content(5000));
    let url = case.site.web.serve("image.img", &case.image);
    let document = entry(&case.image, &[&url]).unsigned();
    let sha512 =
        document.split("SHA-512").nth(1).unwrap().split("value>").nth(1).unwrap().split('<').next().unwrap();
    let wrong = document.replace(sha512, &"0f".repeat(64));
    let signed = crate::draft::sign(
        wrong.as_bytes(),
        &jane(),
        crate::site::JANE,
        crate::draft::time("2012-03-04T05:06:07Z"),
    );
    assert_eq!(case.site.marketplace.upload(&signed).status, 201);
    let identifier = entry(&case.image, &[]).identifier().to_string();
    let done = case.site.download(&["-o", "image.img", &identifier]);
    let stated = "0f".repeat(64);
    case.fails(
        done,
        1,
        &format!(
            "error: {url}: it is not the image that the entry describes: the SHA-512 checksum is stated as {stated} \
             but the image's is {sha512}\n{TELL}"
        ),
    );
}

#[test]
fn a_location_that_lies_about_its_size_is_found_out() {
    let image = content(5000);
    // It states another size: nothing is fetched.
    let case = Case::new(image.clone());
    let (_server, url) = server(whole(&content(6000), ""));
    case.fails(
        case.fetch(&[&url]),
        1,
        &format!("error: {url}: 6000 bytes lie there, but the image has 5000\n{TELL}"),
    );
    // It states the right size and sends less, then nothing that would prove the rest to belong to it.
    let case = Case::new(image.clone());
    let (_server, url) = server(answer("200 OK", "Content-Length: 5000", &image[..3000]));
    let done = case.fetch(&[&url]);
    let cut = |url: &str| format!("error: {url} closed the connection half-way: ");
    assert!(done.status == Some(5) && done.stderr.contains(&cut(&url)), "{}", done.stderr);
    // With the proof, but never more of it.
    let case = Case::new(image.clone());
    let part = image[..3000].to_vec();
    let (scripted, url) = server(answer("200 OK", &format!("Content-Length: 5000\n{ETAG}"), &part));
    let done = case.fetch(&[&url]);
    assert!(done.status == Some(5) && done.stderr.contains(&cut(&url)), "{}", done.stderr);
    assert!(scripted.log().len() > 1, "it was asked again");
    // It states no size at all.
    let case = Case::new(image.clone());
    let (_server, url) = server(answer("200 OK", "", &image));
    let done = case.fetch(&[&url]);
    assert!(done.stderr.starts_with(&format!("error: {url} states no length, ")), "{}", done.stderr);
    assert_eq!(done.status, Some(5));
}

#[test]
fn a_location_that_stalls_is_given_up() {
    let case = Case::new(content(5000));
    let part = answer("200 OK", "Content-Length: 5000", &case.image[..100]);
    let server = Scripted::start(move |_| Act::Stall(part.clone()));
    let url = server.url("/image");
    let done = case.fetch(&[&url]);
    let fact = format!("error: {url} gave no data within 2 s");
    assert!(done.status == Some(5) && done.stderr.starts_with(&fact), "{}", done.stderr);
}

#[test]
fn redirects_in_a_circle_end() {
    let case = Case::new(content(5000));
    let server = Scripted::start(|request| {
        let next = if request.path == "/a" { "/b" } else { "/a" };
        Act::Send(answer("302 Found", &format!("Location: {next}\nContent-Length: 0"), b""))
    });
    let url = server.url("/a");
    let done = case.fetch(&[&url]);
    case.fails(done, 5, &format!("error: {url} redirects more than 10 times\nhint: check the URL\n"));
    assert_eq!(server.log().len(), 11);
}

/// So many zeros as gz.
fn zeros(length: usize) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let piece = vec![0; 1 << 20];
    for start in (0..length).step_by(piece.len()) {
        encoder.write_all(&piece[..piece.len().min(length - start)]).unwrap();
    }
    encoder.finish().unwrap()
}

#[test]
fn a_bomb_does_not_go_off() {
    let case = Case::new(vec![0; 5000]);
    let bomb = zeros(1 << 30);
    assert!(bomb.len() < 16 << 20);
    let url = case.site.web.serve("bomb.gz", &bomb);
    let done = case.fetch(&[&url]);
    case.fails(
        done,
        1,
        &format!("error: {url}: what lies there holds more than the 5000 bytes of the image\n{TELL}"),
    );
}

#[test]
fn damaged_compression_is_told() {
    let case = Case::new(content(5000));
    let mut packed = crate::folder::compressed("gz", &case.image).unwrap();
    let end = packed.len() - 20;
    packed[end] ^= 1;
    let url = case.site.web.serve("image.gz", &packed);
    let done = case.fetch(&[&url]);
    assert!(done.stderr.starts_with(&format!("error: {url}: damaged gz data near byte ")), "{}", done.stderr);
    assert_eq!(done.status, Some(1));
    case.nothing_is_there();
}

#[test]
fn content_that_changes_between_ranges_is_found_out() {
    let image = content(40 << 20);
    let mut other = image.clone();
    other[39 << 20] ^= 1;
    // With another ETag: the server says so itself.
    let case = Case::new(image.clone());
    let (one, two) = (image.clone(), other.clone());
    let server = Scripted::start(move |request| {
        Act::Send(match request.range() {
            Some((first, _)) if first > 10 << 20 => honest(request, &two, "ETag: \"two\""),
            _ => honest(request, &one, ETAG),
        })
    });
    let url = server.url("/image");
    let done = case.fetch(&[&url]);
    let fact = format!(
        "error: {url} changed while it was read: it was ETag \"one\", {} bytes and is ETag \"two\"",
        40 << 20
    );
    assert!(done.stderr.starts_with(&fact), "{}", done.stderr);
    assert_eq!(done.status, Some(1));
    assert!(server.log().len() > 2, "it came in parts");
    // With the same ETag: the checksums tell.
    let case = Case::new(image.clone());
    let server = Scripted::start(move |request| {
        Act::Send(match request.range() {
            Some((first, _)) if first > 10 << 20 => honest(request, &other, ETAG),
            _ => honest(request, &image, ETAG),
        })
    });
    let url = server.url("/image");
    let done = case.fetch(&[&url]);
    assert!(
        done.stderr.starts_with(&format!("error: {url}: it is not the image that the entry describes: ")),
        "{}",
        done.stderr
    );
    assert_eq!(done.status, Some(1));
    case.nothing_is_there();
}

#[test]
fn parts_come_side_by_side_and_are_put_together() {
    let case = Case::new(content(50 << 20));
    let image = case.image.clone();
    let server = Scripted::start(move |request| Act::Send(honest(request, &image, ETAG)));
    let url = server.url("/image");
    case.fetch(&[&url]).ended(0, "", "");
    assert!(std::fs::read(case.site.user.path("image.img")).unwrap() == case.image);
    let log = server.log();
    assert!(
        log.iter().skip(1).all(|request| request.header("if-range") == Some("\"one\"")),
        "each proves what it is of"
    );
    let ranges = log.iter().filter(|request| request.range().is_some()).count();
    assert!(ranges >= 4, "{ranges} parts of 8 MiB");
    // One that offers parts and gives none is asked for the rest.
    let case = Case::new(case.image);
    let image = case.image.clone();
    let server = Scripted::start(move |request| match request.range() {
        Some((_, Some(_))) => Act::Send(whole(&image, &format!("Accept-Ranges: bytes\n{ETAG}"))),
        _ => Act::Send(honest(request, &image, ETAG)),
    });
    case.fetch(&[&server.url("/image")]).ended(0, "", "");
    assert!(std::fs::read(case.site.user.path("image.img")).unwrap() == case.image);
    // nginx, with and without ranges.
    for place in ["image.img", "single/image.img"] {
        let case = Case::new(case.image.clone());
        case.site.web.serve("image.img", &case.image);
        let url = format!("{}/{place}", case.site.web.base);
        case.fetch(&[&url]).ended(0, "", "");
        let parts = case.site.web.log().iter().filter(|line| line.ends_with(" 206")).count();
        assert_eq!(parts > 0, place == "image.img", "{:?}", case.site.web.log());
    }
}

#[test]
fn a_server_that_has_had_enough_gives_one_part_at_a_time() {
    // Only one connection at a time, or one part of another mirror.
    for refusal in ["403 Forbidden", "429 Too Many Requests"] {
        let case = Case::new(content(40 << 20));
        let image = case.image.clone();
        let server = Scripted::start(move |request| match request.range() {
            Some((_, Some(_))) => Act::Send(answer(refusal, "Content-Length: 0", b"")),
            _ => Act::Send(honest(request, &image, ETAG)),
        });
        let done = case.fetch(&[&server.url("/image")]);
        assert_eq!(done.status, Some(0), "{refusal}: {}", done.stderr);
        assert!(std::fs::read(case.site.user.path("image.img")).unwrap() == case.image);
    }
    // Mirrors that take turns.
    let case = Case::new(content(40 << 20));
    let image = std::sync::Arc::new(case.image.clone());
    let mirrors: Vec<_> = (0..3)
        .map(|_| {
            let image = std::sync::Arc::clone(&image);
            Scripted::start(move |request| Act::Send(honest(request, &image, ETAG)))
        })
        .collect();
    let urls: Vec<_> = mirrors.iter().map(|mirror| mirror.url("/image")).collect();
    let turn = std::sync::atomic::AtomicUsize::new(0);
    let server = Scripted::start(move |_| {
        let next = &urls[turn.fetch_add(1, std::sync::atomic::Ordering::SeqCst) % urls.len()];
        Act::Send(answer("302 Found", &format!("Location: {next}\nContent-Length: 0"), b""))
    });
    case.fetch(&[&server.url("/image")]).ended(0, "", "");
    assert!(std::fs::read(case.site.user.path("image.img")).unwrap() == case.image);
    assert_eq!(server.log().len(), 1, "the parts come from where the first did");
}

#[test]
fn a_password_in_a_location_is_not_shown() {
    let case = Case::new(content(5000));
    let done = case.fetch(&["http://jane:secret@127.0.0.1:9/image.img"]);
    assert_eq!(done.status, Some(1));
    assert!(
        !done.stderr.contains("secret") && done.stderr.contains("…@127.0.0.1:9/image.img"),
        "{}",
        done.stderr
    );
    case.nothing_is_there();
}

#[test]
fn the_next_location_is_tried_and_every_failure_is_told() {
    let case = Case::new(content(5000));
    let (_wrong, wrong) = server(whole(&content(6000), ""));
    let missing = format!("{}/missing.img", case.site.web.base);
    let right = case.site.web.serve("image.img", &case.image);
    let done = case.fetch(&["pdisk:cloud:8445:d2e", &missing, &wrong, &right]);
    done.ended(
        0,
        "",
        &format!(
            "warning: 'pdisk:cloud:8445:d2e' is a persistent disk of a cloud, which cannot be fetched from outside; \
             trying the next location\n\
             warning: {missing} answers 404 Not Found: 404 Not Found: nginx/1.22.1; trying the next location\n\
             warning: {wrong}: 6000 bytes lie there, but the image has 5000; trying the next location\n"
        )
        .replace("nginx/1.22.1", &nginx_version()),
    );
    assert!(std::fs::read(case.site.user.path("image.img")).unwrap() == case.image);
    // If none is left, the last is the error.
    let case = Case::new(content(5000));
    let missing = format!("{}/missing.img", case.site.web.base);
    let done = case.fetch(&["gopher://h/i", &missing]);
    case.fails(
        done,
        5,
        &format!(
            "warning: 'gopher://h/i': images cannot be fetched by 'gopher'; trying the next location\n\
             error: the image could not be had from any of its 2 locations; from the last: {missing} answers 404 Not \
             Found: 404 Not Found: {}\nhint: tell its endorser; 'stratus-cache add FILE' takes an image that was had in another way\n",
            nginx_version()
        ),
    );
}

/// As it names itself.
fn nginx_version() -> String {
    let output = Command::new("nginx").arg("-v").output().unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    text.trim().strip_prefix("nginx version: ").unwrap().to_owned()
}

#[test]
fn a_persistent_disk_is_refused_with_a_hint() {
    let case = Case::new(content(5000));
    let done = case.fetch(&["pdisk:cloud.example.org:8445:d2e"]);
    case.fails(
        done,
        1,
        "error: 'pdisk:cloud.example.org:8445:d2e' is a persistent disk of a cloud, which cannot be fetched from \
         outside\nhint: an image that is to be fetched lies at a URL as well; ask its endorser for one\n",
    );
}

#[test]
fn a_file_counts_only_in_an_entry_that_is_a_file_here() {
    let case = Case::new(content(5000));
    case.site.user.write("here.img", &case.image);
    let url = format!("file://{}", case.site.user.path("here.img").display());
    let done = case.fetch(&[&url]);
    let refused = format!(
        "error: {url}: a file of this machine counts only in an entry that is a file here itself\n\
         hint: save the entry and name it with --metadata-file if you trust what it says of this machine\n"
    );
    done.failed(1, &refused);
    case.site.user.write("entry.xml", entry(&case.image, &[&url]).signed_by(&jane()));
    let copy = case.site.download(&["--metadata-file", "entry.xml", "-o", "image.img"]);
    copy.ended(0, "", "");
    assert!(std::fs::read(case.site.user.path("image.img")).unwrap() == case.image);
    // An entry that a Marketplace had does not become one of this machine's by being remembered.
    let remembered = entry(&case.image, &[&url]).created("2012-05-04T05:06:07Z");
    case.site.publish(&remembered);
    let identifier = remembered.identifier().to_string();
    assert_eq!(case.site.download(&["-q", &identifier]).status, Some(0), "it is in the cache");
    case.site.user.write("older.xml", entry(&case.image, &["http://127.0.0.1:9/x"]).signed_by(&jane()));
    std::fs::remove_dir_all(case.site.user.path(".cache/stratuslab/images")).unwrap();
    let done = case.site.download(&["--metadata-file", "older.xml"]);
    done.failed(1, &refused);
    // What it holds is compared all the same.
    case.site.user.write("here.img", content(4000));
    let done = case.site.download(&["--cache", "other", "--metadata-file", "entry.xml"]);
    assert!(done.status == Some(1) && done.stderr.contains("it is not the image"), "{}", done.stderr);
}

/// An image that qemu-img makes.
fn qcow2(site: &Site, name: &str, options: &[&str]) -> Vec<u8> {
    site.user.write("base.raw", vec![7; 1 << 20]);
    let status = Command::new("qemu-img")
        .args(["create", "-q", "-f", "qcow2"])
        .args(options)
        .args([name, "1M"])
        .current_dir(site.user.path(""))
        .status()
        .unwrap();
    assert!(status.success());
    std::fs::read(site.user.path(name)).unwrap()
}

#[test]
fn an_image_that_builds_on_another_file_is_refused() {
    for (options, what) in [
        (&["-b", "base.raw", "-F", "raw"][..], "builds on another one: base.raw"),
        (&["-o", "data_file=data.raw,data_file_raw=on"][..], "data.raw"),
    ] {
        let site = Site::new();
        let image = qcow2(&site, "image.qcow2", options);
        let identifier = site.offer(&image);
        let done = site.download(&[&identifier]);
        assert_eq!((done.status, done.stdout.as_str()), (Some(1), ""), "{}", done.stderr);
        assert!(done.stderr.contains(what), "{}", done.stderr);
        assert!(done.stderr.contains("hint: its checksum would not cover the disk"), "{}", done.stderr);
        assert_eq!(site.cached(), Vec::<String>::new());
    }
}

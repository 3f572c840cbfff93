//! Locations that do what no location should: one clear error each, and nothing under a final name.

use std::process::Command;

use stratuslab::{ChecksumAlgorithm, ImageDigests};

use crate::{
    folder::{Done, compressed},
    scripted::{Act, Scripted, answer, honest, whole},
    site::{Site, content, entry, jane},
};

const ETAG: &str = "ETag: \"one\"";
const SLC: &str = "http://mp.stratuslab.eu/slcompressed#";

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

    /// Nothing but what another transfer can go on from.
    #[track_caller]
    fn nothing_is_final(&self) {
        assert_eq!(self.site.user.names(), [".cache", "ca.pem"]);
        assert!(
            self.site.cached().iter().all(|name| name.starts_with("partial/")),
            "{:?}",
            self.site.cached()
        );
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
    case.nothing_is_final();
    // With the proof, but never more of it.
    let case = Case::new(image.clone());
    let part = image[..3000].to_vec();
    let (scripted, url) = server(answer("200 OK", &format!("Content-Length: 5000\n{ETAG}"), &part));
    let done = case.fetch(&[&url]);
    assert!(done.status == Some(5) && done.stderr.contains(&cut(&url)), "{}", done.stderr);
    assert!(scripted.log().len() > 1, "it was asked again");
    case.nothing_is_final();
    // It states no size at all.
    let case = Case::new(image.clone());
    let (_server, url) = server(answer("200 OK", "", &image));
    let done = case.fetch(&[&url]);
    assert!(done.stderr.starts_with(&format!("error: {url} states no length, ")), "{}", done.stderr);
    assert_eq!(done.status, Some(5));
    case.nothing_is_final();
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
    case.nothing_is_final();
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

/// A download by a process whose files may have so many KiB.
pub(crate) fn with_small_files(site: &Site, kibibytes: u32, arguments: &[&str]) -> Done {
    let script = format!("ulimit -f {}; exec \"$@\"", kibibytes * 2);
    let download = site.command(arguments);
    let mut command = Command::new("sh");
    command.args(["-c", &script, "sh"]).arg(download.get_program()).args(download.get_args());
    command.current_dir(site.user.path("")).env_clear().env("HOME", site.user.path(""));
    command.output().unwrap().into()
}

#[test]
fn a_bomb_does_not_go_off() {
    for extension in ["gz", "bz2", "xz", "zst"] {
        for byte in [0, 7] {
            let case = Case::new(vec![byte; 5000]);
            let Some(bomb) = compressed(extension, &vec![byte; 256 << 20]) else { continue };
            assert!(bomb.len() < 1 << 20, "{extension}: {}", bomb.len());
            let url = case.site.web.serve(&format!("bomb.{extension}"), &bomb);
            let identifier = case.site.publish(&entry(&case.image, &[&url]));
            // Whoever expands all of it and looks then writes too much, or, of zeros, has too long a file.
            let done = with_small_files(&case.site, 1 << 10, &["-o", "image.img", &identifier]);
            case.fails(
                done,
                1,
                &format!("error: {url}: what lies there holds more than the 5000 bytes of the image\n{TELL}"),
            );
        }
    }
}

#[test]
fn damaged_compression_is_told() {
    let case = Case::new(content(5000));
    let mut packed = compressed("gz", &case.image).unwrap();
    let end = packed.len() - 20;
    packed[end] ^= 1;
    let url = case.site.web.serve("image.gz", &packed);
    let done = case.fetch(&[&url]);
    assert!(done.stderr.starts_with(&format!("error: {url}: damaged gz data near byte ")), "{}", done.stderr);
    assert_eq!(done.status, Some(1));
    case.nothing_is_there();
}

#[test]
fn the_compressed_file_is_compared_too_if_it_is_described() {
    let case = Case::new(content(5000));
    let packed = compressed("gz", &case.image).unwrap();
    let url = case.site.web.serve("image.gz", &packed);
    let sha512 = |of: &[u8]| {
        let digests = ImageDigests::read(of, &[ChecksumAlgorithm::Sha512]).unwrap();
        digests.checksum(ChecksumAlgorithm::Sha512).unwrap().value().to_owned()
    };
    let described = |bytes: usize, sha512: &str| {
        entry(&case.image, &[&url]).text("compression", "gz").extra(&format!(
            "<slc:bytes xmlns:slc=\"{SLC}\">{bytes}</slc:bytes>\
             <slc:sha512 xmlns:slc=\"{SLC}\">{sha512}</slc:sha512>"
        ))
    };
    let (right, wrong) = (sha512(&packed), sha512(b"other"));
    for (bytes, stated) in [(packed.len(), &wrong), (packed.len() + 1, &right)] {
        case.site.user.write("entry.xml", described(bytes, stated).signed_by(&jane()));
        let done = case.site.download(&["--metadata-file", "entry.xml", "-o", "image.img"]);
        let told = format!(
            "error: {url}: the compressed file is not the one that the entry describes: it has {} bytes with SHA-512 \
             {right}, not {bytes} bytes with SHA-512 {stated}\n",
            packed.len()
        );
        assert!(done.status == Some(1) && done.stderr.starts_with(&told), "{}", done.stderr);
        assert!(!case.site.user.path("image.img").exists());
    }
    case.site.user.write("entry.xml", described(packed.len(), &right).signed_by(&jane()));
    case.site.download(&["--metadata-file", "entry.xml", "-o", "image.img"]).ended(0, "", "");
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
    case.nothing_is_final();
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

#[test]
fn whatever_a_location_does_the_next_is_tried() {
    let image = content(5000);
    let mut other = image.clone();
    other[4000] ^= 1;
    let circle = answer("302 Found", "Location: /image\nContent-Length: 0", b"");
    let bomb = compressed("gz", &vec![7; 8 << 20]).unwrap();
    for (what, act) in [
        ("gave no data", Act::Stall(answer("200 OK", "Content-Length: 5000", &image[..100]))),
        ("it is not the image", Act::Send(whole(&other, ""))),
        ("holds more than the 5000 bytes", Act::Send(whole(&bomb, ""))),
        ("redirects more than 10 times", Act::Send(circle)),
        (
            "closed the connection half-way",
            Act::Send(answer("200 OK", "Content-Length: 5000", &image[..100])),
        ),
        ("states no length", Act::Send(answer("200 OK", "", &image))),
        ("does not answer in HTTP", Act::Send(b"220 smtp.example.org\r\n".to_vec())),
    ] {
        let case = Case::new(image.clone());
        let server = Scripted::start(move |_| match &act {
            Act::Send(bytes) => Act::Send(bytes.clone()),
            Act::Stall(bytes) => Act::Stall(bytes.clone()),
        });
        let right = case.site.web.serve("image.img", &image);
        let done = case.fetch(&[&server.url("/image"), &right]);
        assert_eq!(done.status, Some(0), "{what}: {}", done.stderr);
        let warned = format!("warning: {}", server.url("/image"));
        let warned = done.stderr.lines().any(|line| line.starts_with(&warned) && line.contains(what));
        assert!(warned, "{what}: {}", done.stderr);
        assert!(std::fs::read(case.site.user.path("image.img")).unwrap() == image);
    }
}

#[test]
fn in_json_the_error_has_every_location() {
    let case = Case::new(content(5000));
    let missing = format!("{}/missing.img", case.site.web.base);
    let identifier = case.site.publish(&entry(&case.image, &["ftp://h/i", "gopher://h/i", &missing]));
    let policy = format!("[policy]\nlocations = [\"gopher://h/\", \"{}\"]\n", case.site.web.base);
    case.site.user.write("policy.toml", policy);
    let done = case.site.download(&["-qq", "--json", "--policy", "policy.toml", &identifier]);
    assert_eq!(done.status, Some(5), "{}", done.stderr);
    let told = format!(
        "of its 3 locations, of which the policy does not allow ftp://h/i; from the last: {missing} "
    );
    assert!(done.stderr.contains(&told), "{}", done.stderr);
    let error = &done.json()[0]["error"];
    let locations = error["locations"].as_array().unwrap();
    let named: Vec<_> = locations.iter().map(|it| it["location"].as_str().unwrap()).collect();
    assert_eq!(named, ["ftp://h/i", "gopher://h/i", missing.as_str()]);
    assert_eq!(locations[0]["problem"], "the policy does not allow this location");
    assert!(locations[1]["problem"].as_str().unwrap().contains("by 'gopher'"), "{error}");
    assert!(locations[2]["problem"].as_str().unwrap().contains("404 Not Found"), "{error}");
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
        for output in [&[][..], &["-o", "image.img"], &["--no-cache", "-o", "image.img"]] {
            let done = site.download(&[output, &[&identifier]].concat());
            assert_eq!((done.status, done.stdout.as_str()), (Some(1), ""), "{}", done.stderr);
            assert!(done.stderr.contains(what), "{}", done.stderr);
            assert!(done.stderr.contains("hint: its checksum would not cover the disk"), "{}", done.stderr);
            assert_eq!(site.cached(), Vec::<String>::new());
            assert!(!site.user.path("image.img").exists());
        }
    }
}

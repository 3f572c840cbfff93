//! What images `stratus-build-metadata` reads, from wherever they come, and how much of them.
#![cfg(feature = "cli")]
#![allow(clippy::unwrap_used, reason = "a test that cannot make its material has failed")]

use std::{
    fs::{self, File},
    io::{Seek as _, SeekFrom, Write as _},
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use flate2::write::GzEncoder;

#[path = "common/folder.rs"]
mod folder;

use folder::{Done, Folder, IDENTIFIER, IMAGE, compressed, texts};

const BUILD: &str = "build-metadata";
/// Describe on standard output, without a remark.
const PRINT: [&str; 2] = ["--output=-", "--location=http://h/i"];

/// Content that no compression makes nothing of, and that is like no other part of itself.
fn content(length: usize) -> Vec<u8> {
    let mut state = 1_u32;
    let mut byte = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0] & 0x3f
    };
    (0..length).map(|_| byte()).collect()
}

/// This many zeros as gz, which takes a thousandth.
fn gz_of_zeros(length: usize) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let piece = vec![0; 1 << 20];
    for start in (0..length).step_by(piece.len()) {
        encoder.write_all(&piece[..piece.len().min(length - start)]).unwrap();
    }
    encoder.finish().unwrap()
}

/// Size and checksums as described.
fn described(document: &str) -> (Vec<String>, Vec<String>) {
    (texts(document, "bytes"), texts(document, "value"))
}

fn print(folder: &Folder, image: &str, arguments: &[&str]) -> Done {
    folder.run(BUILD, &[&PRINT, arguments, &[image]].concat())
}

#[test]
fn standard_input_is_read_from_a_pipe_and_from_a_file() {
    let folder = Folder::new();
    let arguments = [&PRINT[..], &["-"]].concat();
    let expected = described(&print(&folder, "image", &[]).succeeded());
    let piped = folder.run_with(IMAGE, BUILD, &arguments).succeeded();
    let redirected = folder.run_on(folder.open("image"), BUILD, &arguments).succeeded();
    for document in [piped, redirected] {
        assert_eq!(texts(&document, "identifier"), [IDENTIFIER]);
        assert_eq!(described(&document), expected);
    }
    let compressed = compressed("gz", IMAGE).unwrap();
    folder.write("image.gz", &compressed);
    for done in [
        folder.run_with(&compressed, BUILD, &arguments),
        folder.run_on(folder.open("image.gz"), BUILD, &arguments),
    ] {
        let document = done.succeeded();
        assert_eq!(described(&document), expected);
        assert_eq!(texts(&document, "compression"), ["gz"]);
    }
    // A file of that name has a way to be named.
    folder.write("-", b"another\n");
    assert_eq!(texts(&print(&folder, "./-", &[]).succeeded(), "bytes"), ["8"]);
    let object =
        &folder.run_with(IMAGE, BUILD, &[&arguments[1..], &["--json", "--output=x.xml"]].concat()).json()[0];
    assert_eq!((&object["file"], &object["bytes"]), (&"-".into(), &12.into()));
}

#[test]
fn standard_input_is_read_from_where_it_stands() {
    let folder = Folder::new();
    let content = content(2_000_000);
    folder.write("whole", &content);
    folder.write("rest", &content[512..]);
    let expected = described(&print(&folder, "rest", &[]).succeeded());
    let arguments = [&PRINT[..], &["-"]].concat();
    let mut file = folder.open("whole");
    file.seek(SeekFrom::Start(512)).unwrap();
    assert_eq!(described(&folder.run_on(file, BUILD, &arguments).succeeded()), expected);
    let line =
        "(dd bs=512 count=1 of=first 2>/dev/null; stratus-build-metadata --location=http://h/i --output=- -)";
    assert_eq!(described(&folder.shell(&format!("{line} <whole")).succeeded()), expected);
    assert_eq!(described(&folder.shell(&format!("cat whole | {line}")).succeeded()), expected);
    assert_eq!(fs::read(folder.path("first")).unwrap(), content[..512]);
    for start in [2_000_000, 3_000_000] {
        let mut file = folder.open("whole");
        file.seek(SeekFrom::Start(start)).unwrap();
        folder.run_on(file, BUILD, &arguments).failed(1, "error: the image is empty: standard input\n");
    }
}

#[test]
fn standard_input_that_is_no_image_is_refused() {
    let folder = Folder::new();
    let arguments = ["--output=out.xml", "-"];
    let empty = "error: the image is empty: standard input\n";
    folder.run_with(b"", BUILD, &arguments).failed(1, empty);
    // The system opens /dev/null in place of one that is closed.
    folder.shell("stratus-build-metadata --output=out.xml - <&-").failed(1, empty);
    let folder_itself = File::open(folder.path("")).unwrap();
    let error = "error: standard input is a directory, not a file or block device\n";
    folder.run_on(folder_itself, BUILD, &arguments).failed(3, error);
    let write_only = File::options().append(true).open(folder.path("image")).unwrap();
    let error = "error: cannot read standard input: Bad file descriptor\n";
    folder.run_on(write_only, BUILD, &arguments).failed(3, error);
    let cut = &compressed("gz", &content(5000)).unwrap()[..1000];
    let error = "error: standard input: truncated gz data: more is needed after 1000 bytes\n\
                 hint: fetch or make the image again\n";
    folder.run_with(cut, BUILD, &arguments).failed(3, error);
    assert_eq!(folder.names(), ["image"]);
}

/// An image that is read from standard input is no more overwritten than another.
#[test]
fn the_image_on_standard_input_is_never_overwritten() {
    let folder = Folder::new();
    let error = "error: image is the image itself\nhint: name another file with --output\n";
    folder.run_on(folder.open("image"), BUILD, &["--output=image", "--force", "-"]).failed(2, error);
    assert_eq!(fs::read(folder.path("image")).unwrap(), IMAGE);
}

/// By what is described, a download can be checked before it is expanded.
#[test]
fn the_compressed_file_is_described_as_it_lies_there() {
    let folder = Folder::new();
    let whole = content(300_000);
    for extension in ["gz", "bz2", "xz", "zst"] {
        let Some(member) = compressed(extension, &whole) else { continue };
        // Of two members: all of the file is meant.
        let file = [&member[..], &member].concat();
        folder.write("image", &file);
        let sums = folder.shell("sha512sum image").succeeded();
        let document = print(&folder, "image", &["--describe-compressed"]).succeeded();
        assert!(document.contains("xmlns:slc=\"http://mp.stratuslab.eu/slcompressed#\""), "{document}");
        assert_eq!(texts(&document, "bytes"), ["600000".to_owned(), file.len().to_string()]);
        assert_eq!(texts(&document, "sha512"), [sums.split(' ').next().unwrap()], "{extension}");
        assert_eq!(texts(&document, "compression"), [extension]);
        let piped = folder.run_with(&file, BUILD, &[&PRINT[..], &["--describe-compressed", "-"]].concat());
        let [piped, document] = [piped.succeeded(), document].map(|document| texts(&document, "sha512"));
        assert_eq!(piped, document);
        let stated = [&PRINT[..], &["--describe-compressed", "--compression", extension, "image"]].concat();
        assert_eq!(texts(&folder.run(BUILD, &stated).succeeded(), "sha512"), document);
        // Only if asked for.
        assert!(texts(&print(&folder, "image", &[]).succeeded(), "sha512").is_empty());
    }
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let folder = Folder::new();
    let content = content(3_000_000);
    folder.write("raw", &content);
    let mut images = vec!["raw".to_owned()];
    for extension in ["gz", "bz2", "xz", "zst"] {
        if let Some(bytes) = compressed(extension, &content) {
            folder.write(extension, bytes);
            images.push(extension.to_owned());
        }
    }
    if let Some(blocks) = folder::filtered("xz", &["-c", "-T2", "--block-size=500000"], &content) {
        folder.write("blocks.xz", blocks);
        images.push("blocks.xz".to_owned());
    }
    let raw = described(&print(&folder, "raw", &["--threads=1"]).succeeded());
    for image in images {
        for threads in ["1", "2", "3", "8"] {
            let document = print(&folder, &image, &["--threads", threads]).succeeded();
            assert_eq!(described(&document), raw, "{image} {threads}");
        }
    }
    for bad in ["0", "-1", "two", "1.5", ""] {
        let done = print(&folder, "raw", &[&format!("--threads={bad}")]);
        assert_eq!(done.status, Some(2), "{bad}");
        let start = format!("error: invalid value '{bad}' for '--threads <N>': ");
        assert!(done.stderr.starts_with(&start), "{}", done.stderr);
    }
}

#[test]
fn max_size_is_the_largest_size_there_is_no_error_for() {
    let folder = Folder::new();
    // Each size to the byte: the unit is what it says.
    for (size, bytes) in [
        ("1", 1),
        ("1025", 1025),
        ("1K", 1 << 10),
        ("1k", 1 << 10),
        ("3KiB", 3 << 10),
        ("1KB", 1000),
        ("1kB", 1000),
        ("1M", 1 << 20),
        ("1MiB", 1 << 20),
        ("2MB", 2_000_000),
    ] {
        folder.write("fits", vec![7; bytes]);
        folder.write("more", vec![7; bytes + 1]);
        folder.write("fits.gz", compressed("gz", &vec![7; bytes]).unwrap());
        folder.write("more.gz", compressed("gz", &vec![7; bytes + 1]).unwrap());
        for image in ["fits", "fits.gz"] {
            let document = print(&folder, image, &["--max-size", size]).succeeded();
            assert_eq!(texts(&document, "bytes"), [bytes.to_string()], "{image} {size}");
        }
        for image in ["more", "more.gz"] {
            let error =
                format!("error: {image} holds more than {bytes} bytes\nhint: --max-size allows more\n");
            print(&folder, image, &["--max-size", size]).failed(1, &error);
        }
    }
    // Sizes that no test can write, as holes.
    for (size, bytes) in [("1G", 1_u64 << 30), ("1GB", 1_000_000_000), ("1GiB", 1 << 30)] {
        folder.sparse("more", bytes + 1);
        let error = format!("error: more holds more than {bytes} bytes\nhint: --max-size allows more\n");
        print(&folder, "more", &["--no-md5", "--no-sha256", "--no-sha512", "--max-size", size])
            .failed(1, &error);
    }
    for size in ["1T", "1TB", "1P", "1PB", "16383P"] {
        print(&folder, "image", &["--max-size", size]).succeeded();
    }
    let form = "not a number of bytes such as 500M, 10G or 1T";
    for (bad, why) in [
        ("0", "it is nothing at all"),
        ("0K", "it is nothing at all"),
        ("", form),
        ("M", form),
        ("-1", form),
        ("1.5G", form),
        ("1m", form),
        ("1E", form),
        ("1 G", form),
        ("1iB", form),
        ("1B", form),
        ("0x10", form),
        ("१K", form),
        ("16384P", "it is too large"),
        ("18446744073709551616", "it is too large"),
    ] {
        let done = print(&folder, "image", &[&format!("--max-size={bad}")]);
        let error = format!("error: invalid value '{bad}' for '--max-size <SIZE>': {why}\n");
        assert_eq!((done.status, done.stderr.starts_with(&error)), (Some(2), true), "{}", done.stderr);
    }
}

/// A gigabyte in a megabyte is refused long before it is all expanded.
#[test]
fn a_bomb_is_refused_at_once() {
    let folder = Folder::new();
    folder.write("bomb.gz", gz_of_zeros(1 << 30));
    let start = Instant::now();
    let error = "error: bomb.gz holds more than 1048576 bytes\nhint: --max-size allows more\n";
    folder.run(BUILD, &["--output=out.xml", "--max-size=1M", "bomb.gz"]).failed(1, error);
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    assert!(!folder.path("out.xml").exists());
    let piped = folder.run_with(
        &fs::read(folder.path("bomb.gz")).unwrap(),
        BUILD,
        &["--output=-", "--max-size=1M", "-"],
    );
    piped.failed(1, "error: standard input holds more than 1048576 bytes\nhint: --max-size allows more\n");
}

/// Whatever is wrong with compressed data, nothing is written, and where it is wrong is told.
#[test]
fn damaged_compressed_images_are_refused() {
    let folder = Folder::new();
    for extension in ["gz", "bz2", "xz", "zst"] {
        let Some(whole) = compressed(extension, &content(200_000)) else { continue };
        let middle = whole.len() / 2;
        let mut damaged = whole.clone();
        damaged[middle] ^= 0x10;
        let length = whole.len();
        for (name, bytes, fact) in [
            (
                "cut",
                whole[..middle].to_vec(),
                format!("truncated {extension} data: more is needed after {middle} bytes"),
            ),
            (
                "short",
                whole[..length - 1].to_vec(),
                format!("truncated {extension} data: more is needed after {} bytes", length - 1),
            ),
            (
                "garbage",
                [&whole[..], b"garbage!"].concat(),
                format!("the {extension} data end at byte {length} but something else follows"),
            ),
            ("damaged", damaged, format!("damaged {extension} data near byte ")),
        ] {
            folder.write(name, bytes);
            let done = folder.run(BUILD, &["--output=out.xml", name]);
            let stderr = done.stderr.strip_prefix(&format!("error: {name}: {fact}"));
            let rest = stderr.unwrap_or_else(|| unreachable!("{extension} {name}: {}", done.stderr));
            let (offset, hint) = rest.split_once('\n').unwrap();
            assert_eq!(hint, "hint: fetch or make the image again\n");
            assert!(
                offset.is_empty() || offset.parse::<usize>().is_ok_and(|offset| offset <= length),
                "{offset}"
            );
            assert_eq!((done.status, done.stdout.as_str()), (Some(3), ""));
            assert!(!folder.path("out.xml").exists());
        }
    }
}

/// Not even half a description of a file that changes while it is read.
#[test]
fn an_image_that_changes_is_refused() {
    let folder = Folder::new();
    if !Path::new("/proc/self/fdinfo").exists() {
        eprintln!("skipped: no /proc to see when the image is read");
        return;
    }
    for (image, name, more) in
        [("large", "large", &[][..]), ("large", "large", &["--dry-run"]), ("-", "standard input", &[])]
    {
        // Too long to be read before it is cut to what is read at once.
        folder.sparse("large", 1 << 40);
        let mut command = folder.command(BUILD);
        command.args(["--output=out.xml", image]).args(more).stdin(folder.open("large"));
        let child = folder.start_reading(&mut command, "large");
        let mut file = File::options().append(true).open(folder.path("large")).unwrap();
        file.set_len(1 << 20).unwrap();
        file.write_all(b"more").unwrap();
        let error = format!(
            "error: {name} changed while it was read\nhint: stop whatever writes to the image, then try again\n"
        );
        Done::from(child.wait_with_output().unwrap()).failed(3, &error);
        assert!(!folder.path("out.xml").exists());
    }
    // Its length stays, what was read already does not.
    folder.sparse("large", 1 << 30);
    let child = folder.start_reading(folder.command(BUILD).args(["--output=out.xml", "large"]), "large");
    let mut file = File::options().write(true).open(folder.path("large")).unwrap();
    file.write_all(b"other").unwrap();
    let error =
        "error: large changed while it was read\nhint: stop whatever writes to the image, then try again\n";
    Done::from(child.wait_with_output().unwrap()).failed(3, error);
    // It vanishes: the open file is read on, so it must be short as well.
    folder.sparse("large", 1 << 40);
    let child = folder.start_reading(folder.command(BUILD).args(["--output=out.xml", "large"]), "large");
    let file = File::options().write(true).open(folder.path("large")).unwrap();
    fs::remove_file(folder.path("large")).unwrap();
    file.set_len(1 << 20).unwrap();
    let done = Done::from(child.wait_with_output().unwrap());
    done.failed(3, "error: large vanished while it was read\n");
}

/// A host whose OpenSSL refuses MD5, as in FIPS mode, describes images like any other.
#[test]
fn openssl_need_not_have_every_algorithm() {
    let folder = Folder::new();
    let configuration =
        "openssl_conf = init\n[init]\nalg_section = algs\n[algs]\ndefault_properties = fips=yes\n";
    folder.write("fips.cnf", configuration);
    folder.write("image", content(700_000));
    let md5 = |configuration: Option<&str>| {
        let mut openssl = Command::new("openssl");
        openssl.args(["dgst", "-md5"]).arg(folder.path("image")).stdout(Stdio::null()).stderr(Stdio::null());
        openssl.envs(configuration.map(|name| ("OPENSSL_CONF", folder.path(name))));
        openssl.status().is_ok_and(|status| status.success())
    };
    if !md5(None) {
        eprintln!("skipped: there is no openssl");
        return;
    }
    assert!(!md5(Some("fips.cnf")), "OpenSSL does not heed the configuration");
    let build = |configuration: Option<&str>| {
        let mut command = folder.command(BUILD);
        command.args(PRINT).arg("image").env("SOURCE_DATE_EPOCH", "1295863182");
        command.envs(configuration.map(|name| ("OPENSSL_CONF", folder.path(name))));
        Done::from(command.output().unwrap()).succeeded()
    };
    let document = build(Some("fips.cnf"));
    assert_eq!(document, build(None));
    assert_eq!(texts(&document, "algorithm"), ["MD5", "SHA-1", "SHA-256", "SHA-512"]);
}

/// Peak memory in KiB of a command that succeeds.
fn peak(folder: &Folder, arguments: &[&str]) -> Option<u64> {
    let program = folder.command(BUILD).get_program().to_owned();
    let mut command = Command::new("/usr/bin/time");
    command.args(["-f", "%M"]).arg(program).args(arguments).current_dir(folder.path("")).env_clear();
    let Ok(output) = command.env("HOME", folder.path("")).stdin(Stdio::null()).output() else {
        eprintln!("skipped: there is no /usr/bin/time");
        return None;
    };
    let done = Done::from(output);
    assert_eq!(done.status, Some(0), "{}", done.stderr);
    Some(done.stderr.trim().parse().unwrap())
}

#[test]
fn memory_does_not_grow_with_the_image() {
    let folder = Folder::new();
    let small = peak(&folder, &[&PRINT[..], &["image"]].concat());
    let Some(small) = small else { return };
    folder.sparse("sparse", 2 << 30);
    folder.write("zeros.gz", gz_of_zeros(1 << 30));
    let mut images = vec!["sparse", "zeros.gz"];
    if folder.shell("zstd -q -3 sparse -o zeros.zst").status == Some(0) {
        images.push("zeros.zst");
    } else {
        eprintln!("skipped: zstd is not installed");
    }
    for image in images {
        let mut arguments = [&PRINT[..], &[image]].concat();
        if image != "sparse" {
            arguments.push("--describe-compressed");
        }
        let peak = peak(&folder, &arguments).unwrap();
        assert!(peak < 64 << 10, "{image}: {peak} KiB, a small one: {small} KiB");
    }
}

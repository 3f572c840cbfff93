//! `stratus-build-metadata`, run as a user runs it.
#![cfg(feature = "cli")]
#![allow(clippy::unwrap_used, reason = "a test that cannot make its material has failed")]

use std::{
    fs,
    io::Write,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::Path,
    process::{Command, Output, Stdio},
};

use stratuslab::{
    Timestamp,
    validate::{self, Outcome},
};
use tempfile::TempDir;

/// `hello world` and a line feed; its checksums are known (behaviour 8).
const IMAGE: &[u8] = b"hello world\n";
const IDENTIFIER: &str = "CJZY2Oz3kCwb5gfuF2CMS6MDtUR";
const NAMED: [&str; 4] = ["--os=ttylinux", "--os-version=9.7", "--os-arch=i486", "--image-version=1.3"];
const NAME: &str = "ttylinux-9.7-i486-base-1.3.xml";

/// A folder with an image, and nothing of the user's.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("image"), IMAGE).unwrap();
    folder
}

fn command(folder: &TempDir) -> Command {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("stratus-build-metadata"));
    command.current_dir(folder.path()).env_clear().env("HOME", folder.path()).stdin(Stdio::null());
    command
}

fn run(folder: &TempDir, arguments: &[&str]) -> Output {
    command(folder).args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// Runs and requires this exit status and stderr.
fn refused(folder: &TempDir, arguments: &[&str], status: i32, stderr: &str) {
    let output = run(folder, arguments);
    assert_eq!(text(&output.stderr), stderr, "{arguments:?}");
    assert_eq!(output.status.code(), Some(status), "{arguments:?}");
    assert_eq!(text(&output.stdout), "", "{arguments:?}");
}

/// Runs, requires success and gives the document on stdout.
fn built(folder: &TempDir, arguments: &[&str]) -> String {
    let output = run(folder, &[&["--output", "-", "image"], arguments].concat());
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {}", text(&output.stderr));
    text(&output.stdout).to_owned()
}

fn stderr(folder: &TempDir, arguments: &[&str]) -> String {
    let output = run(folder, &[&["--output", "-", "image", "--location=http://h/i"], arguments].concat());
    assert_eq!(output.status.code(), Some(0), "{arguments:?}");
    text(&output.stderr).to_owned()
}

/// The texts of all elements of this local name.
fn texts(document: &str, name: &str) -> Vec<String> {
    let parsed = roxmltree::Document::parse(document).unwrap();
    let named = parsed.descendants().filter(|node| node.tag_name().name() == name);
    named.map(|node| node.text().unwrap_or_default().to_owned()).collect()
}

/// A qcow2 header of version 3 with nothing but a size and its own length.
fn qcow2(size: u64) -> Vec<u8> {
    let mut header = [&b"QFI\xfb\0\0\0\x03"[..], &[0; 504]].concat();
    header[24..32].copy_from_slice(&size.to_be_bytes());
    header[103] = 104;
    header
}

#[test]
fn the_session_of_the_slides() {
    let folder = folder();
    let arguments =
        ["--author=your name", "--location=http://example.org/ttylinux.gz", "--compression=gz", "image"];
    refused(&folder, &[&NAMED[..], &arguments].concat(), 0, "");
    let document = fs::read_to_string(folder.path().join(NAME)).unwrap();
    assert_eq!(texts(&document, "identifier"), [IDENTIFIER]);
    assert_eq!(texts(&document, "bytes"), ["12"]);
    assert_eq!(texts(&document, "compression"), ["gz"]);
    assert_eq!(texts(&document, "creator"), ["your name"]);
    assert_eq!(texts(&document, "publisher"), ["StratusLab"]);
    assert_eq!(texts(&document, "value").len(), 4);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "nothing else is left");

    // Every check but the signature passes.
    let mut options = validate::Options::new(Timestamp::now());
    options.signed = false;
    let report = validate::validate(document.as_bytes(), &options);
    let wrong = |check: &validate::Check| !matches!(check.outcome, Outcome::Passed | Outcome::Skipped);
    assert!(report.metadata().is_some());
    assert!(!report.checks().iter().any(wrong), "{:?}", report.checks());
}

#[test]
fn source_date_epoch_makes_it_reproducible() {
    let folder = folder();
    let build = |epoch: &str| {
        let mut command = command(&folder);
        command.args(["--output=-", "--location=http://h/i", "image"]).env("SOURCE_DATE_EPOCH", epoch);
        command.output().unwrap()
    };
    let (first, second) = (build("1295863182"), build("1295863182"));
    assert_eq!(first.stdout, second.stdout);
    assert_eq!(texts(text(&first.stdout), "created"), ["2011-01-24T09:59:42Z"]);
    for bad in ["-1", "+1", "1e9", "yesterday", "253402300800", "99999999999999999999"] {
        let output = build(bad);
        assert_eq!(output.status.code(), Some(2));
        let fact = "not a number of seconds since 1970 before the year 10000";
        assert_eq!(text(&output.stderr), format!("error: SOURCE_DATE_EPOCH is '{bad}', {fact}\n"));
    }
    assert_eq!(build("").status.code(), Some(0), "empty is unset");
}

/// C1: half a year is 182 days, and there is a choice.
#[test]
fn c1_the_validity() {
    let folder = folder();
    let valid = |arguments: &[&str]| {
        let mut command = command(&folder);
        command.args(["--output=-", "--location=http://h/i", "image"]).args(arguments);
        let output = command.env("SOURCE_DATE_EPOCH", "1295863182").output().unwrap();
        match output.status.code() {
            Some(0) => Ok(texts(text(&output.stdout), "valid").concat()),
            code => Err((code, text(&output.stderr).lines().next().unwrap().to_owned())),
        }
    };
    for (arguments, expected) in [
        (&[][..], "2011-07-25T09:59:42Z"),
        (&["--valid-for", "30d"], "2011-02-23T09:59:42Z"),
        (&["--valid-for=12w"], "2011-04-18T09:59:42Z"),
        (&["--valid-for=1y"], "2012-01-24T09:59:42Z"),
        (&["--valid-until=2011-12-31"], "2011-12-31T23:59:59Z"),
        (&["--valid-until=2011-12-31T12:00:00Z"], "2011-12-31T12:00:00Z"),
    ] {
        assert_eq!(valid(arguments).as_deref(), Ok(expected));
    }
    let form = "not a number followed by d, w or y, such as 30d";
    for (duration, why) in [
        ("0d", "it is no time at all"),
        ("30", form),
        ("d", form),
        ("-3d", form),
        ("6m", form),
        ("1.5y", form),
        ("३d", form),
        ("99999999999999999999d", "it is too long"),
        ("9223372036854775807w", "it is too long"),
    ] {
        let error = format!("error: invalid value '{duration}' for '--valid-for <DURATION>': {why}");
        assert_eq!(valid(&[&format!("--valid-for={duration}")]), Err((Some(2), error)));
    }
    let late = "error: 9223372036854775807 days after 2011-01-24T09:59:42Z is later than the year 9999";
    assert_eq!(valid(&["--valid-for=9223372036854775807d"]), Err((Some(2), late.to_owned())));
    let past = "error: --valid-until 2011-01-24T09:59:42Z is not after the creation at 2011-01-24T09:59:42Z";
    assert_eq!(valid(&["--valid-until=2011-01-24T09:59:42Z"]), Err((Some(2), past.to_owned())));
    assert!(matches!(valid(&["--valid-until=2011-02-30"]), Err((Some(2), _))));
    assert!(matches!(valid(&["--valid-until=2012-01-01", "--valid-for=1d"]), Err((Some(2), _))));
}

/// C2: texts are escaped, or refused if XML cannot carry them.
#[test]
fn c2_texts_survive() {
    let folder = folder();
    let odd = "a & b <c> \"d\" 'e' ]]> é\r\n\tz";
    let document = built(&folder, &["--title", odd, "--comment", odd, "--author", odd]);
    for element in ["title", "description", "creator"] {
        assert_eq!(texts(&document, element), [odd]);
    }
    let output = run(&folder, &["--output=-", "--title=a\x1bb", "image"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("XML cannot carry the character U+001B in it"));
}

/// C3: every location is kept, in order.
#[test]
fn c3_locations_are_repeatable() {
    let folder = folder();
    let document = built(&folder, &["--location", "http://a/1?x&y", "--location=pdisk:host:1:uuid"]);
    assert_eq!(texts(&document, "location"), ["http://a/1?x&y", "pdisk:host:1:uuid"]);
    let output = run(&folder, &["--output=-", "image"]);
    assert_eq!(
        text(&output.stderr),
        "note: no --location was given: slterms:location must be added by hand before signing\n"
    );
    assert_eq!(
        stderr(&folder, &["--location=image.gz"]),
        "warning: --location 'image.gz' is not a URI such as https://example.org/image.gz\n"
    );
}

/// C4 and C6: size and identifier are there when every checksum is stated or left out, and an
/// empty element is not.
#[test]
fn c4_c6_checksums_may_be_left_out() {
    let folder = folder();
    let document = built(&folder, &["--no-md5", "--no-sha256", "--no-sha512"]);
    assert_eq!(texts(&document, "algorithm"), ["SHA-1"]);
    assert_eq!(texts(&document, "bytes"), ["12"]);
    let sha1 = "--sha1=22596363B3DE40B06F981FB85D82312E8C0ED511";
    let document = built(&folder, &["--no-md5", "--no-sha256", "--no-sha512", sha1, "--kind="]);
    assert_eq!(texts(&document, "identifier"), [IDENTIFIER]);
    assert_eq!(texts(&document, "value"), ["22596363b3de40b06f981fb85d82312e8c0ed511"]);
    for absent in ["kind", "os", "os-version", "os-arch", "version", "compression", "creator", "title"] {
        assert!(texts(&document, absent).is_empty(), "{absent}");
    }
    let parsed = roxmltree::Document::parse(&document).unwrap();
    let mut empty = parsed.descendants().filter(|node| node.is_element() && !node.has_children());
    assert_eq!(empty.next().unwrap().tag_name().name(), "endorsement");
    assert!(empty.next().is_none());
    assert_eq!(run(&folder, &["--output=-", "image", "--no-sha1"]).status.code(), Some(2));
}

/// C5: no `---base-.xml`, nothing outside the folder, nothing overwritten unasked.
#[test]
fn c5_the_name_of_the_output() {
    let folder = folder();
    let output = run(&folder, &["--os=x", "--os-arch=y", "image"]);
    assert_eq!(output.status.code(), Some(2));
    let missing = "error: the following required arguments were not provided:\n  --os-version <VERSION>\n  \
                   --image-version <VERSION>\n";
    assert!(text(&output.stderr).starts_with(missing), "{}", text(&output.stderr));

    for (part, why) in [
        ("--os=../up", "'../up' cannot be part of a file name: it contains '/'"),
        ("--os=", "'' cannot be part of a file name: it is empty"),
        ("--os=a\nb", "'a\\nb' cannot be part of a file name: it contains a control character"),
        ("--os=-rf", "'-rf' cannot be part of a file name: the name would look like an option"),
    ] {
        let expected = format!("error: --os {why}\nhint: name the file with --output\n");
        refused(&folder, &[&[part], &NAMED[1..], &["image"]].concat(), 2, &expected);
    }
    assert_eq!(texts(&built(&folder, &["--os=../up"]), "os"), ["../up"], "only the name matters");

    let arguments = [&NAMED[..], &["--location=http://h/i", "image"]].concat();
    refused(&folder, &arguments, 0, "");
    fs::write(folder.path().join(NAME), "mine").unwrap();
    let exists = format!(
        "error: {NAME} exists already\nhint: overwrite it with --force, or name another file with --output\n"
    );
    refused(&folder, &arguments, 3, &exists);
    assert_eq!(fs::read(folder.path().join(NAME)).unwrap(), b"mine");
    refused(&folder, &[&arguments[..], &["--force"]].concat(), 0, "");
    assert_ne!(fs::read(folder.path().join(NAME)).unwrap(), b"mine");
}

/// C7 and C8: a stated checksum has all its digits and is the image's.
#[test]
fn c7_c8_stated_checksums_are_checked() {
    let folder = folder();
    let sha1 = "22596363b3de40b06f981fb85d82312e8c0ed511";
    let padded = format!(" {sha1}");
    let prefixed = format!("0x{}", &sha1[2..]);
    for bad in [&padded, &prefixed, &sha1[1..], &format!("+{}", &sha1[1..]), &format!("{sha1}00"), ""] {
        let output = run(&folder, &["--output=out.xml", &format!("--sha1={bad}"), "image"]);
        assert_eq!(output.status.code(), Some(2), "{bad}");
        assert!(text(&output.stderr).contains("it is not 40 hexadecimal digits"), "{}", text(&output.stderr));
    }
    let (zeros, ones) = ("0".repeat(32), "1".repeat(64));
    let stated = [format!("--md5={zeros}"), format!("--sha1={sha1}"), format!("--sha256={ones}")];
    let expected = format!(
        "error: image: the MD5 checksum is stated as {zeros} but the image's is 6f5902ac237024bdd0c176cb93063dc4; \
         the SHA-256 checksum is stated as {ones} but the image's is \
         a948904f2f0f479b8f8197694b30184b0d2ed1c1cd2a1ec0fb85d299a192a447\n"
    );
    refused(&folder, &["--output=out.xml", &stated[0], &stated[1], &stated[2], "image"], 1, &expected);
    assert!(!folder.path().join("out.xml").exists());
}

/// C33, C39: content decides what compression is written as `dcterms:compression`; unusual values
/// are mentioned.
#[test]
fn c33_c39_content_decides_and_unusual_values_are_mentioned() {
    let folder = folder();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(IMAGE).unwrap();
    let gzip = gzip.finish().unwrap();
    // The name says raw, the content gz, and the file published will be xz.
    fs::write(folder.path().join("image"), &gzip).unwrap();
    let document = built(&folder, &[]);
    assert_eq!(texts(&document, "identifier"), [IDENTIFIER]);
    assert_eq!(texts(&document, "compression"), ["gz"]);
    assert!(document.contains("<dcterms:compression>gz</dcterms:compression>"), "{document}");
    assert_eq!(texts(&built(&folder, &["--compression=xz"]), "compression"), ["xz"]);
    assert!(texts(&built(&folder, &["--compression=none"]), "compression").is_empty());
    // The name says gz, the content is raw.
    fs::write(folder.path().join("image.gz"), IMAGE).unwrap();
    let output = run(&folder, &["--output=-", "image.gz"]);
    assert_eq!(texts(text(&output.stdout), "identifier"), [IDENTIFIER]);
    assert!(texts(text(&output.stdout), "compression").is_empty());

    for (argument, warning) in [
        ("--type=x", "--type 'x' is unusual: base, grid are usual"),
        ("--kind=x", "--kind 'x' is unusual: machine, disk are usual"),
        ("--format=x", "--format 'x' is unusual: raw, qcow2, vmdk, vdi, vhd, vhdx, iso9660, auto are usual"),
        ("--compression=x", "--compression 'x' is unusual: gz, bz2, xz, zst, none are usual"),
        ("--format=qcow2", "the image does not look like a qcow2 image"),
        ("--type=grid", ""),
        ("--kind=disk", ""),
        ("--format=vmdk", ""),
    ] {
        let expected = if warning.is_empty() { String::new() } else { format!("warning: {warning}\n") };
        assert_eq!(stderr(&folder, &[argument]), expected);
    }
    assert_eq!(stderr(&folder, &["--type=x", "-qq"]), "");
    fs::write(folder.path().join("image"), qcow2(1 << 33)).unwrap();
    assert_eq!(
        stderr(&folder, &[]),
        "warning: the image is qcow2 but its format is described as raw; --format=qcow2 would be right\n"
    );
    assert_eq!(stderr(&folder, &["--format=qcow2"]), "");
}

#[test]
fn other_elements_are_written() {
    let folder = folder();
    let document = built(
        &folder,
        &[
            "--replaces=MMZu9WvwKIro-rtBQfDk4PsKO7_",
            "--is-version-of=BN1EEkPiBx87_uLj2-sdybSI-Xb",
            "--tag=t",
            "--hypervisor=xen",
            "--disks-bus=virtio",
            "--publisher=p",
        ],
    );
    for (element, value) in [
        ("replaces", "MMZu9WvwKIro-rtBQfDk4PsKO7_"),
        ("isVersionOf", "BN1EEkPiBx87_uLj2-sdybSI-Xb"),
        ("alternative", "t"),
        ("hypervisor", "xen"),
        ("disks-bus", "virtio"),
        ("publisher", "p"),
    ] {
        assert_eq!(texts(&document, element), [value]);
    }
    for bad in ["--replaces=x", "--is-version-of=QAAAAAAAAAAAAAAAAAAAAAAAAAA", "--disks-bus=sata", "--type="]
    {
        assert_eq!(run(&folder, &["--output=-", "image", bad]).status.code(), Some(2), "{bad}");
    }
}

#[test]
fn author_and_publisher_may_come_from_the_configuration() {
    let folder = folder();
    fs::write(folder.path().join("c.toml"), "author = \"A\"\npublisher = \"P\"\n").unwrap();
    let document = built(&folder, &["-c", "c.toml"]);
    assert_eq!(
        (texts(&document, "creator"), texts(&document, "publisher")),
        (vec!["A".into()], vec!["P".into()])
    );
    // Given counts, even if empty or the default.
    let document = built(&folder, &["-c", "c.toml", "--author=", "--publisher=StratusLab"]);
    assert!(texts(&document, "creator").is_empty());
    assert_eq!(texts(&document, "publisher"), ["StratusLab"]);
}

#[test]
fn results_are_on_stdout_when_asked_for() {
    let folder = folder();
    let arguments = [&NAMED[..], &["--location=http://h/i", "image", "--force"]].concat();
    let output = run(&folder, &[&arguments[..], &["-v"]].concat());
    assert_eq!(text(&output.stdout), format!("Manifest: {NAME}\n"));

    let output = run(&folder, &[&arguments[..], &["--json", "--no-sha512", "--no-sha256"]].concat());
    let array: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let object = &array[0];
    assert_eq!(object["file"], "image");
    assert_eq!(object["manifest"], NAME);
    assert_eq!(object["identifier"], IDENTIFIER);
    assert_eq!(object["bytes"], 12);
    assert_eq!(
        object["checksums"],
        serde_json::json!({
            "MD5": "6f5902ac237024bdd0c176cb93063dc4",
            "SHA-1": "22596363b3de40b06f981fb85d82312e8c0ed511"
        })
    );
    assert_eq!(object["compression"], serde_json::Value::Null);
    assert_eq!(object["format"], "raw");

    let output = run(&folder, &["--json", "--output=x.xml", "nowhere"]);
    let array: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(array[0]["error"]["fact"], "image does not exist: nowhere");
    assert_eq!(run(&folder, &["--json", "--output=-", "image"]).status.code(), Some(2));
}

#[test]
fn bad_images_are_refused() {
    let folder = folder();
    let path = |name: &str| folder.path().join(name);
    fs::create_dir(path("directory")).unwrap();
    fs::write(path("empty"), b"").unwrap();
    fs::write(path("truncated"), b"\x1f\x8b\x08\0\0\0").unwrap();
    fs::write(path("garbage"), b"BZh9\x17\x72\x45\x38\x50\x90\0\0\0\0more").unwrap();
    let again = "hint: fetch or make the image again\n";
    for (image, status, error) in [
        ("missing", 3, "image does not exist: missing\n".to_owned()),
        ("directory", 3, "directory is a directory, not a file or block device\n".to_owned()),
        ("/dev/null", 3, "/dev/null is a character device, not a file or block device\n".to_owned()),
        ("empty", 1, "the image is empty: empty\n".to_owned()),
        ("truncated", 3, format!("truncated: truncated gz data: more is needed after 6 bytes\n{again}")),
        ("garbage", 3, format!("garbage: the bz2 data end at byte 14 but something else follows\n{again}")),
    ] {
        refused(&folder, &["--output=out.xml", image], status, &format!("error: {error}"));
        assert!(!path("out.xml").exists());
    }
    fs::set_permissions(path("image"), fs::Permissions::from_mode(0o000)).unwrap();
    // Nobody is forbidden anything who is root.
    if fs::File::open(path("image")).is_err() {
        refused(&folder, &["--output=out.xml", "image"], 3, "error: cannot read image: Permission denied\n");
    }
}

#[test]
fn bad_outputs_are_refused() {
    let folder = folder();
    fs::create_dir(folder.path().join("directory")).unwrap();
    std::os::unix::fs::symlink("image", folder.path().join("link")).unwrap();
    std::os::unix::fs::symlink("nowhere", folder.path().join("dangling")).unwrap();
    let other = "hint: name another file with --output\n";
    for (output, status, error) in [
        ("image", 2, format!("image is the image itself\n{other}")),
        ("link", 2, format!("link is the image itself\n{other}")),
        ("./directory/../image", 2, format!("./directory/../image is the image itself\n{other}")),
        ("dangling", 3, "cannot write dangling: it is a symbolic link to nothing\n".to_owned()),
        ("directory", 3, "cannot write directory: it is a directory\n".to_owned()),
        ("no/out.xml", 3, "cannot write no/out.xml: there is no directory no\n".to_owned()),
        ("image/out.xml", 3, "cannot write image/out.xml: Not a directory\n".to_owned()),
    ] {
        let argument = format!("--output={output}");
        refused(&folder, &[&argument, "--force", "image"], status, &format!("error: {error}"));
    }
    refused(
        &folder,
        &["--output=/dev/full", "--location=http://h/i", "image"],
        3,
        "error: cannot write /dev/full: No space left on device\n",
    );
    // The number of a loop device there is not: opening it would fail.
    let made = Command::new("mknod").current_dir(folder.path()).args(["disk", "b", "7", "1048575"]).output();
    if made.is_ok_and(|made| made.status.success()) {
        let error = "error: cannot write disk: it is a block device\n";
        refused(&folder, &["--output=disk", "--force", "image"], 3, error);
        // Before the image is looked at.
        refused(&folder, &["--output=disk", "missing"], 3, error);
    } else {
        eprintln!("skipped: only root may make block devices");
    }
    assert_eq!(fs::read(folder.path().join("image")).unwrap(), IMAGE);
    let read_only = folder.path().join("directory");
    fs::set_permissions(&read_only, fs::Permissions::from_mode(0o555)).unwrap();
    // Nobody is forbidden anything who is root.
    if fs::write(read_only.join("probe"), "").is_err() {
        let error = "error: cannot write directory/out.xml: Permission denied\n";
        refused(&folder, &["--output=directory/out.xml", "image"], 3, error);
    }
    assert!(!read_only.join("out.xml").exists());
}

/// Ctrl-C while the image is read: 130, no output, the image as it was.
#[test]
fn an_interrupt_leaves_nothing() {
    let folder = folder();
    let image = folder.path().join("image");
    // Sparse, and long enough never to be read to its end here.
    fs::File::options().write(true).open(&image).unwrap().set_len(1 << 40).unwrap();
    if !Path::new("/proc/self/fd").exists() {
        eprintln!("skipped: no /proc to see when the image is open");
        return;
    }
    let inode = fs::metadata(&image).unwrap().ino();
    let mut child =
        command(&folder).args(["--output=out.xml", "image"]).stderr(Stdio::null()).spawn().unwrap();
    let files = format!("/proc/{}/fd", child.id());
    let is_image = |fd: fs::DirEntry| fs::metadata(fd.path()).is_ok_and(|file| file.ino() == inode);
    let runs = |child: &mut std::process::Child| child.try_wait().is_ok_and(|status| status.is_none());
    while runs(&mut child) && !fs::read_dir(&files).is_ok_and(|fds| fds.flatten().any(is_image)) {
        std::thread::yield_now();
    }
    let killed = Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    if !killed.is_ok_and(|status| status.success()) {
        child.kill().unwrap();
    }
    let ended = child.wait().unwrap();
    assert_eq!(ended.code(), Some(130));
    let left: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["image"]);
}

/// The manual names every option `--help` does, and no other.
#[test]
fn the_manual_and_the_help_name_the_same_options() {
    let folder = folder();
    let output = run(&folder, &["--help"]);
    let options = |text: &str, mark: &str| -> std::collections::BTreeSet<String> {
        let after = text.split(mark).skip(1).map(|rest| {
            rest.chars().take_while(|&c| c.is_ascii_alphanumeric() || c == '-').collect::<String>()
        });
        after.filter(|option| option.len() > 1).collect()
    };
    let manual = include_str!("../man/stratus-build-metadata.1");
    assert_eq!(options(text(&output.stdout), " --"), options(manual, "Fl -"));
}

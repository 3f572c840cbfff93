//! `stratus-identify-image`: what images are, and whether they are what lists say.
#![cfg(feature = "cli")]
#![allow(clippy::unwrap_used, reason = "a test that cannot make its material has failed")]

use std::{
    fs::File,
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
};

use serde_json::{Value, json};

#[path = "common/folder.rs"]
mod folder;

use folder::{Done, Folder, IDENTIFIER, IMAGE, compressed};

const IDENTIFY: &str = "identify-image";
const SHA1: &str = "22596363b3de40b06f981fb85d82312e8c0ed511";
const MD5: &str = "6f5902ac237024bdd0c176cb93063dc4";

fn run(folder: &Folder, arguments: &[&str]) -> Done {
    folder.run(IDENTIFY, arguments)
}

/// Writes `list` and checks these images against it.
fn check(folder: &Folder, list: &str, images: &[&str]) -> Done {
    folder.write("SUMS", list);
    run(folder, &[&["--check", "SUMS"], images].concat())
}

#[test]
fn several_images_are_told_in_their_order_and_none_is_in_the_way_of_others() {
    let folder = Folder::new();
    // The first takes the longest.
    folder.sparse("long", 256 << 20);
    folder.write("empty", "");
    let images = ["long", "image", "missing", "empty", "image"];
    for threads in ["1", "2", "8"] {
        let done = run(&folder, &[&["--threads", threads], &images[..]].concat());
        assert_eq!((done.status, done.stderr.as_str()), (Some(3), "error: image does not exist: missing\n"));
        let told: Vec<_> = done.stdout.lines().filter_map(|line| line.strip_prefix("image: ")).collect();
        assert_eq!(told, ["long", "image", "empty", "image"], "{threads}");
        let blocks: Vec<_> = done.stdout.split("\n\n").collect();
        assert_eq!(blocks.len(), 4, "{}", done.stdout);
        assert_eq!(blocks[1], blocks[3].trim_end());
        assert!(blocks[1].contains(&format!("\nidentifier: {IDENTIFIER}\nbytes: 12\n")));

        let done = run(&folder, &[&["--json", "--threads", threads], &images[..]].concat());
        assert_eq!(done.status, Some(3));
        let array = done.json();
        let files: Vec<_> = array.as_array().unwrap().iter().map(|object| &object["file"]).collect();
        assert_eq!(json!(files), json!(images));
        assert_eq!(
            array[2],
            json!({ "file": "missing", "error": { "fact": "image does not exist: missing" } })
        );
    }
    let after = run(&folder, &["-q", "missing", "image"]);
    assert_eq!((after.stdout, after.status), (run(&folder, &["image"]).succeeded(), Some(3)));
    // The worst status counts, wherever it is.
    let done = run(&folder, &["--max-size=11", "missing", "image", "empty"]);
    assert_eq!(done.status, Some(3));
    assert!(done.stderr.contains("image holds more than 11 bytes\n"), "{}", done.stderr);
    assert_eq!(run(&folder, &["--max-size=11", "image", "empty"]).status, Some(1));
}

#[test]
fn json_tells_all_there_is() {
    let folder = Folder::new();
    let gz = compressed("gz", IMAGE).unwrap();
    folder.write("image.gz", &gz);
    folder.write("plain", &gz[..]);
    let content = json!({
        "MD5": MD5,
        "SHA-1": SHA1,
        "SHA-256": "a948904f2f0f479b8f8197694b30184b0d2ed1c1cd2a1ec0fb85d299a192a447",
        "SHA-512": "db3974a97f2407b7cae1ae637c0030687a11913274d578492558e39c16c017de84eacdc8c62fe34ee4e12b4b1428817f09b6a2760c3f8a664ceae94d2434a593",
    });
    let array = run(&folder, &["--json", "image", "image.gz"]).json();
    let mut object = json!({
        "file": "image",
        "identifier": IDENTIFIER,
        "bytes": 12,
        "checksums": content,
        "compression": null,
        "compressed": null,
        "format": "raw",
        "virtual_size": null,
    });
    assert_eq!(array[0], object);
    let members = |object: &Value| object.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(members(&array[0]), members(&object), "the order");
    assert_eq!(array[1]["compressed"]["bytes"], gz.len());
    let openssl = |algorithm: &str| {
        let mut command = Command::new("openssl");
        command.args(["dgst", "-r", algorithm]).arg(folder.path("image.gz"));
        let output = command.output().ok()?;
        Some(String::from_utf8(output.stdout).unwrap().split(' ').next().unwrap().to_owned())
    };
    for (name, algorithm) in
        [("MD5", "-md5"), ("SHA-1", "-sha1"), ("SHA-256", "-sha256"), ("SHA-512", "-sha512")]
    {
        match openssl(algorithm) {
            Some(value) => assert_eq!(array[1]["compressed"]["checksums"][name], value),
            None => eprintln!("skipped: there is no openssl to compare with"),
        }
    }
    object["file"] = "image.gz".into();
    object["compression"] = "gz".into();
    object["compressed"] = array[1]["compressed"].clone();
    assert_eq!(array[1], object);
}

#[test]
fn an_image_may_be_standard_input() {
    let folder = Folder::new();
    let expected = run(&folder, &["image"]).succeeded().replace("image: image", "image: -");
    assert_eq!(folder.run_with(IMAGE, IDENTIFY, &["-"]).succeeded(), expected);
    assert_eq!(folder.run_on(folder.open("image"), IDENTIFY, &["-"]).succeeded(), expected);
    let both = folder.run_with(IMAGE, IDENTIFY, &["image", "-"]).succeeded();
    assert!(both.ends_with(&format!("\n\n{expected}")), "{both}");
    let once = "error: standard input can be read only once\n";
    folder.write("SUMS", format!("{MD5}  image\n"));
    for arguments in [
        &["-", "image", "-"][..],
        &["--check", "-", "-"],
        &["--check", "-", "image", "-"],
        &["--check", "-", "--check", "SUMS", "--check", "-"],
    ] {
        // Before anything is read: a terminal would have to be typed at in vain.
        folder.run_with(IMAGE, IDENTIFY, arguments).failed(2, once);
    }
}

#[test]
fn a_list_may_be_standard_input() {
    let folder = Folder::new();
    let list = format!("{MD5}  image\n{SHA1}  image\n");
    for arguments in [&["--check", "-"][..], &["--check=-", "image"]] {
        assert_eq!(folder.run_with(list.as_bytes(), IDENTIFY, arguments).succeeded(), "image: OK\n");
    }
    // The image that is listed would be read from where the list comes from.
    let list = format!("{MD5}  -\n");
    let done = folder.run_with(list.as_bytes(), IDENTIFY, &["--check", "-"]);
    done.failed(2, "error: standard input can be read only once\n");
    folder.write("SUMS", &list);
    assert_eq!(folder.run_with(IMAGE, IDENTIFY, &["--check=SUMS"]).succeeded(), "-: OK\n");
}

/// Every program that writes lists, with names that need care.
#[test]
fn what_the_usual_programs_write_is_accepted() {
    let folder = Folder::new();
    let names = ["image", "a b", "n\nl", "back\\slash", "p(a)r) = x", "*star", " leading", "sub/é"];
    for (name, content) in names.iter().zip("abcdefgh".chars()) {
        folder.write(name, content.to_string());
    }
    for program in [
        &["md5sum"][..],
        &["sha1sum"],
        &["sha256sum"],
        &["sha512sum"],
        &["sha512sum", "--binary"],
        &["sha256sum", "--tag"],
        &["md5sum", "--tag"],
        &["openssl", "dgst", "-sha512"],
        &["openssl", "dgst", "-r", "-sha1"],
    ] {
        // OpenSSL does not escape names.
        let names: Vec<_> =
            names.iter().filter(|name| program[0] != "openssl" || !name.contains('\n')).collect();
        let mut command = Command::new(program[0]);
        command.args(&program[1..]).args(&names).current_dir(folder.path(""));
        let Ok(output) = command.output() else {
            eprintln!("skipped: {} is not installed", program[0]);
            continue;
        };
        assert!(output.status.success(), "{program:?}");
        folder.write("SUMS", &output.stdout);
        let done = run(&folder, &["--check", "SUMS"]);
        assert_eq!((done.status, done.stderr.as_str()), (Some(0), ""), "{program:?}");
        assert_eq!(done.stdout.matches(": OK\n").count(), names.len(), "{}", done.stdout);
        // One byte more, and each of them says so.
        File::options().append(true).open(folder.path("image")).unwrap().write_all(b"!").unwrap();
        let done = run(&folder, &["--check", "SUMS"]);
        assert_eq!(done.status, Some(1), "{program:?}");
        assert!(done.stdout.starts_with("image: FAILED\n"), "{}", done.stdout);
        assert_eq!(done.stdout.matches(": OK\n").count(), names.len() - 1, "{}", done.stdout);
        folder.write("image", "a");
    }
}

#[test]
fn a_name_in_a_list_stands_for_every_path_that_ends_with_it() {
    let folder = Folder::new();
    folder.write("sub/image", IMAGE);
    folder.write("sub/deep/image", IMAGE);
    let absolute = folder.path("image");
    let absolute = absolute.to_str().unwrap();
    for (listed, image, found) in [
        ("image", "image", true),
        ("image", "./image", true),
        ("./image", "image", true),
        ("./image", "./image", true),
        ("image", "sub/image", true),
        ("sub/image", "sub/image", true),
        ("./sub/image", "sub/image", true),
        ("sub//image", "sub/image", true),
        ("deep/image", "sub/deep/image", true),
        ("image", absolute, true),
        (absolute, absolute, true),
        ("mage", "image", false),
        ("sub/image", "image", false),
        ("sub/image", "sub/deep/image", false),
        ("other/image", "sub/image", false),
        ("Image", "image", false),
        (absolute, "image", false),
        // Names that are those of no file stand for none.
        (".", "image", false),
        ("./", "image", false),
        ("sub", "sub/image", false),
    ] {
        let done = check(&folder, &format!("{SHA1}  {listed}\n"), &[image]);
        if found {
            assert_eq!(done.succeeded(), format!("{image}: OK\n"), "{listed}");
        } else {
            done.failed(1, &format!("error: no checksum is listed for {image}\n"));
        }
    }
}

#[test]
fn all_that_is_listed_must_be_right() {
    let folder = Folder::new();
    let zeros = "0".repeat(40);
    let wrong = format!("error: image: the SHA-1 checksum is listed as {zeros} but the file's is {SHA1}\n");
    // Different values for one name, before or after the right one, also in another list.
    for list in [format!("{zeros}  image\n"), format!("{zeros}  image\n{SHA1}  image\n{MD5}  image\n")] {
        check(&folder, &list, &["image"]).ended(1, "image: FAILED\n", &wrong);
        check(&folder, &list, &[]).ended(1, "image: FAILED\n", &wrong);
    }
    folder.write("MD5SUMS", format!("{MD5}  image\n"));
    let other = check(&folder, &format!("{zeros}  ./image\n"), &["--check", "MD5SUMS", "image"]);
    other.ended(1, "image: FAILED\n", &wrong);
    let both = check(&folder, &format!("{SHA1}  ./image\n"), &["--check", "MD5SUMS", "image"]);
    assert_eq!(both.succeeded(), "image: OK\n");
    let object = &check(&folder, &format!("{zeros}  image\n"), &["--json", "image"]).json()[0];
    assert_eq!(object["checksums"]["SHA-1"], SHA1);
    assert_eq!(object["error"]["fact"], wrong.trim_end().strip_prefix("error: ").unwrap());
    // Right ones among wrong and missing ones, in the order of the list.
    folder.write("a", "a");
    let list = format!("{SHA1}  image\n{SHA1}  missing\n{SHA1}  a\n{MD5}  image\n");
    let done = check(&folder, &list, &[]);
    done.ended(
        3,
        "image: OK\na: FAILED\n",
        &format!(
            "error: image does not exist: missing\n\
             error: a: the SHA-1 checksum is listed as {SHA1} but the file's is 86f7e437faa5a7fce15d1ddcb9eaeaea377667b8\n"
        ),
    );
}

/// It is the file that is listed, as `sha512sum` sees it.
#[test]
fn a_compressed_image_is_checked_as_it_lies_there() {
    let folder = Folder::new();
    folder.write("image.gz", compressed("gz", IMAGE).unwrap());
    let Done { stdout, .. } = run(&folder, &["image.gz"]);
    let file = stdout.lines().find_map(|line| line.strip_prefix("compressed SHA-1: ")).unwrap().to_owned();
    let right = check(&folder, &format!("{file}  image.gz\n"), &["image.gz"]);
    assert_eq!(right.succeeded(), "image.gz: OK\n");
    let stderr = format!(
        "error: image.gz: the SHA-1 checksum is listed as {SHA1} but the file's is {file}\n\
         hint: it is the checksum of what is in the compressed file\n"
    );
    let content = check(&folder, &format!("{SHA1}  image.gz\n"), &["image.gz"]);
    content.ended(1, "image.gz: FAILED\n", &stderr);
}

/// `find | xargs sha1sum` lists names that others end with.
#[test]
fn a_name_is_not_held_against_a_longer_one() {
    let folder = Folder::new();
    std::fs::create_dir(folder.path("old")).unwrap();
    folder.write("old/image", "another");
    let other = run(&folder, &["old/image"]).stdout;
    let other = other.lines().find_map(|line| line.strip_prefix("SHA-1: ")).unwrap().to_owned();
    let list = format!("{SHA1}  image\n{other}  ./old/image\n");
    assert_eq!(check(&folder, &list, &[]).succeeded(), "image: OK\n./old/image: OK\n");
    assert_eq!(check(&folder, &list, &["old/image"]).succeeded(), "old/image: OK\n");
}

/// A list, which may come from anywhere, has nothing fetched.
#[test]
fn what_is_listed_is_never_a_url() {
    let folder = Folder::new();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let name = format!("http://{}/image", listener.local_addr().unwrap());
    let done = check(&folder, &format!("{SHA1}  {name}\n"), &[]);
    done.failed(3, &format!("error: image does not exist: ./{name}\n"));
    assert!(listener.accept().is_err());
}

#[test]
fn what_is_no_list_is_refused() {
    let folder = Folder::new();
    let usual = "hint: sha512sum and the like write such lists, a checksum and a name on each line\n";
    let signed = "hint: gpg --decrypt checks the signature and prints the list without it\n";
    for (list, fact) in [
        (String::new(), "no checksum is listed"),
        ("# nothing\n\n".to_owned(), "no checksum is listed"),
        (format!("{MD5}  image\nhello\n"), "line 2 is not a checksum and a name: hello"),
        (format!("\n\n{MD5}\n"), &*format!("line 3 is not a checksum and a name: {MD5}")),
        (format!("{}  image\n", "0".repeat(96)), "line 1 has a SHA-384 checksum, which is not supported"),
        ("BLAKE2b (image) = 00\n".to_owned(), "line 1 has a BLAKE2b checksum, which is not supported"),
        (
            format!("-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\n{MD5}  image\n"),
            "the checksums are signed with OpenPGP, which is not checked here",
        ),
        (
            format!("{MD5}  image\n-----BEGIN PGP SIGNATURE-----\n"),
            "the checksums are signed with OpenPGP, which is not checked here",
        ),
    ] {
        let hint = if fact.contains("OpenPGP") { signed } else { usual };
        for images in [&[][..], &["image"]] {
            check(&folder, &list, images).failed(1, &format!("error: SUMS: {fact}\n{hint}"));
        }
        let done = folder.run_with(list.as_bytes(), IDENTIFY, &["--check", "-"]);
        done.failed(1, &format!("error: standard input: {fact}\n{hint}"));
    }
    let error = "error: cannot read NONE: No such file or directory\n";
    run(&folder, &["--check", "NONE", "image"]).failed(3, error);
    folder.sparse("SUMS", 1 << 40);
    run(&folder, &["--check", "SUMS"]).failed(3, "error: cannot read SUMS: it is larger than 16 MiB\n");
    let done = run(&folder, &[]);
    assert_eq!(done.status, Some(2));
    assert!(done.stderr.starts_with("error: the following required arguments"), "{}", done.stderr);
}

#[test]
fn an_interrupt_ends_it() {
    let folder = Folder::new();
    if !Path::new("/proc/self/fdinfo").exists() {
        eprintln!("skipped: no /proc to see when the image is read");
        return;
    }
    folder.sparse("long", 1 << 40);
    let child = folder.start_reading(folder.command(IDENTIFY).args(["--threads=1", "long", "image"]), "long");
    let killed = Command::new("kill").args(["-INT", &child.id().to_string()]).stderr(Stdio::null()).status();
    assert!(killed.unwrap().success());
    let done = Done::from(child.wait_with_output().unwrap());
    done.ended(130, "", "");
}

/// An image that changes is no more identified than described.
#[test]
fn an_image_that_changes_is_refused() {
    let folder = Folder::new();
    if !Path::new("/proc/self/fdinfo").exists() {
        eprintln!("skipped: no /proc to see when the image is read");
        return;
    }
    folder.sparse("long", 1 << 40);
    // One thread reads one image at a time.
    let child = folder.start_reading(folder.command(IDENTIFY).args(["--threads=1", "long", "image"]), "long");
    let mut file = File::options().append(true).open(folder.path("long")).unwrap();
    file.set_len(1 << 20).unwrap();
    file.write_all(b"more").unwrap();
    let done = Done::from(child.wait_with_output().unwrap());
    let error =
        "error: long changed while it was read\nhint: stop whatever writes to the image, then try again\n";
    assert_eq!((done.status, done.stderr.as_str()), (Some(3), error));
    assert!(done.stdout.starts_with("image: image\n"), "{}", done.stdout);
}

//! Formats of images as the commands tell them: what is recognised, described and refused.
#![cfg(feature = "cli")]
#![allow(clippy::unwrap_used, reason = "a test that cannot make its material has failed")]

use std::{fs, process::Command};

use serde_json::{Value, json};

#[path = "common/folder.rs"]
mod folder;

use folder::{Folder, compressed, texts};

const BUILD: &str = "build-metadata";
const IDENTIFY: &str = "identify-image";
const AUTO: [&str; 3] = ["--output=-", "--location=http://h/i", "--format=auto"];

/// Size of the disks made here, in bytes.
const SIZE: u64 = 12 << 20;

/// Options of `qemu-img create`, and what is found of the image.
const FORMATS: [(&str, &[&str], &str); 9] = [
    ("raw", &[], "raw"),
    ("qcow2", &["-o", "compat=0.10"], "qcow2"),
    ("qcow2", &["-o", "compat=1.1"], "qcow2"),
    ("vmdk", &[], "vmdk"),
    ("vmdk", &["-o", "subformat=streamOptimized"], "vmdk"),
    ("vdi", &[], "vdi"),
    ("vpc", &["-o", "force_size=on"], "vhd"),
    ("vpc", &["-o", "subformat=fixed,force_size=on"], "vhd"),
    ("vhdx", &[], "vhdx"),
];

/// Whether the format tells the size of the disk where it is looked for.
fn has_size(format: &str) -> bool {
    !matches!(format, "raw" | "vhdx" | "iso9660")
}

/// Runs `qemu-img`; false, with a remark, where it is not installed.
fn qemu_img(folder: &Folder, arguments: &[&str]) -> bool {
    let Ok(output) = Command::new("qemu-img").args(arguments).current_dir(folder.path("")).output() else {
        eprintln!("skipped: qemu-img is not installed");
        return false;
    };
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    true
}

/// Makes an image of each of [`FORMATS`] and a CD, and tells by name what they are.
fn images(folder: &Folder) -> Vec<(String, &'static str)> {
    let mut images = Vec::new();
    let size = SIZE.to_string();
    for (number, (format, options, found)) in FORMATS.into_iter().enumerate() {
        let name = format!("{number}.img");
        if qemu_img(folder, &[&["create", "-q", "-f", format], options, &[&name, &size]].concat()) {
            images.push((name, found));
        }
    }
    folder.write("tree/file", "content");
    let xorriso = ["-as", "mkisofs", "-quiet", "-o", "cd.img", "tree"];
    match Command::new("xorriso").args(xorriso).current_dir(folder.path("")).output() {
        Ok(made) => {
            assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
            images.push(("cd.img".to_owned(), "iso9660"));
        }
        Err(_) => eprintln!("skipped: xorriso is not installed"),
    }
    images
}

#[test]
fn auto_writes_the_format_that_is_found() {
    let folder = Folder::new();
    for (image, format) in images(&folder) {
        let document = folder.run(BUILD, &[&AUTO[..], &[&image]].concat()).succeeded();
        assert_eq!(texts(&document, "format"), [format], "{image}");
        let compressed = compressed("gz", &fs::read(folder.path(&image)).unwrap()).unwrap();
        let document = folder.run_with(&compressed, BUILD, &[&AUTO[..], &["-"]].concat()).succeeded();
        assert_eq!(texts(&document, "format"), [format], "{image}, compressed");
        assert_eq!(texts(&document, "compression"), ["gz"]);
    }
    // What is too short to be anything is raw.
    let document = folder.run(BUILD, &[&AUTO[..], &["image"]].concat()).succeeded();
    assert_eq!(texts(&document, "format"), ["raw"]);
}

#[test]
fn the_size_of_the_disk_is_told_where_there_is_one() {
    let folder = Folder::new();
    for (image, format) in images(&folder) {
        let size = if has_size(format) { SIZE.into() } else { Value::Null };
        let arguments = ["--output=x.xml", "--location=http://h/i", "--format=auto", "--force", &image];
        let done = folder.run(BUILD, &[&arguments[..], &["--json"]].concat());
        assert_eq!(done.status, Some(0), "{}", done.stderr);
        let object = &done.json()[0];
        assert_eq!((&object["virtual_size"], &object["format"]), (&size, &format.into()), "{image}");
        assert_eq!(object["bytes"], folder.open(&image).metadata().unwrap().len());

        let done = folder.run(BUILD, &[&arguments[..], &["-v"]].concat());
        let detail = format!("{image}: {format}, a disk of {SIZE} bytes\n");
        assert_eq!(done.stderr, if has_size(format) { detail } else { String::new() });
        assert_eq!((done.stdout.as_str(), done.status), ("Manifest: x.xml\n", Some(0)));

        let told = folder.run(IDENTIFY, &[&image]).succeeded();
        let line = format!("\nformat: {format}\nvirtual size: {SIZE}\n");
        assert_eq!(told.contains(&line), has_size(format), "{told}");
        assert_eq!(told.contains("virtual size"), has_size(format));
        let object = &folder.run(IDENTIFY, &["--json", &image]).json()[0];
        assert_eq!((&object["virtual_size"], &object["format"]), (&size, &format.into()), "{image}");
    }
}

#[test]
fn a_format_that_is_not_the_one_stated_is_mentioned() {
    let folder = Folder::new();
    for (image, found) in images(&folder) {
        for stated in ["raw", "qcow2", "vmdk", "vdi", "vhd", "vhdx", "iso9660"] {
            let format = format!("--format={stated}");
            let done = folder.run(BUILD, &["--output=-", "--location=http://h/i", &format, &image]);
            let warning = match (found, stated) {
                // A plain extent of a vmdk has nothing to know it by, and a CD is its own sectors.
                ("raw", "raw" | "vmdk") | ("iso9660", "raw") => String::new(),
                ("raw", _) => format!("warning: the image does not look like a {stated} image\n"),
                _ if found == stated => String::new(),
                _ => format!(
                    "warning: the image is {found} but its format is described as {stated}; \
                     --format={found} would be right\n"
                ),
            };
            assert_eq!((done.stderr, done.status), (warning, Some(0)), "{image}");
            assert_eq!(texts(&done.stdout, "format"), [stated]);
        }
    }
}

/// Images that are not all of their disks, by how they are made, and what is said of them.
const PARTIAL: [(&[&str], &str, &str); 4] = [
    (
        &["-f", "qcow2", "-b", "base", "-F", "raw", "it"],
        "the qcow2 image builds on another one: base",
        "qemu-img convert makes an image that stands alone",
    ),
    (
        &["-f", "qcow2", "-o", "data_file=data.raw", "it", "12M"],
        "the content of the qcow2 image is in another file: data.raw",
        "qemu-img convert makes an image that holds all of it",
    ),
    (
        &["-f", "vmdk", "-b", "base.vmdk", "-F", "vmdk", "it"],
        "the vmdk image builds on another one: base.vmdk",
        "qemu-img convert makes an image that stands alone",
    ),
    (
        &["-f", "vmdk", "-o", "subformat=monolithicFlat", "it", "12M"],
        "the content of the vmdk image is in another file: it-flat",
        "qemu-img convert makes an image that holds all of it",
    ),
];

#[test]
fn images_that_are_not_all_of_their_disk_are_refused() {
    for (options, fact, hint) in PARTIAL {
        let folder = Folder::new();
        folder.sparse("base", SIZE);
        if !qemu_img(&folder, &["create", "-q", "-f", "vmdk", "base.vmdk", "12M"]) {
            return;
        }
        qemu_img(&folder, &[&["create", "-q"], options].concat());
        let image = fs::read(folder.path("it")).unwrap();
        folder.write("it.gz", compressed("gz", &image).unwrap());
        let before = folder.names();
        let said = |name: &str| {
            format!("error: {name}: {fact}\nhint: its checksum would not cover the disk; {hint}\n")
        };
        for arguments in [
            &["--output=out.xml"][..],
            &["--output=out.xml", "--format=auto"],
            &["--output=out.xml", "--format=qcow2", "--force"],
            &["--output=out.xml", "--dry-run"],
            &["--output=-", "--threads=1"],
        ] {
            for name in ["it", "it.gz"] {
                folder.run(BUILD, &[arguments, &[name]].concat()).failed(3, &said(name));
            }
        }
        folder.run_with(&image, BUILD, &["--output=out.xml", "-"]).failed(3, &said("standard input"));
        folder.run(IDENTIFY, &["it"]).failed(3, &said("it"));
        let error = folder.run(IDENTIFY, &["--json", "it"]).json();
        let hint = format!("its checksum would not cover the disk; {hint}");
        assert_eq!(
            error,
            json!([{ "file": "it", "error": { "fact": format!("it: {fact}"), "hint": hint } }])
        );
        assert_eq!(folder.names(), before, "something was written");

        // The hint is right.
        qemu_img(&folder, &["convert", "-O", "qcow2", "it", "whole"]);
        let document = folder.run(BUILD, &[&AUTO[..], &["whole"]].concat()).succeeded();
        assert_eq!(texts(&document, "format"), ["qcow2"]);
    }
}

#[test]
fn a_damaged_header_is_refused() {
    let folder = Folder::new();
    folder.write("cut", b"QFI\xfb\0\0\0\x03 and no more");
    let error = "error: cut: the qcow2 image is damaged: its header takes 72 bytes, the image has 20\n\
                 hint: fetch or make the image again\n";
    folder.run(BUILD, &["--output=out.xml", "cut"]).failed(3, error);
    folder.run(IDENTIFY, &["cut"]).failed(3, error);
    assert_eq!(folder.names(), ["cut", "image"]);
}

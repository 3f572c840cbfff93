//! Images as the tools that people use make them.

use std::{fs, path::Path, process::Command};

use super::*;

/// Size of the disks made.
const SIZE: u64 = 3 << 20;

/// Runs a command in a folder; `None`, with a message, where there is no such command.
fn run(folder: &Path, command: &str, args: &[&str]) -> Option<()> {
    let output = match Command::new(command).args(args).current_dir(folder).output() {
        Ok(output) => output,
        Err(error) => {
            eprintln!("skipped: {command}: {error}");
            return None;
        }
    };
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    Some(())
}

fn found_in(folder: &Path, name: &str) -> Inspected {
    inspected(&fs::read(folder.join(name)).unwrap())
}

/// What is said of an image made by `qemu-img create` with these options.
fn created(folder: &Path, options: &[&str]) -> Option<Inspected> {
    let size = SIZE.to_string();
    // A file of one kind may not be made over one of another.
    let _ = fs::remove_file(folder.join("image"));
    run(folder, "qemu-img", &[&["create", "-q"], options, &["image", &size]].concat())?;
    Some(found_in(folder, "image"))
}

#[test]
fn images_that_qemu_makes() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    for (options, format) in [
        (&["-f", "qcow2", "-o", "compat=0.10"][..], ImageFormat::Qcow2),
        (&["-f", "qcow2", "-o", "compat=1.1"], ImageFormat::Qcow2),
        (&["-f", "qcow2", "-o", "compat=1.1,compression_type=zstd,extended_l2=on"], ImageFormat::Qcow2),
        (&["-f", "vmdk", "-o", "subformat=monolithicSparse"], ImageFormat::Vmdk),
        (&["-f", "vmdk", "-o", "subformat=streamOptimized"], ImageFormat::Vmdk),
        (&["-f", "vdi"], ImageFormat::Vdi),
        (&["-f", "vdi", "-o", "static=on"], ImageFormat::Vdi),
        (&["-f", "vpc", "-o", "subformat=dynamic,force_size=on"], ImageFormat::Vhd),
        (&["-f", "vpc", "-o", "subformat=fixed,force_size=on"], ImageFormat::Vhd),
    ] {
        let Some(image) = created(folder, options) else { return };
        assert_eq!(image, found(format, SIZE), "{options:?}");
    }
    assert_eq!(created(folder, &["-f", "vhdx"]), Some(found(ImageFormat::Vhdx, None)));
    assert_eq!(created(folder, &["-f", "raw"]), Some(Ok(None)));
    let version =
        FormatError::Damaged { format: ImageFormat::Qcow2, what: Damage::Version { major: 1, minor: 0 } };
    assert_eq!(created(folder, &["-f", "qcow"]), Some(Err(version)));
}

#[test]
fn images_that_qemu_makes_of_several_files() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    for (name, format) in [("base.qcow2", "qcow2"), ("base.vmdk", "vmdk")] {
        if run(folder, "qemu-img", &["create", "-q", "-f", format, name, &SIZE.to_string()]).is_none() {
            return;
        }
    }
    for (options, expected) in [
        (
            &["-f", "qcow2", "-b", "base.qcow2", "-F", "qcow2"][..],
            backing(ImageFormat::Qcow2, Some("base.qcow2")),
        ),
        (
            &["-f", "qcow2", "-o", "compat=0.10", "-b", "base.qcow2", "-F", "qcow2"],
            backing(ImageFormat::Qcow2, Some("base.qcow2")),
        ),
        (&["-f", "qcow2", "-o", "data_file=data"], external(ImageFormat::Qcow2, Some("data"))),
        (
            &["-f", "qcow2", "-o", "data_file=data,data_file_raw=on"],
            external(ImageFormat::Qcow2, Some("data")),
        ),
        (&["-f", "vmdk", "-b", "base.vmdk", "-F", "vmdk"], backing(ImageFormat::Vmdk, Some("base.vmdk"))),
        (&["-f", "vmdk", "-o", "subformat=monolithicFlat"], external(ImageFormat::Vmdk, Some("image-flat"))),
        (
            &["-f", "vmdk", "-o", "subformat=twoGbMaxExtentSparse"],
            external(ImageFormat::Vmdk, Some("image-s001")),
        ),
    ] {
        assert_eq!(created(folder, options), Some(expected), "{options:?}");
    }
}

#[test]
fn a_cd_that_xorriso_makes() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("content")).unwrap();
    fs::write(folder.path().join("content/readme"), "hello").unwrap();
    let args = ["-as", "mkisofs", "-quiet", "-o", "image.iso", "-J", "-R", "content"];
    if run(folder.path(), "xorriso", &args).is_some() {
        assert_eq!(found_in(folder.path(), "image.iso"), found(ImageFormat::Iso9660, None));
    }
}

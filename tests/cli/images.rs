//! What the commands that read images say of them.

use std::path::Path;

use crate::{
    place::{Place, unsigned},
    transcript,
};

/// Right for an image that is there, and one that is not.
const SHA1SUMS: &str = "22596363b3de40b06f981fb85d82312e8c0ed511  image.img\n\
                        22596363b3de40b06f981fb85d82312e8c0ed511  absent.img\n";

/// Images of every kind that takes no program to make.
fn place() -> Place {
    let place = Place::new();
    place.write("image.img", "hello world\n");
    place.write("SHA1SUMS", SHA1SUMS);
    // As none but RFC 1952 has it: a stored block, its CRC and length.
    let gz = b"\x1f\x8b\x08\0\0\0\0\0\0\xff\x01\x0c\0\xf3\xffhello world\n\x2d\x3b\x08\xaf\x0c\0\0\0";
    place.write("image.gz", gz);
    place.write("cut.gz", &gz[..gz.len() - 4]);
    let mut qcow2 = b"QFI\xfb\0\0\0\x02".to_vec();
    qcow2.resize(72, 0);
    qcow2[24..32].copy_from_slice(&(1_u64 << 33).to_be_bytes());
    place.write("disk.qcow2", &qcow2);
    qcow2[15] = 72;
    qcow2[19] = 8;
    qcow2.extend(b"base.img");
    place.write("overlay.qcow2", qcow2);
    place
}

#[test]
fn images_are_identified() {
    let place = place();
    let before = place.listing();
    transcript::play("identify", &place, &[]);
    assert!(place.listing() == before);
}

#[test]
fn images_are_described() {
    let place = place();
    place.write("taken.xml", "mine");
    let before = place.listing();
    transcript::play("build", &place, &[("SOURCE_DATE_EPOCH", "1295863182")]);
    let mut after = place.listing();
    let mut made = |name: &str| after.remove(Path::new(name)).unwrap();
    assert!(made("written.xml") == made("printed.xml"));
    assert!(after == before);
}

#[test]
fn standard_input_may_be_the_image_of_an_entry() {
    let place = Place::new();
    place.write("image.img", "an image\n");
    place.write("unsigned.xml", unsigned());
    let arguments = ["--unsigned", "--image", "-", "unsigned.xml"];
    let valid = place.run_with("validate", &arguments, "an image\n");
    assert_eq!(valid.succeeded(), "Valid: unsigned.xml\n");
    let other = place.run_with("validate", &arguments, "another\n");
    assert!(other.failed(1).contains("the identifier is "), "{}", other.stderr);
    let file = place.shell("stratus-validate-metadata --unsigned --image - unsigned.xml < image.img", &[]);
    assert_eq!(file.succeeded(), "Valid: unsigned.xml\n");
    for files in [&["-"][..], &["unsigned.xml", "-"]] {
        let both =
            place.run_with("validate", &[&["--unsigned", "--image", "-"], files].concat(), "an image\n");
        assert_eq!(both.failed(2), "error: standard input can be read only once\n");
        assert_eq!(both.stdout, "");
    }
}

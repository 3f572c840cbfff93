//! Images beyond 4 GiB, where numbers of 32 bits end.
#![allow(clippy::unwrap_used, reason = "a test that cannot make its material has failed")]

use std::{
    fs::File,
    os::unix::fs::{FileExt as _, MetadataExt as _},
    path::Path,
    process::{Child, Command, Stdio},
};

use stratuslab::{
    ChecksumAlgorithm,
    checksum::{DigestOptions, ImageFile},
};

const BOUNDARY: u64 = 4 << 30;
const LENGTH: u64 = BOUNDARY + 70_001;

/// Holes but for some regions before, across and after the boundary, the last one at the very end.
fn sparse(path: &Path) {
    let file = File::create_new(path).unwrap();
    file.set_len(LENGTH).unwrap();
    for (number, place) in
        (1_u8..).zip([0, 70_000, 1 << 31, BOUNDARY - 300_000, BOUNDARY - 5, BOUNDARY + 69_001])
    {
        let region: Vec<u8> = (0..1000_u32).map(|i| i.to_le_bytes()[0].wrapping_mul(number)).collect();
        file.write_all_at(&region, place).unwrap();
    }
}

fn openssl(algorithm: &str, path: &Path) -> Child {
    let mut command = Command::new("openssl");
    command.args(["dgst", "-r", algorithm]).arg(path).stdout(Stdio::piped()).spawn().unwrap()
}

#[test]
fn size_and_checksums_of_more_than_4_gib_are_those_of_openssl() {
    if Command::new("openssl").arg("version").stdout(Stdio::null()).status().is_err() {
        eprintln!("skipped: there is no openssl to compare with");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("image");
    sparse(&path);
    // Where there are no holes, it takes room as well as time.
    if path.metadata().unwrap().blocks() * 512 > BOUNDARY / 2 {
        eprintln!("skipped: this file system has no sparse files");
        return;
    }
    let peers = ["-md5", "-sha1", "-sha256", "-sha512"].map(|algorithm| openssl(algorithm, &path));
    let mut read = 0;
    let image = ImageFile::open(&path).unwrap();
    assert_eq!(image.length(), Some(LENGTH));
    let image = image.digest(&DigestOptions::default(), |bytes| read += bytes).unwrap();
    assert_eq!((image.digests.bytes(), read), (LENGTH, LENGTH));
    assert_eq!((image.compression, image.format), (None, None));
    for ((algorithm, peer), found) in
        ChecksumAlgorithm::ALL.into_iter().zip(peers).zip(image.digests.checksums())
    {
        let output = peer.wait_with_output().unwrap();
        assert!(output.status.success());
        let line = String::from_utf8(output.stdout).unwrap();
        assert_eq!(found.algorithm(), algorithm);
        assert_eq!(Some(found.value()), line.split(' ').next());
    }
}

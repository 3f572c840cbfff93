use proptest::prelude::*;

use super::*;

fn all(image: &[u8]) -> ImageDigests {
    ImageDigests::read(image, &ChecksumAlgorithm::ALL).unwrap()
}

fn values(digests: &ImageDigests) -> Vec<&str> {
    digests.checksums().iter().map(Checksum::value).collect()
}

#[test]
fn known_answers() {
    let abc = all(b"abc");
    assert_eq!(abc.bytes(), 3);
    assert_eq!(
        values(&abc),
        [
            "900150983cd24fb0d6963f7d28e17f72",
            "a9993e364706816aba3e25717850c26c9cd0d89d",
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
            "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a\
             2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
        ]
    );
    assert_eq!(all(b"").identifier().to_string(), "No5o-5ea0sNMlW_75VgGJCv2AcJ");
    assert_eq!(all(b"hello world\n").identifier().to_string(), "CJZY2Oz3kCwb5gfuF2CMS6MDtUR");
}

/// C4: without any other algorithm there is still a size, and an identifier.
#[test]
fn c4_size_and_sha1_are_always_computed() {
    let digests = ImageDigests::read(&b"abc"[..], &[]).unwrap();
    assert_eq!(digests.bytes(), 3);
    assert_eq!(values(&digests), ["a9993e364706816aba3e25717850c26c9cd0d89d"]);
    let two = ImageDigests::read(&b"abc"[..], &[ChecksumAlgorithm::Sha512, ChecksumAlgorithm::Md5]);
    let named: Vec<_> = two.unwrap().checksums().iter().map(Checksum::algorithm).collect();
    assert_eq!(named, [ChecksumAlgorithm::Md5, ChecksumAlgorithm::Sha1, ChecksumAlgorithm::Sha512]);
}

/// C8: a SHA-1 with leading zeros keeps its 40 digits.
#[test]
fn c8_leading_zeros_are_kept() {
    let sha1 = |n: &u32| openssl::sha::sha1(n.to_string().as_bytes());
    let image = (0..1_000_000).find(|n| sha1(n).starts_with(&[0, 0])).unwrap();
    let digests = all(image.to_string().as_bytes());
    assert_eq!(digests.checksums()[1].value(), hex(&sha1(&image)));
    assert!(digests.checksums()[1].value().starts_with("0000"));
    assert_eq!(digests.identifier().sha1_hex(), hex(&sha1(&image)));
}

#[test]
fn an_image_that_fails_has_no_checksums() {
    struct Failing(usize);
    impl Read for Failing {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            self.0 = self.0.checked_sub(1).ok_or_else(|| io::Error::other("the disk is gone"))?;
            Ok(into.len())
        }
    }
    for reads in [0, 1, 12] {
        let error = ImageDigests::read(Failing(reads), &ChecksumAlgorithm::ALL).unwrap_err();
        assert_eq!(error.to_string(), "the disk is gone");
    }
}

/// Gives at most so many bytes at a time.
struct Steps<'a>(&'a [u8], usize);

impl Read for Steps<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.1.min(into.len());
        self.0.read(&mut into[..count])
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, ..ProptestConfig::default() })]

    #[test]
    fn openssl_agrees(length in 0..2 * CHUNK, seed: u8, step in 1..2 * CHUNK) {
        use openssl::hash::MessageDigest;
        let mut image = vec![0; length];
        image.iter_mut().enumerate().for_each(|(i, byte)| *byte = (i / 7 + (i >> 9)).to_le_bytes()[0] ^ seed);
        let expected =
            [MessageDigest::md5(), MessageDigest::sha1(), MessageDigest::sha256(), MessageDigest::sha512()]
                .map(|method| hex(&openssl::hash::hash(method, &image).unwrap()));
        let digests = ImageDigests::read(Steps(&image, step), &ChecksumAlgorithm::ALL).unwrap();
        prop_assert_eq!(digests.bytes(), length as u64);
        prop_assert_eq!(values(&digests), expected);
    }
}

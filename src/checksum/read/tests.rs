use proptest::prelude::*;

use super::*;
use crate::compression::tests::compress;

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

fn content(length: usize) -> Vec<u8> {
    let mut state = 1_u32;
    let mut next = |i: usize| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        if (i / 5000).is_multiple_of(3) { 0 } else { state.to_be_bytes()[0] & 0x3f }
    };
    (0..length).map(&mut next).collect()
}

fn read(stream: impl Read, options: &DigestOptions) -> Result<Image, ImageError> {
    Image::read("image", stream, options, |_| {})
}

#[test]
fn file_and_content_are_described_in_one_pass() {
    let content = content(3 * CHUNK + 77);
    for compression in Compression::ALL {
        let file = compress(compression, &content);
        for threads in [1, 2, 8] {
            let threads = NonZeroUsize::new(threads).unwrap();
            let options = DigestOptions { threads, ..DigestOptions::default() };
            for step in [1009, CHUNK, usize::MAX] {
                let mut progress = 0;
                let image = Image::read("image", Steps(&file, step), &options, |n| progress += n).unwrap();
                assert_eq!(image.digests, all(&content), "{compression}");
                assert_eq!(image.compression, Some(compression));
                let compressed = image.compressed.unwrap();
                assert_eq!(compressed.bytes, file.len() as u64);
                assert_eq!(compressed.checksums, all(&file).checksums());
                assert_eq!(progress, file.len() as u64);
            }
        }
        let only = DigestOptions { compressed: vec![ChecksumAlgorithm::Sha512], ..DigestOptions::default() };
        let compressed = read(&file[..], &only).unwrap().compressed.unwrap();
        assert_eq!(compressed.checksums, all(&file).checksums()[3..]);
        let none = DigestOptions { compressed: Vec::new(), ..DigestOptions::default() };
        let compressed = read(&file[..], &none).unwrap().compressed.unwrap();
        assert_eq!((compressed.bytes, compressed.checksums), (file.len() as u64, Vec::new()));
    }
    let image = read(&content[..], &DigestOptions::default()).unwrap();
    assert_eq!((image.digests, image.compressed, image.compression), (all(&content), None, None));
}

#[test]
fn nothing_is_told_of_a_file_cut_anywhere() {
    for compression in Compression::ALL {
        let file = compress(compression, &content(5000));
        for length in (4..file.len()).step_by(7) {
            let result = read(&file[..length], &DigestOptions::default());
            assert!(matches!(result, Err(ImageError::Compressed { .. })), "{compression}: {length}");
        }
    }
}

#[test]
fn the_limit_is_the_most_that_passes() {
    for length in [1, CHUNK, CHUNK + 1, 3 * CHUNK] {
        let content = content(length);
        let mut files: Vec<_> = Compression::ALL.iter().map(|&c| compress(c, &content)).collect();
        files.push(content);
        for file in files {
            let bytes = length as u64;
            let options = |limit| DigestOptions { max_bytes: Some(limit), ..DigestOptions::default() };
            assert_eq!(read(&file[..], &options(bytes)).unwrap().digests.bytes(), bytes);
            let error = read(&file[..], &options(bytes - 1)).unwrap_err();
            assert!(matches!(error, ImageError::TooLarge { limit, .. } if limit == bytes - 1), "{error}");
        }
    }
}

/// Members without content, and padding, are bounded too: neither stream would ever end.
#[test]
fn what_has_no_content_is_not_read_without_end() {
    struct Again(Vec<u8>, usize);
    impl Read for Again {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            let count = (&self.0[self.1..]).read(into)?;
            self.1 = (self.1 + count) % self.0.len();
            Ok(count)
        }
    }
    let options = DigestOptions { max_bytes: Some(1000), ..DigestOptions::default() };
    for compression in Compression::ALL {
        let error = read(Again(compress(compression, b""), 0), &options).unwrap_err();
        assert!(matches!(error, ImageError::TooLarge { limit: 1000, .. }), "{compression}: {error}");
    }
    let padded = compress(Compression::Xz, b"x");
    let error = read(padded.chain(io::repeat(0)), &options).unwrap_err();
    assert!(matches!(error, ImageError::TooLarge { limit: 1000, .. }), "{error}");
}

/// A header that says what is missing ends the reading, and so does a limit: neither stream would
/// ever end.
#[test]
fn what_cannot_be_described_is_not_read_to_its_end() {
    let mut overlay = [&b"QFI\xfb\0\0\0\x02"[..], &[0; 100]].concat();
    overlay[15] = 80;
    overlay[19] = 8;
    overlay[80..88].copy_from_slice(b"base.img");
    let error = read(overlay.chain(io::repeat(0)), &DigestOptions::default()).unwrap_err();
    assert!(matches!(error, ImageError::Format { cause: FormatError::BackingFile { .. }, .. }), "{error}");
    let options = DigestOptions { max_bytes: Some(1 << 20), ..DigestOptions::default() };
    assert!(matches!(read(io::repeat(7), &options), Err(ImageError::TooLarge { .. })));
}

/// A fixed VHD is told by its last bytes, wherever the chunks end.
#[test]
fn the_end_of_the_content_is_seen_whole() {
    let mut footer = [0_u8; 512];
    footer[..8].copy_from_slice(b"conectix");
    footer[48..56].copy_from_slice(&5_u64.to_be_bytes());
    footer[63] = 2;
    let sum: u32 = footer.iter().map(|&byte| u32::from(byte)).sum();
    footer[64..68].copy_from_slice(&(!sum).to_be_bytes());
    for length in [0, 1, CHUNK - 512, CHUNK - 511, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK - 100] {
        let image = [&content(length)[..], &footer].concat();
        for step in [100, 1000, usize::MAX] {
            let image = read(Steps(&image, step), &DigestOptions::default()).unwrap();
            assert_eq!((image.format, image.virtual_size), (Some(ImageFormat::Vhd), Some(5)), "{length}");
        }
    }
}

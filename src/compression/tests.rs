use std::{
    io::{Cursor, Write},
    process::{Command, Stdio},
};

use super::*;

/// Hands out a few bytes at a time, so that every boundary falls between two reads once.
pub(super) struct Trickle<'a>(pub(super) &'a [u8], pub(super) usize);

impl Read for Trickle<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.1.min(into.len());
        self.0.read(&mut into[..count])
    }
}

pub(super) fn content(length: usize) -> Vec<u8> {
    (0..length).map(|i| u8::try_from((i * i / 7 + i / 1000) % 251).unwrap()).collect()
}

/// One member, stream or frame.
pub(crate) fn compress(compression: Compression, content: &[u8]) -> Vec<u8> {
    match compression {
        Compression::Gzip => {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
            encoder.write_all(content).unwrap();
            encoder.finish().unwrap()
        }
        Compression::Bzip2 => {
            let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::default());
            encoder.write_all(content).unwrap();
            encoder.finish().unwrap()
        }
        Compression::Xz => {
            let mut encoder = liblzma::write::XzEncoder::new(Vec::new(), 6);
            encoder.write_all(content).unwrap();
            encoder.finish().unwrap()
        }
        Compression::Zstd => {
            // Checksum on, as `zstd` writes it.
            let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 3).unwrap();
            encoder.include_checksum(true).unwrap();
            encoder.write_all(content).unwrap();
            encoder.finish().unwrap()
        }
    }
}

fn read(file: &[u8]) -> Result<(Option<Compression>, Vec<u8>), CompressionError> {
    read_from(Cursor::new(file)).map_err(|error| error.downcast().unwrap())
}

fn read_from(file: impl Read) -> io::Result<(Option<Compression>, Vec<u8>)> {
    let mut reader = Reader::new(file)?;
    let mut bytes = Vec::new();
    reader.read_to_end(&mut bytes)?;
    Ok((reader.compression(), bytes))
}

/// What `program` writes when given `content`; `None` where it is not installed.
pub(super) fn tool(program: &str, arguments: &[&str], content: &[u8]) -> Option<Vec<u8>> {
    let child = Command::new(program).args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let Ok(mut child) = child else {
        eprintln!("skipped: {program} is not installed");
        return None;
    };
    let mut stdin = child.stdin.take().unwrap();
    let content = content.to_vec();
    let feeder = std::thread::spawn(move || stdin.write_all(&content));
    let output = child.wait_with_output().unwrap();
    feeder.join().unwrap().unwrap();
    assert!(output.status.success(), "{program} {arguments:?}");
    Some(output.stdout)
}

#[test]
fn one_member_is_read_whatever_the_size_of_reads() {
    for compression in Compression::ALL {
        for length in [0, 1, 4095, 200_000] {
            let file = compress(compression, &content(length));
            assert_eq!(read(&file).unwrap(), (Some(compression), content(length)), "{compression}");
            for step in [1, 7, 4096] {
                let read = read_from(Trickle(&file, step)).unwrap();
                assert_eq!(read, (Some(compression), content(length)), "{compression} by {step}");
            }
        }
    }
}

#[test]
fn several_members_are_read_and_empty_ones_among_them() {
    for compression in Compression::ALL {
        let parts = [0, 3000, 0, 0, 70_000, 1, 0].map(content);
        let file: Vec<u8> = parts.iter().flat_map(|part| compress(compression, part)).collect();
        assert_eq!(read(&file).unwrap().1, parts.concat(), "{compression}");
        assert_eq!(read_from(Trickle(&file, 1)).unwrap().1, parts.concat(), "{compression}");
    }
}

#[test]
fn every_proper_prefix_is_truncated_except_where_a_member_ends() {
    for compression in Compression::ALL {
        let (first, second) = (compress(compression, &content(300)), compress(compression, &content(50)));
        let file = [&first[..], &second[..]].concat();
        for length in 4..file.len() {
            let result = read(&file[..length]);
            if length == first.len() {
                assert_eq!(result.unwrap().1, content(300), "{compression}");
            } else {
                assert!(
                    matches!(result, Err(CompressionError::Truncated { compression: c, offset })
                        if c == compression && offset == length as u64),
                    "{compression} cut at {length} of {}: {result:?}",
                    file.len()
                );
            }
        }
    }
}

#[test]
fn trailing_garbage_is_an_error_that_says_where() {
    for compression in Compression::ALL {
        let file = compress(compression, &content(5000));
        for garbage in
            [&b"x"[..], b"garbage", &[0], &[0; 3], &[0; 511], &[0xff; 20], b"\x1f\x8c\x08\0", b"BZh0"]
        {
            let result = read(&[&file[..], garbage].concat());
            assert!(
                matches!(result, Err(CompressionError::TrailingGarbage { compression: c, offset })
                    if c == compression && offset == file.len() as u64),
                "{compression} and {garbage:?}: {result:?}"
            );
        }
        for other in Compression::ALL.into_iter().filter(|&other| other != compression) {
            let result = read(&[file.clone(), compress(other, b"x")].concat());
            assert!(
                matches!(result, Err(CompressionError::TrailingGarbage { .. })),
                "{other} in {compression}"
            );
        }
    }
}

#[test]
fn no_flipped_bit_changes_the_content_unnoticed() {
    for compression in Compression::ALL {
        let (file, content) = (compress(compression, &content(300)), content(300));
        for position in 0..file.len() {
            for bit in [0x01, 0x80] {
                let mut damaged = file.clone();
                damaged[position] ^= bit;
                match read(&damaged) {
                    // A header field that is only informative, or no longer the magic number.
                    Ok((found, bytes)) => {
                        assert!(
                            bytes == content || found.is_none(),
                            "{compression}: bit {bit:#x} of byte {position}"
                        );
                    }
                    Err(error) => assert!(!error.to_string().is_empty()),
                }
            }
        }
        let mut damaged = file.clone();
        damaged[file.len() / 2] ^= 0x55;
        assert!(matches!(read(&damaged), Err(CompressionError::Damaged { .. })), "{compression}");
    }
}

#[test]
fn a_raw_image_is_read_as_it_is() {
    let mut boot_sector = content(100_000);
    boot_sector[510..512].copy_from_slice(&[0x55, 0xaa]);
    // Starts like gz, bz2, or zst, but cannot be.
    for start in
        [&b""[..], b"\x1f\x8b", b"\x1f\x8b\x07\0", b"\x1f\x8b\x08\xe0", b"BZh9bzip", b"\x28\xb5\x2f\xfe"]
    {
        let image = [start, &boot_sector].concat();
        assert_eq!(read(&image).unwrap(), (None, image));
    }
    for tiny in [&b""[..], b"\x1f", b"\x1f\x8b\x08", b"BZh"] {
        assert_eq!(read(tiny).unwrap(), (None, tiny.to_vec()));
    }
}

#[test]
fn xz_padding_comes_in_fours() {
    let stream = compress(Compression::Xz, &content(900));
    let padded = [&stream[..], &[0; 8], &stream, &vec![0; 70_004]].concat();
    assert_eq!(read(&padded).unwrap().1, [content(900), content(900)].concat());
    assert_eq!(read_from(Trickle(&padded, 3)).unwrap().1.len(), 1800);
    let odd = [&stream[..], &[0; 6], &stream].concat();
    assert!(matches!(read(&odd), Err(CompressionError::TrailingGarbage { .. })));
}

#[test]
fn zst_skippable_frames_are_skipped_wherever_they_are() {
    let frame = compress(Compression::Zstd, &content(900));
    let skippable = b"\x52\x2a\x4d\x18\x05\0\0\0hello";
    let file = [skippable, skippable, &frame[..], skippable, &frame, skippable].concat();
    assert_eq!(read(&file).unwrap().1, [content(900), content(900)].concat());
    assert!(matches!(read(&file[..file.len() - 1]), Err(CompressionError::Truncated { .. })));
    // LZ4 has the same skippable frames, so alone they say nothing.
    assert_eq!(read(skippable).unwrap(), (None, skippable.to_vec()));
}

#[test]
fn a_skippable_frame_of_any_length_may_come_first() {
    for length in [100, HEAD - 9, HEAD - 8, HEAD - 7, 5 * HEAD] {
        let mut skippable = vec![0x5a, 0x2a, 0x4d, 0x18];
        skippable.extend(u32::try_from(length).unwrap().to_le_bytes());
        skippable.extend(content(length));
        let file = [skippable.clone(), compress(Compression::Zstd, &content(900))].concat();
        assert_eq!(read(&file).unwrap(), (Some(Compression::Zstd), content(900)), "{length}");
        // LZ4 behind it, or anything else, is no raw image either if it is not in sight.
        let other = [&skippable[..], b"\x04\x22\x4d\x18 and so on"].concat();
        match read(&other) {
            Ok((compression, _)) => assert!(compression.is_none() && length < HEAD - 8, "{length}"),
            Err(error) => assert!(matches!(error, CompressionError::TrailingGarbage { .. }), "{error}"),
        }
    }
}

/// Several blocks are decoded at once; what is wrong with one of them is still told, at any place.
#[test]
fn damage_in_any_of_several_xz_blocks_is_noticed() {
    let image = content(400_000);
    let Some(file) = tool("xz", &["-c", "-0", "--block-size=50000", "-T2"], &image) else { return };
    let read = |file: &[u8], threads| {
        let mut bytes = Vec::new();
        let threads = NonZeroUsize::new(threads).unwrap();
        Reader::with_threads(file, threads).and_then(|mut reader| reader.read_to_end(&mut bytes))?;
        io::Result::Ok(bytes)
    };
    for threads in [1, 2, 8] {
        assert!(read(&file, threads).unwrap() == image);
        let step = file.len() / 40;
        for place in (12..file.len()).step_by(step) {
            let mut flipped = file.clone();
            flipped[place] ^= 0x10;
            let without = [&file[..place], &file[place + 1..]].concat();
            for damaged in [&flipped[..], &without] {
                let error = read(damaged, threads).unwrap_err().downcast::<CompressionError>().unwrap();
                assert!(!matches!(error, CompressionError::TrailingGarbage { .. }), "{place}: {error}");
            }
            let error = read(&file[..place], threads).unwrap_err().downcast().unwrap();
            assert!(
                matches!(error, CompressionError::Truncated { offset, .. } if offset == place as u64),
                "{place}: {error}"
            );
        }
    }
}

/// A check that liblzma does not know is refused, not passed over.
#[test]
fn an_unknown_xz_check_is_refused() {
    let mut file = compress(Compression::Xz, &content(300));
    // Check ID 2 is reserved (.xz file format §2.1.1.2); the CRC32 of the flags is made good.
    file[7] = 2;
    let crc = crc32(&file[6..8]);
    file[8..12].copy_from_slice(&crc.to_le_bytes());
    assert!(matches!(read(&file), Err(CompressionError::Damaged { offset: 0, .. })), "{:?}", read(&file));
}

#[test]
fn demands_for_memory_are_refused() {
    use liblzma::stream::{Check, Filters, LzmaOptions, Stream};
    let mut filters = Filters::new();
    filters.lzma2(LzmaOptions::new_preset(0).unwrap().dict_size(1 << 20));
    let stream = Stream::new_stream_encoder(&filters, Check::Crc32).unwrap();
    let mut encoder = liblzma::write::XzEncoder::new_stream(Vec::new(), stream);
    encoder.write_all(b"small").unwrap();
    let mut file = encoder.finish().unwrap();
    assert_eq!(read(&file).unwrap().1, b"small");
    // The one byte of the LZMA2 properties is the dictionary's size (.xz file format §5.3.1):
    // 1 MiB becomes 4 GiB - 1, and the block header's CRC32 is made good.
    assert_eq!(file[14..17], [0x21, 0x01, 16]);
    file[16] = 40;
    let header = 12..12 + (usize::from(file[12]) + 1) * 4;
    let crc = crc32(&file[header.start..header.end - 4]);
    file[header.end - 4..header.end].copy_from_slice(&crc.to_le_bytes());
    assert!(matches!(read(&file), Err(CompressionError::Memory { limit: XZ_MEMORY_LIMIT, .. })));

    // A frame header without content size and a window of 2 GiB (RFC 8878 §3.1.1.1.2).
    let frame = b"\x28\xb5\x2f\xfd\x00\xa8\x01\0\0";
    assert!(matches!(read(frame), Err(CompressionError::Memory { limit: 0x800_0000, .. })));
}

fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    crc.sum()
}

#[test]
fn a_failing_disk_is_not_called_damage() {
    struct Failing<'a>(&'a [u8]);
    impl Read for Failing<'_> {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            match self.0.read(into)? {
                0 => Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the disk says so")),
                count => Ok(count),
            }
        }
    }
    for compression in Compression::ALL {
        let file = compress(compression, &content(100_000));
        let error = read_from(Failing(&file[..file.len() / 2])).unwrap_err();
        assert_eq!(error.to_string(), "the disk says so", "{compression}");
    }
}

#[test]
fn a_failure_is_not_followed_by_an_end() {
    let mut file = compress(Compression::Gzip, b"x");
    file.push(b'!');
    let mut reader = Reader::new(&file[..]).unwrap();
    reader.read_to_end(&mut Vec::new()).unwrap_err();
    reader.read_to_end(&mut Vec::new()).unwrap_err();
}

#[test]
fn what_the_tools_write_is_read() {
    let image = content(1_000_000);
    let runs: [(&str, &[&str], Compression); 9] = [
        ("gzip", &["-c"], Compression::Gzip),
        ("gzip", &["-c", "-1"], Compression::Gzip),
        ("bzip2", &["-c"], Compression::Bzip2),
        ("xz", &["-c", "-T1"], Compression::Xz),
        ("xz", &["-c", "-0", "--block-size=50000", "-T2"], Compression::Xz),
        ("xz", &["-c", "-9", "--check=sha256"], Compression::Xz),
        ("zstd", &["-c"], Compression::Zstd),
        ("zstd", &["-c", "--long=27"], Compression::Zstd),
        ("zstd", &["-c", "--no-check", "-T2"], Compression::Zstd),
    ];
    for (program, arguments, compression) in runs {
        let Some(file) = tool(program, arguments, &image) else { continue };
        assert_eq!(read(&file).unwrap(), (Some(compression), image.clone()), "{program} {arguments:?}");
        let twice = read(&[&file[..], &file].concat()).unwrap().1;
        assert_eq!(twice.len(), 2 * image.len(), "{program} {arguments:?}");
    }
}

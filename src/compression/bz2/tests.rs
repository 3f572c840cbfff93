use std::io::Write;

use super::{super::tests::*, window::Mark, *};

mod faults;
mod property;
mod writer;

use writer::{Bits, body_offset, stream};

fn compress(level: u32, content: &[u8]) -> Vec<u8> {
    let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::new(level));
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

/// Bytes that cannot be compressed, the same for the same seed.
fn noise(length: usize, mut seed: u64) -> Vec<u8> {
    let next = || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        seed.to_be_bytes()[0]
    };
    std::iter::repeat_with(next).take(length).collect()
}

/// Something to stand in a hostile block: neither runs nor its end.
fn filler(length: usize, seed: u64) -> Vec<u8> {
    noise(length, seed).into_iter().map(|byte| byte % 250 + 3).collect()
}

fn threads(count: usize) -> NonZeroUsize {
    NonZeroUsize::new(count).unwrap()
}

/// What is read until the end or an error, and which.
fn decode(file: impl Read, count: usize, size: usize) -> (Vec<u8>, io::Result<()>) {
    let mut decoder = Decoder::new(Input::new(file), threads(count));
    let (mut content, mut buffer) = (Vec::new(), vec![0; size]);
    loop {
        match decoder.read(&mut buffer) {
            Ok(0) => return (content, Ok(())),
            Ok(read) => content.extend_from_slice(&buffer[..read]),
            Err(error) => {
                decoder.read(&mut buffer).expect_err("an end after an error");
                return (content, Err(error));
            }
        }
    }
}

fn sequential(file: &[u8]) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    bzip2::bufread::MultiBzDecoder::new(file).read_to_end(&mut content)?;
    Ok(content)
}

/// Whatever the threads, the size of reads, and what the input gives at a time.
fn check(file: &[u8], content: &[u8], what: &str) {
    assert!(sequential(file).unwrap() == content, "{what}: the test is wrong");
    for count in [1, 2, 3, 8] {
        for (size, step) in [(4096, usize::MAX), (1 << 20, 1000), (7, 13), (1, 1)] {
            if content.len() > 1_000_000 && size < 4096 {
                continue;
            }
            let (read, result) = decode(Trickle(file, step), count, size);
            result.unwrap();
            assert!(read == content, "{what}: {count} threads, {size} by {step}");
        }
    }
}

fn check_with_bzip2(file: &[u8], content: &[u8], what: &str) {
    check(file, content, what);
    if let Some(read) = tool("bzip2", &["-dc"], file) {
        assert!(read == content, "{what}: bzip2");
    }
}

fn fault(file: &[u8], count: usize) -> CompressionError {
    decode(file, count, 5000).1.unwrap_err().downcast().unwrap()
}

#[test]
fn marks_overlap_by_three_bits_at_most() {
    for first in [BLOCK, END] {
        for second in [BLOCK, END] {
            for overlap in 4..MARK {
                assert_ne!(first & ((1 << overlap) - 1), second >> (MARK - overlap), "{overlap}");
            }
        }
    }
}

#[test]
fn all_marks_are_found_at_every_bit() {
    for seed in 0..200 {
        let mut bits = Bits::default();
        for i in 0..40_u64 {
            let gap = noise(3, seed * 1000 + i);
            bits.push(u64::from(gap[0]), usize::from(gap[1] % 9) * usize::from(gap[2] % 5));
            // Overlapping ones among them: 45 bits of a mark behind its neighbour.
            let short = if gap[2].is_multiple_of(7) { 45 } else { 48 };
            bits.push(if gap[0].is_multiple_of(2) { BLOCK } else { END }, short);
        }
        let bytes = bits.bytes;
        let at = |at: usize| {
            (0..48).fold(0, |bits, i| bits << 1 | u64::from(bytes[(at + i) / 8]) >> (7 - (at + i) % 8) & 1)
        };
        let expected: Vec<Mark> = (0..=bytes.len() * 8 - 48)
            .filter(|&bit| [BLOCK, END].contains(&at(bit)))
            .map(|bit| Mark { at: bit as u64, block: at(bit) == BLOCK })
            .collect();
        assert!(expected.len() > 20);
        for step in [1, 3, 8, 50, 10_000] {
            let (mut window, mut found, mut last) = (Window::default(), Vec::new(), None);
            for part in bytes.chunks(step).chain([&[][..]]) {
                window.push(part);
                while let Some(mark) = match last {
                    Some(at) => window.next_mark(at),
                    None => window.segment(0).map(|(first, _)| first),
                } {
                    found.push(mark);
                    last = Some(mark.at);
                }
                window.forget(window.end());
            }
            assert_eq!(found, expected, "seed {seed} by {step}");
        }
    }
}

#[test]
fn streams_of_any_content_and_level_are_read() {
    let text: Vec<u8> = content(2_500_000);
    let contents = [vec![], vec![7], vec![0; 3_000_000], noise(1_000_000, 1), text];
    for (i, content) in contents.iter().enumerate() {
        for level in [1, 9] {
            check_with_bzip2(&compress(level, content), content, &format!("content {i} at level {level}"));
        }
    }
}

#[test]
fn streams_follow_each_other() {
    let parts: [(u32, Vec<u8>); 8] = [
        (3, vec![]),
        (9, noise(150_000, 2)),
        (1, noise(250_000, 3)),
        (1, vec![]),
        (5, vec![]),
        (2, vec![1]),
        (8, content(300_000)),
        (4, vec![]),
    ];
    let file = parts.iter().flat_map(|(level, content)| compress(*level, content)).collect::<Vec<_>>();
    let content = parts.map(|(_, content)| content).concat();
    check_with_bzip2(&file, &content, "levels");
    // As pbzip2 writes it, and small streams in great number.
    let image = content.repeat(3);
    let file = image.chunks(90_000).flat_map(|part| compress(9, part)).collect::<Vec<_>>();
    check(&file, &image, "pbzip2");
    let file = image[..2000].iter().flat_map(|&byte| compress(1, &[byte])).collect::<Vec<_>>();
    check(&file, &image[..2000], "bytes");
    check(&compress(9, b"").repeat(5000), b"", "nothing");
}

#[test]
fn a_few_bytes_become_many() {
    let zeros = vec![0; 200_000_000];
    let file = compress(9, &zeros);
    assert!(file.len() < 1000);
    for count in [1, 2, 3, 8] {
        let (read, result) = decode(&file[..], count, 1 << 20);
        result.unwrap();
        assert!(read == zeros, "{count}");
    }
}

/// Bodies that hold `bits` at every offset within a byte.
fn bodies_with(bits: &Bits, seed: u64) -> Vec<Vec<u8>> {
    let shifted = (0..8).map(|shift: u8| {
        let mut body = Bits::default();
        body.extend(&filler(700, seed + u64::from(shift)));
        body.push(2, shift.into());
        (0..bits.count).for_each(|i| body.push(u64::from(bits.bytes[i / 8] >> (7 - i % 8)), 1));
        body.push(0xa5a5, 16 - body.count % 8);
        body.extend(&filler(900, seed + u64::from(shift) + 100));
        body.bytes
    });
    shifted.filter(|body| !body.contains(&0xff)).collect()
}

fn mark(mark: u64, times: usize) -> Bits {
    let mut bits = Bits::default();
    (0..times).for_each(|_| bits.push(mark, 48));
    bits
}

/// The bits of the block, and of the mark behind it, in a file with one.
fn block_of(file: &[u8]) -> Bits {
    let mut window = Window::default();
    window.push(file);
    window.push(b"");
    let (start, end) = window.segment(0).unwrap();
    let mut bits = Bits::default();
    (start.at..end.at + MARK).for_each(|at| bits.push(window.bits(at, 1).unwrap(), 1));
    bits
}

#[test]
fn marks_within_a_block_are_content() {
    for (what, bits) in [
        ("block mark", mark(BLOCK, 1)),
        ("end mark", mark(END, 1)),
        ("block marks", mark(BLOCK, 50)),
        ("end marks", mark(END, 50)),
    ] {
        let bodies = bodies_with(&bits, 5);
        assert_eq!(bodies.len(), 8, "{what}");
        for body in &bodies {
            let (file, content) = stream(b'9', std::slice::from_ref(body));
            check(&file, &content, what);
        }
        let (file, content) = stream(b'9', &bodies);
        check_with_bzip2(&file, &content, what);
        let honest = vec![filler(3000, 77), filler(2000, 78)];
        let (file, content) = stream(b'9', &[honest.clone(), bodies, honest].concat());
        check_with_bzip2(&file, &content, what);
    }
}

#[test]
fn a_block_within_a_block_is_content() {
    let mut tried = 0;
    for seed in 0..20 {
        let small = block_of(&compress(1, &noise(20, seed)));
        let bodies = bodies_with(&small, seed);
        tried += bodies.len();
        let (file, content) = stream(b'9', &bodies);
        check(&file, &content, "block");
        if seed < 3 {
            check_with_bzip2(&file, &content, "block");
        }
    }
    assert!(tried > 20, "{tried}");
}

#[test]
fn a_stream_within_a_block_is_content() {
    let mut tried = 0;
    for seed in 0..20 {
        let mut small = Bits::default();
        small.extend(&compress(1, &noise(20, seed)));
        // Blocks too long for level 1, which is what the false header says.
        let mut bodies = bodies_with(&small, seed);
        tried += bodies.len();
        bodies.extend([filler(150_000, seed), filler(120_000, seed + 1)]);
        let (file, content) = stream(b'9', &bodies);
        if seed < 3 {
            check_with_bzip2(&file, &content, "stream");
        } else {
            let (read, result) = decode(&file[..], 3, 70_000);
            result.unwrap();
            assert!(read == content);
        }
    }
    assert!(tried > 20, "{tried}");
}

#[test]
fn more_false_marks_than_pay_are_content() {
    let mut bits = mark(BLOCK, 1);
    let small = block_of(&compress(1, b"small"));
    for i in 0..2000 {
        let (block, end) = (mark(BLOCK, 1), mark(END, 1));
        let part = [&block, &end, &small][i % 3];
        bits.push(6, 3 + i % 5);
        (0..part.count).for_each(|i| bits.push(u64::from(part.bytes[i / 8] >> (7 - i % 8)), 1));
    }
    let mut bodies = bodies_with(&bits, 9);
    bodies.extend((0..40).map(|i| filler(5000, i)));
    let (file, content) = stream(b'9', &bodies);
    check_with_bzip2(&file, &content, "many");
}

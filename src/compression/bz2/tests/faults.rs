use std::sync::{
    atomic::{AtomicU64, Ordering},
    mpsc::sync_channel,
};

use super::*;

#[test]
fn a_block_too_long_for_its_level_is_damage() {
    let (mut file, content) = stream(b'2', &[filler(2000, 1), filler(150_000, 2), filler(10, 3)]);
    check(&file, &content, "level 2");
    let at = (32 + body_offset(&filler(2000, 1)) + 2001 * 8) as u64 / 8;
    file[3] = b'1';
    assert!(sequential(&file).is_err());
    for count in [1, 2, 3, 8] {
        let fault = fault(&file, count);
        assert!(matches!(fault, CompressionError::Damaged { offset, .. } if offset == at), "{fault:?}");
    }
}

#[test]
fn a_fault_is_where_it_is() {
    let first = compress(1, &noise(350_000, 1));
    let file = [&first[..], &compress(9, b"x")].concat();
    let mut window = Window::default();
    window.push(&file);
    let mut marks = Vec::new();
    while let Some((mark, _)) = window.segment(marks.last().map_or(0, |last: &Mark| last.at + 1)) {
        marks.push(mark);
    }
    assert_eq!(marks.len(), 6);
    let with = |at: u64| {
        let mut file = file.clone();
        file[usize::try_from(at).unwrap()] ^= 0x10;
        file
    };
    for count in [1, 2, 8] {
        for block in &marks[..4] {
            // The CRC, the tables, the codes.
            for distance in [7, 50, 8000] {
                let fault = fault(&with(block.at / 8 + distance), count);
                assert!(
                    matches!(fault, CompressionError::Damaged { offset, .. } if offset == block.at / 8),
                    "{fault:?}"
                );
            }
        }
        let end = marks[4].at / 8;
        let fault_at_end = fault(&with(end + 7), count);
        assert!(matches!(fault_at_end, CompressionError::Damaged { offset, .. } if offset == end));
        for header in 0..10 {
            let fault = fault(&with(first.len() as u64 + header), count);
            assert!(
                matches!(fault, CompressionError::TrailingGarbage { offset, .. } if offset == first.len() as u64),
                "{header}: {fault:?}"
            );
        }
        let (read, result) = decode(&with(marks[3].at / 8 + 50)[..], count, 100);
        assert!(result.is_err() && read[..] == noise(350_000, 1)[..read.len()] && read.len() > 290_000);
    }
}

#[test]
fn nothing_is_between_a_block_and_the_next_mark() {
    let honest = filler(1000, 1);
    let hostile = bodies_with(&mark(BLOCK, 1), 1).remove(3);
    for body in [honest, hostile] {
        let (file, _) = stream(b'9', &[filler(503, 2), body]);
        let mut window = Window::default();
        window.push(&file);
        window.push(b"");
        let start = window.segment(33).unwrap().0.at;
        let mut end = start;
        while let Some(mark) = window.next_mark(end) {
            end = mark.at;
        }
        for gap in 1..MARK {
            // What libbz2 has seen of it when the block's output begins may well be of a mark.
            for bits in [BLOCK >> (MARK - gap), END >> (MARK - gap), 0] {
                let mut longer = Bits::default();
                let copy = |bits: &mut Bits, from, to| {
                    (from..to).for_each(|at| bits.push(window.bits(at, 1).unwrap(), 1));
                };
                copy(&mut longer, 0, end);
                longer.push(bits, usize::try_from(gap).unwrap());
                copy(&mut longer, end, 8 * window.end());
                assert!(sequential(&longer.bytes).is_err());
                for count in [1, 2] {
                    let fault = fault(&longer.bytes, count);
                    // With 45 bits of one, and the next, it is a mark: of the wrong checksum or block.
                    let at = |offset| offset == start / 8 || gap >= 45;
                    assert!(
                        matches!(fault, CompressionError::Damaged { offset, .. } if at(offset)),
                        "{gap} {bits:x} {fault:?}"
                    );
                }
            }
        }
    }
}

/// Goes on for ever after `file`, and counts what is read.
struct Endless<'a>(&'a [u8], &'a [u8], &'a AtomicU64);

impl Read for Endless<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.0.read(into)?;
        into[count..].iter_mut().zip(self.1.iter().cycle()).for_each(|(byte, &other)| *byte = other);
        self.2.fetch_add(into.len() as u64, Ordering::Relaxed);
        Ok(into.len())
    }
}

#[test]
fn garbage_without_end_is_refused_at_once() {
    let file = compress(9, &content(10_000));
    for garbage in [
        &b"\0"[..],
        b"garbage",
        b"1AY&SY",
        b"\x17\x72\x45\x38\x50\x90",
        b"BZh9",
        b"BZh0\x17\x72\x45\x38\x50\x90",
    ] {
        for count in [1, 2, 8] {
            let read = AtomicU64::new(0);
            let (delivered, result) = decode(Endless(&file, garbage, &read), count, 5000);
            assert!(delivered == content(10_000));
            let fault = result.unwrap_err().downcast().unwrap();
            assert!(
                matches!(fault, CompressionError::TrailingGarbage { offset, .. } if offset == file.len() as u64),
                "{fault:?}"
            );
            assert!(read.into_inner() < (2 * count as u64 + 1) * READ_AHEAD);
        }
    }
}

#[test]
fn little_of_the_file_is_held() {
    let long = compress(9, &noise(12_000_000, 5));
    let many = compress(1, b"x").repeat(100_000);
    // A block whose first code length goes up and down for ever.
    let mut endless = Bits::default();
    endless.extend(b"BZh9");
    endless.push(BLOCK, 48);
    endless.push(0, 32 + 1 + 24);
    endless.push(0x8000_ffff, 32);
    endless.push(2, 3);
    endless.push(1, 15);
    endless.push(0, 1);
    endless.push(8, 5);
    (0..10_000_000).for_each(|_| endless.push(0b1011, 4));
    for (file, good) in [(long, true), (many, true), (endless.bytes, false)] {
        for count in [1, 2] {
            let mut decoder = Decoder::new(Input::new(&file[..]), threads(count));
            let limit = (2 * count as u64 + 1) * READ_AHEAD;
            let result = loop {
                let read = decoder.read(&mut [0; 10_000]);
                assert!(decoder.window.len() <= limit && decoder.ahead.len() <= 2 * count);
                match read {
                    Ok(0) => break true,
                    Ok(_) => {}
                    Err(_) => break false,
                }
            };
            assert_eq!(result, good);
        }
    }
}

#[test]
fn what_precedes_a_failure_of_the_disk_is_read() {
    struct Failing<'a>(&'a [u8]);
    impl Read for Failing<'_> {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            match self.0.read(into)? {
                0 => Err(io::Error::other("the disk says so")),
                count => Ok(count),
            }
        }
    }
    let file = compress(1, &noise(350_000, 4));
    for count in [1, 2, 8] {
        let (read, result) = decode(Failing(&file), count, 5000);
        assert_eq!(result.unwrap_err().to_string(), "the disk says so");
        assert!(read == noise(350_000, 4));
    }
}

#[test]
fn a_decoder_may_be_given_up() {
    let file = compress(1, &vec![0; 50_000_000]).repeat(20);
    for count in [1, 2, 8] {
        let mut decoder = Decoder::new(Input::new(&file[..]), threads(count));
        decoder.read_exact(&mut [0; 10]).unwrap();
        assert!(!decoder.ahead.is_empty());
    }
}

#[test]
fn a_panic_is_an_error_and_threads_outlive_it() {
    let mut pool = Pool::new(threads(1));
    assert!(pool.run(Box::new(|| panic!("as the test wants"))));
    let (sender, receiver) = sync_channel(1);
    assert!(pool.run(Box::new(move || sender.send(1).unwrap())));
    assert_eq!(receiver.recv(), Ok(1));

    let file = compress(9, b"content");
    let mut decoder = Decoder::new(Input::new(&file[..]), threads(1));
    decoder.look_ahead();
    // What is left of a thread that has panicked.
    decoder.ahead[0].messages = sync_channel(1).1;
    let error = decoder.read(&mut [0; 10]).unwrap_err();
    assert!(error.to_string().contains("panicked"));
}

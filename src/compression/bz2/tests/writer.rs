//! Writes bz2 streams whose blocks hold what they are told to.

use super::super::window::{BLOCK, END};

/// Bits, the first of a byte first.
#[derive(Clone, Default)]
pub(super) struct Bits {
    pub(super) bytes: Vec<u8>,
    pub(super) count: usize,
}

impl Bits {
    pub(super) fn push(&mut self, value: u64, count: usize) {
        for i in (0..count).rev() {
            if self.count.is_multiple_of(8) {
                self.bytes.push(0);
            }
            *self.bytes.last_mut().unwrap() |= u8::try_from(value >> i & 1).unwrap() << (7 - self.count % 8);
            self.count += 1;
        }
    }

    pub(super) fn extend(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.push(byte.into(), 8);
        }
    }
}

/// A stream of one block for each of `bodies`, and its content. A body may be any bytes but 0xff,
/// and few that are 0 or 1 in a row.
pub(super) fn stream(level: u8, bodies: &[Vec<u8>]) -> (Vec<u8>, Vec<u8>) {
    let (mut bits, mut content, mut checksum) = (Bits::default(), Vec::new(), 0_u32);
    bits.extend(b"BZh");
    bits.extend(&[level]);
    for body in bodies {
        let decoded = decode(body);
        checksum = checksum.rotate_left(1) ^ crc(&decoded);
        block(&mut bits, body, crc(&decoded));
        content.extend(decoded);
    }
    bits.push(END, 48);
    bits.push(checksum.into(), 32);
    (bits.bytes, content)
}

/// Where in a block written by [`block`] the body starts, in bits.
pub(super) fn body_offset(body: &[u8]) -> usize {
    48 + 32 + 1 + 24 + 16 + 256 + 3 + 15 + (body.len() + 1).div_ceil(50) + 2 * (5 + 256)
}

/// With 254 byte values in use there are 256 symbols, and with all codes 8 bits long, each is a
/// byte: 0 and 1 are the digits of runs, 255 is the end.
pub(super) fn block(bits: &mut Bits, body: &[u8], checksum: u32) {
    assert!(!body.contains(&0xff));
    let start = bits.count;
    bits.push(BLOCK, 48);
    bits.push(checksum.into(), 32);
    bits.push(0, 1 + 24); // not randomised; the first row is the original
    bits.push(0xffff, 16);
    (0..15).for_each(|_| bits.push(0xffff, 16));
    bits.push(0xfffc, 16); // neither 254 nor 255
    bits.push(2, 3);
    let groups = (body.len() + 1).div_ceil(50);
    bits.push(groups as u64, 15);
    (0..groups).for_each(|_| bits.push(0, 1));
    for _ in 0..2 {
        bits.push(8, 5);
        (0..256).for_each(|_| bits.push(0, 1));
    }
    assert_eq!(bits.count - start, body_offset(body));
    bits.extend(body);
    bits.push(0xff, 8);
}

/// The content of a block with this body.
fn decode(body: &[u8]) -> Vec<u8> {
    let mut recent: Vec<u8> = (0..254).collect();
    let (mut last, mut run, mut weight) = (Vec::new(), 0, 1);
    for &symbol in body.iter().chain([&0xff]) {
        if symbol < 2 {
            run += weight << symbol;
            weight *= 2;
            continue;
        }
        last.extend(std::iter::repeat_n(recent[0], run));
        (run, weight) = (0, 1);
        if symbol < 0xff {
            let byte = recent.remove(usize::from(symbol) - 1);
            recent.insert(0, byte);
            last.push(byte);
        }
    }
    let mut order: Vec<usize> = (0..last.len()).collect();
    order.sort_by_key(|&i| last[i]);
    let (mut row, mut content, mut equal) = (order[0], Vec::new(), 0);
    for _ in 0..last.len() {
        let byte = last[row];
        row = order[row];
        if equal == 4 {
            let again = *content.last().unwrap();
            content.extend(std::iter::repeat_n(again, byte.into()));
            equal = 0;
        } else {
            equal = if content.last() == Some(&byte) && equal > 0 { equal + 1 } else { 1 };
            content.push(byte);
        }
    }
    content
}

/// The CRC of bzip2: that of zlib with the bits the other way round.
pub(super) fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0_u32, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte) << 24, |crc, _| {
            crc << 1 ^ if crc >> 31 == 1 { 0x04c1_1db7 } else { 0 }
        })
    })
}

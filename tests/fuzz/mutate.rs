//! Mutants of the seeds: always the same ones.

/// What hostile input is made of, for all the formats.
const TOKENS: [&[u8]; 36] = [
    b"<",
    b">",
    b"</",
    b"/>",
    b"&",
    b";",
    b"&#13;",
    b"&#x0;",
    b"&lt;",
    b"<!--",
    b"-->",
    b"<![CDATA[",
    b"]]>",
    b"<?",
    b"?>",
    b"<!DOCTYPE a [<!ENTITY b \"c\">]>",
    b"xmlns",
    b"xmlns=\"\"",
    b" xmlns:a=\"urn:a\"",
    b"xml:",
    b":",
    b"=",
    b"\"",
    b"'",
    b"\r\n",
    b"\r",
    b"\xef\xbb\xbf",
    b"\xc2\x85",
    b"\xe2\x80\xa8",
    b"\xf0\x9f\x98\x80",
    b"\xff",
    b"\x00",
    b"\x30\x80",
    b"\x00\x00",
    b"\x02\x01",
    b"-----BEGIN CERTIFICATE-----",
];

/// The `number`th mutant.
pub(crate) fn mutant(seeds: &[&[u8]], number: usize) -> Vec<u8> {
    let mut random = Random(number as u64);
    let mut mutant = seeds[number % seeds.len()].to_vec();
    for _ in 0..=random.below(3) {
        let at = random.below(mutant.len() + 1);
        let to = (at + 1 + random.below(40)).min(mutant.len());
        match random.below(7) {
            0 if at < mutant.len() => mutant[at] ^= 1 << random.below(8),
            1 if at < mutant.len() => mutant[at] = random.next().to_le_bytes()[0],
            2 => drop(mutant.drain(at..to.max(at))),
            3 => {
                let piece = mutant[at..to.max(at)].to_vec();
                let to = random.below(mutant.len() + 1);
                mutant.splice(to..to, piece);
            }
            4 => {
                let other = seeds[random.below(seeds.len())];
                let from = random.below(other.len() + 1);
                let piece = &other[from..(from + random.below(200)).min(other.len())];
                mutant.splice(at..at, piece.iter().copied());
            }
            5 => mutant.truncate(at),
            _ => {
                let token = TOKENS[random.below(TOKENS.len())];
                let to = if random.below(2) == 0 { at } else { (at + token.len()).min(mutant.len()) };
                mutant.splice(at..to.max(at), token.iter().copied());
            }
        }
    }
    mutant
}

/// The generator `SplitMix64`.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % limit.max(1) as u64).unwrap_or_default()
    }
}

//! What a file would have us compute before it says anything. `OpenSSL` goes through with any
//! number of iterations, so they are read first, in whatever form of BER (X.690 §8) it accepts.

use zeroize::Zeroizing;

/// How many iterations of a hash are gone through for one key or MAC.
const MAX_ITERATIONS: u64 = 1_000_000;
/// For all keys of a file together.
const MAX_TOTAL: u64 = 4 * MAX_ITERATIONS;
/// How deep elements may be in each other; `OpenSSL` takes 30 levels.
const MAX_DEPTH: u8 = 64;
/// How deep octet strings may be in each other: RFC 7292 has two, certificates and keys as many.
const MAX_STRINGS: u8 = 8;

/// The object identifiers below pkcs-5, 1.2.840.113549.1.5 (RFC 8018 appendix C).
const PKCS_5: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x05];
/// Those below pkcs-12PbeIds, 1.2.840.113549.1.12.1 (RFC 7292 appendix C).
const PKCS_12_PBE: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x0c, 0x01];
/// id-scrypt, 1.3.6.1.4.1.11591.4.11 (RFC 7914 §7).
const SCRYPT: &[u8] = &[0x2b, 0x06, 0x01, 0x04, 0x01, 0xda, 0x47, 0x04, 0x0b];
/// keyBag, 1.2.840.113549.1.12.10.1.1 (RFC 7292 §4.2.1).
const KEY_BAG: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x0c, 0x0a, 0x01, 0x01];

/// Why a file is better not opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Not BER.
    Malformed,
    /// It would take minutes, or is too deep to tell.
    Costly,
}

/// What opening a file takes so far.
#[derive(Debug, Default)]
pub(super) struct Cost {
    total: u64,
    /// A bag with an unencrypted key was seen.
    pub(super) plain_key: bool,
}

/// An element, as far as it matters to the one it is in.
enum Node<'a> {
    Integer(u64),
    Identifier(&'a [u8]),
    /// The integers that are immediately in it.
    Constructed(Vec<u64>),
    Other,
}

impl Cost {
    /// Counts a PKCS#12 file, of which what is encrypted stays unseen.
    pub(super) fn add_pfx(&mut self, pfx: &[u8]) -> Result<(), Refusal> {
        let mut input = pfx;
        let mut content = Header::read(&mut input)?.content(&mut input)?;
        let fields = self.fields(&mut content, Limits { depth: MAX_DEPTH, strings: MAX_STRINGS })?;
        // MacData, whose other integers are deeper (RFC 7292 §4).
        match fields.get(2) {
            Some(Node::Constructed(integers)) => self.charge(integers.iter().copied().max().unwrap_or(1)),
            _ => Ok(()),
        }
    }

    /// Counts an `EncryptedPrivateKeyInfo` (RFC 5958 §3).
    pub(super) fn add_key(&mut self, info: &[u8]) -> Result<(), Refusal> {
        let mut input = info;
        self.element(&mut input, Limits { depth: MAX_DEPTH, strings: MAX_STRINGS }).map(drop)
    }

    fn charge(&mut self, iterations: u64) -> Result<(), Refusal> {
        self.total = self.total.saturating_add(iterations);
        if iterations > MAX_ITERATIONS || self.total > MAX_TOTAL { Err(Refusal::Costly) } else { Ok(()) }
    }

    fn element<'a>(&mut self, input: &mut &'a [u8], limits: Limits) -> Result<Node<'a>, Refusal> {
        /// The numbers of universal tags (X.690 §8).
        const INTEGER: u64 = 2;
        const OCTET_STRING: u64 = 4;
        const OBJECT_IDENTIFIER: u64 = 6;

        let header = Header::read(input)?;
        let mut content = header.content(input)?;
        match header.universal {
            Some(OCTET_STRING) if header.constructed => {
                let mut pieces = Vec::new();
                content.pieces(&mut pieces, limits)?;
                content.leave(input);
                // It may hold an unencrypted key.
                self.string(&Zeroizing::new(pieces.concat()), limits)?;
                Ok(Node::Other)
            }
            _ if header.constructed => {
                let fields = self.fields(&mut content, limits)?;
                content.leave(input);
                self.algorithm(&fields)?;
                let integers = fields.iter().filter_map(|field| match field {
                    Node::Integer(integer) => Some(*integer),
                    _ => None,
                });
                Ok(Node::Constructed(integers.collect()))
            }
            Some(OCTET_STRING) => self.string(content.rest, limits).map(|()| Node::Other),
            Some(INTEGER) => Ok(Node::Integer(integer(content.rest))),
            Some(OBJECT_IDENTIFIER) => Ok(Node::Identifier(content.rest)),
            _ => Ok(Node::Other),
        }
    }

    /// The first elements in another one; no structure that matters has more.
    fn fields<'a>(&mut self, content: &mut Content<'a>, limits: Limits) -> Result<Vec<Node<'a>>, Refusal> {
        const KEPT: usize = 6;
        let limits = limits.deeper()?;
        let mut fields = Vec::new();
        while !content.ends()? {
            let field = self.element(&mut content.rest, limits)?;
            if fields.len() < KEPT {
                fields.push(field);
            }
        }
        Ok(fields)
    }

    /// Counts what an `AlgorithmIdentifier` (RFC 5280 §4.1.1.2) asks for, and notices key bags.
    fn algorithm(&mut self, fields: &[Node<'_>]) -> Result<(), Refusal> {
        let [Node::Identifier(id), Node::Constructed(integers), ..] = fields else { return Ok(()) };
        self.plain_key |= *id == KEY_BAG;
        if *id == SCRYPT {
            // N, r and p. The time for each of these blocks is about that of an iteration.
            self.charge(integers.iter().take(3).fold(1, |blocks, factor| blocks.saturating_mul(*factor)))
        } else if id.starts_with(PKCS_5) || id.starts_with(PKCS_12_PBE) {
            // PBKDF2 has the length of the key beside the iterations, and it is smaller.
            self.charge(integers.iter().copied().max().unwrap_or(0))
        } else {
            Ok(())
        }
    }

    /// Looks into an octet string that holds a SEQUENCE. Most hold none: that is no error.
    fn string(&mut self, string: &[u8], limits: Limits) -> Result<(), Refusal> {
        const SEQUENCE: u64 = 16;
        let mut input = string;
        match Header::read(&mut input) {
            Ok(header) if header.constructed && header.universal == Some(SEQUENCE) => {
                let mut input = string;
                match self.element(&mut input, limits.in_string()?) {
                    Err(Refusal::Costly) => Err(Refusal::Costly),
                    _ => Ok(()),
                }
            }
            _ => Ok(()),
        }
    }
}

/// How much deeper it may go.
#[derive(Clone, Copy)]
struct Limits {
    depth: u8,
    strings: u8,
}

impl Limits {
    fn deeper(self) -> Result<Self, Refusal> {
        let depth = self.depth.checked_sub(1).ok_or(Refusal::Costly)?;
        Ok(Self { depth, ..self })
    }

    fn in_string(self) -> Result<Self, Refusal> {
        let strings = self.strings.checked_sub(1).ok_or(Refusal::Costly)?;
        Ok(Self { strings, ..self })
    }
}

/// Identifier and length octets (X.690 §8.1.2, §8.1.3), not necessarily the shortest.
struct Header {
    /// The number, if the class is universal.
    universal: Option<u64>,
    constructed: bool,
    /// `None`: up to the end-of-contents octets.
    length: Option<usize>,
}

impl Header {
    fn read(input: &mut &[u8]) -> Result<Self, Refusal> {
        let first = octet(input)?;
        let mut number = u64::from(first & 0x1f);
        if number == 0x1f {
            number = 0;
            loop {
                let next = octet(input)?;
                number = number.checked_mul(0x80).ok_or(Refusal::Malformed)? | u64::from(next & 0x7f);
                if next & 0x80 == 0 {
                    break;
                }
            }
        }
        let constructed = first & 0x20 != 0;
        let length = match octet(input)? {
            0x80 if constructed => None,
            0x80 => return Err(Refusal::Malformed),
            short @ ..0x80 => Some(usize::from(short)),
            long => {
                let mut length = 0_usize;
                for _ in 0..long & 0x7f {
                    let next = usize::from(octet(input)?);
                    length = length.checked_mul(0x100).ok_or(Refusal::Malformed)? | next;
                }
                Some(length)
            }
        };
        Ok(Self { universal: (first & 0xc0 == 0).then_some(number), constructed, length })
    }

    /// Takes the content from `input` if its length is known; else it goes on up to its end.
    fn content<'a>(&self, input: &mut &'a [u8]) -> Result<Content<'a>, Refusal> {
        match self.length {
            Some(length) => {
                let (rest, after) = input.split_at_checked(length).ok_or(Refusal::Malformed)?;
                *input = after;
                Ok(Content { rest, definite: true })
            }
            None => Ok(Content { rest: input, definite: false }),
        }
    }
}

/// What is left of the content of an element.
struct Content<'a> {
    rest: &'a [u8],
    definite: bool,
}

impl<'a> Content<'a> {
    /// Whether there is no more; end-of-contents octets are skipped.
    fn ends(&mut self) -> Result<bool, Refusal> {
        if self.definite {
            return Ok(self.rest.is_empty());
        }
        let after = self.rest.strip_prefix(&[0, 0]);
        self.rest = after.unwrap_or(self.rest);
        if after.is_none() && self.rest.is_empty() { Err(Refusal::Malformed) } else { Ok(after.is_some()) }
    }

    /// Goes on after the end.
    fn leave(&self, input: &mut &'a [u8]) {
        if !self.definite {
            *input = self.rest;
        }
    }

    /// The pieces of a string (X.690 §8.7.3), whose tags `OpenSSL` does not look at.
    fn pieces(&mut self, pieces: &mut Vec<&'a [u8]>, limits: Limits) -> Result<(), Refusal> {
        let limits = limits.deeper()?;
        while !self.ends()? {
            let header = Header::read(&mut self.rest)?;
            let mut piece = header.content(&mut self.rest)?;
            if header.constructed {
                piece.pieces(pieces, limits)?;
                piece.leave(&mut self.rest);
            } else {
                pieces.push(piece.rest);
            }
        }
        Ok(())
    }
}

fn octet(input: &mut &[u8]) -> Result<u8, Refusal> {
    let (first, rest) = input.split_first().ok_or(Refusal::Malformed)?;
    *input = rest;
    Ok(*first)
}

/// What is negative or too large counts as the largest number.
fn integer(content: &[u8]) -> u64 {
    if content.first().is_some_and(|first| first & 0x80 != 0) {
        return u64::MAX;
    }
    let add = |sum: u64, octet: &u8| sum.checked_mul(0x100).map(|sum| sum | u64::from(*octet));
    content.iter().try_fold(0, add).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PBKDF2: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x05, 0x0c];

    fn tlv(tag: &[u8], content: &[u8]) -> Vec<u8> {
        [tag, &[u8::try_from(content.len()).unwrap()], content].concat()
    }

    /// An `AlgorithmIdentifier` with these integers for parameters.
    fn algorithm(sequence: &[u8], id: &[u8], integers: &[&[u8]]) -> Vec<u8> {
        let integers: Vec<u8> = integers.iter().flat_map(|integer| tlv(&[2], integer)).collect();
        let parameters = [tlv(&[4], b"salt"), integers].concat();
        tlv(sequence, &[tlv(&[6], id), tlv(sequence, &parameters)].concat())
    }

    fn cost_of(key: &[u8]) -> Result<u64, Refusal> {
        let mut cost = Cost::default();
        cost.add_key(key).map(|()| cost.total)
    }

    #[test]
    fn what_openssl_reads_is_counted() {
        const MILLION: &[u8] = &[0x0f, 0x42, 0x40];
        // The tag of a SEQUENCE in one octet and, not in DER, in two and three.
        for sequence in [&[0x30][..], &[0x3f, 16], &[0x3f, 0x80, 16]] {
            let counted = |id: &[u8], integers: &[&[u8]]| cost_of(&algorithm(sequence, id, integers));
            assert_eq!(counted(PBKDF2, &[MILLION, &[32]]), Ok(1_000_000));
            assert_eq!(counted(&[PKCS_12_PBE, &[3]].concat(), &[&[8, 0]]), Ok(2048));
            assert_eq!(counted(SCRYPT, &[&[0x40, 0], &[8], &[1]]), Ok(131_072));
            assert_eq!(counted(SCRYPT, &[&[2, 0, 0], &[1], &[8]]), Err(Refusal::Costly));
            for many in [&[0x0f, 0x42, 0x41][..], &[0x7f; 4], &[0x7f; 30], &[0xff], &[0, 0xff, 0xff, 0xff]] {
                assert_eq!(counted(PBKDF2, &[many]), Err(Refusal::Costly), "{many:?}");
            }
            // The curve of a key has large integers too.
            assert_eq!(counted(&[0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1], &[&[0x7f; 30]]), Ok(0));
        }
        let key = algorithm(&[0x30], PBKDF2, &[MILLION]);
        let mut cost = Cost::default();
        assert_eq!([(); 4].map(|()| cost.add_key(&key)), [Ok(()); 4]);
        assert_eq!(cost.add_key(&key), Err(Refusal::Costly));
    }

    #[test]
    fn strings_are_looked_into_however_they_are_cut() {
        let costly = algorithm(&[0x30], PBKDF2, &[&[0x7f; 4]]);
        let (one, other) = costly.split_at(costly.len() - 3);
        let pieces = [tlv(&[4], one), tlv(&[0x24], &tlv(&[4], other))].concat();
        let endless = [&[0x24, 0x80], &pieces[..], &[0, 0]].concat();
        let long = [&[4, 0x84, 0, 0, 0, u8::try_from(costly.len()).unwrap()], &costly[..]].concat();
        for string in [tlv(&[4], &costly), tlv(&[0x24], &pieces), endless, long] {
            assert_eq!(cost_of(&tlv(&[0x30], &string)), Err(Refusal::Costly));
        }
        let truncated = tlv(&[4], &costly[..costly.len() - 1]);
        assert_eq!(cost_of(&truncated), Ok(0));
    }

    #[test]
    fn depth_and_damage_are_refused() {
        assert_eq!(cost_of(&[0x30, 0x80].repeat(1000)), Err(Refusal::Costly));
        assert_eq!(cost_of(&[0x24, 0x80].repeat(1000)), Err(Refusal::Costly));
        let strings = (0..9).fold(Vec::new(), |inner, _| tlv(&[0x30], &tlv(&[4], &inner)));
        assert_eq!(cost_of(&strings), Ok(0));
        assert_eq!(cost_of(&tlv(&[0x30], &tlv(&[4], &strings))), Err(Refusal::Costly));
        for bad in
            [&b""[..], b"\x30", b"\x30\x01", b"\x30\x80", b"\x04\x80\0\0", b"\x3f\xff", b"\x30\x89\xff"]
        {
            assert_eq!(cost_of(bad), Err(Refusal::Malformed), "{bad:?}");
        }
        let mut overlong = vec![0x30, 0xff];
        overlong.extend([0xff; 127]);
        assert_eq!(cost_of(&overlong), Err(Refusal::Malformed));
    }
}

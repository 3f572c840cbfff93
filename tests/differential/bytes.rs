//! Damage to bytes, wherever it hits and where it matters: in names, values, declarations, base64.

use std::ops::Range;

use crate::dice::Dice;

/// What is not only chance: bytes with a meaning in XML or in base64.
const TELLING: [&[u8]; 38] = [
    b"<",
    b">",
    b"&",
    b"'",
    b"\"",
    b"=",
    b"/",
    b"?",
    b"!",
    b":",
    b"#",
    b";",
    b"-",
    b"+",
    b"A",
    b"0",
    b" ",
    b"\r",
    b"\n",
    b"\t",
    b"\0",
    b"\x0c",
    b"\x7f",
    b"\xc2\x85",
    b"\xc2\xa0",
    b"\xe2\x80\xa8",
    b"\xef\xbb\xbf",
    b"\xff",
    b"\xc3",
    b"\xf0\x9f\x98\x80",
    b"&#13;",
    b"&amp;",
    b"&#0;",
    b"<!--",
    b"-->",
    b"<?",
    b"]]>",
    b"xmlns=''",
];

/// A change and how it is called.
pub(crate) fn damage(dice: &mut Dice, document: &[u8]) -> Option<(String, Vec<u8>)> {
    let place = place(dice, document)?;
    let (start, length) = (place.start, place.len());
    let at = start + dice.below(length);
    let mut out = document.to_vec();
    let what = match dice.below(8) {
        0 => {
            let bit = dice.below(8);
            out[at] ^= 1 << bit;
            format!("flip bit {bit} of byte {at}")
        }
        1 => {
            let bytes = *dice.one(&TELLING)?;
            out.splice(at..at, bytes.iter().copied());
            format!("insert {:?} at {at}", String::from_utf8_lossy(bytes))
        }
        2 => {
            let bytes = *dice.one(&TELLING)?;
            out.splice(at..=at, bytes.iter().copied());
            format!("put {:?} in place of byte {at}", String::from_utf8_lossy(bytes))
        }
        3 => {
            let end = at + 1 + dice.below((place.end - at).min(6));
            out.drain(at..end);
            format!("delete bytes {at} to {end}")
        }
        4 => {
            let other = start + dice.below(length);
            out.swap(at, other);
            format!("swap bytes {at} and {other}")
        }
        5 => {
            let end = at + 1 + dice.below((place.end - at).min(40));
            let span = document[at..end].to_vec();
            let to = dice.below(document.len());
            out.splice(to..to, span);
            format!("copy bytes {at} to {end} to {to}")
        }
        6 => {
            let end = at + 1 + dice.below((place.end - at).min(40));
            let span = document[at..end].to_vec();
            out.splice(end..end, span);
            format!("double bytes {at} to {end}")
        }
        _ => {
            // An upper-case letter for a lower-case one, and the other way round.
            let at = (at..place.end).find(|&at| document[at].is_ascii_alphabetic())?;
            out[at] ^= 0x20;
            format!("change the case of byte {at}")
        }
    };
    Some((what, out))
}

/// Where the damage is done.
fn place(dice: &mut Dice, document: &[u8]) -> Option<Range<usize>> {
    let (before, after): (&[u8], &[u8]) = match dice.below(8) {
        0..=2 => return Some(0..document.len()),
        // A tag: names, attributes, declarations.
        3 => (b"<", b">"),
        4 => (b"xmlns", b" "),
        5 => (b"=\"", b"\""),
        // A value: base64, date, name.
        6 => (b">", b"<"),
        _ => (b"Value>", b"<"),
    };
    let starts: Vec<usize> = find_all(document, before).map(|start| start + before.len()).collect();
    let start = *dice.one(&starts)?;
    let length = find_all(&document[start..], after).next()?;
    (length > 0).then_some(start..start + length)
}

fn find_all<'a>(text: &'a [u8], what: &'a [u8]) -> impl Iterator<Item = usize> + 'a {
    text.windows(what.len()).enumerate().filter(move |(_, window)| *window == what).map(|(at, _)| at)
}

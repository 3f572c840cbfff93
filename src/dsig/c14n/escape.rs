//! Characters that canonical XML writes as references (C14N 1.0 §2.3).

use memchr::{memchr, memchr3};

/// How many bytes are looked at in one go: a compiler makes a few instructions of it.
const BLOCK: usize = 16;

/// Text nodes.
pub(super) fn text(text: &str, out: &mut Vec<u8>) {
    let bytes = text.as_bytes();
    if memchr(b'\r', bytes).is_none() {
        return without_carriage_return(bytes, out);
    }
    escape(text, out, |byte| match byte {
        b'&' => Some(b"&amp;"),
        b'<' => Some(b"&lt;"),
        b'>' => Some(b"&gt;"),
        b'\r' => Some(b"&#xD;"),
        _ => None,
    });
}

/// Attribute and namespace nodes.
pub(super) fn attribute(value: &str, out: &mut Vec<u8>) {
    escape(value, out, |byte| match byte {
        b'&' => Some(b"&amp;"),
        b'<' => Some(b"&lt;"),
        b'"' => Some(b"&quot;"),
        b'\t' => Some(b"&#x9;"),
        b'\n' => Some(b"&#xA;"),
        b'\r' => Some(b"&#xD;"),
        _ => None,
    });
}

/// As almost every text is: only a character reference can make a carriage return.
fn without_carriage_return(mut text: &[u8], out: &mut Vec<u8>) {
    out.reserve(text.len());
    while let Some(position) = memchr3(b'&', b'<', b'>', text) {
        out.extend_from_slice(&text[..position]);
        out.extend_from_slice(match text[position] {
            b'&' => b"&amp;",
            b'<' => b"&lt;",
            _ => b"&gt;",
        });
        text = &text[position + 1..];
    }
    out.extend_from_slice(text);
}

/// Copies `text`, what has a `reference` replaced by it.
#[inline]
fn escape(text: &str, out: &mut Vec<u8>, reference: impl Fn(u8) -> Option<&'static [u8]>) {
    let bytes = text.as_bytes();
    out.reserve(bytes.len());
    let (mut copied, mut at) = (0, 0);
    while at < bytes.len() {
        if let Some(block) = bytes[at..].first_chunk::<BLOCK>()
            // No early end, so that the bytes are compared all at once.
            && !block.iter().fold(false, |any, &byte| any | reference(byte).is_some())
        {
            at += BLOCK;
            continue;
        }
        let end = bytes.len().min(at + BLOCK);
        for index in at..end {
            if let Some(reference) = reference(bytes[index]) {
                out.extend_from_slice(&bytes[copied..index]);
                out.extend_from_slice(reference);
                copied = index + 1;
            }
        }
        at = end;
    }
    out.extend_from_slice(&bytes[copied..]);
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_character_is_escaped_wherever_it_stands() {
        for before in 0..70 {
            for after in 0..70 {
                let (before, after) = ("é".repeat(before), "x".repeat(after));
                let (mut text, mut attribute, mut plain) = (Vec::new(), Vec::new(), Vec::new());
                super::text(&format!("{before}&<>\r\"\t\n'{after}"), &mut text);
                super::attribute(&format!("{before}&<>\r\"\t\n'{after}"), &mut attribute);
                super::text(&format!("{before}&<>\"\t\n'{after}"), &mut plain);
                assert_eq!(plain, format!("{before}&amp;&lt;&gt;\"\t\n'{after}").into_bytes());
                assert_eq!(text, format!("{before}&amp;&lt;&gt;&#xD;\"\t\n'{after}").into_bytes());
                let expected = format!("{before}&amp;&lt;>&#xD;&quot;&#x9;&#xA;'{after}");
                assert_eq!(attribute, expected.into_bytes());
            }
        }
    }
}

//! Characters that canonical XML writes as references (C14N 1.0 §2.3).

/// How many bytes are looked at in one go: a compiler makes a few instructions of it.
const BLOCK: usize = 32;

/// Text nodes.
pub(super) fn text(text: &str, out: &mut Vec<u8>) {
    escape(
        text,
        |byte| matches!(byte, b'&' | b'<' | b'>' | b'\r'),
        |byte| match byte {
            b'&' => Some("&amp;"),
            b'<' => Some("&lt;"),
            b'>' => Some("&gt;"),
            b'\r' => Some("&#xD;"),
            _ => None,
        },
        out,
    );
}

/// Attribute and namespace nodes.
pub(super) fn attribute(value: &str, out: &mut Vec<u8>) {
    escape(
        value,
        |byte| matches!(byte, b'&' | b'<' | b'"' | b'\t' | b'\n' | b'\r'),
        |byte| match byte {
            b'&' => Some("&amp;"),
            b'<' => Some("&lt;"),
            b'"' => Some("&quot;"),
            b'\t' => Some("&#x9;"),
            b'\n' => Some("&#xA;"),
            b'\r' => Some("&#xD;"),
            _ => None,
        },
        out,
    );
}

/// Copies `text`, what has a `reference` replaced by it; `special` says the same, but fast.
#[inline]
fn escape(
    text: &str,
    special: impl Fn(u8) -> bool,
    reference: impl Fn(u8) -> Option<&'static str>,
    out: &mut Vec<u8>,
) {
    let bytes = text.as_bytes();
    let mut copied = 0;
    for (number, block) in bytes.chunks(BLOCK).enumerate() {
        // No early end, so that the bytes are compared all at once.
        if !block.iter().fold(false, |any, &byte| any | special(byte)) {
            continue;
        }
        for (index, &byte) in block.iter().enumerate() {
            if let Some(reference) = reference(byte) {
                let at = number * BLOCK + index;
                out.extend_from_slice(&bytes[copied..at]);
                out.extend_from_slice(reference.as_bytes());
                copied = at + 1;
            }
        }
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
                let (mut text, mut attribute) = (Vec::new(), Vec::new());
                super::text(&format!("{before}&<>\r\"\t\n'{after}"), &mut text);
                super::attribute(&format!("{before}&<>\r\"\t\n'{after}"), &mut attribute);
                assert_eq!(text, format!("{before}&amp;&lt;&gt;&#xD;\"\t\n'{after}").into_bytes());
                let expected = format!("{before}&amp;&lt;>&#xD;&quot;&#x9;&#xA;'{after}");
                assert_eq!(attribute, expected.into_bytes());
            }
        }
    }
}

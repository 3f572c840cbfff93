//! What a list has of an entry, and whether its signature holds there.
//!
//! A list holds the `rdf:RDF` of each entry, which its readers cut out again. The signature is over the
//! whole document (XML-DSig §4.4.3.3), and what stands beside the root belongs to its canonical form (C14N
//! 1.0 §2.3): an entry with a processing instruction there verifies by itself, and not from a list.

use crate::{
    dsig::{self, AlgorithmPolicy},
    metadata::rules::Leniency,
    xml,
};

/// A document without byte order mark and XML declaration, neither of which its signature covers: what lists
/// have of it. All documents are in UTF-8: the library's parser takes nothing else.
pub fn element(document: &[u8]) -> &[u8] {
    let body = document.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(document);
    // `<?xml-stylesheet` is an instruction like any other.
    let declared =
        body.strip_prefix(b"<?xml").is_some_and(|rest| rest.first().is_some_and(u8::is_ascii_whitespace));
    let end = body.windows(2).position(|pair| pair == b"?>").filter(|_| declared);
    end.and_then(|end| body.get(end + 2..)).unwrap_or(body)
}

/// Is there anything but white space and the XML declaration outside the root of a well-formed document
/// without DOCTYPE? That is a comment or a processing instruction.
pub fn has_more_than_root(document: &[u8]) -> bool {
    let text = element(document).trim_ascii();
    // The end tag of the root could end with `-->` only if its name did with `--`.
    [&b"<!"[..], b"<?"].iter().any(|start| text.starts_with(start))
        || [&b"-->"[..], b"?>"].iter().any(|end| text.ends_with(end))
}

/// Does the signature of a document hold for what a reader cuts out of a list that has it?
pub fn holds_in_lists(document: &[u8], policy: &AlgorithmPolicy, leniency: Leniency) -> bool {
    let list = [&b"<metadata>"[..], element(document), b"</metadata>"].concat();
    let mut entries = xml::entries(list.as_slice());
    let (Some(Ok(cut)), None) = (entries.next(), entries.next()) else { return false };
    dsig::verify_leniently(&cut, policy, leniency).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_mark_and_declaration_are_left_out() {
        for (document, kept) in [
            ("<a/>", "<a/>"),
            ("<?xml version='1.0'?>\n<a/>", "\n<a/>"),
            ("\u{feff}<?xml\tversion='1.0' ?><a/>", "<a/>"),
            ("\u{feff}<a/>", "<a/>"),
            ("<?xml-stylesheet href='x'?><a/>", "<?xml-stylesheet href='x'?><a/>"),
        ] {
            assert_eq!(element(document.as_bytes()), kept.as_bytes(), "{document}");
        }
    }

    #[test]
    fn what_stands_beside_the_root_is_seen() {
        for clean in ["<a/>", "\u{feff}<?xml version='1.0'?>\n <a><!-- x --><?x y?></a>\r\n\t"] {
            assert!(!has_more_than_root(clean.as_bytes()), "{clean}");
        }
        for more in [
            "<!-- x --><a/>",
            "<?x y?><a/>",
            "<?xml-stylesheet href='x'?><a/>",
            "<?xml version='1.0'?>\n<?x?>\n<a/>",
            "<a/><!-- x -->",
            "<a></a>\n<?x y?>\n",
        ] {
            assert!(has_more_than_root(more.as_bytes()), "{more}");
        }
    }
}

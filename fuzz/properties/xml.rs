//! `xml`: what is read as XML is XML, and lists are cut where their entries end.

use stratuslab::xml::{Source, entries};

/// `well_formed` is another parser's opinion of the bytes.
pub(crate) fn check(data: &[u8], well_formed: impl Fn(&[u8]) -> bool) {
    let list = cut(data);
    let Ok(source) = Source::read(data) else { return };
    let Ok(tree) = source.parse() else { return };
    assert!(well_formed(data), "only we take it for XML");

    // The text is what was read: it reads the same again.
    let again = Source::read(source.text().as_bytes()).expect("the text of a source is one");
    assert_eq!(again.text(), source.text());

    let root = tree.root_element();
    if list {
        assert_eq!((root.tag_name().name(), root.tag_name().namespace()), ("metadata", None));
    }
}

/// Cuts the list; whether it is one, to its end.
fn cut(data: &[u8]) -> bool {
    let mut entries = entries(data);
    let (mut rest, mut count, mut failed) = (data, 0, false);
    for entry in entries.by_ref() {
        let Ok(entry) = entry else {
            failed = true;
            continue;
        };
        assert!(!failed, "an entry after an error");
        // Each is bytes of the list, behind the one before.
        let at = rest.windows(entry.len().max(1)).position(|bytes| bytes == entry);
        let at = at.or(entry.is_empty().then_some(0)).expect("an entry that is not in the list");
        rest = &rest[at + entry.len()..];
        count += 1;
    }
    if !entries.is_list() && !failed {
        assert!(count == 1 && rest.is_empty(), "what is no list is one entry, whole");
    }
    entries.is_list() && !failed
}

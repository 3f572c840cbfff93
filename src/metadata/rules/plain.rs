//! Entries that need no RDF parser to be known as RDF/XML.

use roxmltree::Node;

use super::{DCTERMS, Entry, RDF, SLC, SLREQ, SLTERMS, is_white_space};

/// Whether the description holds nothing but elements of the entry's own vocabularies with text
/// alone (RDF/XML §7.2.16), or with a `parseType` of `Resource` and more of them in it (§7.2.18).
/// That is nearly every entry, and in one that keeps the other rules there is nothing left for an
/// RDF parser to object to: names and values are IRIs and literals, and no more is said.
pub(super) fn is_plain(entry: &Entry) -> bool {
    entry.description.is_some_and(properties)
}

/// Whether the elements in `node` are such properties, with white space alone between them.
fn properties(node: Node) -> bool {
    node.children().all(|child| {
        if child.is_element() {
            property(child)
        } else {
            child.text().is_some_and(is_white_space) && child.is_text()
        }
    })
}

fn property(element: Node) -> bool {
    let name = element.tag_name();
    // Beyond ASCII there are characters that names may have and IRIs may not.
    if !matches!(name.namespace(), Some(DCTERMS | SLREQ | SLTERMS | SLC)) || !name.name().is_ascii() {
        return false;
    }
    let mut attributes = element.attributes();
    match (attributes.next(), attributes.next()) {
        (None, None) => element.children().all(|child| child.is_text()),
        (Some(only), None) => {
            only.namespace() == Some(RDF)
                && only.name() == "parseType"
                && only.value() == "Resource"
                && properties(element)
        }
        _ => false,
    }
}

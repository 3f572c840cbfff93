//! `c14n`: canonical forms are documents, are their own canonical form, and are what others make.

use stratuslab::{
    dsig::c14n::{self, Canonicalization, Mode},
    xml::{Source, XmlError},
};

/// The elements whose subtrees are looked at.
const SUBTREES: usize = 8;

pub(crate) const MODES: [Mode; 3] = [Mode::Inclusive, Mode::Inclusive11, Mode::Exclusive];

/// `other` is the canonical form that another implementation makes of the bytes, if it does.
pub(crate) fn check(data: &[u8], other: impl Fn(&[u8], &Canonicalization) -> Option<String>) {
    let Ok(source) = Source::read(data) else { return };
    let Ok(tree) = source.parse() else { return };
    // libxml2 leaves `&` in namespace names as it is, and drops an xml:base that is empty in version 1.1.
    let ampersand = tree.descendants().any(|node| node.namespaces().any(|ns| ns.uri().contains('&')));
    let empty_base = tree.descendants().any(|node| node.attribute((XML, "base")) == Some(""));
    for mode in MODES {
        let known = ampersand || (empty_base && mode == Mode::Inclusive11);
        for comments in [false, true] {
            let mut algorithm = Canonicalization::new(mode);
            algorithm.comments = comments;
            let Some(canonical) = text(c14n::document(tree.root(), &algorithm, None)) else { continue };
            fixed_point(&canonical, &algorithm);
            if !known && let Some(other) = other(data, &algorithm) {
                assert_eq!(canonical, other, "{algorithm:?}");
            }
            for element in tree.descendants().filter(roxmltree::Node::is_element).take(SUBTREES) {
                if let Some(canonical) = text(c14n::subtree(element, &algorithm)) {
                    fixed_point(&canonical, &algorithm);
                }
            }
        }
    }
}

const XML: &str = "http://www.w3.org/XML/1998/namespace";

/// Canonical forms are UTF-8, and may be too long.
fn text(canonical: Result<Vec<u8>, XmlError>) -> Option<String> {
    match canonical {
        Ok(octets) => Some(String::from_utf8(octets).expect("a canonical form is UTF-8")),
        Err(error) => {
            assert!(matches!(error, XmlError::CanonicalForm { .. }), "{error}");
            None
        }
    }
}

fn fixed_point(canonical: &str, algorithm: &Canonicalization) {
    let source = match Source::read(canonical.as_bytes()) {
        Ok(source) => source,
        // It may have more declarations and, for empty elements, is longer than the document.
        Err(XmlError::Limit { .. } | XmlError::TooLarge { .. }) => return,
        Err(error) => panic!("{error}:\n{canonical}"),
    };
    let tree = source.parse().expect("a canonical form is a document");
    let again = text(c14n::document(tree.root(), algorithm, None)).expect("no longer than it is");
    assert_eq!(again, canonical, "{algorithm:?}");
}

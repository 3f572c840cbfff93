//! Signed entries with bytes changed anywhere.

use proptest::{
    collection::vec, prelude::*, sample::Index, strategy::ValueTree as _, test_runner::TestRunner,
};
use stratuslab::{
    Timestamp,
    dsig::c14n::{self, Canonicalization, Mode},
    validate::{Options, validate},
    xml::Source,
};

use crate::{
    entry::{ENDORSED, Shape, credentials, shapes, sign},
    pki::jane,
};

const CASES: usize = 3_000;

/// A change: where, how many bytes go, what comes.
type Change = (Index, usize, Vec<u8>);

fn change() -> impl Strategy<Value = Change> {
    let telling: Vec<&[u8]> = vec![
        b"<",
        b">",
        b"&",
        b"'",
        b"\"",
        b"=",
        b"/",
        b"?",
        b"!",
        b"<!--",
        b"-->",
        b"<?",
        b"<?>",
        b"?>",
        b"<![CDATA[",
        b"]]>",
        b"&#0;",
        b"&#13;",
        b"&amp;",
        b"\0",
        b"\r",
        b"\n",
        b" ",
        b"\xef\xbb\xbf",
        b"\xff",
        b"\xc3",
        b"xmlns",
        b"xmlns:p=''",
        b"rdf:",
        b":",
        b"</rdf:RDF>",
        b"<Signature/>",
        b"<!DOCTYPE a>",
        b"A",
        b"+",
        b"=",
        b"0",
        b"\xf0\x9f\x98\x80",
    ];
    let text = prop_oneof![
        3 => prop::sample::select(telling).prop_map(<[u8]>::to_vec),
        1 => vec(any::<u8>(), 0..3),
        1 => Just(Vec::new()),
    ];
    let length = prop_oneof![8 => 0_usize..3, 1 => 0_usize..400];
    (any::<Index>(), length, text)
}

/// What the document says: everything but the form of its signature's base64.
fn meaning(document: &[u8]) -> Option<Vec<u8>> {
    let source = Source::read(document).ok()?;
    let tree = source.parse().ok()?;
    let signature = tree.root_element().children().find(|node| node.has_tag_name("Signature"))?;
    c14n::document(tree.root(), &Canonicalization::new(Mode::Inclusive), Some(signature.id())).ok()
}

#[test]
fn validation_never_panics_and_accepts_only_what_was_signed() {
    let jane = credentials(&jane());
    let signed = |shape: &Shape| sign(&shape.document, &jane, None).unwrap().document().to_vec();
    let originals: Vec<Vec<u8>> = shapes().iter().map(signed).collect();
    let meanings: Vec<_> = originals.iter().map(|document| meaning(document).unwrap()).collect();
    let now: Timestamp = ENDORSED.parse().unwrap();
    let unsigned = {
        let mut options = Options::new(now);
        options.signed = false;
        options
    };
    let mut runner = TestRunner::deterministic();
    let changes = vec(change(), 1..3);
    let mut accepted = 0;
    for case in 0..CASES {
        let number = case % originals.len();
        let mut document = originals[number].clone();
        for (place, length, text) in changes.new_tree(&mut runner).unwrap().current() {
            let start = place.index(document.len());
            let end = document.len().min(start + length);
            document.splice(start..end, text);
        }
        let report = validate(&document, &Options::new(now));
        if report.deciding().is_none() {
            accepted += 1;
            assert_eq!(
                meaning(&document).as_ref(),
                Some(&meanings[number]),
                "{}",
                String::from_utf8_lossy(&document)
            );
        }
        assert_eq!(report.deciding().is_none(), report.into_verified().is_ok());
        assert!(validate(&document, &unsigned).into_verified().is_err());
    }
    println!("{CASES} changed documents, {accepted} of them changed in nothing that is signed");
    assert!(accepted > 0);
}
